package cluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgwire_fdw/regress/cluster/pgtest"
)

func nameCases(b *trustBench) (list []trustCase) {
	root := b.root("root")
	rootFile := b.file("root", certPEM(root), 0o644)
	cn := asn1.ObjectIdentifier{2, 5, 4, 3}
	two := func(c *x509.Certificate) {
		c.DNSNames = nil
		c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: cn, Value: "first.test"}, {Type: cn, Value: "second.test"}}}
	}
	zero := func(c *x509.Certificate) { c.DNSNames, c.Subject = nil, pkix.Name{CommonName: "db.test\x00.evil.test"} }
	for i, c := range []struct {
		names change
		hosts []string
	}{
		{named("x", "db.test"), []string{"db.test", "DB.Test", "db.test.", "x", "a.db.test", "db"}},
		{named("x", "localhost"), []string{"localhost", "localhost.", "LOCALHOST"}},
		{named("x", "a.test", "db.test"), []string{"db.test", "a.test", "b.test"}},
		{named("db.test"), []string{"db.test", "DB.TEST", "db.test."}},
		{named("db.test", "IP:127.0.0.1"), []string{"db.test", "127.0.0.1"}},
		{named("db.test", "a.test", "IP:127.0.0.1"), []string{"db.test", "a.test", "127.0.0.1"}},
		{named("127.0.0.1", "db.test"), []string{"127.0.0.1", "db.test"}},
		{named("127.0.0.1"), []string{"127.0.0.1", "127.1"}},
		{named("127.0.0.1", "IP:127.0.0.2"), []string{"127.0.0.1", "127.0.0.2"}},
		{named("x", "127.0.0.1"), []string{"127.0.0.1", "127.1", "0x7f.1"}},
		{named("x", "IP:127.0.0.1"), []string{"127.0.0.1", "127.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "127.0.0.1.", "::ffff:127.0.0.1", "[127.0.0.1]", "0X7F.1", "127.00.0.01", "127.0.0.0x1"}},
		{named("x", "IP:::1"), []string{"::1", "0:0:0:0:0:0:0:1", "[::1]", "::0.0.0.1", "::1%lo"}},
		{named("x", "*.test"), []string{"db.test", "DB.TEST", "a.db.test", ".test", "test", "*.test"}},
		{named("x", "*.0.0.1"), []string{"127.0.0.1"}}, {named("*.test"), []string{"db.test", "a.db.test"}},
		{named("*"), []string{"db"}}, {named("d*.test"), []string{"db.test"}}, {named("*.*.test"), []string{"a.db.test"}},
		{two, []string{"first.test", "second.test"}}, {zero, []string{"db.test"}}, {named(""), []string{"db.test"}},
		{named("\u212aelvin.test"), []string{"kelvin.test"}}, {named("db.test", "a_b.test"), []string{"a_b.test", "db.test"}},
	} {
		leaf := tlsOf(presented(b.leaf(root, c.names)))
		for _, host := range c.hosts {
			list = append(list, trustCase{name: fmt.Sprintf("names %d for %q", i, host), b: leaf, host: host, options: with("sslmode", "verify-full", "sslrootcert", rootFile)})
		}
	}
	return list
}

// own gives a file to the servers' user.
func (b *trustBench) own(file string) string {
	if u, err := user.Lookup("postgres"); err == nil && os.Geteuid() == 0 {
		uid, _ := strconv.Atoi(u.Uid)
		if err := os.Chown(file, uid, -1); err != nil {
			b.T.Fatal(err)
		}
	}
	return file
}

func keyCases(b *trustBench) (list []trustCase) {
	root := b.root("root")
	show := behaviour{tls: &tls.Config{Certificates: []tls.Certificate{presented(b.leaf(root))}, ClientAuth: tls.RequireAnyClientCert}}
	alice, bob := b.leaf(root), b.leaf(root)
	plain := b.keyPEM(alice)
	der, _ := pem.Decode(plain)
	cert := b.file("cert", certPEM(alice), 0o644)
	const password = "let me in"
	pk8 := func(args ...string) []byte {
		return b.openssl(plain, append([]string{"pkcs8", "-topk8", "-passout", "pass:" + password}, args...)...)
	}
	add := func(name, certFile string, key []byte, mode os.FileMode, stricter string, options ...string) {
		list = append(list, trustCase{name: "key: " + name, b: show, stricter: stricter, user: with("sslpassword", password),
			options: with(append([]string{"sslmode", "require", "sslcert", certFile, "sslkey", b.own(b.file("key", key, mode))}, options...)...)})
	}
	for _, c := range []struct {
		name, stricter string
		key            []byte
	}{
		{"PKCS #8", "", plain}, {"PKCS #8, DER", "", der.Bytes}, {"SEC 1", "", b.openssl(plain, "ec")}, {"SEC 1, DER", "", b.openssl(plain, "ec", "-outform", "DER")},
		{"traditional AES", "", b.openssl(plain, "ec", "-aes128", "-passout", "pass:"+password)}, {"AES-256", "", pk8("-v2", "aes-256-cbc")},
		{"AES-192, SHA-384", "", pk8("-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA384")}, {"AES-128, SHA-512", "", pk8("-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512")},
		{"3DES", "", pk8("-v2", "des3")}, {"scrypt", "", pk8("-scrypt")}, {"PBES1", rowKeys, pk8("-v1", "PBE-SHA1-3DES")}, {"Camellia", rowKeys, pk8("-v2", "camellia-256-cbc")},
		{"another's", "", b.keyPEM(bob)}, {"a certificate", "", certPEM(alice)}, {"nothing", "", nil}, {"parameters in front", "", append(b.openssl(nil, "ecparam", "-name", "prime256v1"), plain...)},
		{"encrypted DER", "", pk8("-outform", "DER")},
	} {
		add(c.name, cert, c.key, 0o600, c.stricter)
	}
	wrong := trustCase{name: "key: wrong password", b: show, user: with("sslpassword", "x"),
		options: with("sslmode", "require", "sslcert", cert, "sslkey", b.own(b.file("key", pk8("-v2", "aes-256-cbc"), 0o600)))}
	none := wrong
	none.name, none.user = "key: no password", nil
	list = append(list, wrong, none)
	add("open to others", cert, plain, 0o644, "")
	add("open to the group", cert, plain, 0o640, "")
	add("certificate in DER", b.file("cert", alice.Raw, 0o644), plain, 0o600, "")
	add("certificate with its issuer", b.file("cert", certPEM(alice, root), 0o644), plain, 0o600, "")
	add("broken certificate behind", b.file("cert", append(certPEM(alice), certPEM(root)[:200]...), 0o644), plain, 0o600, "")
	add("certificate empty", b.file("cert", nil, 0o644), plain, 0o600, "")
	add("sslcertmode", cert, plain, 0o600, "")
	for name, newkey := range map[string][]string{
		"RSA 2048": {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}, "RSA 1024": {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"}, "Ed25519": {"-algorithm", "ED25519"},
	} {
		c, key := b.signed(root, newkey, "", "-sha256")
		add(name, b.file("cert", c, 0o644), key, 0o600, "")
	}
	sha1, key := b.signed(root, []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}, "", "-sha1")
	add("SHA-1", b.file("cert", sha1, 0o644), key, 0o600, "")
	for name, newkey := range map[string][]string{
		"Ed448": {"-algorithm", "ED448"}, "RSA-PSS": {"-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"},
		"curve by parameters": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-pkeyopt", "ec_param_enc:explicit"},
	} {
		c, key := b.signed(root, newkey, "", "-sha256")
		tc := trustCase{name: "key: " + name, b: behaviour{tls: &tls.Config{Certificates: show.tls.Certificates}}, stricter: rowKeys, user: with("sslpassword", password),
			options: with("sslmode", "require", "sslcert", b.file("cert", c, 0o644), "sslkey", b.own(b.file("key", key, 0o600)))}
		list = append(list, tc)
	}
	optional := behaviour{tls: &tls.Config{Certificates: show.tls.Certificates}}
	list = append(list,
		trustCase{name: "key: missing", b: show, options: with("sslmode", "require", "sslcert", cert, "sslkey", filepath.Join(b.dir, "none"))},
		trustCase{name: "key: a directory", b: show, options: with("sslmode", "require", "sslcert", cert, "sslkey", b.dir)},
		trustCase{name: "certificate missing", b: optional, stricter: rowNoCert, options: with("sslmode", "require", "sslcert", filepath.Join(b.dir, "none"), "sslkey", filepath.Join(b.dir, "none"))},
		trustCase{name: "broken key, prefer", b: optional, stricter: rowPrefer, options: with("sslmode", "prefer", "sslcert", cert, "sslkey", b.own(b.file("key", nil, 0o600)))},
		trustCase{name: "no client certificate", b: show, options: with("sslmode", "require")})
	return list
}

func versionCases(b *trustBench) (list []trustCase) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.T.Fatal(err)
	}
	own := b.sign(node{key: key}, server([]change{useFor(x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment)}), key)
	rootFile := b.file("root", certPEM(own), 0o644)
	config := func(low, high uint16, suites ...uint16) behaviour {
		return behaviour{tls: &tls.Config{Certificates: []tls.Certificate{presented(own)}, MinVersion: low, MaxVersion: high, CipherSuites: suites}}
	}
	for _, suite := range []uint16{
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA,
	} {
		list = append(list, inModes(tls.CipherSuiteName(suite), config(tls.VersionTLS12, tls.VersionTLS12, suite), rootFile, "")[:2]...)
	}
	for _, c := range []struct {
		name      string
		low, high uint16
		options   []string
	}{
		{"TLS 1.3", tls.VersionTLS13, tls.VersionTLS13, nil}, {"TLS 1.3, at most 1.2", tls.VersionTLS13, tls.VersionTLS13, []string{"ssl_max_protocol_version", "TLSv1.2"}},
		{"TLS 1.2, at least 1.3", tls.VersionTLS12, tls.VersionTLS12, []string{"ssl_min_protocol_version", "TLSv1.3"}}, {"TLS 1.1", tls.VersionTLS11, tls.VersionTLS11, nil},
		{"TLS 1.1, minimum lowered", tls.VersionTLS11, tls.VersionTLS11, []string{"ssl_min_protocol_version", "TLSv1"}},
		{"TLS 1.0, minimum lowered", tls.VersionTLS10, tls.VersionTLS10, []string{"ssl_min_protocol_version", "TLSv1"}},
		{"TLS 1.1 and 1.2, minimum lowered", tls.VersionTLS11, tls.VersionTLS12, []string{"ssl_min_protocol_version", "TLSv1"}},
	} {
		list = append(list, inModes(c.name, config(c.low, c.high), rootFile, "", c.options...)...)
	}
	for _, tc := range inModes("at most TLS 1.1", config(tls.VersionTLS10, tls.VersionTLS12), rootFile, "", "ssl_min_protocol_version", "TLSv1", "ssl_max_protocol_version", "TLSv1.1") {
		if tc.options["sslmode"] == "prefer" {
			tc.stricter = rowPrefer
		}
		list = append(list, tc)
	}
	return list
}

