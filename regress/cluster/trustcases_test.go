package cluster

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// Rows of README's table of differences, by their beginnings.
const (
	rowPrefer     = "sslmode `prefer`: a file"
	rowCRLMissing = "sslcrl missing or unreadable"
	rowCRLDER     = "sslcrl in DER form"
	rowCRLRoots   = "certificates in the file of sslcrl"
	rowAnchor     = "a certificate marked as trusted"
	rowWildcard   = "a name constraint, and a certificate with only a wildcard common name"
	rowUnread     = "certificates that Go does not read"
	rowKeys       = "keys encrypted by PBES1"
	rowNoCert     = "sslcert names a file that is missing"
	rowRetry      = "sslmode `prefer`: a wrong password"
	rowAllow      = "sslmode `allow`"
)

func tlsOf(c tls.Certificate) behaviour {
	return behaviour{tls: &tls.Config{Certificates: []tls.Certificate{c}}}
}

// inModes makes a case for verify-full, and for require and prefer, which verify when there is a file.
func inModes(name string, b behaviour, rootFile, stricter string, more ...string) (list []trustCase) {
	for _, mode := range []string{"verify-full", "require", "prefer"} {
		list = append(list, trustCase{name: name + ", " + mode, b: b, stricter: stricter,
			options: with(append([]string{"sslmode", mode, "sslrootcert", rootFile}, more...)...)})
	}
	return list
}

// inTwoModes leaves out require.
func inTwoModes(name string, b behaviour, rootFile, stricter string) []trustCase {
	list := inModes(name, b, rootFile, stricter)
	return append(list[:1], list[2])
}

func chainCases(b *trustBench) (list []trustCase) {
	root := b.root("root")
	sub := b.sub(root, "sub")
	leaf := b.leaf(sub)
	other, namesake, oldRoot := b.root("other"), b.root("root"), b.root("old root", expired)
	ownKey := b.newKey()
	own := b.sign(node{key: ownKey}, server(nil), ownKey)
	short := b.root("short", func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true })
	shortSub := b.sub(short, "short sub")
	named := func(c *x509.Certificate) { c.Subject.CommonName = "not an authority" }
	unknown := asn1.ObjectIdentifier{1, 2, 3, 4}
	nsType := asn1.ObjectIdentifier{2, 16, 840, 1, 113730, 1, 1}
	under := func(name string, changes ...change) []node {
		s := b.sub(root, name, changes...)
		return []node{b.leaf(s), s}
	}
	direct := func(changes ...change) []node { return []node{b.leaf(root, changes...)} }
	for _, c := range []struct {
		name  string
		shown []node
		roots []node
	}{
		{"intermediate sent", []node{leaf, sub}, []node{root}}, {"intermediate in the file", []node{leaf}, []node{sub, root}},
		{"whole chain sent", []node{leaf, sub, root}, []node{root}}, {"intermediate missing", []node{leaf}, []node{root}},
		{"only the intermediate in the file", []node{leaf}, []node{sub}}, {"only the intermediate in the file, all sent", []node{leaf, sub, root}, []node{sub}},
		{"only the leaf in the file", []node{leaf, sub}, []node{leaf}}, {"self-signed server", []node{own}, []node{own}},
		{"self-signed server, another root", []node{own}, []node{root}}, {"another root", []node{leaf, sub, root}, []node{other}},
		{"a root of the same name", []node{leaf, sub}, []node{namesake}}, {"the root and its namesake", []node{leaf, sub}, []node{namesake, root}},
		{"expired root", []node{b.leaf(oldRoot)}, []node{oldRoot}}, {"expired intermediate", under("e", expired), []node{root}},
		{"expired leaf", direct(expired), []node{root}}, {"leaf not valid yet", direct(notYet), []node{root}},
		{"key usage: data encipherment", direct(useFor(x509.KeyUsageDataEncipherment)), []node{root}},
		{"key usage: certificate signing", direct(useFor(x509.KeyUsageCertSign)), []node{root}},
		{"key usage: key agreement", direct(useFor(x509.KeyUsageKeyAgreement | x509.KeyUsageDigitalSignature)), []node{root}},
		{"no key usage", direct(useFor(0)), []node{root}},
		{"extended: client", direct(extended(x509.ExtKeyUsageClientAuth)), []node{root}}, {"extended: any", direct(extended(x509.ExtKeyUsageAny)), []node{root}},
		{"extended: any and server", direct(extended(x509.ExtKeyUsageAny, x509.ExtKeyUsageServerAuth)), []node{root}},
		{"extended: none", direct(extended()), []node{root}}, {"extended: server gated", direct(extended(x509.ExtKeyUsageMicrosoftServerGatedCrypto)), []node{root}},
		{"Netscape: client", direct(extend(nsType, false, 3, 2, 7, 0x80)), []node{root}}, {"Netscape: server", direct(extend(nsType, false, 3, 2, 6, 0x40)), []node{root}},
		{"unknown critical extension", direct(extend(unknown, true, 5, 0)), []node{root}}, {"unknown extension", direct(extend(unknown, false, 5, 0)), []node{root}},
		{"unknown critical extension, intermediate", under("u", extend(unknown, true, 5, 0)), []node{root}},
		{"path too long", []node{b.leaf(shortSub), shortSub}, []node{short}}, {"path just long enough", []node{b.leaf(short)}, []node{short}},
		{"a leaf as authority", []node{b.leaf(b.leaf(root, named, useFor(0))), b.leaf(root, named, useFor(0))}, []node{root}},
		{"issuer is no authority", under("n", func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, 0 }), []node{root}},
		{"issuer may not sign", under("k", useFor(x509.KeyUsageCRLSign)), []node{root}}, {"issuer for clients", under("c", extended(x509.ExtKeyUsageClientAuth)), []node{root}},
		{"issuer for any use", under("a", extended(x509.ExtKeyUsageAny)), []node{root}}, {"issuer for servers", under("s", extended(x509.ExtKeyUsageServerAuth)), []node{root}},
		{"issuer without basic constraints", under("w", func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = false, false }), []node{root}},
	} {
		list = append(list, inTwoModes(c.name, tlsOf(presented(c.shown[0], c.shown[1:]...)), b.file("root", certPEM(c.roots...), 0o644), "")...)
	}
	return append(list, crossCases(b)...)
}

