package dial

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// tlsSettings is what the ssl* options say. Files are read when a connection is made, not before: they may
// change in the life of a session.
type tlsSettings struct {
	mode                   string // disable, allow, prefer, require, verify-ca, verify-full
	rootCert               string // file, "system" or ""
	cert, key, keyPassword string
	crl, crlDir            string
	certMode               string // allow, disable, require
	sni                    bool
	direct                 bool // sslnegotiation=direct
	minVersion, maxVersion uint16
}

func parseTLSOptions(s *settings, p Params) *sqlerr.Error {
	o, t := p.Options, &s.tls
	t.rootCert, t.cert, t.key, t.keyPassword = o["sslrootcert"], o["sslcert"], o["sslkey"], o["sslpassword"]
	t.crl, t.crlDir = o["sslcrl"], o["sslcrldir"]
	normal := "prefer"
	if t.rootCert == "system" {
		normal = "verify-full"
	}
	var err *sqlerr.Error
	if t.mode, err = choice(o, "sslmode", normal, "disable", "allow", "prefer", "require", "verify-ca", "verify-full"); err != nil {
		return err
	}
	if t.rootCert == "system" && t.mode != "verify-full" {
		return badOption("sslmode", t.mode, "is too weak for \"sslrootcert\" = system, which needs verify-full")
	}
	negotiation, err := choice(o, "sslnegotiation", "postgres", "direct")
	if err != nil {
		return err
	}
	if t.direct = negotiation == "direct"; t.direct && (t.mode == "disable" || t.mode == "allow" || t.mode == "prefer") {
		return badOption("sslmode", t.mode, "is too weak for \"sslnegotiation\" = direct, which needs require, verify-ca or verify-full")
	}
	if t.certMode, err = choice(o, "sslcertmode", "allow", "disable", "require"); err != nil {
		return err
	}
	sni, err := choice(o, "sslsni", "1", "0")
	if err != nil {
		return err
	}
	t.sni = sni == "1"
	if t.minVersion, err = tlsVersion(o, "ssl_min_protocol_version", tls.VersionTLS12); err != nil {
		return err
	}
	if t.maxVersion, err = tlsVersion(o, "ssl_max_protocol_version", 0); err != nil {
		return err
	}
	if t.maxVersion != 0 && t.maxVersion < t.minVersion {
		return badOption("ssl_max_protocol_version", o["ssl_max_protocol_version"], "is lower than \"ssl_min_protocol_version\"")
	}
	if (t.cert == "") != (t.key == "") {
		return sqlerr.New(sqlstate.FDWInvalidAttributeValue, "options \"sslcert\" and \"sslkey\" must be given together")
	}
	return nil
}

func tlsVersion(o map[string]string, name string, normal uint16) (uint16, *sqlerr.Error) {
	switch strings.ToLower(o[name]) {
	case "":
		return normal, nil
	case "tlsv1":
		return tls.VersionTLS10, nil
	case "tlsv1.1":
		return tls.VersionTLS11, nil
	case "tlsv1.2":
		return tls.VersionTLS12, nil
	case "tlsv1.3":
		return tls.VersionTLS13, nil
	}
	return 0, badOption(name, o[name], "must be TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3")
}

// certUse records what the handshake of one attempt did with the client certificate, for sslcertmode=require.
type certUse struct{ requested, sent bool }

func (u *certUse) check() error {
	switch {
	case u == nil || !u.requested:
		return errors.New("server did not ask for a client certificate, which sslcertmode=require demands")
	case !u.sent:
		return errors.New("no client certificate could be sent, which sslcertmode=require demands")
	}
	return nil
}

// config builds the tls.Config for one attempt at host (the name as the user wrote it, "" when only hostaddr is
// given). Verification is always ours, in VerifyConnection, because libpq's rules are not crypto/tls's: verify-ca
// ignores the name, the common name counts when there is no subjectAltName, revocation lists count.
func (t *tlsSettings) config(host string) (*tls.Config, *certUse, error) {
	c := &tls.Config{MinVersion: t.minVersion, MaxVersion: t.maxVersion, InsecureSkipVerify: true} //nolint:gosec // see VerifyConnection
	if t.sni && host != "" && host[0] != '/' && host[0] != '@' {
		if _, err := netip.ParseAddr(host); err != nil { // RFC 6066: no literal addresses
			c.ServerName = host
		}
	}
	if t.direct {
		c.NextProtos = []string{"postgresql"}
	}
	use, err := t.clientCertificate(c)
	if err != nil {
		return nil, nil, err
	}
	verifyName := t.mode == "verify-full"
	if verifyName && host == "" {
		return nil, nil, errors.New("a host name must be given for sslmode verify-full")
	}
	if !verifyName && t.mode != "verify-ca" && t.rootCert == "" {
		return c, use, nil // allow, prefer, require without a root certificate: encryption only
	}
	roots, err := t.roots()
	if err != nil {
		return nil, nil, err
	}
	lists, err := t.revocationLists()
	if err != nil {
		return nil, nil, err
	}
	c.VerifyConnection = func(state tls.ConnectionState) error {
		return verifyPeer(state.PeerCertificates, roots, lists, host, verifyName)
	}
	return c, use, nil
}