func message(kind byte, body ...byte) []byte {
	return append([]byte{kind, 0, 0, byte((len(body) + 4) >> 8), byte(len(body) + 4)}, body...)
}

func authRequest(code byte, data string) []byte {
	return message('R', append([]byte{0, 0, 0, code}, data...)...)
}

// hostileCases are servers that do not keep to the protocol. After a good start-up they say nothing, so that no case
// ends in a result: what counts is whether the password was sent, and whether anything was tried again in the clear.
func hostileCases(b *trustBench) (list []trustCase) {
	show := tlsOf(presented(b.leaf(b.root("root"))))
	ok, ready := authRequest(0, ""), message('Z', 'I')
	sasl := authRequest(10, "SCRAM-SHA-256\x00\x00")
	for name, hello := range map[string][][]byte{
		"Ok twice": {bytes.Join([][]byte{ok, ok, ready}, nil)}, "a password after Ok": {bytes.Join([][]byte{ok, authRequest(3, ""), ready}, nil)},
		"a parameter first": {message('S', []byte("a\x00b\x00")...)}, "a notice first": {message('N', 0)},
		"SCRAM-SHA-256-PLUS without TLS": {authRequest(10, "SCRAM-SHA-256-PLUS\x00SCRAM-SHA-256\x00\x00")}, "unknown mechanism": {authRequest(10, "PLAIN\x00\x00")},
		"SASL twice": {sasl, sasl}, "challenge without SASL": {authRequest(11, "r=x,s=eA==,i=1")}, "foreign nonce": {sasl, authRequest(11, "r=x,s=eA==,i=4096")},
		"end without challenge": {sasl, authRequest(12, "v=eA==")}, "GSS": {authRequest(7, "")}, "SSPI": {authRequest(9, "")}, "unknown method": {authRequest(99, "")},
		"short MD5 salt": {authRequest(5, "ab")}, "huge authentication message": {append([]byte{'R', 0, 1, 0, 0}, make([]byte, 65536)...)}, "greeting": {[]byte("SSH-2.0-OpenSSH_9.2\r\n")},
		"error": {message('E', []byte("SFATAL\x00C28000\x00Mno\x00\x00")...)}, "old error": {[]byte("Eno more processes\n\x00")}, "not idle": {append(bytes.Clone(ok), message('T', 0, 0)...)},
	} {
		for _, mode := range []string{"disable", "prefer"} {
			list = append(list, trustCase{name: "hostile: " + name + ", " + mode, b: behaviour{hello: hello}, options: with("sslmode", mode)})
		}
	}
	for _, code := range []string{"28P01", "28000", "3D000"} {
		refusal := [][]byte{message('E', []byte("SFATAL\x00VFATAL\x00C"+code+"\x00Mno\x00\x00")...)}
		retry, allow := rowRetry, rowAllow
		if code == "28000" {
			retry, allow = "", ""
		}
		list = append(list,
			trustCase{name: code + " over TLS, prefer", b: behaviour{tls: show.tls, hello: refusal, only: "tls"}, stricter: retry, options: with("sslmode", "prefer")},
			trustCase{name: code + " over TLS, require", b: behaviour{tls: show.tls, hello: refusal, only: "tls"}, options: with("sslmode", "require")},
			trustCase{name: code + " without TLS, allow", b: behaviour{tls: show.tls, hello: refusal, only: "plain"}, stricter: allow, options: with("sslmode", "allow")})
	}
	for name, answer := range map[string]string{"bytes behind S": "SR\x00\x00\x00\x08\x00\x00\x00\x00", "error for an answer": "Etrust me\x00", "garbage for an answer": "X"} {
		for _, mode := range []string{"prefer", "require"} {
			list = append(list, trustCase{name: "hostile: " + name + ", " + mode, b: behaviour{answer: []byte(answer), tls: show.tls}, options: with("sslmode", mode)})
		}
	}
	return list
}

