package dial

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func ext(id asn1.ObjectIdentifier, critical bool, der ...byte) func(*x509.RevocationList) {
	return func(l *x509.RevocationList) {
		l.ExtraExtensions = append(l.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: der})
	}
}

func TestCheckRevocation(t *testing.T) {
	root := makeRoot(t, "root")
	sub := root.sub(t, "sub")
	leaf := sub.leaf(t)
	mute := root.sub(t, "mute", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature })
	muteLeaf := mute.leaf(t)
	placed := sub.leaf(t, func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://x.test/a.crl"} })
	own := node{key: newKey(t)}.make(t, authorityOf("own", nil))
	stranger := makeRoot(t, "stranger")
	ofRoot, ofSub := root.list(t, nil), sub.list(t, nil)
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
	oddEntry := func(l *x509.RevocationList) {
		l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: big.NewInt(1), RevocationTime: time.Now(),
			ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}}}
	}
	// issuingDistributionPoint: fullName URI http://x.test/a.crl, onlyContainsUserCerts, onlyContainsCACerts, indirectCRL
	place := append([]byte{0x30, 25, 0xa0, 23, 0xa0, 21, 0x86, 19}, "http://x.test/a.crl"...)
	user, authorities, indirect := []byte{0x30, 3, 0x81, 1, 0xff}, []byte{0x30, 3, 0x82, 1, 0xff}, []byte{0x30, 3, 0x84, 1, 0xff}
	odd := asn1.ObjectIdentifier{1, 2, 3}
	type lists = []*x509.RevocationList
	for name, c := range map[string]struct {
		chain []*x509.Certificate
		lists lists
		fail  string
	}{
		"all current":                         {certs(leaf, sub, root), lists{ofRoot, ofSub}, ""},
		"the leaf is revoked":                 {certs(leaf, sub, root), lists{ofRoot, sub.list(t, nil, leaf)}, "is revoked"},
		"another leaf is revoked":             {certs(leaf, sub, root), lists{ofRoot, sub.list(t, nil, muteLeaf)}, ""},
		"the intermediate is revoked":         {certs(leaf, sub, root), lists{root.list(t, nil, sub), ofSub}, "is revoked"},
		"the root's list is missing":          {certs(leaf, sub, root), lists{ofSub}, "no revocation list of \"CN=root\""},
		"the intermediate's list is missing":  {certs(leaf, sub, root), lists{ofRoot}, "no revocation list of \"CN=sub\""},
		"no list at all":                      {certs(leaf, sub, root), nil, "no revocation list"},
		"a self-signed server without a list": {certs(own), lists{ofRoot}, "no revocation list"},
		"a self-signed server with its list":  {certs(own), lists{own.list(t, nil)}, ""},
		"expired":                             {certs(leaf, sub, root), lists{ofRoot, sub.list(t, old)}, "has expired"},
		"not valid yet":                       {certs(leaf, sub, root), lists{ofRoot, sub.list(t, future)}, "not valid before"},
		"expired beside a current one":        {certs(leaf, sub, root), lists{ofRoot, sub.list(t, old, leaf), ofSub}, ""},
		"an older one revokes":                {certs(leaf, sub, root), lists{ofRoot, sub.list(t, earlier, leaf), ofSub}, ""},
		"a newer one revokes":                 {certs(leaf, sub, root), lists{ofRoot, sub.list(t, earlier), sub.list(t, nil, leaf)}, "is revoked"},
		"taken back":                          {certs(leaf, sub, root), lists{ofRoot, sub.list(t, removed)}, ""},
		"unknown critical extension":          {certs(leaf, sub, root), lists{ofRoot, sub.list(t, ext(odd, true, 5, 0))}, "critical extension"},
		"unknown extension":                   {certs(leaf, sub, root), lists{ofRoot, sub.list(t, ext(odd, false, 5, 0))}, ""},
		"unknown critical extension, entry":   {certs(leaf, sub, root), lists{ofRoot, sub.list(t, oddEntry)}, "critical extension"},
		"a delta":                             {certs(leaf, sub, root), lists{ofRoot, sub.list(t, ext(oidDelta, true, 2, 1, 1))}, "no revocation list"},
		"of one place, the leaf names it":     {certs(placed, sub, root), lists{ofRoot, sub.list(t, ext(oidIssuingPoint, true, place...))}, ""},
		"of one place, the leaf does not":     {certs(leaf, sub, root), lists{ofRoot, sub.list(t, ext(oidIssuingPoint, true, place...))}, "not about"},
		"of users only":                       {certs(leaf, sub, root), lists{ofRoot, sub.list(t, ext(oidIssuingPoint, true, user...))}, ""},
		"of authorities only":                 {certs(leaf, sub, root), lists{ofRoot, sub.list(t, ext(oidIssuingPoint, true, authorities...))}, "not about"},
		"indirect":                            {certs(leaf, sub, root), lists{ofRoot, sub.list(t, ext(oidIssuingPoint, true, indirect...))}, "no revocation list"},
		"malformed issuing point":             {certs(leaf, sub, root), lists{ofRoot, sub.list(t, ext(oidIssuingPoint, true, 4, 0))}, "no revocation list"},
		"a stranger's":                        {certs(leaf, sub, root), lists{ofRoot, stranger.list(t, nil)}, "no revocation list"},
		"signed by another key of that name":  {certs(leaf, sub, root), lists{ofRoot, makeRoot(t, "sub", func(c *x509.Certificate) { c.SubjectKeyId = sub.SubjectKeyId }).list(t, nil)}, "not signed"},
		"by an authority that may not":        {certs(muteLeaf, mute, root), lists{ofRoot, makeRoot(t, "mute", func(c *x509.Certificate) { c.SubjectKeyId = mute.SubjectKeyId }).list(t, nil)}, "may not sign revocation lists"},
	} {
		err := checkRevocation(c.chain, c.lists, time.Now())
		if c.fail == "" && err != nil || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseLists(t *testing.T) {
	root := makeRoot(t, "root")
	list := root.list(t, nil)
	good := &pem.Block{Type: "X509 CRL", Bytes: list.Raw}
	cert := &pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}
	text := pemOf(good)
	for name, c := range map[string]struct {
		text []byte
		n    int
		fail string
	}{
		"one": {text, 1, ""}, "two and a certificate": {pemOf(good, cert, good), 2, ""}, "DER": {list.Raw, 1, ""},
		"a certificate only": {pemOf(cert), 0, "no revocation list"}, "empty": {nil, 0, "no revocation list"},
		"good and truncated": {append(pemOf(good), text[:len(text)-40]...), 0, "broken PEM"},
		"good and garbled":   {append(pemOf(good), []byte("-----BEGIN X509 CRL-----\n!!!!\n-----END X509 CRL-----\n")...), 0, "broken PEM"},
		"not a list":         {pemOf(&pem.Block{Type: "X509 CRL", Bytes: []byte{0x30, 0}}), 0, "malformed"},
	} {
		lists, err := parseLists(c.text)
		if len(lists) != c.n || c.fail == "" && err != nil || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("%s: %d, %v", name, len(lists), err)
		}
	}
}

