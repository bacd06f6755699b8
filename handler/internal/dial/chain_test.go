package dial

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func expired(c *x509.Certificate)  { c.NotAfter = time.Now().Add(-time.Minute) }
func notYet(c *x509.Certificate)   { c.NotBefore = time.Now().Add(time.Minute) }
func noUsage(c *x509.Certificate)  { c.KeyUsage = 0 }
func noServer(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
func anyUse(c *x509.Certificate)   { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }
func notCA(c *x509.Certificate)    { c.IsCA = false }

func TestVerifyChain(t *testing.T) {
	root := makeRoot(t, "root")
	sub := root.sub(t, "sub")
	leaf := sub.leaf(t)
	other := makeRoot(t, "other")
	sameName := makeRoot(t, "root")
	oldRoot := makeRoot(t, "old root", expired)
	own := node{key: newKey(t)}.make(t, dated(&x509.Certificate{Subject: pkix.Name{CommonName: "db.test"}, KeyUsage: x509.KeyUsageDigitalSignature}, nil))
	short := makeRoot(t, "short", func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true })
	shortSub := short.sub(t, "short sub")
	type list = []*x509.Certificate
	for name, c := range map[string]struct {
		leaf        node
		sent, roots list
		fail        string // "" for trusted
	}{
		"root in the file, intermediate sent":  {leaf, certs(sub), certs(root), ""},
		"both in the file":                     {leaf, nil, certs(sub, root), ""},
		"the whole chain sent":                 {leaf, certs(sub, root), certs(root), ""},
		"the intermediate missing":             {leaf, nil, certs(root), "neither in root certificate file"},
		"only the intermediate in the file":    {leaf, nil, certs(sub), "must end in a self-signed one"},
		"only the intermediate, root sent":     {leaf, certs(sub, root), certs(sub), "must end in a self-signed one"},
		"only the leaf in the file":            {leaf, certs(sub), certs(leaf), "neither in root certificate file"},
		"a self-signed server in the file":     {own, nil, certs(own), ""},
		"a self-signed server not in the file": {own, nil, certs(root), "self-signed certificate"},
		"root sent, but not in the file":       {leaf, certs(sub, root), certs(other), "self-signed certificate"},
		"another root of the same name":        {root.leaf(t), nil, certs(sameName), "neither in root"}, // its key identifier differs
		"a root that has expired":              {oldRoot.leaf(t), nil, certs(oldRoot), "has expired"},
		"an intermediate that has expired":     {root.sub(t, "x", expired).leaf(t), nil, certs(root), "neither"},
		"a leaf that has expired":              {root.leaf(t, expired), nil, certs(root), "has expired"},
		"a leaf that is not valid yet":         {root.leaf(t, notYet), nil, certs(root), "not valid before"},
		"key usage without a use for TLS":      {root.leaf(t, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDataEncipherment }), nil, certs(root), "its key usage"},
		"key usage key encipherment":           {root.leaf(t, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), nil, certs(root), ""},
		"no key usage":                         {root.leaf(t, noUsage), nil, certs(root), ""},
		"extended key usage client":            {root.leaf(t, noServer), nil, certs(root), "extended key usage"},
		"extended key usage any":               {root.leaf(t, anyUse), nil, certs(root), "extended key usage"},
		"no extended key usage":                {root.leaf(t, func(c *x509.Certificate) { c.ExtKeyUsage = nil }), nil, certs(root), ""},
		"Netscape type client":                 {root.leaf(t, with(oidNetscapeType, false, asn1.BitString{Bytes: []byte{0x80}, BitLength: 1})), nil, certs(root), "Netscape"},
		"Netscape type server":                 {root.leaf(t, with(oidNetscapeType, false, asn1.BitString{Bytes: []byte{0x40}, BitLength: 2})), nil, certs(root), ""},
		"an unknown critical extension":        {root.leaf(t, with(asn1.ObjectIdentifier{1, 2, 3, 4}, true, 1)), nil, certs(root), "critical extension"},
		"an unknown extension":                 {root.leaf(t, with(asn1.ObjectIdentifier{1, 2, 3, 4}, false, 1)), nil, certs(root), ""},
		"a path longer than allowed":           {shortSub.leaf(t), certs(shortSub), certs(short), "allows 0 authorities"},
		"a path as long as allowed":            {short.leaf(t), nil, certs(short), ""},
		"a leaf used as an authority":          {root.leaf(t, func(c *x509.Certificate) { c.Subject.CommonName = "x" }).leaf(t), nil, certs(root), "neither"},
	} {
		chain, err := verifyChain(c.leaf.Certificate, c.sent, &anchors{file: "/r", certs: c.roots}, time.Now())
		if c.fail == "" && (err != nil || !chain[0].Equal(c.leaf.Certificate)) || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// sent together with the issuer that is not good enough
	for name, c := range map[string]struct {
		issuer node
		fail   string
	}{
		"expired": {root.sub(t, "e", expired), "has expired"}, "no authority": {root.sub(t, "n", notCA, noUsage), "not that of an authority"},
		"no basic constraints":   {root.sub(t, "w", func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }), "not that of an authority"},
		"no certificate signing": {root.sub(t, "k", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), "neither in root"},
		"for clients only":       {root.sub(t, "c", noServer), "extended key usage"}, "for any use": {root.sub(t, "a", anyUse), "extended key usage"},
		"for servers": {root.sub(t, "s", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), ""},
	} {
		_, err := verifyChain(c.issuer.leaf(t).Certificate, certs(c.issuer), &anchors{file: "/r", certs: certs(root)}, time.Now())
		if c.fail == "" && err != nil || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("issuer %s: %v", name, err)
		}
	}
	// a signature that is another key's
	forged := makeRoot(t, "sub", func(c *x509.Certificate) { c.SubjectKeyId = sub.SubjectKeyId }).leaf(t)
	if _, err := verifyChain(forged.Certificate, certs(sub), &anchors{certs: certs(root)}, time.Now()); err == nil || !strings.Contains(err.Error(), "not signed by") {
		t.Errorf("forged: %v", err)
	}
}

