package option

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSplitIdentifiers(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
		ok   bool
	}{
		{"", nil, true}, {"  \t\n", nil, true},
		{"cube", []string{"cube"}, true}, {" Cube , SEG ", []string{"cube", "seg"}, true},
		{`"Cube",seg`, []string{"Cube", "seg"}, true}, {`"a""b"`, []string{`a"b`}, true},
		{`"a,b" , c`, []string{"a,b", "c"}, true}, {`""`, []string{""}, true}, {`""""`, []string{`"`}, true},
		{"ÄB", []string{"Äb"}, true}, {`a"b`, []string{`a"b`}, true}, {"a-b", []string{"a-b"}, true},
		{"a b", nil, false}, {"a,", nil, false}, {",a", nil, false}, {"a,,b", nil, false},
		{`"a`, nil, false}, {`"a""`, nil, false}, {`"a"b`, nil, false}, {"a, ", nil, false},
	} {
		got, ok := splitIdentifiers(c.in)
		if !slices.Equal(got, c.want) || ok != c.ok {
			t.Errorf("splitIdentifiers(%q) = %q, %t; want %q, %t", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestPorts(t *testing.T) {
	for in, want := range map[string]string{
		"5432": "", "1,65535": "", ",5433": "", "5432, 5433 ": "", ",": "",
		"0": "0", "65536": "65536", "5432,-1": "-1", "a": "a", "5432,54x": "54x", "0x10": "0x10", "1, ,2": " ",
	} {
		got, bad := badPort(in)
		if got != want || bad != (want != "") {
			t.Errorf("badPort(%q) = %q, %t; want %q", in, got, bad, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1": "", "::1": "", "fe80::1%eth0": "", "10.0.0.1,,::2": "",
		"localhost": "localhost", "127.0.0.1:5432": "127.0.0.1:5432", "1.2.3": "1.2.3", "::1, ::2": " ::2", "256.1.1.1": "256.1.1.1",
	} {
		got, bad := badAddress(in)
		if got != want || bad != (want != "") {
			t.Errorf("badAddress(%q) = %q, %t; want %q", in, got, bad, want)
		}
	}
}

func TestAuthMethods(t *testing.T) {
	for in, want := range map[string]bool{
		"scram-sha-256": true, "md5,password": true, "!none": true, "!password,!md5": true, "none": true,
		"md5,md5": false, "md5,!none": false, "!none,md5": false, "": true, "md5,": false, "MD5": false, "!": false, "!!md5": false, "md5, none": false,
	} {
		if _, got := ParseAuthMethods(in); got != want {
			t.Errorf("ParseAuthMethods(%q) = %t, want %t", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"": "true true true", "none": "false false true", "!none": "true true false", "md5,scram-sha-256": "true true false", "!md5": "false true true",
	} {
		allowed, _ := ParseAuthMethods(in)
		all := allowed == nil
		if got := fmt.Sprint(all || allowed["md5"], all || allowed["scram-sha-256"], all || allowed["none"]); got != want {
			t.Errorf("ParseAuthMethods(%q) allows %s, want %s", in, got, want)
		}
	}
}

// Quoting the names that were found gives a list of the same names.
func FuzzIdentifiers(f *testing.F) {
	for _, s := range []string{"", "a", `"A""b" , c`, ",", `"`, "a b", "é,É"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		names, ok := splitIdentifiers(s)
		if !ok {
			return
		}
		quoted := make([]string, len(names))
		for i, n := range names {
			quoted[i] = `"` + strings.ReplaceAll(n, `"`, `""`) + `"`
		}
		again, ok := splitIdentifiers(strings.Join(quoted, " ,\t"))
		if !ok || !slices.Equal(names, again) {
			t.Errorf("splitIdentifiers(%q) = %q, quoted again %q, %t", s, names, again, ok)
		}
	})
}

func FuzzSplitPairs(f *testing.F) {
	f.Add([]byte("host\x00a\x00port\x001\x00"), 1)
	f.Add([]byte("password_required\x00false\x00"), 2)
	f.Add([]byte("host"), 3)
	f.Fuzz(func(t *testing.T, b []byte, cat int) {
		pairs, err := SplitPairs(b)
		if err != nil {
			return
		}
		var joined []byte
		for _, p := range pairs {
			joined = append(joined, p.Name+"\x00"+p.Value+"\x00"...)
		}
		if string(joined) != string(b) {
			t.Errorf("SplitPairs(%q) = %q", b, pairs)
		}
		if e := Validate(Catalog(cat), false, pairs); e != nil && (len(e.SQLState) != 5 || e.Message == "") {
			t.Errorf("Validate(%q): %#v", pairs, e)
		}
		c := ParseConnection(pairs)
		for name, value := range c.Params {
			if value == "" || !Lookup(name).Libpq {
				t.Errorf("parameter %q=%q", name, value)
			}
		}
		r := ParseRelation(15, pairs, pairs)
		if r.FetchSize < 1 || r.FetchMemory < 64<<10 || r.FetchMemory > 1<<30 || !(r.StartupCost >= 0) || !(r.TupleCost >= 0) {
			t.Errorf("ParseRelation(%q) = %+v", pairs, r)
		}
	})
}
