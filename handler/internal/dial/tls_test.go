package dial

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgwire_fdw/handler/internal/fakepg"
)

// tlsServer runs a fake with TLS; clientCAs, when given, makes it ask for a certificate.
func tlsServer(t *testing.T, cert tls.Certificate, change func(*tls.Config)) *fakepg.Server {
	t.Helper()
	c := &tls.Config{Certificates: []tls.Certificate{cert}}
	if change != nil {
		change(c)
	}
	return fakepg.Run(t, fakepg.Options{Auth: fakepg.SCRAM, Password: "secret", TLS: c})
}

func TestSSLModes(t *testing.T) {
	noLeak(t)
	ca, stranger := newAuthority(t), newAuthority(t)
	good := tlsServer(t, ca.issue(t, leaf{host: "localhost"}), nil)
	byIP := tlsServer(t, ca.issue(t, leaf{ip: "127.0.0.1"}), nil)
	byName := tlsServer(t, ca.issue(t, leaf{commonName: "localhost"}), nil)
	wrong := tlsServer(t, ca.issue(t, leaf{host: "elsewhere.test"}), nil)
	plain := fakepg.Run(t, fakepg.Options{Auth: fakepg.SCRAM, Password: "secret"})
	root, other := ca.rootFile(t), stranger.rootFile(t)
	for _, c := range []struct {
		s    *fakepg.Server
		opts []string
		tls  bool
		fail string
	}{
		{good, []string{"sslmode", "disable"}, false, ""},
		{good, []string{"sslmode", "allow"}, false, ""},
		{good, []string{"sslmode", "prefer"}, true, ""},
		{good, nil, true, ""},
		{good, []string{"sslmode", "require"}, true, ""},
		{plain, []string{"sslmode", "prefer"}, false, ""},
		{plain, []string{"sslmode", "require"}, false, "does not support TLS"},
		{good, []string{"sslmode", "require", "sslrootcert", root}, true, ""},
		{good, []string{"sslmode", "require", "sslrootcert", other}, false, "neither in root"}, // behaves as verify-ca
		{wrong, []string{"sslmode", "verify-ca", "sslrootcert", root}, true, ""},
		{wrong, []string{"sslmode", "verify-full", "sslrootcert", root}, false, "not for host"},
		{good, []string{"sslmode", "verify-full", "sslrootcert", root}, false, "not for host"}, // host is 127.0.0.1
		{good, []string{"sslmode", "verify-full", "sslrootcert", root, "host", "localhost", "hostaddr", "127.0.0.1"}, true, ""},
		{byIP, []string{"sslmode", "verify-full", "sslrootcert", root}, true, ""},
		{byName, []string{"sslmode", "verify-full", "sslrootcert", root, "host", "LOCALHOST", "hostaddr", "127.0.0.1"}, true, ""},
		{good, []string{"sslmode", "verify-full", "sslrootcert", root, "host", "", "hostaddr", "127.0.0.1"}, false, "host name must be given"},
		{good, []string{"sslmode", "verify-ca"}, false, "sslrootcert"},
		{good, []string{"sslmode", "verify-ca", "sslrootcert", "/nonexistent"}, false, "does not exist"},
		{good, []string{"sslrootcert", "system", "host", "localhost", "hostaddr", "127.0.0.1"}, false, "neither in root"},
		{good, []string{"sslmode", "require", "ssl_max_protocol_version", "TLSv1.2"}, true, ""},
		{good, []string{"sslmode", "require", "ssl_min_protocol_version", "TLSv1.3"}, true, ""},
		{good, []string{"sslmode", "require", "sslcertmode", "require"}, false, "sslcertmode=require"},
		{plain, []string{"sslcertmode", "require"}, false, "sslcertmode=require"},
	} {
		name := strings.Join(c.opts, " ")
		p := params(c.s, c.opts...)
		if c.fail != "" {
			dialFails(t, p, "08001", c.fail)
			continue
		}
		e := mustDial(t, p)
		if e.TLS != c.tls {
			t.Errorf("%s: TLS %v", name, e.TLS)
		}
		if _, isTLS := e.Stream.(*tls.Conn); isTLS != c.tls {
			t.Errorf("%s: stream is %T", name, e.Stream)
		}
	}
}

