package dial

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

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
	certPEM, err := os.ReadFile(t.cert)
	if err != nil {
		return nil, fmt.Errorf("could not read client certificate: %w", err)
	}
	keyPEM, err := t.readKey()
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("could not use client certificate %q: %w", t.cert, err)
	}
	// libpq sends its certificate whatever authorities the server names, and lets the server judge.
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		use.requested, use.sent = true, true
		return &pair, nil
	}
	return use, nil
}

// readKey returns the private key as unencrypted PEM.
func (t *tlsSettings) readKey() ([]byte, error) {
	text, err := readPrivateFile(t.key)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY":
			der, err := decryptPKCS8(block.Bytes, t.keyPassword)
			if err != nil {
				return nil, fmt.Errorf("could not decrypt private key file %q: %w", t.key, err)
			}
			return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
		case x509.IsEncryptedPEMBlock(block): //nolint:staticcheck // what openssl's traditional format is; read-only use
			if t.keyPassword == "" {
				return nil, fmt.Errorf("private key file %q is encrypted: %w", t.key, errNoKeyPassword)
			}
			der, err := x509.DecryptPEMBlock(block, []byte(t.keyPassword)) //nolint:staticcheck // as above
			if err != nil {
				return nil, fmt.Errorf("could not decrypt private key file %q: %w", t.key, err)
			}
			return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der}), nil
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return pem.EncodeToMemory(block), nil
		}
	}
	return nil, fmt.Errorf("private key file %q holds no private key in PEM form", t.key)
}

var errNoKeyPassword = errors.New("option \"sslpassword\" is needed")

// readPrivateFile reads a key file under libpq's rule: no access for others; none for the group either unless
// root owns it. Type and mode are those of the opened file, so that it cannot be swapped in between.
func readPrivateFile(name string) ([]byte, error) {
	if strings.ContainsRune(name, ':') && !strings.ContainsRune(name, '/') {
		return nil, fmt.Errorf("private key %q: OpenSSL engines are not supported", name)
	}
	// O_NONBLOCK: opening a FIFO must not block; it is refused below.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("could not read private key file: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("could not read private key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("private key file %q is not a regular file", name)
	}
	forbidden := os.FileMode(0o077)
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid == 0 {
		forbidden = 0o037
	}
	if info.Mode().Perm()&forbidden != 0 {
		return nil, fmt.Errorf("private key file %q is open to group or world; "+
			"its mode must be 0600 or less, or 0640 or less if root owns it", name)
	}
	const maxKey = 1 << 20
	if info.Size() > maxKey {
		return nil, fmt.Errorf("private key file %q is too large", name)
	}
	text := make([]byte, info.Size())
	n := 0
	for n < len(text) {
		m, err := f.Read(text[n:])
		if err != nil {
			return nil, fmt.Errorf("could not read private key file: %w", err)
		}
		n += m
	}
	return text, nil
}