// crossCases: one intermediate key certified by two roots.
func crossCases(b *trustBench) (list []trustCase) {
	a, other := b.root("a"), b.root("b")
	key := b.newKey()
	template := func(changes ...change) *x509.Certificate {
		c := authority("sub", changes)
		c.SubjectKeyId = []byte{1, 2, 3}
		return c
	}
	viaA, viaB, old := b.sign(a, template(), key), b.sign(other, template(), key), b.sign(a, template(expired), key)
	leaf := b.leaf(viaA)
	for _, c := range []struct {
		name  string
		sent  []node
		roots []node
	}{
		{"a sent", []node{viaA}, []node{a}}, {"b sent first, a trusted", []node{viaB, viaA}, []node{a}}, {"a sent first, a trusted", []node{viaA, viaB}, []node{a}},
		{"b in the file, a sent", []node{viaA}, []node{viaB, other, a}}, {"b in the file without its root, a sent", []node{viaA}, []node{viaB, a}},
		{"expired first", []node{old, viaA}, []node{a}}, {"expired in the file, good sent", []node{viaA}, []node{old, a}},
	} {
		list = append(list, inModes("crossed: "+c.name, tlsOf(presented(leaf, c.sent...)), b.file("root", certPEM(c.roots...), 0o644), "")[:1]...)
	}
	return list
}