// TestOldServers: what TLS 1.2 servers may insist on, and TLS 1.1, which is refused whatever the minimum is.
func TestOldServers(t *testing.T) {
	noLeak(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	self := dated(&x509.Certificate{Subject: pkix.Name{CommonName: "old"}, KeyUsage: x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature}, nil)
	der, err := x509.CreateCertificate(rand.Reader, self, self, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	for _, suite := range []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256} {
		s := tlsServer(t, cert, func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{suite} })
		if e := mustDial(t, params(s, "sslmode", "require")); !e.TLS {
			t.Errorf("%s: no TLS", tls.CipherSuiteName(suite))
		}
	}
	weak := tlsServer(t, cert, func(c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}
	})
	dialFails(t, params(weak, "sslmode", "require"), "08001", "handshake failure", "offered are")
	// the server may want what only this side has not: no reason to give TLS up
	before := weak.Accepts()
	dialFails(t, params(weak), "08001", "handshake failure")
	if n := weak.Accepts() - before; n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	old := tlsServer(t, cert, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
	dialFails(t, params(old, "sslmode", "require", "ssl_min_protocol_version", "TLSv1"), "08001", "protocol version")
	dialFails(t, params(old, "ssl_min_protocol_version", "TLSv1", "ssl_max_protocol_version", "TLSv1.1"), "08001", "TLS 1.2 or later is needed")
}

func TestAllowAndPreferSecondTry(t *testing.T) {
	noLeak(t)
	ca := newAuthority(t)
	cert := ca.issue(t, leaf{host: "localhost"})
	// A server that breaks TLS off: prefer goes on in the clear, require does not.
	old := fakepg.Run(t, fakepg.Options{TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS11}})
	p := params(old, "sslmode", "prefer")
	p.Superuser = true
	if e := mustDial(t, p); e.TLS {
		t.Error("TLS 1.1 was accepted")
	}
	p.Options["sslmode"] = "require"
	dialFails(t, p, "08001", "TLS:")
	// Whatever comes instead of an answer is no server's text to show.
	lies := fakepg.Run(t, fakepg.Options{SSLAnswer: []byte("Etrust me")})
	p = params(lies, "sslmode", "require")
	if err := dialFails(t, p, "08001", "sent an error"); strings.Contains(err.Detail, "trust me") {
		t.Errorf("unauthenticated text shown: %s", err.Detail)
	}
	injected := fakepg.Run(t, fakepg.Options{SSLAnswer: []byte("SR\x00\x00\x00\x08\x00\x00\x00\x00")})
	for _, mode := range []string{"prefer", "require"} {
		before := injected.Accepts()
		dialFails(t, params(injected, "sslmode", mode), "08001", "more than an answer")
		if n := injected.Accepts() - before; n != 1 {
			t.Errorf("%s: %d connections after bytes were slipped in", mode, n)
		}
	}
	dialFails(t, params(lies, "sslmode", "prefer"), "08001", "sent an error")
	// pg_hba.conf refuses: both kinds are tried, and both failures are told.
	refuses := fakepg.Run(t, fakepg.Options{Auth: fakepg.NoEntry, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	for _, mode := range []string{"allow", "prefer"} {
		before := refuses.Accepts()
		err := dialFails(t, params(refuses, "sslmode", mode), "08001", "; then, with")
		if n := refuses.Accepts() - before; n != 2 {
			t.Errorf("%s: %d connections, %v", mode, n, err)
		}
	}
	// A wrong password is not sent again in the clear.
	asks := fakepg.Run(t, fakepg.Options{Auth: fakepg.Refuse, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	dialFails(t, params(asks), "08001", "28P01")
	if n := asks.Accepts(); n != 1 {
		t.Errorf("%d connections after a wrong password", n)
	}
}

func TestDirectTLSAndSNI(t *testing.T) {
	noLeak(t)
	ca := newAuthority(t)
	names := make(chan string, 8)
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, leaf{host: "localhost"})}, NextProtos: []string{"postgresql"},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) { names <- h.ServerName; return nil, nil }}
	s := fakepg.Run(t, fakepg.Options{Direct: true, TLS: config})
	p := params(s, "host", "localhost", "hostaddr", "127.0.0.1", "sslmode", "verify-full", "sslrootcert", ca.rootFile(t), "sslnegotiation", "direct")
	p.Superuser = true
	if e := mustDial(t, p); !e.TLS {
		t.Error("no TLS")
	}
	if n := <-names; n != "localhost" {
		t.Errorf("SNI %q", n)
	}
	p.Options["sslsni"] = "0"
	mustDial(t, p)
	if n := <-names; n != "" {
		t.Errorf("SNI %q with sslsni=0", n)
	}
	noALPN := fakepg.Run(t, fakepg.Options{Direct: true, TLS: &tls.Config{Certificates: config.Certificates}})
	p.Options["port"] = noALPN.Port
	dialFails(t, p, "08001", "ALPN")
}

