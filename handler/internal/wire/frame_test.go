package wire

import (
	"errors"
	"testing"
)

func TestFrame(t *testing.T) {
	for _, c := range []struct {
		name    string
		buf     string
		typ     byte
		body    string
		n, need int
		bad     bool
	}{
		{"nothing", "", 0, "", 0, 5, false},
		{"type only", "D", 'D', "", 0, 5, false},
		{"short header", "D\x00\x00\x00", 'D', "", 0, 5, false},
		{"header", "D\x00\x00\x00\x06", 'D', "", 0, 7, false},
		{"all but one", "D\x00\x00\x00\x06\x01", 'D', "", 0, 7, false},
		{"whole", "D\x00\x00\x00\x06\x01\x02", 'D', "\x01\x02", 7, 7, false},
		{"more behind", "D\x00\x00\x00\x06\x01\x02Z\x00", 'D', "\x01\x02", 7, 7, false},
		{"empty body", "1\x00\x00\x00\x04", '1', "", 5, 5, false},
		{"largest", "d\x40\x0f\xff\xff", 'd', "", 0, 1 + 0x400fffff, false},
		{"too large", "d\x40\x10\x00\x00", 'd', "", 0, 0, true},
		{"negative", "d\xff\xff\xff\xff", 'd', "", 0, 0, true},
		{"length below 4", "d\x00\x00\x00\x03", 'd', "", 0, 0, true},
		{"zero type", "\x00", 0, "", 0, 0, true},
		{"TLS alert", "\x15\x03\x03\x00\x02", 0x15, "", 0, 0, true},
		{"HTTP", "HTTP/1.1 400", 'H', "", 0, 0, true},
		{"frontend Query", "Q\x00\x00\x00\x05\x00", 'Q', "", 0, 0, true},
	} {
		typ, body, n, need, err := Frame([]byte(c.buf))
		if (err != nil) != c.bad || err != nil && !errors.Is(err, ErrFrame) {
			t.Errorf("%s: error %v", c.name, err)
			continue
		}
		if typ != c.typ || string(body) != c.body || n != c.n || need != c.need {
			t.Errorf("%s: got %q %q %d %d", c.name, typ, body, n, need)
		}
	}
	if _, body, _, _, _ := Frame([]byte("D\x00\x00\x00\x04Z")); cap(body) != 0 {
		t.Error("body can be extended into the next message")
	}
}