func TestStrength(t *testing.T) {
	rsaKey := func(bits int) any { return &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int), bits-1, 1), E: 65537} }
	for _, c := range []struct {
		key       any
		algorithm x509.SignatureAlgorithm
		fail      string
	}{
		{rsaKey(2048), x509.SHA256WithRSA, ""}, {rsaKey(3072), x509.SHA384WithRSAPSS, ""}, {rsaKey(1024), x509.SHA256WithRSA, "RSA key of 1024 bits"},
		{rsaKey(1536), x509.SHA256WithRSA, "too small"}, {rsaKey(2048), x509.SHA1WithRSA, "SHA1-RSA, which is too weak"},
		{rsaKey(2048), x509.MD5WithRSA, "too weak"}, {&ecdsa.PublicKey{Curve: elliptic.P256()}, x509.ECDSAWithSHA1, "too weak"},
		{&ecdsa.PublicKey{Curve: elliptic.P224()}, x509.ECDSAWithSHA256, ""}, {ed25519.PublicKey{}, x509.PureEd25519, ""},
		{nil, x509.SHA256WithRSA, "not supported"}, {rsaKey(2048), x509.UnknownSignatureAlgorithm, "not supported"},
	} {
		good := &x509.Certificate{PublicKey: rsaKey(2048), SignatureAlgorithm: x509.SHA1WithRSA}
		for at, chain := range [][]*x509.Certificate{
			{{PublicKey: c.key, SignatureAlgorithm: c.algorithm}, good},
			{{PublicKey: rsaKey(2048), SignatureAlgorithm: x509.SHA256WithRSA}, {PublicKey: c.key, SignatureAlgorithm: c.algorithm}, good},
		} {
			err := checkStrength(chain)
			if c.fail == "" && err != nil || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
				t.Errorf("%T %v at %d: %v", c.key, c.algorithm, at, err)
			}
		}
	}
}

