package dial

import (
	"bytes"
	"crypto/dsa" //nolint:staticcheck // only named in a message
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math"
	"math/big"
	"time"
)

// This file decides whether a server's certificate is trusted, as OpenSSL 3.0 does for libpq at security level 2: one
// chain is built, from the file of authorities first, and has to end in a self-signed certificate of that file. All
// of it must be valid now, made for this use, and strong enough. crypto/x509's own Verify differs in each of these:
// it takes any certificate of the file for an end, tries one chain after the other, and knows no level.

// maxChain is OpenSSL's default limit on the number of certificates above the server's own.
const maxChain = 100

// anchors are the certificates of sslrootcert.
type anchors struct {
	file  string // for messages
	certs []*x509.Certificate
	// lists are revocation lists in the same file; they count where lists are asked for at all.
	lists []*x509.RevocationList
}

// verifyChain returns the chain from leaf to a self-signed certificate of a. sent are the other certificates that the
// server sent.
func verifyChain(leaf *x509.Certificate, sent []*x509.Certificate, a *anchors, now time.Time) ([]*x509.Certificate, error) {
	chain, err := buildChain(leaf, sent, a, now)
	if err != nil {
		return nil, err
	}
	for _, check := range []func([]*x509.Certificate) error{checkPurposes, checkStrength, checkSignatures, checkConstraints} {
		if err := check(chain); err != nil {
			return nil, err
		}
	}
	for _, c := range chain {
		if err := checkTime(c, now); err != nil {
			return nil, err
		}
	}
	return chain, nil
}

// title is how messages call a certificate.
func title(c *x509.Certificate) string { return nameString(c.RawSubject) }

func buildChain(leaf *x509.Certificate, sent []*x509.Certificate, a *anchors, now time.Time) ([]*x509.Certificate, error) {
	chain := []*x509.Certificate{leaf}
	trusted := false // the top of the chain is of the file; from there on only the file is asked
	for len(chain) <= maxChain {
		top := chain[len(chain)-1]
		if selfSigned(top) {
			if !trusted && !contains(a.certs, top) {
				return nil, fmt.Errorf("self-signed certificate %s is not in root certificate file %q", title(top), a.file)
			}
			return chain, nil
		}
		issuer := bestIssuer(a.certs, top, now)
		if issuer != nil {
			trusted = true
		} else if !trusted {
			issuer = bestIssuer(remaining(sent, chain), top, now)
		}
		if issuer == nil {
			if trusted {
				return nil, fmt.Errorf("root certificate file %q has certificate %s, but not that of its issuer %s: a chain must end in a self-signed one",
					a.file, title(top), nameString(top.RawIssuer))
			}
			return nil, fmt.Errorf("the issuer %s of certificate %s is neither in root certificate file %q nor sent by the server",
				nameString(top.RawIssuer), title(top), a.file)
		}
		chain = append(chain, issuer)
	}
	return nil, errors.New("the server's chain of certificates is too long")
}

func contains(list []*x509.Certificate, c *x509.Certificate) bool {
	for _, other := range list {
		if other.Equal(c) {
			return true
		}
	}
	return false
}

func remaining(sent, chain []*x509.Certificate) (list []*x509.Certificate) {
	for _, c := range sent {
		if !contains(chain, c) {
			list = append(list, c)
		}
	}
	return list
}

// bestIssuer is the first certificate of list that can have issued c and is valid now, else the one valid the longest.
func bestIssuer(list []*x509.Certificate, c *x509.Certificate, now time.Time) (best *x509.Certificate) {
	for _, candidate := range list {
		if !canHaveIssued(candidate, c) {
			continue
		}
		if checkTime(candidate, now) == nil {
			return candidate
		}
		if best == nil || candidate.NotAfter.After(best.NotAfter) {
			best = candidate
		}
	}
	return best
}

// canHaveIssued looks at names, key identifiers and key usage; the signature is checked later, without looking for
// another issuer if it is wrong.
func canHaveIssued(issuer, c *x509.Certificate) bool {
	return sameName(issuer.RawSubject, c.RawIssuer) && fitsKeyID(issuer, extension(c.Extensions, oidAuthorityKeyID)) &&
		(!has(issuer, oidKeyUsage) || issuer.KeyUsage&x509.KeyUsageCertSign != 0)
}

// authorityKeyID is the extension of that name, as far as it is compared.
type authorityKeyID struct {
	KeyID  []byte        `asn1:"optional,tag:0"`
	Issuer asn1.RawValue `asn1:"optional,tag:1"`
	Serial *big.Int      `asn1:"optional,tag:2"`
}