// Passwords beyond ASCII, as they are and as SASLprep changes or refuses them.
var oddPasswords = []string{
	"secret", "p\u00e4ss w\u00f6rd", "I\u00adX", "\u00aa", "\u2168", "\ufb01sh", "x\u00b2", "\uff50\uff41\uff53\uff53", "e\u0301", "\u00e9", "a\u00a0b", "a\u3000b", "a\u200bb", "\u00ad",
	"\u212b", "\u0627\u0031", "\u0627\u0031\u0628", "\u0627a\u0628", "a\u0340", "\u00e9\x07", "\u0221", "\u00e9\U0001f600", "\u1e9b\u0323", "\u0e2a\u0e33", "\u2028x", "\u3231\u3300\uff21\u00bc",
	"\u1100\u1161\u11a8", "\uac01", "\u2460", "\u2122", "\u00bd", "\u017f", "\u1f71", "\u0958", "a\u034fb", "a\ufe0fb", "a\u200db", "\ufeffx", "x\u0344", "\u2126", "\u05d0", "\u05d0\u05d1", "\ue000x", "\ufdfa", "\U0001d400", "\u1e9e", "\u00df", " \u00e9 ", "\u180ex\u00e9",
	"\u1806\u00e9", "\u205f\u00e9", "\u2060\u00e9", "\u0130\u00e9", "\ufffd", "\u0149", "\u2f00", "\uf900", "\U0002f800", "\U0002f868", "\u1d2c", "\u0f77", "\u06dd1\u0628",
}