func TestNameConstraints(t *testing.T) {
	dir := func(name pkix.Name) []byte {
		der, err := asn1.Marshal(name.ToRDNSequence())
		if err != nil {
			t.Fatal(err)
		}
		type tree struct{ Base asn1.RawValue }
		type constraints struct {
			Permitted []tree `asn1:"optional,tag:0"`
		}
		der, err = asn1.Marshal(constraints{[]tree{{asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: sanDir, IsCompound: true, Bytes: der}}}})
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	subject := func(cn string, dns ...string) change {
		return func(c *x509.Certificate) {
			c.Subject = pkix.Name{Organization: []string{"Acme"}, CommonName: cn}
			c.DNSNames = dns
		}
	}
	onlyDNS := func(names ...string) change { return func(c *x509.Certificate) { c.PermittedDNSDomains = names } }
	noDNS := func(names ...string) change { return func(c *x509.Certificate) { c.ExcludedDNSDomains = names } }
	nets := func(cidr string) change {
		return func(c *x509.Certificate) {
			_, n, _ := net.ParseCIDR(cidr)
			c.PermittedIPRanges = []*net.IPNet{n}
		}
	}
	address := func(ip string) change {
		return func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{net.ParseIP(ip)} }
	}
	for name, c := range map[string]struct {
		authority, leaf change
		good            bool
	}{
		"permitted":                     {onlyDNS("db.test"), subject("x", "a.db.test"), true},
		"permitted itself":              {onlyDNS("DB.test"), subject("x", "db.test"), true},
		"not permitted":                 {onlyDNS("db.test"), subject("x", "xdb.test"), false},
		"one of two not permitted":      {onlyDNS("db.test"), subject("x", "db.test", "y.test"), false},
		"excluded":                      {noDNS("db.test"), subject("x", "a.db.test"), false},
		"not excluded":                  {noDNS("db.test"), subject("x", "a.other.test"), true},
		"common name only, permitted":   {onlyDNS("db.test"), subject("a.db.test"), true},
		"common name only, not":         {onlyDNS("db.test"), subject("a.other.test"), false},
		"common name only, excluded":    {noDNS("other.test"), subject("a.other.test"), false},
		"common name, wildcard":         {onlyDNS("db.test"), subject("*.other.test"), false},
		"common name, one label":        {onlyDNS("db.test"), subject("localhost"), true},
		"common name that is no host":   {onlyDNS("db.test"), subject("John Smith"), true},
		"common name beside a dNSName":  {onlyDNS("db.test"), subject("a.other.test", "db.test"), true},
		"address permitted":             {nets("10.0.0.0/8"), address("10.1.2.3"), true},
		"address not permitted":         {nets("10.0.0.0/8"), address("11.1.2.3"), false},
		"address of the other family":   {nets("10.0.0.0/8"), address("::1"), false},
		"name under address constraint": {nets("10.0.0.0/8"), subject("x", "db.test"), true},
		"mail host":                     {func(c *x509.Certificate) { c.PermittedEmailAddresses = []string{"db.test"} }, func(c *x509.Certificate) { c.EmailAddresses = []string{"a@db.test"} }, true},
		"mail elsewhere":                {func(c *x509.Certificate) { c.PermittedEmailAddresses = []string{"db.test"} }, func(c *x509.Certificate) { c.EmailAddresses = []string{"a@x.db.test"} }, false},
		"directory, not critical":       {with(oidNameConstraints, false, dir(pkix.Name{Organization: []string{"ACME "}})), subject("x", "db.test"), true},
		"directory, outside":            {with(oidNameConstraints, true, dir(pkix.Name{Organization: []string{"Other"}})), subject("x", "db.test"), false},
	} {
		root := makeRoot(t, "root")
		sub := root.sub(t, "sub", c.authority)
		leaf := sub.leaf(t, c.leaf)
		_, err := verifyChain(leaf.Certificate, certs(sub), &anchors{certs: certs(root)}, time.Now())
		if (err == nil) != c.good || err != nil && !strings.Contains(err.Error(), "may not certify") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCrossSigned: the chain goes through the file's certificate as soon as it can, and only through it.
func TestCrossSigned(t *testing.T) {
	a, b := makeRoot(t, "a"), makeRoot(t, "b")
	template := func() *x509.Certificate {
		c := authorityOf("sub", nil)
		c.SubjectKeyId = []byte{1, 2, 3}
		return c
	}
	viaA := a.make(t, template())
	leaf := viaA.leaf(t)
	viaB := b.makeFor(t, template(), viaA.key)
	for name, c := range map[string]struct {
		sent, roots []*x509.Certificate
		want        *x509.Certificate // the top of the chain, nil for refused
	}{
		"a sent, a trusted":                      {certs(viaA), certs(a), a.Certificate},
		"both sent, the first is taken":          {certs(viaB, viaA), certs(a), nil},
		"both sent, the first is right":          {certs(viaA, viaB), certs(a), a.Certificate},
		"b in the file goes before what is sent": {certs(viaA), certs(viaB, b, a), b.Certificate},
	} {
		chain, err := verifyChain(leaf.Certificate, c.sent, &anchors{certs: c.roots}, time.Now())
		if c.want == nil && err == nil || c.want != nil && (err != nil || !chain[len(chain)-1].Equal(c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOtherPSS: openssl's signatures by RSA-PSS have a salt of any length.
func TestOtherPSS(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	root := node{key: key}.makeFor(t, authorityOf("rsa", nil), key)
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	ca, caKey := file("ca", pemCert(root)), file("key", pemOf(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	csr := openssl(t, nil, "req", "-new", "-key", caKey, "-subj", "/CN=db.test")
	for _, args := range [][]string{
		{"-sha256"}, {"-sha512"}, {"-sha256", "-sigopt", "rsa_pss_saltlen:0"}, {"-sha384", "-sigopt", "rsa_pss_saltlen:20"}, {"-sha256", "-sigopt", "rsa_pss_saltlen:32"},
	} {
		text := openssl(t, csr, append([]string{"x509", "-req", "-days", "1", "-CA", ca, "-CAkey", caKey, "-set_serial", "7", "-sigopt", "rsa_padding_mode:pss"}, args...)...)
		a, err := parseRoots(text, false)
		if err != nil {
			t.Fatal(err)
		}
		leaf := a.certs[0]
		if _, err := verifyChain(leaf, nil, &anchors{certs: certs(root)}, time.Now()); err != nil {
			t.Errorf("%v: %v", args, err)
		}
		if hash, err := endpointHash(leaf); err != nil || len(hash) < 32 {
			t.Errorf("%v: %x, %v", args, hash, err)
		}
		leaf.Signature[5] ^= 1
		if _, err := verifyChain(leaf, nil, &anchors{certs: certs(root)}, time.Now()); err == nil {
			t.Errorf("%v: a wrong signature was accepted", args)
		}
	}
}
