package dial

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerifyName follows the rules of libpq 15 (fe-secure-common.c, fe-secure-openssl.c).
func TestVerifyName(t *testing.T) {
	root := makeRoot(t, "root")
	cert := func(cn string, dns []string, ips ...string) node {
		return root.leaf(t, func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: cn}
			c.DNSNames = dns
			for _, ip := range ips {
				c.IPAddresses = append(c.IPAddresses, net.ParseIP(ip))
			}
		})
	}
	twoNames := root.leaf(t, func(c *x509.Certificate) {
		c.DNSNames = nil
		c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidCommonName, Value: "first.test"}, {Type: oidCommonName, Value: "second.test"}}}
	})
	zero := root.leaf(t, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "db.test\x00.evil.test"}
		c.DNSNames = nil
	})
	for _, c := range []struct {
		cert node
		host string
		good bool
	}{
		{cert("x", []string{"db.test"}), "db.test", true},
		{cert("x", []string{"DB.test"}), "db.TEST", true},
		{cert("x", []string{"a.test", "db.test"}), "db.test", true},
		{cert("x", []string{"db.test"}), "db.test.", false}, // a trailing dot makes another name
		{cert("x", []string{"localhost"}), "localhost.", false},
		{cert("x", []string{"db.test"}), "x", false}, // the common name does not count beside a dNSName
		{cert("db.test", nil), "db.test", true},
		{cert("db.test", nil, "127.0.0.1"), "db.test", true}, // it does beside an address
		{cert("db.test", []string{"a.test"}, "127.0.0.1"), "db.test", false},
		{cert("127.0.0.1", []string{"db.test"}), "127.0.0.1", true}, // and for an address beside a dNSName
		{cert("127.0.0.1", nil, "127.0.0.2"), "127.0.0.1", false},
		{cert("x", nil, "127.0.0.1"), "127.0.0.1", true},
		{cert("x", []string{"127.0.0.1"}), "127.0.0.1", true}, // a dNSName that is an address
		{cert("x", nil, "127.0.0.1"), "127.1", true},          // inet_aton's notations
		{cert("x", nil, "127.0.0.1"), "0x7f.0.0.1", true},
		{cert("x", nil, "127.0.0.1"), "2130706433", true},
		{cert("x", nil, "127.0.0.1"), "0177.0.0.1", true},
		{cert("x", nil, "127.0.0.1"), "127.0.0.256", false},
		{cert("x", nil, "::1"), "::1", true},
		{cert("x", nil, "::1"), "0:0:0:0:0:0:0:1", true},
		{cert("x", nil, "::1"), "[::1]", false},
		{cert("x", nil, "127.0.0.1"), "::ffff:127.0.0.1", false}, // not the IPv4 address
		{cert("x", nil, "fe80::1"), "fe80::1%lo", false},
		{cert("x", []string{"*.test"}), "db.test", true},
		{cert("x", []string{"*.test"}), "a.db.test", false},
		{cert("x", []string{"*.test"}), ".test", false},
		{cert("x", []string{"*.test"}), "test", false},
		{cert("x", []string{"*.0.0.1"}), "127.0.0.1", true}, // libpq does not ask what kind of name it is
		{cert("*.test", nil), "db.test", true},
		{cert("*", nil), "db", false},
		{cert("d*.test", nil), "db.test", false},
		{cert("*.", nil), "a.", false},
		{twoNames, "first.test", true},
		{twoNames, "second.test", false},
		{zero, "db.test", false},
		{cert("", nil), "db.test", false},
		{cert("\u212aelvin.test", nil), "kelvin.test", false}, // only ASCII letters have two cases
	} {
		if err := verifyName(c.cert.Certificate, c.host); (err == nil) != c.good {
			t.Errorf("%v %v %v for %q: %v", c.cert.Subject, c.cert.DNSNames, c.cert.IPAddresses, c.host, err)
		}
	}
	err := verifyName(cert("x", []string{"a.test", "b.test"}, "10.0.0.1").Certificate, "db.test")
	if err == nil || err.Error() != `server certificate is not for host "db.test", but for "a.test", "b.test", "10.0.0.1"` {
		t.Errorf("%v", err)
	}
}

// TestNameHash compares with openssl, which names the files of an sslcrldir.
func TestNameHash(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	for _, name := range []pkix.Name{
		{CommonName: "root"}, {CommonName: "  Two   Words "}, {Country: []string{"DE"}, Organization: []string{"ACME GmbH", "B"}, CommonName: "Größe"},
		{ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, Value: asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte("Example")}},
			{Type: oidCommonName, Value: asn1.RawValue{Tag: asn1.TagBMPString, Bytes: []byte("\x00A\x00\xfc")}},
			{Type: oidCommonName, Value: asn1.RawValue{Tag: asn1.TagT61String, Bytes: []byte("caf\xe9 X")}},
		}},
	} {
		root := makeRoot(t, "x", func(c *x509.Certificate) { c.Subject = name })
		file := filepath.Join(t.TempDir(), "c.pem")
		if err := os.WriteFile(file, pemCert(root), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(openssl, "x509", "-noout", "-hash", "-in", file).Output()
		if got := nameHash(root.RawSubject); err != nil || got != strings.TrimSpace(string(out)) {
			t.Errorf("%v: %s, openssl says %s (%v)", name, got, out, err)
		}
	}
}

func TestNameString(t *testing.T) {
	name := func(n pkix.Name) []byte {
		der, err := asn1.Marshal(n.ToRDNSequence())
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	for want, raw := range map[string][]byte{
		`"CN=db.test,O=Acme,C=DE"`: name(pkix.Name{Country: []string{"DE"}, Organization: []string{"Acme"}, CommonName: "db.test"}),
		`"other=x,emailAddress=a@b.test"`: name(pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: oidEmailAddress, Value: asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte("a@b.test")}}, {Type: asn1.ObjectIdentifier{1, 2, 3}, Value: "x"}}}),
		`"CN=a.b"`: name(pkix.Name{CommonName: "a\nb"}), "without a name": name(pkix.Name{}),
	} {
		if got := nameString(raw); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