func passwordCases(b *trustBench) (list []trustCase) {
	conn := b.remote.Connect(b.T)
	role := func(name, password, encryption string) {
		run(b.T, conn, fmt.Sprintf("SET password_encryption = '%s'; CREATE ROLE %s LOGIN SUPERUSER PASSWORD '%s'", encryption, name, password))
	}
	add := func(name, user, password string, options ...string) {
		c := trustCase{name: "password: " + name, port: b.remote.Port, options: with(append([]string{"sslmode", "disable"}, options...)...), user: map[string]string{"user": user, "password": password}}
		list = append(list, c)
	}
	for i, password := range oddPasswords {
		name := fmt.Sprintf("scram%d", i)
		role(name, password, "scram-sha-256")
		add(fmt.Sprintf("%+q", password), name, password)
		if i%8 == 0 {
			add(fmt.Sprintf("%+q for the next role", password), fmt.Sprintf("scram%d", (i+1)%len(oddPasswords)), password)
		}
	}
	for given, set := range map[string]int{"IX": 2, "fish": 5, "pass": 7, "\u00e9": 8, "e\u0301": 9, "a b": 10, "ab": 12, "\u00e5": 14, "K": 14, "a": 3, "x2": 6} {
		add(fmt.Sprintf("%+q for %+q", given, oddPasswords[set]), fmt.Sprintf("scram%d", set), given)
	}
	add("with channel binding required, without TLS", "scram0", "secret", "channel_binding", "require")
	add("empty", "scram0", "")
	return list
}

