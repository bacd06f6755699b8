package dial

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// openssl runs it and returns what it writes; the test is skipped where it is not installed.
func openssl(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	name, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %v: %v", args, err)
	}
	return out
}

// TestParseKey reads keys as openssl writes them.
func TestParseKey(t *testing.T) {
	der, err := x509.MarshalPKCS8PrivateKey(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	plain := pemOf(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	rsaKey := openssl(t, nil, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
	const password = "let me in"
	pk8 := func(args ...string) []byte {
		return openssl(t, plain, append([]string{"pkcs8", "-topk8", "-passout", "pass:" + password}, args...)...)
	}
	for name, c := range map[string]struct {
		text      []byte
		encrypted bool
		fail      string
	}{
		"PKCS #8":              {plain, false, ""},
		"PKCS #8, DER":         {der, false, ""},
		"SEC 1":                {openssl(t, plain, "ec"), false, ""},
		"SEC 1, DER":           {openssl(t, plain, "ec", "-outform", "DER"), false, ""},
		"PKCS #1":              {openssl(t, rsaKey, "rsa", "-traditional"), false, ""},
		"PKCS #1, DER":         {openssl(t, rsaKey, "rsa", "-traditional", "-outform", "DER"), false, ""},
		"parameters in front":  {append(openssl(t, nil, "ecparam", "-name", "prime256v1"), plain...), false, ""},
		"Ed25519":              {openssl(t, nil, "genpkey", "-algorithm", "ED25519"), false, ""},
		"traditional":          {openssl(t, plain, "ec", "-aes128", "-passout", "pass:"+password), true, ""},
		"traditional 3DES":     {openssl(t, plain, "ec", "-des3", "-passout", "pass:"+password), true, ""},
		"AES-256":              {pk8("-v2", "aes-256-cbc"), true, ""},
		"AES-192 SHA-384":      {pk8("-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA384"), true, ""},
		"AES-128 SHA-512":      {pk8("-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"), true, ""},
		"3DES SHA-1":           {pk8("-v2", "des3", "-v2prf", "hmacWithSHA1"), true, ""},
		"scrypt":               {pk8("-scrypt"), true, ""},
		"scrypt, costly":       {pk8("-scrypt", "-scrypt_N", "32768", "-scrypt_r", "7"), true, ""},
		"PBES1":                {pk8("-v1", "PBE-SHA1-3DES"), true, "PKCS #12 with 3DES, which is not supported"},
		"Camellia":             {pk8("-v2", "camellia-256-cbc"), true, "Camellia, which is not supported"},
		"traditional Camellia": {openssl(t, plain, "ec", "-camellia128", "-passout", "pass:"+password), true, "CAMELLIA-128-CBC\", which is not supported"},
		"encrypted DER":        {pk8("-outform", "DER"), false, "encrypted in DER form"},
		"Ed448":                {openssl(t, nil, "genpkey", "-algorithm", "ED448"), false, "Ed448"},
		"RSA-PSS":              {openssl(t, nil, "genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"), false, "RSA-PSS"},
		"EC parameters":        {openssl(t, nil, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-pkeyopt", "ec_param_enc:explicit"), false, "curve given by its parameters"},
		"another curve":        {openssl(t, nil, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"), false, "curve that is not supported"},
		"a certificate":        {pemOf(&pem.Block{Type: "CERTIFICATE", Bytes: der}), false, "no private key"},
		"nothing":              {nil, false, "no private key"},
		"garbage":              {pemOf(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), false, "malformed"},
	} {
		key, err := parseKey(c.text, password)
		if c.fail == "" && (err != nil || key == nil) || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("%s: %v", name, err)
		}
		if !c.encrypted {
			continue
		}
		if _, err := parseKey(c.text, "wrong"); err == nil || c.fail == "" && err != errWrongPassword {
			t.Errorf("%s, wrong password: %v", name, err)
		}
		if _, err := parseKey(c.text, ""); err != errNoKeyPassword {
			t.Errorf("%s, no password: %v", name, err)
		}
	}
}

// TestKeyDerivationBounds: a hostile file cannot demand work without end, nor memory.
func TestKeyDerivationBounds(t *testing.T) {
	marshal := func(v any) []byte {
		der, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	type scryptOf struct {
		Salt    []byte
		N, R, P int
	}
	type pbkdf2Of struct {
		Salt       []byte
		Iterations int
	}
	algorithm := func(id asn1.ObjectIdentifier, v any) pkix.AlgorithmIdentifier {
		return pkix.AlgorithmIdentifier{Algorithm: id, Parameters: asn1.RawValue{FullBytes: marshal(v)}}
	}
	salt := []byte("saltsalt")
	aes := asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	for name, kdf := range map[string]pkix.AlgorithmIdentifier{
		"PBKDF2 rounds": algorithm(oidPBKDF2, pbkdf2Of{salt, 2_000_000_000}), "PBKDF2 none": algorithm(oidPBKDF2, pbkdf2Of{salt, 0}),
		"scrypt N": algorithm(oidScrypt, scryptOf{salt, 1 << 30, 8, 1}), "scrypt r": algorithm(oidScrypt, scryptOf{salt, 2, 1 << 30, 1}),
		"scrypt p": algorithm(oidScrypt, scryptOf{salt, 1 << 14, 8, 1 << 20}), "scrypt negative": algorithm(oidScrypt, scryptOf{salt, -2, -8, 1}),
		"scrypt odd": algorithm(oidScrypt, scryptOf{salt, 1000, 8, 1}),
	} {
		der := marshal(encryptedKey{algorithm(oidPBES2, schemeParams{kdf, algorithm(aes, make([]byte, 16))}), make([]byte, 64)})
		start := time.Now()
		if _, err := decryptPKCS8(der, "x"); err != errKDF {
			t.Errorf("%s: %v after %v", name, err, time.Since(start))
		}
	}
	good := algorithm(oidPBKDF2, pbkdf2Of{salt, 1})
	for name, e := range map[string]encryptedKey{
		"a short vector": {algorithm(oidPBES2, schemeParams{good, algorithm(aes, []byte{1})}), make([]byte, 64)},
		"no whole block": {algorithm(oidPBES2, schemeParams{good, algorithm(aes, make([]byte, 16))}), make([]byte, 40)},
		"no data":        {algorithm(oidPBES2, schemeParams{good, algorithm(aes, make([]byte, 16))}), nil},
	} {
		if _, err := decryptPKCS8(marshal(e), "x"); err == nil || !strings.Contains(err.Error(), "malformed") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecryptPKCS8(f *testing.F) {
	f.Add([]byte{0x30, 0x00}, "x")
	f.Fuzz(func(_ *testing.T, der []byte, password string) { _, _ = decryptPKCS8(der, password) })
}

func TestLoadPair(t *testing.T) {
	root := makeRoot(t, "root")
	alice, bob := root.leaf(t), root.leaf(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weakCert := root.makeFor(t, dated(&x509.Certificate{Subject: pkix.Name{CommonName: "weak"}}, nil), weak)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edCert := root.makeFor(t, dated(&x509.Certificate{Subject: pkix.Name{CommonName: "ed"}}, nil), ed)
	dir := t.TempDir()
	n := 0
	file := func(text []byte, mode os.FileMode) string {
		n++
		name := filepath.Join(dir, strings.Repeat("x", n))
		if err := os.WriteFile(name, text, mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	keyText := func(n node) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(n.key)
		if err != nil {
			t.Fatal(err)
		}
		return pemOf(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	cert, key := file(pemCert(alice, root), 0o644), file(keyText(alice), 0o600)
	open := file(keyText(alice), 0o644)
	for name, c := range map[string]struct {
		cert, key, fail string
	}{
		"good": {cert, key, ""}, "Ed25519": {file(pemCert(edCert), 0o644), file(keyText(edCert), 0o600), ""},
		"another's key":    {cert, file(keyText(bob), 0o600), "does not belong"},
		"no certificate":   {filepath.Join(dir, "none"), key, "does not exist"},
		"no key":           {cert, filepath.Join(dir, "none"), "does not exist"},
		"open to others":   {cert, open, "open to group or world"},
		"a directory":      {cert, dir, "not a regular file"},
		"an engine":        {cert, "pkcs11:x", "engine"},
		"DER certificate":  {file(alice.Raw, 0o644), key, "in DER form"},
		"key in its place": {key, key, "holds no certificate"},
		"broken chain":     {file(append(pemCert(alice), pemCert(root)[:100]...), 0o644), key, "broken PEM"},
		"a weak key":       {file(pemCert(weakCert), 0o644), file(keyText(weakCert), 0o600), "RSA key of 1024 bits"},
	} {
		pair, err := loadPair(c.cert, c.key, "")
		if c.fail == "" && err != nil || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "good" && (pair == nil || len(pair.Certificate) != 2) {
			t.Errorf("%+v", pair)
		}
	}
}
