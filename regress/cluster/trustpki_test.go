package cluster

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // key identifiers
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Certificates for the differential test of trust: ordinary ones, changed in one respect each.

// node is a certificate with its key.
type node struct {
	*x509.Certificate
	key crypto.Signer
}

type change func(*x509.Certificate)

var serials atomic.Int64

// pki makes certificates and the files that options name.
type pki struct {
	*testing.T
	dir string
	n   int
	// keys are those that openssl has made, by its arguments: RSA's take long to make.
	keys map[string][]byte
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	dir, err := os.MkdirTemp("", "trust") // t.TempDir is not open to the server's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return &pki{T: t, dir: dir, keys: map[string][]byte{}}
}

func (p *pki) newKey() crypto.Signer {
	p.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.Fatal(err)
	}
	return key
}

func ordinary(c *x509.Certificate, changes []change) *x509.Certificate {
	c.SerialNumber = big.NewInt(1000 + serials.Add(1))
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for _, f := range changes {
		f(c)
	}
	return c
}

func authority(name string, changes []change) *x509.Certificate {
	return ordinary(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, MaxPathLen: -1,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, changes)
}

func server(changes []change) *x509.Certificate {
	return ordinary(&x509.Certificate{
		Subject: pkix.Name{CommonName: "db.test"}, DNSNames: []string{"db.test"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, changes)
}

// root makes a self-signed authority, sub one below another, leaf a server's certificate for db.test.
func (p *pki) root(name string, changes ...change) node {
	p.Helper()
	key := p.newKey()
	return p.sign(node{key: key}, authority(name, changes), key)
}

func (p *pki) sub(by node, name string, changes ...change) node {
	p.Helper()
	return p.sign(by, authority(name, changes), p.newKey())
}

func (p *pki) leaf(by node, changes ...change) node {
	p.Helper()
	return p.sign(by, server(changes), p.newKey())
}

// sign makes the certificate of key by template; without a certificate of its own by signs itself.
func (p *pki) sign(by node, template *x509.Certificate, key crypto.Signer) node {
	p.Helper()
	parent := by.Certificate
	if parent == nil {
		parent = template
	}
	if template.SubjectKeyId == nil && template.IsCA {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			p.Fatal(err)
		}
		id := sha1.Sum(der) //nolint:gosec // as above
		template.SubjectKeyId = id[:]
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by.key)
	if err != nil {
		p.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		p.Fatal(err)
	}
	return node{cert, key}
}

// list makes a revocation list naming some certificates.
func (p *pki) list(by node, change func(*x509.RevocationList), revoked ...node) []byte {
	p.Helper()
	l := &x509.RevocationList{Number: big.NewInt(serials.Add(1)), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour)}
	for _, r := range revoked {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: r.SerialNumber, RevocationTime: time.Now()})
	}
	if change != nil {
		change(l)
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, by.Certificate, by.key)
	if err != nil {
		p.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// openssl runs it; what is not DER or PEM of its own making goes through files.
func (p *pki) openssl(in []byte, args ...string) []byte {
	p.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		p.Fatalf("openssl %v: %v\n%s", args, err, stderr.String())
	}
	return out
}

// signed has openssl sign the certificate of a key: with a digest or key that crypto/x509 does not use for signing.
func (p *pki) signed(by node, newkey []string, extensions string, args ...string) (cert, key []byte) {
	p.Helper()
	kind := strings.Join(newkey, " ")
	if p.keys[kind] == nil {
		p.keys[kind] = p.openssl(nil, append([]string{"genpkey"}, newkey...)...)
	}
	key = p.keys[kind]
	keyFile := p.file("key", key, 0o600)
	csr := p.openssl(nil, "req", "-new", "-key", keyFile, "-subj", "/CN=db.test")
	args = append([]string{"x509", "-req", "-days", "1", "-CA", p.file("ca", certPEM(by), 0o600), "-CAkey", p.file("cakey", p.keyPEM(by), 0o600),
		"-set_serial", fmt.Sprint(1000 + serials.Add(1)), "-extfile", p.file("ext", []byte(extensions), 0o600)}, args...)
	return p.openssl(csr, args...), key
}

// file writes a file that the servers' user may read (and owns, as far as that matters for keys).
func (p *pki) file(name string, text []byte, mode os.FileMode) string {
	p.Helper()
	p.n++
	return p.fileAt(filepath.Join(p.dir, fmt.Sprintf("%d-%s", p.n, name)), text, mode)
}

func (p *pki) fileAt(name string, text []byte, mode os.FileMode) string {
	p.Helper()
	if err := os.WriteFile(name, text, mode); err != nil {
		p.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		p.Fatal(err)
	}
	return name
}

func (p *pki) mkdir(name string) {
	p.Helper()
	if err := os.Mkdir(name, 0o755); err != nil {
		p.Fatal(err)
	}
}

func certPEM(nodes ...node) (text []byte) {
	for _, n := range nodes {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.Raw})...)
	}
	return text
}

func (p *pki) keyPEM(n node) []byte {
	p.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(n.key)
	if err != nil {
		p.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// presented is what a server shows: its certificate and the others that it sends.
func presented(own node, sent ...node) tls.Certificate {
	c := tls.Certificate{PrivateKey: own.key, Certificate: [][]byte{own.Raw}}
	for _, n := range sent {
		c.Certificate = append(c.Certificate, n.Raw)
	}
	return c
}

func (p *pki) presentedPEM(cert, key []byte, sent ...node) tls.Certificate {
	p.Helper()
	c, err := tls.X509KeyPair(append(bytes.Clone(cert), certPEM(sent...)...), key)
	if err != nil {
		p.Fatal(err)
	}
	return c
}

// extend adds an extension with this DER value.
func extend(id asn1.ObjectIdentifier, critical bool, der ...byte) change {
	return func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: der})
	}
}

func useFor(u x509.KeyUsage) change { return func(c *x509.Certificate) { c.KeyUsage = u } }

func extended(u ...x509.ExtKeyUsage) change { return func(c *x509.Certificate) { c.ExtKeyUsage = u } }

func expired(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }

func notYet(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) }

// named sets the common name, the dNSNames and the addresses ("" for no common name).
func named(cn string, names ...string) change {
	return func(c *x509.Certificate) {
		c.Subject, c.DNSNames, c.IPAddresses = pkix.Name{CommonName: cn}, nil, nil
		for _, name := range names {
			if ip, isIP := strings.CutPrefix(name, "IP:"); isIP {
				c.IPAddresses = append(c.IPAddresses, net.ParseIP(ip))
			} else {
				c.DNSNames = append(c.DNSNames, name)
			}
		}
	}
}