func strengthCases(b *trustBench) (list []trustCase) {
	root := b.root("root")
	rootFile := b.file("root", certPEM(root), 0o644)
	const exts = "subjectAltName=DNS:db.test\n"
	rsa2048 := []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}
	rsa1024 := []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"}
	rsa3072 := []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"}
	ec := func(curve string) []string {
		return []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve}
	}
	for _, c := range []struct {
		name, digest string
		key          []string
	}{
		{"RSA 2048", "-sha256", rsa2048}, {"RSA 3072, SHA-384", "-sha384", rsa3072}, {"RSA 1024", "-sha256", rsa1024},
		{"SHA-1", "-sha1", rsa2048}, {"SHA-512", "-sha512", rsa2048}, {"SHA-1, EC", "-sha1", ec("prime256v1")},
		{"P-384", "-sha256", ec("secp384r1")}, {"P-521", "-sha256", ec("secp521r1")}, {"Ed25519", "-sha256", []string{"-algorithm", "ED25519"}},
	} {
		cert, key := b.signed(root, c.key, exts, c.digest)
		show := tlsOf(b.presentedPEM(cert, key))
		list = append(list, inTwoModes(c.name, show, rootFile, "")...)
		list = append(list, trustCase{name: c.name + ", not verified", b: show, options: with("sslmode", "require")},
			trustCase{name: c.name + ", verify-ca", b: show, options: with("sslmode", "verify-ca", "sslrootcert", rootFile), host: "other.test"})
	}
	bigKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.T.Fatal(err)
	}
	smallKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		b.T.Fatal(err)
	}
	big := b.sign(node{key: bigKey}, authority("big", nil), bigKey)
	bigFile := b.file("root", certPEM(big), 0o644)
	for name, algorithm := range map[string]x509.SignatureAlgorithm{
		"signed with RSA-PSS": x509.SHA256WithRSAPSS, "signed with RSA-PSS and SHA-512": x509.SHA512WithRSAPSS, "signed with SHA-384": x509.SHA384WithRSA,
	} {
		leaf := b.leaf(big, func(c *x509.Certificate) { c.SignatureAlgorithm = algorithm })
		list = append(list, inTwoModes(name, tlsOf(presented(leaf)), bigFile, "")[:1]...)
	}
	for _, salt := range []string{"rsa_pss_saltlen:max", "rsa_pss_saltlen:digest", "rsa_pss_saltlen:20", "rsa_pss_saltlen:0"} {
		cert, key := b.signed(big, ec("prime256v1"), exts, "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", salt)
		list = append(list, inTwoModes("signed with RSA-PSS, "+salt, tlsOf(b.presentedPEM(cert, key)), bigFile, "")[:1]...)
	}
	md5, key := b.signed(big, rsa2048, exts, "-md5")
	list = append(list, inTwoModes("MD5", tlsOf(b.presentedPEM(md5, key)), bigFile, "")...)
	small := b.sign(big, authority("small", nil), smallKey)
	list = append(list, inTwoModes("RSA 1024, intermediate", tlsOf(presented(b.leaf(small), small)), bigFile, "")...)
	smallRoot := b.sign(node{key: smallKey}, authority("small root", nil), smallKey)
	list = append(list, inTwoModes("RSA 1024, root", tlsOf(presented(b.leaf(smallRoot))), b.file("root", certPEM(smallRoot), 0o644), "")...)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.T.Fatal(err)
	}
	edRoot := b.sign(node{key: edKey}, authority("ed", nil), edKey)
	list = append(list, inTwoModes("signed with Ed25519", tlsOf(presented(b.leaf(edRoot))), b.file("root", certPEM(edRoot), 0o644), "")[:1]...)
	// a SHA-1 self-signed root is fine: nobody relies on its signature
	shaKey := b.openssl(nil, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
	shaFile := b.file("key", shaKey, 0o600)
	shaRoot := b.openssl(nil, "req", "-x509", "-sha1", "-days", "1", "-key", shaFile, "-subj", "/CN=sha")
	pair := b.presentedPEM(shaRoot, shaKey)
	parsed, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		b.T.Fatal(err)
	}
	shaNode := node{parsed, pair.PrivateKey.(*rsa.PrivateKey)}
	list = append(list, inTwoModes("SHA-1, root", tlsOf(presented(b.leaf(shaNode))), b.file("root", shaRoot, 0o644), "")[:1]...)
	// version 1, as some still make their roots
	v1 := b.openssl(b.openssl(nil, "req", "-new", "-key", shaFile, "-subj", "/CN=v1"), "x509", "-req", "-days", "1", "-signkey", shaFile)
	if parsed, err = x509.ParseCertificate(b.presentedPEM(v1, shaKey).Certificate[0]); err != nil {
		b.T.Fatal(err)
	}
	list = append(list, inTwoModes("version 1, root", tlsOf(presented(b.leaf(node{parsed, shaNode.key}))), b.file("root", v1, 0o644), "")[:1]...)
	return list
}

