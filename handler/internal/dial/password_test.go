package dial

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"strings"
	"testing"
)

// TestPreparePassword: what PostgreSQL's pg_saslprep makes of a password. "" for want means: used as it is.
func TestPreparePassword(t *testing.T) {
	for in, want := range map[string]string{
		"secret": "", "a\x01b": "", " sp ace ": "", // ASCII, control characters and all
		"I\u00adX":                 "IX",     // soft hyphen is nothing
		"\u00aa":                   "a",      // ª
		"\u2168":                   "IX",     // Roman numeral nine
		"\ufb01sh":                 "fish",   // ligature
		"x\u00b2":                  "x2",     // superscript
		"\uff50\uff41\uff53":       "pas",    // full-width
		"e\u0301":                  "\u00e9", // composed
		"\u00e9":                   "\u00e9", // as it is
		"a\u00a0b\u3000c":          "a b c",  // spaces become one kind
		"a\u200bb":                 "a b",    // listed as a space and as nothing; PostgreSQL looks at spaces first
		"\u1806\u00e9":             "\u00e9", // nothing, though the package's table lacks it
		"\u00ad":                   "",       // nothing would be left
		"\u212b":                   "\u00c5", // Ångström sign
		"\u0627\u0031":             "",       // right-to-left text that does not end so
		"\u0627\u0031\u0628":       "\u0627\u0031\u0628",
		"\u0627a\u0628":            "",       // mixed directions
		"a\u0340":                  "",       // forbidden as written, though normalization would make it harmless
		"\u00e9\x07":               "",       // a control character beside something beyond ASCII
		"\u0221":                   "",       // not assigned in Unicode 3.2
		"\u00e9\U0001f600":         "",       // nor are emoji
		"\xe9":                     "",       // not UTF-8
		"\u1e9b\u0323":             "\u1e69", // NFKC
		"\u0e2a\u0e33":             "\u0e2a\u0e4d\u0e32",
		"p\u00e4ss w\u00f6rd":      "p\u00e4ss w\u00f6rd",
		"\u2028":                   "",
		"\u3231\u3300\uff21\u00bc": "(\u682a)\u30a2\u30d1\u30fc\u30c8A1\u20444",
	} {
		if want == "" {
			want = in
		}
		if got := preparePassword(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestChooseMechanism(t *testing.T) {
	const plain, bound = mechanismPlain, mechanismBound
	for _, c := range []struct {
		offered string
		secure  bool
		binding string
		want    string // a mechanism, or part of an error
	}{
		{plain, false, "prefer", plain}, {plain, true, "prefer", plain}, {bound + " " + plain, true, "prefer", bound},
		{plain + " " + bound, true, "prefer", bound}, {bound + " " + plain, true, "disable", plain}, {bound, true, "disable", "no SASL"},
		{plain, true, "require", "does not offer it"}, {plain, false, "require", "no TLS"}, {bound + " " + plain, false, "prefer", "without TLS"},
		{plain + " " + bound, false, "disable", "without TLS"}, {"GSSAPI", true, "prefer", "no SASL"}, {bound + " " + plain, true, "require", bound},
	} {
		got, err := chooseMechanism(strings.Split(c.offered, " "), c.secure, c.binding)
		if err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}

func TestEndpointHash(t *testing.T) {
	raw := []byte("certificate")
	s256, s384, s512 := sha256.Sum256(raw), sha512.Sum384(raw), sha512.Sum512(raw)
	for algorithm, want := range map[x509.SignatureAlgorithm][]byte{
		x509.MD5WithRSA: s256[:], x509.SHA1WithRSA: s256[:], x509.ECDSAWithSHA1: s256[:], x509.SHA256WithRSA: s256[:],
		x509.SHA256WithRSAPSS: s256[:], x509.SHA384WithRSAPSS: s384[:], x509.SHA512WithRSAPSS: s512[:],
		x509.ECDSAWithSHA384: s384[:], x509.SHA512WithRSA: s512[:], x509.PureEd25519: nil, x509.UnknownSignatureAlgorithm: nil,
	} {
		got, err := endpointHash(&x509.Certificate{Raw: raw, SignatureAlgorithm: algorithm})
		if string(got) != string(want) || (err != nil) != (want == nil) {
			t.Errorf("%v: %x, %v", algorithm, got, err)
		}
	}
}
