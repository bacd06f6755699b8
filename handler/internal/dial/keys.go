package dial

import (
	"crypto"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // PBKDF2's default PRF (RFC 8018)
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/youmark/pkcs8"
	"golang.org/x/crypto/scrypt"
)

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

// clientCertificate loads sslcert and sslkey into c as sslcertmode says and returns what will record their use.
// Unlike libpq nothing under ~/.postgresql is tried, and a named file that is missing is an error.
func (t *tlsSettings) clientCertificate(c *tls.Config) (*certUse, error) {
	use := &certUse{}
	if t.certMode == "disable" || t.cert == "" {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			use.requested = true
			return new(tls.Certificate), nil
		}
		return use, nil
	}
	pair, err := loadPair(t.cert, t.key, t.keyPassword)
	if err != nil {
		return nil, err
	}
	// libpq sends its certificate whatever authorities the server names, and lets the server judge.
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		use.requested, use.sent = true, true
		return pair, nil
	}
	return use, nil
}

// loadPair reads a client certificate and its key.
func loadPair(certFile, keyFile, password string) (*tls.Certificate, error) {
	text, _, err := readFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("certificate file %q %w", certFile, err)
	}
	pair, err := parseClientCertificate(text)
	if err != nil {
		return nil, fmt.Errorf("certificate file %q %w", certFile, err)
	}
	if text, err = readKeyFile(keyFile); err != nil {
		return nil, fmt.Errorf("private key file %q %w", keyFile, err)
	}
	key, err := parseKey(text, password)
	if err != nil {
		return nil, fmt.Errorf("private key file %q %w", keyFile, err)
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(pair.Leaf.PublicKey) {
		return nil, fmt.Errorf("private key file %q does not belong to certificate file %q", keyFile, certFile)
	}
	pair.PrivateKey = key
	return pair, nil
}

// parseClientCertificate reads a certificate and its issuers in PEM. OpenSSL's security level holds for them too.
func parseClientCertificate(text []byte) (*tls.Certificate, error) {
	blocks, err := pemBlocks(text)
	if err != nil {
		return nil, err
	}
	pair := &tls.Certificate{}
	for _, block := range blocks {
		switch block.Type {
		case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		default:
			continue
		}
		var der asn1.RawValue // behind it there may be trust settings
		if _, err := asn1.Unmarshal(block.Bytes, &der); err != nil {
			return nil, errors.New("holds a malformed certificate")
		}
		cert, err := x509.ParseCertificate(der.FullBytes)
		if err != nil {
			return nil, fmt.Errorf("holds a certificate that cannot be read: %w", trimmed{err})
		}
		chain := []*x509.Certificate{cert, cert}
		if selfSigned(cert) {
			chain = chain[1:]
		}
		if err := checkStrength(chain); err != nil {
			return nil, fmt.Errorf("cannot be used: %w", err)
		}
		if pair.Leaf == nil {
			pair.Leaf = cert
		}
		pair.Certificate = append(pair.Certificate, der.FullBytes)
	}
	if pair.Leaf == nil {
		if len(blocks) == 0 && looksDER(text) {
			return nil, errors.New("is in DER form; PEM is expected")
		}
		return nil, errors.New("holds no certificate")
	}
	return pair, nil
}

// readKeyFile reads a key file under libpq's rule: no access for others; none for the group either unless root owns it.
func readKeyFile(name string) ([]byte, error) {
	if strings.ContainsRune(name, ':') {
		return nil, errors.New("names a key of an OpenSSL engine, which is not supported")
	}
	text, info, err := readFile(name)
	if err != nil {
		return nil, err
	}
	forbidden := os.FileMode(0o077)
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid == 0 {
		forbidden = 0o037
	}
	if info.Mode().Perm()&forbidden != 0 {
		return nil, errors.New("is open to group or world; its mode must be 0600 or less, or 0640 or less if root owns it")
	}
	return text, nil
}

var (
	errNoKeyPassword = errors.New("is encrypted: option \"sslpassword\" is needed")
	errWrongPassword = errors.New("cannot be decrypted: option \"sslpassword\" is wrong")
)