// fitsKeyID reports whether an authority key identifier (nil where there is none) can mean issuer.
func fitsKeyID(issuer *x509.Certificate, ext []byte) bool {
	if ext == nil {
		return true
	}
	var id authorityKeyID
	if _, err := asn1.Unmarshal(ext, &id); err != nil {
		return false
	}
	if id.KeyID != nil && issuer.SubjectKeyId != nil && !bytes.Equal(id.KeyID, issuer.SubjectKeyId) {
		return false
	}
	if id.Serial != nil && id.Serial.Cmp(issuer.SerialNumber) != 0 {
		return false
	}
	var name asn1.RawValue // GeneralNames; only a directoryName is compared
	if _, err := asn1.Unmarshal(id.Issuer.Bytes, &name); err == nil && name.Tag == sanDir {
		return sameName(name.Bytes, issuer.RawIssuer)
	}
	return true
}

func selfIssued(c *x509.Certificate) bool { return sameName(c.RawSubject, c.RawIssuer) }

func selfSigned(c *x509.Certificate) bool {
	return selfIssued(c) && fitsKeyID(c, extension(c.Extensions, oidAuthorityKeyID))
}

func checkTime(c *x509.Certificate, now time.Time) error {
	if now.Before(c.NotBefore) {
		return fmt.Errorf("certificate %s is not valid before %s", title(c), c.NotBefore.UTC().Format(time.DateTime))
	}
	if now.After(c.NotAfter) {
		return fmt.Errorf("certificate %s has expired on %s", title(c), c.NotAfter.UTC().Format(time.DateTime))
	}
	return nil
}

// checkSignatures trusts the last certificate without looking at its own.
func checkSignatures(chain []*x509.Certificate) error {
	for i, c := range chain[:len(chain)-1] {
		issuer := chain[i+1]
		if err := checkSignedBy(c, issuer); err != nil {
			return fmt.Errorf("certificate %s is not signed by %s", title(c), title(issuer))
		}
	}
	return nil
}

// minStrength is OpenSSL's security level 2, Debian's default, in bits.
const minStrength = 112

func checkStrength(chain []*x509.Certificate) error {
	for i, c := range chain {
		kind, bits, strength := keyStrength(c.PublicKey)
		switch {
		case kind == "":
			return fmt.Errorf("certificate %s has a public key of a kind that is not supported", title(c))
		case strength < minStrength:
			return fmt.Errorf("certificate %s has an %s key of %d bits, which is too small", title(c), kind, bits)
		}
		if i == len(chain)-1 {
			break // nobody relies on the signature of the root
		}
		if _, _, ok := otherPSS(c); ok {
			continue
		}
		switch c.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			return fmt.Errorf("certificate %s is signed with %s, which is too weak", title(c), signatureName(c))
		case x509.UnknownSignatureAlgorithm, x509.DSAWithSHA256:
			return fmt.Errorf("certificate %s is signed with an algorithm that is not supported", title(c))
		}
	}
	return nil
}

// keyStrength gives a key's kind, size, and the strength that OpenSSL credits it with, all in bits.
func keyStrength(key any) (kind string, bits, strength int) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return "RSA", key.N.BitLen(), factoringStrength(key.N.BitLen())
	case *dsa.PublicKey:
		return "DSA", key.P.BitLen(), factoringStrength(key.P.BitLen())
	case *ecdsa.PublicKey:
		n := key.Curve.Params().BitSize
		return "EC", n, n / 2
	case ed25519.PublicKey:
		return "Ed25519", 256, 128
	}
	return "", 0, 0
}

// factoringStrength is the estimate of NIST's implementation guidance for FIPS 140-2, 7.5, rounded to whole bytes.
func factoringStrength(bits int) int {
	if bits == 2048 {
		return 112
	}
	if bits < 8 {
		return 0
	}
	n := float64(bits) * math.Ln2
	e := (1.923*math.Cbrt(n*math.Pow(math.Log(n), 2)) - 4.69) / math.Ln2
	return (int(e) + 4) &^ 7
}

// signatureName is how messages call the algorithm of a certificate's signature.
func signatureName(c *x509.Certificate) string {
	if c.SignatureAlgorithm == x509.UnknownSignatureAlgorithm {
		return "of an unknown kind"
	}
	return c.SignatureAlgorithm.String()
}
