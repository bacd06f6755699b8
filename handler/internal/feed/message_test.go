package feed

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

// build writes a message: numbers by their size, strings with a NUL behind them, bytes as they are.
func build(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case byte:
			b = append(b, p)
		case int16:
			b = binary.BigEndian.AppendUint16(b, uint16(p))
		case int32:
			b = binary.BigEndian.AppendUint32(b, uint32(p))
		case int:
			b = binary.BigEndian.AppendUint64(b, uint64(p))
		case string:
			b = append(append(b, p...), 0)
		case []byte:
			b = append(b, p...)
		default:
			panic(p)
		}
	}
	return b
}

func textValueOf(s string) []byte { return build(byte('t'), int32(len(s)), []byte(s)) }

// Well-formed messages, as a server of 14 to 18 sends them.
var messages = map[string][]byte{
	"begin":    build(byte('B'), 1000, 5, int32(700)),
	"commit":   build(byte('C'), byte(0), 1000, 1010, 5),
	"relation": build(byte('R'), int32(16384), "public", "t", byte('f'), int16(2), byte(1), "id", int32(23), int32(-1), byte(0), "v", int32(25), int32(-1)),
	"insert":   build(byte('I'), int32(16384), byte('N'), int16(2), textValueOf("1"), byte('n')),
	"update":   build(byte('U'), int32(16384), byte('N'), int16(2), textValueOf("1"), byte('u')),
	"key":      build(byte('U'), int32(16384), byte('K'), int16(2), textValueOf("1"), byte('n'), byte('N'), int16(2), textValueOf("2"), byte('u')),
	"delete":   build(byte('D'), int32(16384), byte('O'), int16(2), build(byte('b'), int32(4), int32(7)), byte('n')),
	"truncate": build(byte('T'), int32(2), byte(1), int32(16384), int32(16385)),
	"message":  build(byte('M'), byte(1), 1005, "prefix", int32(3), []byte("abc")),
	"type":     build(byte('Y'), int32(99999), "public", "mood"),
	"origin":   build(byte('O'), 4, "elsewhere"),
}

// parseAny takes any message of pgoutput apart.
func parseAny(b []byte) (any, error) {
	if len(b) == 0 {
		return nil, errMessage
	}
	switch body := b[1:]; b[0] {
	case 'B':
		return parseBegin(body)
	case 'C':
		return parseCommit(body)
	case 'R':
		return parseRelation(body)
	case 'I', 'U', 'D':
		if _, err := relationOf(body); err != nil {
			return nil, err
		}
		return new(changeParser).parse(b[0], body)
	case 'T':
		return parseTruncate(body)
	case 'M':
		return parseLogical(body)
	}
	return nil, nil
}