func constraintCases(b *trustBench) (list []trustCase) {
	root := b.root("root")
	rootFile := b.file("root", certPEM(root), 0o644)
	onlyDNS := func(names ...string) change { return func(c *x509.Certificate) { c.PermittedDNSDomains = names } }
	noDNS := func(names ...string) change { return func(c *x509.Certificate) { c.ExcludedDNSDomains = names } }
	nets := func(cidr string) change {
		return func(c *x509.Certificate) {
			_, n, _ := net.ParseCIDR(cidr)
			c.PermittedIPRanges = []*net.IPNet{n}
		}
	}
	dir := func(organization string) change {
		name, err := asn1.Marshal(pkix.Name{Organization: []string{organization}}.ToRDNSequence())
		if err != nil {
			b.T.Fatal(err)
		}
		wrap := func(tag byte, in []byte) []byte { return append([]byte{tag, byte(len(in))}, in...) }
		return extend(asn1.ObjectIdentifier{2, 5, 29, 30}, true, wrap(0x30, wrap(0xa0, wrap(0x30, wrap(0xa4, name))))...)
	}
	organized := func(c *x509.Certificate) { c.Subject.Organization = []string{"Acme"} }
	for _, c := range []struct {
		name     string
		by, leaf change
		host     string
		stricter string
	}{
		{"permitted", onlyDNS("test"), named("x", "db.test"), "", ""}, {"not permitted", onlyDNS("other"), named("x", "db.test"), "", ""},
		{"excluded", noDNS("test"), named("x", "db.test"), "", ""}, {"excluded elsewhere", noDNS("other"), named("x", "db.test"), "", ""},
		{"second name not permitted", onlyDNS("test"), named("x", "db.test", "db.other"), "", ""},
		{"common name, permitted", onlyDNS("test"), named("db.test"), "", ""}, {"common name, not permitted", onlyDNS("other"), named("db.test"), "", ""},
		{"common name, excluded", noDNS("test"), named("db.test"), "", ""}, {"common name beside a dNSName", onlyDNS("test"), named("db.other", "db.test"), "", ""},
		{"common name of one label", onlyDNS("other"), named("localhost"), "localhost", ""},
		{"wildcard common name", onlyDNS("other"), named("*.db.test"), "a.db.test", rowWildcard},
		{"wildcard name, permitted", onlyDNS("test"), named("x", "*.test"), "", ""}, {"wildcard name, not permitted", onlyDNS("other"), named("x", "*.test"), "", ""},
		{"address permitted", nets("127.0.0.0/8"), named("x", "IP:127.0.0.1"), "127.0.0.1", ""}, {"address not permitted", nets("10.0.0.0/8"), named("x", "IP:127.0.0.1"), "127.0.0.1", ""},
		{"name beside an address constraint", nets("10.0.0.0/8"), named("x", "db.test"), "", ""},
		{"directory permitted", dir("acme"), organized, "", ""}, {"directory not permitted", dir("other"), organized, "", ""},
	} {
		sub := b.sub(root, "sub", c.by)
		for _, tc := range inModes(c.name, tlsOf(presented(b.leaf(sub, c.leaf), sub)), rootFile, c.stricter)[:2] {
			tc.host = c.host
			list = append(list, tc)
		}
	}
	return list
}

