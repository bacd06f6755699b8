package dial

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// trust is what sslmode, sslrootcert, sslcrl and sslcrldir demand of the server's certificate; nil stands for nothing.
type trust struct {
	roots     *anchors
	lists     []*x509.RevocationList // of sslcrl
	listDir   string                 // sslcrldir
	revoked   bool                   // revocation is checked
	host      string
	checkName bool
}

// strict reports whether sslmode is verify-ca or verify-full: then what is named must be there.
func (t *tlsSettings) strict() bool { return t.mode == "verify-ca" || t.mode == "verify-full" }

// trust reads the files that the options name. As in libpq a root certificate file that is there is used with any
// sslmode, and one that is not is missed only by verify-ca and verify-full. So it is with a file of revocation lists,
// which libpq never misses: there a typing error would turn the check off.
func (t *tlsSettings) trust(host string) (*trust, error) {
	w := &trust{host: host, checkName: t.mode == "verify-full"}
	if w.checkName && host == "" {
		return nil, errors.New("a host name must be given for sslmode verify-full")
	}
	if t.rootCert == "" {
		if t.strict() {
			return nil, fmt.Errorf("sslmode %s needs option \"sslrootcert\": a file, or system", t.mode)
		}
		return nil, nil
	}
	var err error
	if t.rootCert == "system" {
		w.roots, err = systemRoots()
	} else {
		w.roots, err = loadRoots(t.rootCert)
	}
	if errors.Is(err, errNotExist) && !t.strict() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w.listDir = t.crlDir
	w.revoked = t.crlDir != ""
	if t.crl == "" {
		return w, nil
	}
	text, _, err := readFile(t.crl)
	if err == nil {
		w.lists, err = parseLists(text)
	}
	if err != nil && t.strict() {
		return nil, fmt.Errorf("file of revocation lists %q %w", t.crl, err)
	}
	w.revoked = w.revoked || err == nil
	return w, nil
}

// verify judges the certificates that the server sent, its own first.
func (w *trust) verify(certs []*x509.Certificate) error {
	if len(certs) == 0 {
		return errors.New("server sent no certificate")
	}
	now := time.Now()
	chain, err := verifyChain(certs[0], certs[1:], w.roots, now)
	if err != nil {
		return err
	}
	if w.revoked {
		lists := slices.Concat(w.roots.lists, w.lists)
		if w.listDir != "" {
			lists = append(lists, loadDirectory(w.listDir, chain)...)
		}
		if err := checkRevocation(chain, lists, now); err != nil {
			return err
		}
	}
	if w.checkName {
		return verifyName(certs[0], w.host)
	}
	return nil
}

func loadRoots(file string) (*anchors, error) {
	_, err := os.Stat(file)
	if err != nil { // for whatever reason, as in libpq
		return nil, fmt.Errorf("root certificate file %q %w", file, errNotExist)
	}
	text, _, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("root certificate file %q %w", file, err)
	}
	a, err := parseRoots(text, false)
	if err != nil {
		return nil, fmt.Errorf("root certificate file %q %w", file, err)
	}
	a.file = file
	return a, nil
}

// systemRoots are the authorities of the operating system, from the first of the places where distributions keep them.
func systemRoots() (*anchors, error) {
	for _, file := range []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
	} {
		text, _, err := readFile(file)
		if err != nil {
			continue
		}
		a, err := parseRoots(text, true)
		if err != nil {
			return nil, fmt.Errorf("the system's root certificates: %w", err)
		}
		a.file = "system"
		return a, nil
	}
	return nil, errors.New("the system has no file of root certificates")
}

// parseRoots reads certificates, and revocation lists among them, in PEM. lenient passes over certificates that
// crypto/x509 does not read, which then are not trusted.
func parseRoots(text []byte, lenient bool) (*anchors, error) {
	blocks, err := pemBlocks(text)
	if err != nil {
		return nil, err
	}
	a := &anchors{}
	found := false
	for _, block := range blocks {
		switch block.Type {
		case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
			cert, err := parseAnchor(block)
			if err != nil && !lenient {
				return nil, err
			}
			found = true
			if cert != nil {
				a.certs = append(a.certs, cert)
			}
		case "X509 CRL":
			list, err := x509.ParseRevocationList(block.Bytes)
			if err != nil {
				return nil, errors.New("holds a malformed revocation list")
			}
			a.lists = append(a.lists, list)
		}
	}
	if !found {
		if len(blocks) == 0 && looksDER(text) {
			return nil, errors.New("is in DER form; PEM is expected")
		}
		return nil, errors.New("holds no certificate")
	}
	return a, nil
}

// certAux is what `openssl x509 -trustout` adds to a certificate.
type certAux struct {
	Trust  []asn1.ObjectIdentifier `asn1:"optional"`
	Reject []asn1.ObjectIdentifier `asn1:"optional,tag:0"`
}

// parseAnchor reads one certificate; it is nil without an error where it is marked as not trusted for TLS servers.
func parseAnchor(block *pem.Block) (*x509.Certificate, error) {
	der := block.Bytes
	var aux certAux
	if block.Type == "TRUSTED CERTIFICATE" {
		var first asn1.RawValue
		rest, err := asn1.Unmarshal(der, &first)
		if err != nil {
			return nil, errors.New("holds a malformed certificate")
		}
		if len(rest) > 0 {
			if _, err := asn1.Unmarshal(rest, &aux); err != nil {
				return nil, errors.New("holds a malformed certificate")
			}
		}
		der = first.FullBytes
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("holds a certificate that cannot be read: %w", trimmed{err})
	}
	server := func(list []asn1.ObjectIdentifier) bool {
		return slices.ContainsFunc(list, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}.Equal) ||
			slices.ContainsFunc(list, asn1.ObjectIdentifier{2, 5, 29, 37, 0}.Equal)
	}
	if server(aux.Reject) || len(aux.Trust) > 0 && !server(aux.Trust) {
		return nil, nil
	}
	return cert, nil
}
