package dial

import (
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func pemCert(nodes ...node) (text []byte) {
	for _, n := range nodes {
		text = append(text, pemOf(&pem.Block{Type: "CERTIFICATE", Bytes: n.Raw})...)
	}
	return text
}

func TestParseRoots(t *testing.T) {
	a, b := makeRoot(t, "a"), makeRoot(t, "b")
	good := pemCert(a)
	trusted := func(aux any) []byte {
		der := a.Raw
		if aux != nil {
			more, err := asn1.Marshal(aux)
			if err != nil {
				t.Fatal(err)
			}
			der = append(append([]byte{}, der...), more...)
		}
		return pemOf(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: der})
	}
	server, client := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 2}
	type trusts struct{ Trust []asn1.ObjectIdentifier }
	type rejects struct {
		Reject []asn1.ObjectIdentifier `asn1:"tag:0"`
	}
	type alias struct {
		Alias string `asn1:"utf8"`
	}
	broken := "-----BEGIN CERTIFICATE-----\nAAAA!\n-----END CERTIFICATE-----\n"
	for name, c := range map[string]struct {
		text string
		n    int
		fail string
	}{
		"one": {string(good), 1, ""}, "two": {string(pemCert(a, b)), 2, ""}, "text between": {"a\n" + string(good) + "b\n" + string(pemCert(b)), 2, ""},
		"good and broken": {string(good) + broken, 0, "broken PEM"}, "broken and good": {broken + string(good), 0, "broken PEM"},
		"truncated": {string(good) + string(good[:len(good)/2]), 0, "broken PEM"}, "DER": {string(a.Raw), 0, "is in DER form"},
		"empty": {"", 0, "holds no certificate"}, "no PEM": {"root:x:0:0\n", 0, "holds no certificate"},
		"malformed":      {string(pemOf(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0}})), 0, "cannot be read"},
		"a list with it": {string(good) + string(pemOf(&pem.Block{Type: "X509 CRL", Bytes: a.list(t, nil).Raw})), 1, ""},
		"trusted":        {string(trusted(nil)), 1, ""}, "trusted with an alias": {string(trusted(alias{"x"})), 1, ""},
		"trusted for servers":      {string(trusted(trusts{[]asn1.ObjectIdentifier{server}})), 1, ""},
		"trusted for clients":      {string(pemCert(b)) + string(trusted(trusts{[]asn1.ObjectIdentifier{client}})), 1, ""},
		"trusted for clients only": {string(trusted(trusts{[]asn1.ObjectIdentifier{client}})), 0, ""},
		"rejected":                 {string(pemCert(b)) + string(trusted(rejects{[]asn1.ObjectIdentifier{server}})), 1, ""},
	} {
		got, err := parseRoots([]byte(c.text), false)
		n := 0
		if got != nil {
			n = len(got.certs)
		}
		if n != c.n || c.fail == "" && err != nil || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}

// TestReadFile: nothing that is named can make the server wait or read without end.
func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	fifo, large, secret := filepath.Join(dir, "fifo"), filepath.Join(dir, "large"), filepath.Join(dir, "secret")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"/dev/zero": errNotRegular, fifo: errNotRegular, dir: errNotRegular, large: errTooLarge, "/dev/tty": errNotRegular,
		filepath.Join(dir, "none"): errNotExist, filepath.Join(large, "x"): errNotExist, secret: errUnreadable,
	} {
		if name == secret && os.Geteuid() == 0 || name == "/dev/tty" {
			continue
		}
		if _, _, err := readFile(name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

// TestTrustFiles: which files must be there with which sslmode.
func TestTrustFiles(t *testing.T) {
	root := makeRoot(t, "root")
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	good, bad := file("good", pemCert(root)), file("bad", []byte("x"))
	list := file("list", pemOf(&pem.Block{Type: "X509 CRL", Bytes: root.list(t, nil).Raw}))
	none := filepath.Join(dir, "none")
	for _, c := range []struct {
		mode, root, crl, crlDir string
		verifies, revoked       bool
		fail                    string
	}{
		{"prefer", "", "", "", false, false, ""}, {"require", none, "", "", false, false, ""}, {"require", good, "", "", true, false, ""},
		{"allow", none, list, "", false, false, ""}, {"verify-ca", none, "", "", false, false, "does not exist"}, {"verify-full", "", "", "", false, false, "needs option"},
		{"require", bad, "", "", false, false, "holds no certificate"}, {"prefer", bad, "", "", false, false, "holds no certificate"},
		{"require", good, none, "", true, false, ""}, {"require", good, bad, "", true, false, ""}, {"require", good, list, "", true, true, ""},
		{"verify-ca", good, none, "", false, false, "does not exist"}, {"verify-full", good, bad, "", false, false, "no revocation list"},
		{"verify-ca", good, list, "", true, true, ""}, {"require", good, "", none, true, true, ""}, {"require", good, none, dir, true, true, ""},
		{"prefer", "/dev/zero", "", "", false, false, "not a regular file"},
	} {
		w, err := (&tlsSettings{mode: c.mode, rootCert: c.root, crl: c.crl, crlDir: c.crlDir}).trust("db.test")
		if c.fail == "" && err != nil || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil && ((w != nil) != c.verifies || w != nil && w.revoked != c.revoked) {
			t.Errorf("%+v: %+v", c, w)
		}
	}
}

// TestTrustVerifies goes through chain, revocation and name.
func TestTrustVerifies(t *testing.T) {
	root := makeRoot(t, "root")
	leaf := root.leaf(t)
	w := &trust{roots: &anchors{certs: certs(root)}, host: "db.test", checkName: true, revoked: true}
	if err := w.verify(certs(leaf)); err == nil || !strings.Contains(err.Error(), "no revocation list") {
		t.Errorf("%v", err)
	}
	w.roots.lists = append(w.roots.lists, root.list(t, nil)) // in the root certificate file
	if err := w.verify(certs(leaf)); err != nil {
		t.Error(err)
	}
	w.host = "other.test"
	if err := w.verify(certs(leaf)); err == nil || !strings.Contains(err.Error(), "not for host") {
		t.Errorf("%v", err)
	}
	if err := w.verify(nil); err == nil {
		t.Error("no certificate was accepted")
	}
}