func fileCases(b *trustBench) (list []trustCase) {
	root, other := b.root("root"), b.root("other")
	show := tlsOf(presented(b.leaf(root)))
	good := certPEM(root)
	mid := b.sub(root, "sub")
	midShow := tlsOf(presented(b.leaf(mid), mid))
	broken := "-----BEGIN CERTIFICATE-----\nAAAA!\n-----END CERTIFICATE-----\n"
	trust := func(in []byte, args ...string) []byte {
		return b.openssl(in, append([]string{"x509", "-trustout"}, args...)...)
	}
	for _, c := range []struct {
		name     string
		text     []byte
		stricter string // with sslmode prefer only
	}{
		{"two roots", append(certPEM(other), good...), ""}, {"text around", []byte("a\n" + string(good) + "b\n"), ""},
		{"good and broken", []byte(string(good) + broken), rowPrefer}, {"broken and good", []byte(broken + string(good)), rowPrefer},
		{"truncated", append(append([]byte{}, good...), certPEM(other)[:200]...), rowPrefer}, {"DER", root.Raw, rowPrefer}, {"empty", nil, rowPrefer},
		{"no PEM", []byte("root:x:0:0\n"), rowPrefer}, {"a key only", b.keyPEM(root), rowPrefer},
		{"malformed certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0}}), rowPrefer},
		{"old header", []byte(strings.ReplaceAll(string(good), " CERTIFICATE", " X509 CERTIFICATE")), ""},
		{"trusted", trust(good), ""}, {"trusted with a name", trust(good, "-setalias", "x"), ""}, {"trusted for servers", trust(good, "-addtrust", "serverAuth"), ""},
		{"trusted for clients", trust(good, "-addtrust", "clientAuth"), ""}, {"rejected for servers", trust(good, "-addreject", "serverAuth"), ""},
		{"rejected for clients", trust(good, "-addreject", "clientAuth"), ""}, {"trusted for any use", trust(good, "-addtrust", "anyExtendedKeyUsage"), ""},
		{"a list with it", append(append([]byte{}, good...), b.list(root, nil)...), ""},
	} {
		for _, tc := range inModes(c.name, show, b.file("root", c.text, 0o644), "") {
			if tc.options["sslmode"] == "prefer" {
				tc.stricter = c.stricter
			}
			list = append(list, tc)
		}
	}
	list = append(list, inModes("trusted intermediate", midShow, b.file("root", trust(certPEM(mid), "-addtrust", "serverAuth"), 0o644), rowAnchor)[:2]...)
	list = append(list, inModes("missing", show, filepath.Join(b.dir, "none"), "")...)
	for _, mode := range []string{"allow", "disable", "verify-ca", "require", "prefer"} {
		list = append(list, trustCase{name: "no root, " + mode, b: show, options: with("sslmode", mode)})
	}
	for _, tc := range inModes("a directory", show, b.dir, "") {
		if tc.options["sslmode"] == "prefer" {
			tc.stricter = rowPrefer
		}
		list = append(list, tc)
	}
	plain := trustCase{name: "server without TLS, prefer, broken root", options: with("sslmode", "prefer", "sslrootcert", b.file("root", []byte(broken), 0o644))}
	disabled := trustCase{name: "sslmode disable, missing files", options: with("sslmode", "disable", "sslrootcert", "/none", "sslcert", "/none", "sslkey", "/none", "sslcrl", "/none")}
	return append(list, plain, disabled,
		trustCase{name: "no host name, verify-full", b: show, host: "-", options: with("sslmode", "verify-full", "sslrootcert", b.file("root", good, 0o644))},
		trustCase{name: "no host name, verify-ca", b: show, host: "-", options: with("sslmode", "verify-ca", "sslrootcert", b.file("root", good, 0o644))})
}

func revocationCases(b *trustBench) (list []trustCase) {
	root := b.root("root")
	sub := b.sub(root, "sub")
	leaf := b.leaf(sub)
	place := append([]byte{0x30, 25, 0xa0, 23, 0xa0, 21, 0x86, 19}, "http://x.test/a.crl"...)
	placed := b.leaf(sub, func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://x.test/a.crl"} })
	old := func(l *x509.RevocationList) {
		l.ThisUpdate, l.NextUpdate = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	}
	earlier := func(l *x509.RevocationList) { l.ThisUpdate = time.Now().Add(-time.Hour) }
	future := func(l *x509.RevocationList) {
		l.ThisUpdate, l.NextUpdate = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	}
	removed := func(l *x509.RevocationList) {
		l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: leaf.SerialNumber, RevocationTime: time.Now(), ReasonCode: 8}}
	}
	held := func(l *x509.RevocationList) {
		l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: leaf.SerialNumber, RevocationTime: time.Now(), ReasonCode: 6}}
	}
	ext := func(id asn1.ObjectIdentifier, critical bool, der ...byte) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) {
			l.ExtraExtensions = append(l.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: der})
		}
	}
	issuing, delta, unknown := asn1.ObjectIdentifier{2, 5, 29, 28}, asn1.ObjectIdentifier{2, 5, 29, 27}, asn1.ObjectIdentifier{1, 2, 3}
	ofRoot, ofSub := b.list(root, nil), b.list(sub, nil)
	join := func(parts ...[]byte) []byte {
		return []byte(strings.Join(func() (s []string) {
			for _, p := range parts {
				s = append(s, string(p))
			}
			return s
		}(), ""))
	}
	both, inFile := tlsOf(presented(leaf, sub)), b.file("root", certPEM(root), 0o644)
	withSub := b.file("root", certPEM(root, sub), 0o644)
	mute := b.sub(root, "mute", useFor(x509.KeyUsageCertSign))
	crossed := b.root("other")
	viaOther := b.sign(crossed, func() *x509.Certificate { c := authority("sub", nil); c.SubjectKeyId = sub.SubjectKeyId; return c }(), sub.key)
	for _, c := range []struct {
		name string
		b    behaviour
		root string
		crl  []byte
	}{
		{"all current", both, inFile, join(ofRoot, ofSub)}, {"leaf revoked", both, inFile, join(ofRoot, b.list(sub, nil, leaf))},
		{"intermediate revoked", both, inFile, join(b.list(root, nil, sub), ofSub)}, {"intermediate revoked and in the file", both, withSub, join(b.list(root, nil, sub), ofSub)},
		{"root's list missing", both, inFile, ofSub}, {"root's list missing, intermediate in the file", both, withSub, ofSub},
		{"intermediate's list missing", both, inFile, ofRoot}, {"expired", both, inFile, join(ofRoot, b.list(sub, old))}, {"not valid yet", both, inFile, join(ofRoot, b.list(sub, future))},
		{"expired beside current", both, inFile, join(ofRoot, b.list(sub, old, leaf), ofSub)}, {"older revokes", both, inFile, join(ofRoot, b.list(sub, earlier, leaf), ofSub)},
		{"newer revokes", both, inFile, join(ofRoot, b.list(sub, earlier), b.list(sub, nil, leaf))}, {"taken back", both, inFile, join(ofRoot, b.list(sub, removed))},
		{"on hold", both, inFile, join(ofRoot, b.list(sub, held))},
		{"unknown critical extension", both, inFile, join(ofRoot, b.list(sub, ext(unknown, true, 5, 0)))}, {"unknown extension", both, inFile, join(ofRoot, b.list(sub, ext(unknown, false, 5, 0)))},
		{"delta", both, inFile, join(ofRoot, b.list(sub, ext(delta, true, 2, 1, 1)))}, {"delta beside complete", both, inFile, join(ofRoot, ofSub, b.list(sub, ext(delta, true, 2, 1, 1), leaf))},
		{"place not named", both, inFile, join(ofRoot, b.list(sub, ext(issuing, true, place...)))}, {"place named", tlsOf(presented(placed, sub)), inFile, join(ofRoot, b.list(sub, ext(issuing, true, place...)))},
		{"users only", both, inFile, join(ofRoot, b.list(sub, ext(issuing, true, 0x30, 3, 0x81, 1, 0xff)))}, {"authorities only", both, inFile, join(ofRoot, b.list(sub, ext(issuing, true, 0x30, 3, 0x82, 1, 0xff)))},
		{"indirect", both, inFile, join(ofRoot, b.list(sub, ext(issuing, true, 0x30, 3, 0x84, 1, 0xff)))},
		{"signer may not", tlsOf(presented(b.leaf(mute), mute)), inFile, join(ofRoot, b.list(b.sub(root, "mute", func(c *x509.Certificate) { c.SubjectKeyId = mute.SubjectKeyId }), nil))},
		{"a stranger's", both, inFile, join(ofRoot, b.list(b.root("sub"), nil))},
		{"crossed, one path revoked", tlsOf(presented(leaf, viaOther)), b.file("root", certPEM(root, crossed), 0o644), join(ofRoot, ofSub, b.list(crossed, nil, viaOther))},
		{"crossed, the other path revoked", tlsOf(presented(leaf, sub, viaOther)), b.file("root", certPEM(root, crossed), 0o644), join(ofRoot, ofSub, b.list(crossed, nil, viaOther))},
	} {
		list = append(list, inModes(c.name, c.b, c.root, "", "sslcrl", b.file("crl", c.crl, 0o644))[:2]...)
	}
	return append(list, revocationFileCases(b, root, sub, leaf)...)
}