// TestTrustReal repeats with real servers what the relay cannot play: authentication bound to the TLS channel, and the
// cases that a server's own configuration brings about.
func TestTrustReal(t *testing.T) {
	needLibpq15(t)
	p := newPKI(t)
	t.Setenv("HOME", p.dir)
	root := p.root("root")
	sub := p.sub(root, "sub")
	local := pgtest.Start(t, pgtest.Options{Name: "local", Conf: []string{"jit = off"}})
	local.Exec(t, "CREATE EXTENSION postgres_fdw; CREATE EXTENSION pgwire_fdw")
	b := &trustBench{T: t, pki: p, relay: newRelay(t, local), conn: local.Connect(t), used: map[string]bool{}}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaRoot := p.sign(node{key: rsaKey}, authority("rsa", nil), rsaKey)
	edCert, edKey := p.signed(root, []string{"-algorithm", "ED25519"}, "", "-sha256")
	if ed := p.presentedPEM(edCert, edKey); ed.Leaf.SignatureAlgorithm == x509.PureEd25519 {
		t.Fatal("the certificate is to be signed with another algorithm than its key's")
	}
	selfEd := p.openssl(nil, "req", "-x509", "-days", "1", "-key", p.file("key", edKey, 0o600), "-subj", "/CN=db.test")
	leaf := p.leaf(sub)
	pss := func(a x509.SignatureAlgorithm) node {
		return p.leaf(rsaRoot, func(c *x509.Certificate) { c.SignatureAlgorithm = a })
	}
	pss256, pss512 := pss(x509.SHA256WithRSAPSS), pss(x509.SHA512WithRSAPSS)
	constrained := p.sub(root, "constrained", func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"other"} })
	outside, anyUse := p.leaf(constrained, named("db.test")), p.leaf(root, extended(x509.ExtKeyUsageAny))
	unused := p.leaf(root, useFor(x509.KeyUsageDataEncipherment))
	crl := p.file("crl", append(p.list(root, nil, sub), p.list(sub, nil)...), 0o644)
	critical := p.file("crl", append(p.list(root, nil), p.list(sub, func(l *x509.RevocationList) {
		l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
	})...), 0o644)
	onlySub := p.file("crl", p.list(sub, nil), 0o644)
	roots, withSub := p.file("roots", certPEM(root, rsaRoot), 0o644), p.file("roots", certPEM(root, sub), 0o644)
	bound := []map[string]string{
		with(), with("sslmode", "require"), with("sslmode", "require", "channel_binding", "require"), with("sslmode", "require", "channel_binding", "disable"),
		with("channel_binding", "disable"), with("sslmode", "disable"), with("sslmode", "allow"),
	}
	pssCert, pssKey := p.signed(root, []string{"-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"}, "", "-sha256")
	ed448Cert, ed448Key := p.signed(root, []string{"-algorithm", "ED448"}, "", "-sha256")
	curveCert, curveKey := p.signed(root, []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-pkeyopt", "ec_param_enc:explicit"}, "", "-sha256")
	saltCert, saltKey := p.signed(rsaRoot, []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"}, "", "-sha384", "-sigopt", "rsa_padding_mode:pss")
	unread := []map[string]string{with("sslmode", "prefer"), with("sslmode", "require")}
	verified := []map[string]string{with("sslmode", "verify-full", "sslrootcert", roots), with("sslmode", "verify-ca", "sslrootcert", roots), with("sslmode", "require")}
	certFile, keyFile := p.file("server.crt", certPEM(leaf), 0o644), b.own(p.file("server.key", p.keyPEM(leaf), 0o600))
	remote := pgtest.Start(t, pgtest.Options{Name: "tls", Conf: []string{"ssl = on",
		fmt.Sprintf("ssl_cert_file = '%s'", certFile), fmt.Sprintf("ssl_key_file = '%s'", keyFile)}})
	remote.Exec(t, stateView)
	for _, s := range []struct {
		name      string
		cert, key []byte
		options   []map[string]string
	}{
		{"signed with ECDSA", certPEM(leaf, sub), p.keyPEM(leaf), append(bound,
			with("sslmode", "verify-full", "sslrootcert", roots, "sslcrl", crl), with("sslmode", "verify-full", "sslrootcert", withSub, "sslcrl", crl),
			with("sslmode", "verify-full", "sslrootcert", withSub, "sslcrl", onlySub), with("sslmode", "verify-full", "sslrootcert", roots, "sslcrl", critical))},
		{"RSA-PSS with SHA-256", certPEM(pss256), p.keyPEM(pss256), append(bound, verified...)}, {"RSA-PSS with SHA-512", certPEM(pss512), p.keyPEM(pss512), bound},
		{"RSA-PSS as openssl has it", saltCert, saltKey, bound}, {"an Ed25519 key", edCert, edKey, bound}, {"signed with Ed25519", selfEd, edKey, bound},
		{"an RSA-PSS key", pssCert, pssKey, unread}, {"an Ed448 key", ed448Cert, ed448Key, unread}, {"a curve given by its parameters", curveCert, curveKey, unread},
		{"constrained common name", certPEM(outside, constrained), p.keyPEM(outside), verified},
		{"any use", certPEM(anyUse), p.keyPEM(anyUse), verified}, {"no use for TLS", certPEM(unused), p.keyPEM(unused), verified},
	} {
		b.present(remote, certFile, s.cert, keyFile, s.key)
		for _, o := range s.options {
			stricter := ""
			if strings.HasSuffix(s.name, "key") && s.name != "an Ed25519 key" || strings.HasPrefix(s.name, "a curve") {
				stricter = rowUnread
			}
			b.compare(trustCase{stricter: stricter, name: fmt.Sprintf("%s %v", s.name, o), port: remote.Port, options: o,
				user: map[string]string{"user": pgtest.Superuser, "password": pgtest.Password}})
		}
	}
	b.documented()
	t.Logf("%d cases: %d alike, %d stricter, %d more lenient", b.alike+b.stricter+b.lenient, b.alike, b.stricter, b.lenient)
}

// present makes a server show another certificate, and waits until new sessions have the new configuration.
func (b *trustBench) present(remote *pgtest.Cluster, certFile string, cert []byte, keyFile string, key []byte) {
	b.T.Helper()
	b.fileAt(certFile, cert, 0o644)
	b.fileAt(keyFile, key, 0o600)
	loaded := func() string {
		s := open(b.T, remote)
		defer s.conn.Close(context.Background())
		return s.get("SELECT pg_conf_load_time()")
	}
	before := loaded()
	remote.Exec(b.T, "SELECT pg_reload_conf()")
	pgtest.WaitUntil(b.T, patience, "the new certificate", func() bool { return loaded() != before })
}