func TestLoadDirectory(t *testing.T) {
	root := makeRoot(t, "root")
	sub := root.sub(t, "sub")
	leaf := sub.leaf(t)
	dir := t.TempDir()
	write := func(name string, l *x509.RevocationList) {
		if err := os.WriteFile(filepath.Join(dir, name), pemOf(&pem.Block{Type: "X509 CRL", Bytes: l.Raw}), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	chain := certs(leaf, sub, root)
	write("sub.crl", sub.list(t, nil))
	if lists := loadDirectory(dir, chain); len(lists) != 0 {
		t.Errorf("%d lists of files that are not called by a hash", len(lists))
	}
	write(nameHash(sub.RawSubject)+".r0", sub.list(t, nil))
	write(nameHash(sub.RawSubject)+".r1", sub.list(t, nil, leaf))
	write(nameHash(sub.RawSubject)+".r3", sub.list(t, nil)) // behind a gap
	write(nameHash(root.RawSubject)+".r0", root.list(t, nil))
	if lists := loadDirectory(dir, chain); len(lists) != 3 {
		t.Errorf("%d lists, want 3", len(lists))
	}
	if lists := loadDirectory(filepath.Join(dir, "nothing"), chain); len(lists) != 0 {
		t.Errorf("%d lists of a directory that is not there", len(lists))
	}
}