// parseKey reads a private key: the first one in PEM, encrypted or not, or one in DER.
func parseKey(text []byte, password string) (crypto.Signer, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY":
			return decryptPKCS8(block.Bytes, password)
		case x509.IsEncryptedPEMBlock(block): //nolint:staticcheck // what openssl's traditional format is; read-only use
			return decryptTraditional(block, password)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return parsePlainKey(block.Bytes)
		}
	}
	if !looksDER(text) {
		return nil, errors.New("holds no private key in PEM or DER form")
	}
	var encrypted encryptedKey
	if _, err := asn1.Unmarshal(text, &encrypted); err == nil {
		return nil, errors.New("is encrypted in DER form; PEM is expected")
	}
	return parsePlainKey(text)
}

// parsePlainKey reads PKCS #8, PKCS #1 and SEC 1.
func parsePlainKey(der []byte) (crypto.Signer, error) {
	var key any
	var err error
	if key, err = x509.ParsePKCS8PrivateKey(der); err != nil {
		if key, err = x509.ParsePKCS1PrivateKey(der); err != nil {
			key, err = x509.ParseECPrivateKey(der)
		}
	}
	if signer, ok := key.(crypto.Signer); ok && err == nil {
		return signer, nil
	}
	var info struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
	}
	if _, err := asn1.Unmarshal(der, &info); err == nil {
		return nil, fmt.Errorf("holds a key of a kind that is not supported (%s)", keyKind(info.Algorithm))
	}
	return nil, errors.New("holds a private key that is malformed or of a kind that is not supported")
}

// Algorithms that messages call by name.
var algorithmNames = map[string]string{
	"1.2.840.113549.1.1.10": "RSA-PSS", "1.3.101.113": "Ed448", "1.3.101.110": "X25519", "1.3.101.111": "X448", "1.2.840.10040.4.1": "DSA",
	"1.2.840.113549.1.5.3": "PBES1 with MD5 and DES", "1.2.840.113549.1.5.10": "PBES1 with SHA-1 and DES",
	"1.2.840.113549.1.5.6": "PBES1 with MD5 and RC2", "1.2.840.113549.1.5.11": "PBES1 with SHA-1 and RC2",
	"1.2.840.113549.1.12.1.1": "PKCS #12 with RC4", "1.2.840.113549.1.12.1.2": "PKCS #12 with RC4",
	"1.2.840.113549.1.12.1.3": "PKCS #12 with 3DES", "1.2.840.113549.1.12.1.4": "PKCS #12 with 3DES",
	"1.2.840.113549.1.12.1.5": "PKCS #12 with RC2", "1.2.840.113549.1.12.1.6": "PKCS #12 with RC2",
	"1.2.392.200011.61.1.1.1.2": "Camellia", "1.2.392.200011.61.1.1.1.3": "Camellia", "1.2.392.200011.61.1.1.1.4": "Camellia",
	"1.2.410.200046.1.1.2": "ARIA", "1.2.410.200046.1.1.7": "ARIA", "1.2.410.200046.1.1.12": "ARIA",
	"1.3.14.3.2.7": "DES", "1.2.840.113549.3.2": "RC2",
}

func algorithmName(id asn1.ObjectIdentifier) string {
	if name, known := algorithmNames[id.String()]; known {
		return name
	}
	return "an algorithm unknown here"
}

func keyKind(a pkix.AlgorithmIdentifier) string {
	if a.Algorithm.Equal(asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}) {
		var curve asn1.ObjectIdentifier
		if _, err := asn1.Unmarshal(a.Parameters.FullBytes, &curve); err != nil {
			return "EC with a curve given by its parameters"
		}
		return "EC on a curve that is not supported"
	}
	return algorithmName(a.Algorithm)
}

func decryptTraditional(block *pem.Block, password string) (crypto.Signer, error) {
	if password == "" {
		return nil, errNoKeyPassword
	}
	der, err := x509.DecryptPEMBlock(block, []byte(password)) //nolint:staticcheck // see parseKey
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, errWrongPassword
	}
	if err != nil {
		cipher, _, _ := strings.Cut(block.Headers["DEK-Info"], ",")
		return nil, fmt.Errorf("is encrypted with %s, which is not supported", quote([]byte(cipher)))
	}
	return parsePlainKey(der)
}

