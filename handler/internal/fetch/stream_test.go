package fetch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/session"
)

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// TestTLS: what TLS holds back is read before anybody waits for the socket.
func TestTLS(t *testing.T) {
	noLeak(t)
	e := &engine{opts: fakepg.Options{TLS: selfSigned(t)}}
	r := fakeRig(t, e)
	r.target.Params.Options["sslmode"] = "require"
	r.limit = 10 * time.Second
	for seed := range uint64(10) {
		g := newGame(r, seed, func(w int) string { return fmt.Sprint("gen $1 ", w) })
		for range 100 {
			g.move()
		}
		g.abort()
		for _, p := range g.players {
			p.Close()
		}
	}
	s := r.scan("gen 20 1000000")
	same(t, "wide", r.must(s), genRows(20, 1000000))
	s = r.scan("stream 50")
	r.first(s)
	if d := r.abort(); d > time.Second {
		t.Errorf("abort took %v", d)
	}
}

// TestLargeParameters: a request that the socket does not take at once.
func TestLargeParameters(t *testing.T) {
	noLeak(t)
	r := fakeRig(t, &engine{})
	s := r.scan("gen $1 3")
	for range 3 {
		p := session.Param{TypeOID: 23, Value: []byte(strings.Repeat("0", 12<<20) + "5")}
		same(t, "rows", r.must(s, p), genRows(5, 3))
	}
	huge := make([]byte, 600<<20)
	_, err := r.run(r.scan("gen $1 4"), session.Param{Value: huge}, session.Param{Value: huge})
	failsWith(t, err, "54000", "protocol's limit")
	same(t, "afterwards", r.must(s, number(1)), genRows(1, 3))
	many := make([]session.Param, 70000)
	_, err = r.run(r.scan("gen 1 4"), many...)
	failsWith(t, err, "54000", "65535")
	r.commit()
}

// TestNoGrowth: rebinds and statements without end need no more memory.
func TestNoGrowth(t *testing.T) {
	noLeak(t)
	r, s := narrowRig(t, 1)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	work := func(n int) {
		for i := range n {
			r.count(s)
			if i%10 == 0 {
				other := New(r.pool, s.spec)
				other.spec.SQL = fmt.Sprint("SELECT a, b, c FROM t WHERE b < ", i%1000)
				if r.count(other) != 1 {
					t.Fatal("rows")
				}
				other.Close()
			}
			if i%100 == 0 {
				if err := r.commit(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	work(5000)
	before := heap()
	work(20000)
	if after := heap(); after > before+200<<10 {
		t.Errorf("heap grew from %d to %d bytes", before, after)
	}
	if live := len(free); live > freeArenas {
		t.Errorf("%d blocks kept", live)
	}
}
