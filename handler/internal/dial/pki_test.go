package dial

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"sync/atomic"
	"testing"
	"time"
)

// node is a certificate with its key.
type node struct {
	*x509.Certificate
	key crypto.Signer
}

// change is a difference from an ordinary certificate.
type change func(*x509.Certificate)

var serials atomic.Int64

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// makeRoot makes a self-signed authority called name.
func makeRoot(t *testing.T, name string, changes ...change) node {
	t.Helper()
	return node{key: newKey(t)}.make(t, authorityOf(name, changes))
}

func authorityOf(name string, changes []change) *x509.Certificate {
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, MaxPathLen: -1,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return dated(c, changes)
}

func dated(c *x509.Certificate, changes []change) *x509.Certificate {
	c.SerialNumber = big.NewInt(1000 + serials.Add(1))
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for _, f := range changes {
		f(c)
	}
	return c
}

// sub makes an intermediate authority, leaf a server's certificate for db.test.
func (n node) sub(t *testing.T, name string, changes ...change) node {
	t.Helper()
	return n.make(t, authorityOf(name, changes))
}

func (n node) leaf(t *testing.T, changes ...change) node {
	t.Helper()
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: "db.test"}, DNSNames: []string{"db.test"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	return n.make(t, dated(c, changes))
}

// make signs template; a node without a certificate signs itself.
func (n node) make(t *testing.T, template *x509.Certificate) node {
	t.Helper()
	key := newKey(t)
	if n.Certificate == nil {
		key = n.key
	}
	return n.makeFor(t, template, key)
}

// makeFor signs template for a key.
func (n node) makeFor(t *testing.T, template *x509.Certificate, key crypto.Signer) node {
	t.Helper()
	parent := n.Certificate
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), n.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return node{cert, key}
}

// list makes a revocation list naming some certificates.
func (n node) list(t *testing.T, change func(*x509.RevocationList), revoked ...node) *x509.RevocationList {
	t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(serials.Add(1)), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour)}
	for _, r := range revoked {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: r.SerialNumber, RevocationTime: time.Now()})
	}
	if change != nil {
		change(l)
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, n.Certificate, n.key)
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func certs(nodes ...node) (list []*x509.Certificate) {
	for _, n := range nodes {
		list = append(list, n.Certificate)
	}
	return list
}

func pemOf(blocks ...*pem.Block) (text []byte) {
	for _, b := range blocks {
		text = append(text, pem.EncodeToMemory(b)...)
	}
	return text
}

// with adds an extension.
func with(id asn1.ObjectIdentifier, critical bool, value any) change {
	return func(c *x509.Certificate) {
		der, raw := value.([]byte)
		if !raw {
			var err error
			if der, err = asn1.Marshal(value); err != nil {
				panic(err)
			}
		}
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: der})
	}
}