func TestMessages(t *testing.T) {
	for name, want := range map[string]any{
		"begin":  begin{1000, 5, 700},
		"commit": commit{1000, 1010},
		"relation": &relation{16384, "public", "t", 'f', []relationColumn{
			{"id", true, 23, -1}, {"v", false, 25, -1}}},
		"insert": change{op: 'I', relation: 16384, new: tuple{{'t', []byte("1")}, {kind: 'n'}}},
		"update": change{op: 'U', relation: 16384, new: tuple{{'t', []byte("1")}, {kind: 'u'}}},
		"key": change{op: 'U', relation: 16384, key: true, old: tuple{{'t', []byte("1")}, {kind: 'n'}},
			new: tuple{{'t', []byte("2")}, {kind: 'u'}}},
		"delete":   change{op: 'D', relation: 16384, old: tuple{{'b', []byte{0, 0, 0, 7}}, {kind: 'n'}}},
		"truncate": []uint32{16384, 16385},
		"message":  logical{true, 1005, "prefix", []byte("abc")},
	} {
		got, err := parseAny(messages[name])
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
}

// Every message cut anywhere, or with something behind it, is an error.
func TestBrokenMessages(t *testing.T) {
	for name, m := range messages {
		if name == "type" || name == "origin" {
			continue // not looked into
		}
		for n := 1; n < len(m); n++ {
			if got, err := parseAny(m[:n]); err == nil {
				t.Errorf("%s cut to %d bytes: %+v", name, n, got)
			}
		}
		if got, err := parseAny(append(m[:len(m):len(m)], 0)); err == nil {
			t.Errorf("%s with a byte behind it: %+v", name, got)
		}
	}
	for what, m := range map[string][]byte{
		"negative length":    build(byte('I'), int32(1), byte('N'), int16(1), byte('t'), int32(-1)),
		"enormous length":    build(byte('I'), int32(1), byte('N'), int16(1), byte('t'), int32(0x7fffffff), []byte("x")),
		"too many columns":   build(byte('I'), int32(1), byte('N'), int16(-1)),
		"unknown kind":       build(byte('I'), int32(1), byte('N'), int16(1), byte('x')),
		"insert with a key":  build(byte('I'), int32(1), byte('K'), int16(0), byte('N'), int16(0)),
		"delete of nothing":  build(byte('D'), int32(1), byte('N'), int16(0)),
		"update of nothing":  build(byte('U'), int32(1), byte('K'), int16(0)),
		"truncate of many":   build(byte('T'), int32(-1), byte(0), int32(1)),
		"relation of many":   build(byte('R'), int32(1), "s", "t", byte('d'), int16(30000)),
		"message of nothing": build(byte('M'), byte(0), 5, "p", int32(-1)),
	} {
		if got, err := parseAny(m); err == nil {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, m := range messages {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parseAny(b) // must not panic, nor allocate by what a message merely claims
		_, _, _, _ = payload(b)
	})
}

func TestPayload(t *testing.T) {
	if _, data, _, err := payload(build(byte('w'), 1, 2, 3, []byte("B..."))); err != nil || string(data) != "B..." {
		t.Error(string(data), err)
	}
	if _, data, k, err := payload(build(byte('k'), 77, 2, byte(1))); err != nil || data != nil || k != (keepalive{77, true}) {
		t.Error(data, k, err)
	}
	for _, bad := range [][]byte{nil, {'w'}, build(byte('w'), 1, 2, 3), build(byte('k'), 77, 2), build(byte('k'), 77, 2, byte(1), byte(1)), {'z', 1}} {
		if _, _, _, err := payload(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestText(t *testing.T) {
	for s, want := range map[string]uint64{"0/0": 0, "16/B374D848": 0x16b374d848, "FFFFFFFF/FFFFFFFF": 1<<64 - 1} {
		if got, ok := parseLSN(s); got != want || !ok || formatLSN(got) != s {
			t.Error(s, got, ok)
		}
	}
	for _, s := range []string{"", "1", "/", "1/", "/1", "1/2/3", "100000000/0", "-1/0", "g/0"} {
		if got, ok := parseLSN(s); ok {
			t.Error(s, got)
		}
	}
	for s, want := range map[string]string{"0": "0s", "1min": "1m0s", "30s": "30s", "500ms": "500ms", "700": "700ms", "2h": "2h0m0s", "1d": "24h0m0s"} {
		if got, ok := parseDuration(s); !ok || got.String() != want {
			t.Error(s, got, ok)
		}
	}
	for _, s := range []string{"", "x", "-1s", "1y", "1 min"} {
		if got, ok := parseDuration(s); ok {
			t.Error(s, got)
		}
	}
	for s, want := range map[string]string{`{}`: "", `{a}`: "a", `{a,b}`: "a|b", `{"a b","c\"d\\e"}`: `a b|c"d\e`, `{"",x}`: "|x"} {
		if got, ok := parseTextArray(s); !ok || strings.Join(got, "|") != want {
			t.Error(s, got, ok)
		}
	}
	for _, s := range []string{"", "{", "a", "{a", "{a,}", "{,a}", `{"a}`, `{"a"b}`, "{a}b", "{{a}}", `{a\}`, `{"a\`} {
		if got, ok := parseTextArray(s); ok {
			t.Error(s, got)
		}
	}
	if got := publicationList([]string{"a", `b"c`}); got != `"a","b""c"` {
		t.Error(got)
	}
}