// encryptedKey is EncryptedPrivateKeyInfo (RFC 5958), schemeParams the parameters of PBES2 (RFC 8018).
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	schemeParams struct{ KDF, Cipher pkix.AlgorithmIdentifier }
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
)

// decryptPKCS8 reads an encrypted key by package pkcs8, with key derivations that know bounds.
func decryptPKCS8(der []byte, password string) (key crypto.Signer, err error) {
	if password == "" {
		return nil, errNoKeyPassword
	}
	var encrypted encryptedKey
	if rest, err := asn1.Unmarshal(der, &encrypted); err != nil || len(rest) != 0 {
		return nil, errors.New("holds a malformed encrypted key")
	}
	if !encrypted.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, fmt.Errorf("is encrypted with %s, which is not supported", algorithmName(encrypted.Algorithm.Algorithm))
	}
	var scheme schemeParams
	var iv []byte
	if _, err := asn1.Unmarshal(encrypted.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, errors.New("holds a malformed encrypted key")
	}
	if name, known := algorithmNames[scheme.Cipher.Algorithm.String()]; known {
		return nil, fmt.Errorf("is encrypted with %s, which is not supported", name)
	}
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil || len(encrypted.Data) == 0 || len(encrypted.Data)%16 != 0 && len(encrypted.Data)%8 != 0 {
		return nil, errors.New("holds a malformed encrypted key")
	}
	defer func() { // the package's ciphers panic at lengths that do not fit
		if recover() != nil {
			key, err = nil, errors.New("holds a malformed encrypted key")
		}
	}()
	registerKDFs()
	found, err := pkcs8.ParsePKCS8PrivateKey(der, []byte(password))
	switch {
	case errors.Is(err, errKDF):
		return nil, err
	case err != nil && strings.Contains(err.Error(), "password"):
		return nil, errWrongPassword
	case err != nil:
		return nil, errors.New("is encrypted in a way that is not supported")
	}
	if signer, ok := found.(crypto.Signer); ok {
		return signer, nil
	}
	return nil, errors.New("holds a key of a kind that is not supported")
}

// errKDF says that a key derivation is not done: it could keep a processor or the memory busy for as long as whoever
// wrote the file likes.
var errKDF = errors.New("is encrypted with a key derivation that is not supported or demands too much")

// registerKDFs puts bounded key derivations in the place of the package's own, once in a process.
var registerKDFs = sync.OnceFunc(func() {
	pkcs8.RegisterKDF(oidPBKDF2, func() pkcs8.KDFParameters { return new(pbkdf2Params) })
	pkcs8.RegisterKDF(oidScrypt, func() pkcs8.KDFParameters { return new(scryptParams) })
})

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

var prfs = map[string]func() hash.Hash{
	"":                    sha1.New, // absent: hmacWithSHA1
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// DeriveKey implements pkcs8.KDFParameters.
func (p *pbkdf2Params) DeriveKey(password []byte, size int) ([]byte, error) {
	const most = 10_000_000
	prf, known := prfs[p.PRF.Algorithm.String()]
	if !known || p.Iterations < 1 || p.Iterations > most {
		return nil, errKDF
	}
	return pbkdf2.Key(prf, string(password), p.Salt, p.Iterations, size)
}

type scryptParams struct {
	Salt      []byte
	N, R, P   int
	KeyLength int `asn1:"optional"`
}

// DeriveKey implements pkcs8.KDFParameters. The bound on memory is OpenSSL's.
func (p *scryptParams) DeriveKey(password []byte, size int) ([]byte, error) {
	const memory, most = 32 << 20, 16
	if p.N < 2 || p.R < 1 || p.P < 1 || p.P > most || p.R > memory/128 || p.N > memory/(128*p.R) {
		return nil, errKDF
	}
	key, err := scrypt.Key(password, p.Salt, p.N, p.R, p.P, size)
	if err != nil {
		return nil, errKDF
	}
	return key, nil
}
