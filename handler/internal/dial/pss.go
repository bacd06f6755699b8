package dial

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
)

// Signatures by RSA-PSS with other parameters than crypto/x509 knows, such as the salt that openssl makes by default: as
// long as fits.

var (
	oidPSS  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}

	digests = map[string]crypto.Hash{
		"2.16.840.1.101.3.4.2.1": crypto.SHA256, "2.16.840.1.101.3.4.2.2": crypto.SHA384, "2.16.840.1.101.3.4.2.3": crypto.SHA512,
	}
)

// pssParameters are RSASSA-PSS-params (RFC 4055); what is absent means SHA-1, which is too weak in any case.
type pssParameters struct {
	Hash    pkix.AlgorithmIdentifier `asn1:"explicit,optional,tag:0"`
	MGF     pkix.AlgorithmIdentifier `asn1:"explicit,optional,tag:1"`
	Salt    int                      `asn1:"explicit,optional,tag:2,default:20"`
	Trailer int                      `asn1:"explicit,optional,tag:3,default:1"`
}

// otherPSS is the digest and the salt's length of a certificate's signature of that kind.
func otherPSS(c *x509.Certificate) (hash crypto.Hash, salt int, ok bool) {
	var parts struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if c.SignatureAlgorithm != x509.UnknownSignatureAlgorithm {
		return 0, 0, false
	}
	if _, err := asn1.Unmarshal(c.Raw, &parts); err != nil || !parts.Algorithm.Algorithm.Equal(oidPSS) {
		return 0, 0, false
	}
	var p pssParameters
	var mask pkix.AlgorithmIdentifier
	if _, err := asn1.Unmarshal(parts.Algorithm.Parameters.FullBytes, &p); err != nil || !p.MGF.Algorithm.Equal(oidMGF1) {
		return 0, 0, false
	}
	if _, err := asn1.Unmarshal(p.MGF.Parameters.FullBytes, &mask); err != nil || !mask.Algorithm.Equal(p.Hash.Algorithm) {
		return 0, 0, false
	}
	hash, ok = digests[p.Hash.Algorithm.String()]
	return hash, p.Salt, ok && p.Salt >= 0 && p.Trailer == 1
}

// checkSignedBy verifies a certificate's signature.
func checkSignedBy(c, issuer *x509.Certificate) error {
	hash, salt, ok := otherPSS(c)
	if !ok {
		return issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	}
	key, isRSA := issuer.PublicKey.(*rsa.PublicKey)
	if !isRSA {
		return errors.New("the issuer's key is of another kind")
	}
	h := hash.New()
	h.Write(c.RawTBSCertificate)
	if salt == 0 { // which PSSOptions would take for any length
		salt = rsa.PSSSaltLengthAuto
	}
	return rsa.VerifyPSS(key, hash, h.Sum(nil), c.Signature, &rsa.PSSOptions{SaltLength: salt})
}