// roots loads sslrootcert. libpq's default ~/.postgresql/root.crt is not read, so verify-ca and verify-full need
// the option.
func (t *tlsSettings) roots() (*x509.CertPool, error) {
	switch t.rootCert {
	case "":
		return nil, fmt.Errorf("sslmode %s needs option \"sslrootcert\": a file, or system", t.mode)
	case "system":
		return x509.SystemCertPool()
	}
	text, err := os.ReadFile(t.rootCert)
	if err != nil {
		return nil, fmt.Errorf("could not read root certificate file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("root certificate file %q holds no certificate", t.rootCert)
	}
	return pool, nil
}

// verifyPeer checks the chain, the name (if checkName) and the revocation lists (if any).
func verifyPeer(certs []*x509.Certificate, roots *x509.CertPool, lists []*x509.RevocationList, host string, checkName bool) error {
	if len(certs) == 0 {
		return errors.New("server sent no certificate")
	}
	opts := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range certs[1:] {
		opts.Intermediates.AddCert(c)
	}
	chains, err := certs[0].Verify(opts)
	if err != nil {
		return fmt.Errorf("server certificate is not valid: %w", err)
	}
	if checkName {
		if err := verifyName(certs[0], host); err != nil {
			return err
		}
	}
	if len(lists) == 0 {
		return nil
	}
	for _, chain := range chains {
		if err = checkRevocation(chain, lists); err == nil {
			return nil
		}
	}
	return err
}

// verifyName follows libpq's pq_verify_peer_name_matches_certificate: subjectAltName entries first; the common
// name only if there is none of the kind that could match.
func verifyName(cert *x509.Certificate, host string) error {
	err := cert.VerifyHostname(host)
	if err == nil {
		return nil
	}
	if len(cert.DNSNames) == 0 && len(cert.IPAddresses) == 0 && matchCommonName(cert.Subject.CommonName, host) {
		return nil
	}
	return fmt.Errorf("server certificate is not for host %q: %w", host, err)
}

// matchCommonName compares without regard to case; a leading "*." stands for exactly one label.
func matchCommonName(pattern, host string) bool {
	if pattern == "" {
		return false
	}
	if strings.EqualFold(pattern, host) {
		return true
	}
	rest, wild := strings.CutPrefix(pattern, "*.")
	if _, err := netip.ParseAddr(host); !wild || err == nil || rest == "" {
		return false
	}
	label, tail, found := strings.Cut(host, ".")
	return found && label != "" && strings.EqualFold(rest, tail)
}

// revocationLists loads sslcrl and every file of sslcrldir. What is named must be readable: a typing error must
// not turn the check off.
func (t *tlsSettings) revocationLists() ([]*x509.RevocationList, error) {
	var files []string
	if t.crl != "" {
		files = append(files, t.crl)
	}
	if t.crlDir != "" {
		entries, err := os.ReadDir(t.crlDir)
		if err != nil {
			return nil, fmt.Errorf("could not read directory of revocation lists: %w", err)
		}
		for _, e := range entries {
			if !e.IsDir() {
				files = append(files, filepath.Join(t.crlDir, e.Name()))
			}
		}
	}
	var lists []*x509.RevocationList
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("could not read revocation list: %w", err)
		}
		n := len(lists)
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "X509 CRL" {
				continue
			}
			list, err := x509.ParseRevocationList(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("revocation list %q: %w", file, err)
			}
			lists = append(lists, list)
		}
		if len(lists) == n && file == t.crl {
			return nil, fmt.Errorf("file %q holds no revocation list", file)
		}
	}
	if t.crlDir != "" && len(lists) == 0 {
		return nil, fmt.Errorf("directory %q holds no revocation list", t.crlDir)
	}
	return lists, nil
}

// checkRevocation demands, as OpenSSL's X509_V_FLAG_CRL_CHECK_ALL does, a current list of every issuer in the
// chain, signed by it, that does not name the certificate.
func checkRevocation(chain []*x509.Certificate, lists []*x509.RevocationList) error {
	now := time.Now()
	for i, cert := range chain {
		issuer := cert // the root is checked against its own list
		if i+1 < len(chain) {
			issuer = chain[i+1]
		}
		found := false
		for _, list := range lists {
			if !bytes.Equal(list.RawIssuer, issuer.RawSubject) || list.CheckSignatureFrom(issuer) != nil {
				continue
			}
			if !list.NextUpdate.IsZero() && now.After(list.NextUpdate) || now.Before(list.ThisUpdate) {
				continue
			}
			found = true
			for _, revoked := range list.RevokedCertificateEntries {
				if revoked.SerialNumber.Cmp(cert.SerialNumber) == 0 {
					return fmt.Errorf("certificate of %q is revoked", cert.Subject.CommonName)
				}
			}
		}
		if !found {
			return fmt.Errorf("no current revocation list of issuer %q", issuer.Subject.CommonName)
		}
	}
	return nil
}

// signatureName is how messages call the algorithm of a certificate's signature.
func signatureName(cert *x509.Certificate) string {
	if cert.SignatureAlgorithm == x509.UnknownSignatureAlgorithm {
		return "of an unknown kind"
	}
	return cert.SignatureAlgorithm.String()
}