func revocationFileCases(b *trustBench, root, sub, leaf node) (list []trustCase) {
	both, inFile := tlsOf(presented(leaf, sub)), b.file("root", certPEM(root), 0o644)
	good := append(b.list(root, nil), b.list(sub, nil)...)
	revoking := append(b.list(root, nil), b.list(sub, nil, leaf)...)
	block, _ := pem.Decode(b.list(sub, nil, leaf))
	own := b.root("self", func(c *x509.Certificate) {
		c.DNSNames = []string{"db.test"}
		c.KeyUsage |= x509.KeyUsageDigitalSignature
	})
	for _, c := range []struct {
		name, file string
		stricter   string // with the modes that verify
	}{
		{"missing list", filepath.Join(b.dir, "none"), rowCRLMissing}, {"empty list", b.file("crl", nil, 0o644), rowCRLMissing},
		{"truncated list", b.file("crl", revoking[:len(revoking)-50], 0o644), rowCRLMissing},
	} {
		for _, tc := range inModes(c.name, both, inFile, "", "sslcrl", c.file)[:2] {
			if strings.HasPrefix(tc.options["sslmode"], "verify") {
				tc.stricter = c.stricter
			}
			list = append(list, tc)
		}
	}
	list = append(list, inModes("DER list that revokes", both, inFile, rowCRLDER, "sslcrl", b.file("crl", block.Bytes, 0o644))[:2]...)
	list = append(list, inModes("lists in the root's file", both, b.file("root", append(certPEM(root), good...), 0o644), "", "sslcrl", b.file("crl", good, 0o644))[:2]...)
	list = append(list, inModes("the root in the lists' file", both, b.file("root", certPEM(b.root("x")), 0o644), rowCRLRoots, "sslcrl", b.file("crl", append(certPEM(root), good...), 0o644))[:2]...)
	list = append(list, inModes("self-signed, its list", tlsOf(presented(own)), b.file("root", certPEM(own), 0o644), "", "sslcrl", b.file("crl", b.list(own, nil), 0o644))[:2]...)
	list = append(list, inModes("self-signed, no list of it", tlsOf(presented(own)), b.file("root", certPEM(own), 0o644), "", "sslcrl", b.file("crl", good, 0o644))[:2]...)
	hash := func(n node) string {
		return strings.TrimSpace(string(b.openssl(certPEM(n), "x509", "-noout", "-hash")))
	}
	dir := func(files map[string][]byte) string {
		b.n++
		name := filepath.Join(b.dir, fmt.Sprintf("d%d", b.n))
		b.mkdir(name)
		for file, text := range files {
			b.fileAt(filepath.Join(name, file), text, 0o644)
		}
		return name
	}
	ofRoot, ofSub := b.list(root, nil), b.list(sub, nil)
	for name, files := range map[string]map[string][]byte{
		"directory, hashed": {hash(root) + ".r0": ofRoot, hash(sub) + ".r0": ofSub}, "directory, not hashed": {"root.crl": ofRoot, "sub.crl": ofSub},
		"directory, revoked": {hash(root) + ".r0": ofRoot, hash(sub) + ".r0": b.list(sub, nil, leaf)}, "directory, empty": {},
		"directory, second file revokes": {hash(root) + ".r0": ofRoot, hash(sub) + ".r0": b.list(sub, func(l *x509.RevocationList) { l.ThisUpdate = time.Now().Add(-time.Hour) }), hash(sub) + ".r1": b.list(sub, nil, leaf)},
		"directory, gap":                 {hash(root) + ".r0": ofRoot, hash(sub) + ".r1": ofSub},
		"directory, certificate in it":   {hash(root) + ".r0": ofRoot, hash(sub) + ".r0": certPEM(sub)},
	} {
		list = append(list, inModes(name, both, inFile, "", "sslcrldir", dir(files))[:2]...)
	}
	list = append(list, inModes("directory missing", both, inFile, "", "sslcrldir", filepath.Join(b.dir, "none"))[:2]...)
	return append(list, inModes("file and directory", both, inFile, "", "sslcrl", b.file("crl", ofRoot, 0o644), "sslcrldir", dir(map[string][]byte{hash(sub) + ".r0": ofSub}))[:2]...)
}