func TestClientCertificate(t *testing.T) {
	noLeak(t)
	ca := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	demand := func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, pool }
	s := tlsServer(t, ca.issue(t, leaf{host: "localhost"}), demand)
	cert, key := files(t, ca.issue(t, leaf{commonName: "alice", client: true}))
	with := func(more ...string) Params {
		return params(s, append([]string{"sslmode", "require", "sslcert", cert, "sslkey", key}, more...)...)
	}
	mustDial(t, with())
	mustDial(t, with("sslcertmode", "require"))
	dialFails(t, with("sslcertmode", "disable"), "08001", "certificate")
	dialFails(t, params(s, "sslmode", "require"), "08001", "certificate")
	dialFails(t, with("sslcert", "/nonexistent"), "08001", "does not exist")
	dialFails(t, with("sslkey", "/nonexistent"), "08001", "private key")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	dialFails(t, with(), "08001", "open to group or world")
	dialFails(t, with("sslkey", filepath.Dir(key)), "08001", "not a regular file")
	dialFails(t, with("sslkey", "engine:key"), "08001", "engine")
	dialFails(t, with("sslkey", "/dev/null"), "08001", "not a regular file")
}

func TestRevocation(t *testing.T) {
	noLeak(t)
	ca, stranger := newAuthority(t), newAuthority(t)
	cert := ca.issue(t, leaf{ip: "127.0.0.1"})
	another := ca.issue(t, leaf{ip: "127.0.0.1"})
	s := tlsServer(t, cert, nil)
	root, later := ca.rootFile(t), time.Now().Add(time.Hour)
	with := func(name, value string) Params {
		return params(s, "sslmode", "verify-full", "sslrootcert", root, name, value)
	}
	mustDial(t, with("sslcrl", ca.crl(t, later)))
	mustDial(t, with("sslcrl", ca.crl(t, later, another)))
	mustDial(t, with("sslcrldir", ca.crlDir(t, later)))
	dialFails(t, with("sslcrl", ca.crl(t, later, cert)), "08001", "revoked")
	dialFails(t, with("sslcrldir", ca.crlDir(t, later, cert)), "08001", "revoked")
	dialFails(t, with("sslcrl", ca.crl(t, time.Now().Add(-time.Hour))), "08001", "revocation list")
	dialFails(t, with("sslcrl", stranger.crl(t, later)), "08001", "revocation list")
	dialFails(t, with("sslcrl", "/nonexistent"), "08001", "does not exist")
	dialFails(t, with("sslcrl", root), "08001", "no revocation list")
	dialFails(t, with("sslcrldir", t.TempDir()), "08001", "no revocation list")
}

func TestCancelRequest(t *testing.T) {
	noLeak(t)
	ca := newAuthority(t)
	long := make([]byte, 256)
	_, _ = rand.Read(long)
	for name, o := range map[string]fakepg.Options{
		"plain": {}, "tls": {TLS: &tls.Config{Certificates: []tls.Certificate{ca.issue(t, leaf{ip: "127.0.0.1"})}}}, "long key": {Key: long},
	} {
		o.Auth, o.Password = fakepg.MD5, "secret"
		s := fakepg.Run(t, o)
		e := mustDial(t, params(s))
		if e.TLS != (o.TLS != nil) {
			t.Fatalf("%s: TLS %v", name, e.TLS)
		}
		if err := e.Cancel(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := string(fakepg.Key)
		if o.Key != nil {
			want = string(o.Key)
		}
		if list := s.Cancels(); len(list) != 1 || list[0].ProcessID != fakepg.PID || string(list[0].SecretKey) != want {
			t.Errorf("%s: server got %v", name, list)
		}
	}
}
