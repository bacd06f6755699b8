package dial

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
)

var (
	oidAuthorityKeyID  = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidKeyUsage        = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidNetscapeType    = asn1.ObjectIdentifier{2, 16, 840, 1, 113730, 1, 1}
	oidProxyCertInfo   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 14}

	// understood are the extensions that may be critical: those that are looked at here, and those that OpenSSL lets
	// pass without a policy to check.
	understood = []asn1.ObjectIdentifier{
		oidNetscapeType, oidKeyUsage, oidSubjectAltName, {2, 5, 29, 19}, {2, 5, 29, 32}, {2, 5, 29, 31}, {2, 5, 29, 37},
		{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, {2, 5, 29, 36}, oidNameConstraints, {2, 5, 29, 33}, {2, 5, 29, 54},
	}

	extensionNames = map[string]string{
		"2.5.29.14": "subject key identifier", "2.5.29.35": "authority key identifier", "2.5.29.28": "issuing distribution point",
		"2.5.29.27": "delta CRL indicator", "1.3.6.1.5.5.7.1.7": "IP address blocks", "1.3.6.1.5.5.7.1.14": "proxy certificate",
		"1.3.6.1.5.5.7.1.1": "authority information access", "2.5.29.46": "freshest CRL",
	}
)

// Bits of the Netscape certificate type.
const (
	netscapeServer = 0x40
	netscapeCA     = 0x04
)

func extensionName(id asn1.ObjectIdentifier) string {
	if name, known := extensionNames[id.String()]; known {
		return name
	}
	return "of an unknown kind"
}

// extension is the value of an extension, nil where there is none.
func extension(list []pkix.Extension, id asn1.ObjectIdentifier) []byte {
	for _, ext := range list {
		if ext.Id.Equal(id) {
			return ext.Value
		}
	}
	return nil
}

func has(c *x509.Certificate, id asn1.ObjectIdentifier) bool {
	return extension(c.Extensions, id) != nil
}

// checkPurposes demands that the first certificate is for a TLS server, that the others are authorities for such, and
// that none has a critical extension that is not understood.
func checkPurposes(chain []*x509.Certificate) error {
	below := 0 // authorities below, self-issued ones not counted
	for i, c := range chain {
		for _, ext := range c.Extensions {
			if ext.Critical && !slices.ContainsFunc(understood, ext.Id.Equal) {
				return fmt.Errorf("certificate %s has a critical extension that is not supported (%s)", title(c), extensionName(ext.Id))
			}
		}
		if has(c, oidProxyCertInfo) {
			return fmt.Errorf("certificate %s is a proxy certificate", title(c))
		}
		if !serverUse(c) {
			return fmt.Errorf("certificate %s is not for TLS servers: its extended key usage does not name server authentication", title(c))
		}
		if i == 0 {
			if err := checkServer(c); err != nil {
				return err
			}
			continue
		}
		// What counts for an authority without basic constraints counts for roots only.
		if !isAuthority(c) || !c.BasicConstraintsValid && i < len(chain)-1 {
			return fmt.Errorf("certificate %s has issued another one, but is not that of an authority", title(c))
		}
		if c.BasicConstraintsValid && c.MaxPathLen >= 0 && (c.MaxPathLen > 0 || c.MaxPathLenZero) && below > c.MaxPathLen {
			return fmt.Errorf("certificate %s allows %d authorities below it, but there are %d", title(c), c.MaxPathLen, below)
		}
		if !selfIssued(c) {
			below++
		}
	}
	return nil
}

// serverUse looks at the extended key usage, of authorities too; anyExtendedKeyUsage is not enough.
func serverUse(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 || slices.ContainsFunc(c.ExtKeyUsage, func(u x509.ExtKeyUsage) bool {
		return u == x509.ExtKeyUsageServerAuth || u == x509.ExtKeyUsageMicrosoftServerGatedCrypto || u == x509.ExtKeyUsageNetscapeServerGatedCrypto
	})
}

func checkServer(c *x509.Certificate) error {
	const tlsUses = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement
	if has(c, oidKeyUsage) && c.KeyUsage&tlsUses == 0 {
		return fmt.Errorf("certificate %s is not for TLS servers: its key usage has neither digital signature nor key encipherment nor key agreement", title(c))
	}
	if bits, set := netscapeType(c); set && bits&netscapeServer == 0 {
		return fmt.Errorf("certificate %s is not for TLS servers: its Netscape certificate type says so", title(c))
	}
	return nil
}

// isAuthority follows X509_check_ca: basic constraints where there are any, else what older certificates have.
func isAuthority(c *x509.Certificate) bool {
	if has(c, oidKeyUsage) && c.KeyUsage&x509.KeyUsageCertSign == 0 {
		return false
	}
	if c.BasicConstraintsValid {
		return c.IsCA
	}
	if c.Version == 1 && selfSigned(c) || has(c, oidKeyUsage) {
		return true
	}
	bits, _ := netscapeType(c)
	return bits&netscapeCA != 0
}

func netscapeType(c *x509.Certificate) (bits byte, set bool) {
	value := extension(c.Extensions, oidNetscapeType)
	if value == nil {
		return 0, false
	}
	var s asn1.BitString
	if _, err := asn1.Unmarshal(value, &s); err != nil || len(s.Bytes) == 0 {
		return 0, true
	}
	return s.Bytes[0], true
}
