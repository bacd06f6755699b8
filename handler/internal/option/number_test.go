package option

import (
	"math"
	"testing"
)

// What parse_int and parse_real of PostgreSQL 15 answered for the same text,
// taken from postgres_fdw's validator.
func TestParseInt(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int
		ok   bool
	}{
		{"100", 100, true}, {" 100 ", 100, true}, {"+7", 7, true}, {"-7", -7, true},
		{"0x10", 16, true}, {"0X1f", 31, true}, {"010", 8, true}, {"0", 0, true},
		{"1.6", 2, true}, {"0.5", 0, true}, {"1.5", 2, true}, {"2.5", 2, true},
		{"1e3", 1000, true}, {".6", 1, true}, {"0x1.8p1", 3, true}, {"0x1.8", 2, true},
		{"2147483647", math.MaxInt32, true}, {"2147483647.4", math.MaxInt32, true},
		{"-2147483648", math.MinInt32, true},
		{"2147483648", 0, false}, {"-2147483649", 0, false},
		{"9999999999999999999", 0, false}, {"1e10", 0, false}, {"1e999", 0, false},
		{"", 0, false}, {" ", 0, false}, {"xx", 0, false}, {"10x", 0, false},
		{"10 kB", 0, false}, {"08", 0, false}, {"0x", 0, false}, {"0xg", 0, false},
		{"1e", 0, false}, {"--1", 0, false}, {" .6", 0, false}, {"inf", 0, false}, {"nan", 0, false},
		{"1_000", 0, false}, {"1,5", 0, false},
	} {
		got, ok := parseInt(c.in)
		if got != c.want || ok != c.ok {
			t.Errorf("parseInt(%q) = %d, %t; want %d, %t", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestParseReal(t *testing.T) {
	for _, c := range []struct {
		in   string
		want float64
		ok   bool
	}{
		{"100", 100, true}, {"0.01", 0.01, true}, {" 1.5 ", 1.5, true}, {"-1", -1, true},
		{".5", 0.5, true}, {"5.", 5, true}, {"1e-3", 0.001, true}, {"1E+3", 1000, true},
		{"0x10", 16, true}, {"0x.8p1", 1, true}, {"0x1p", 0, false}, {"010", 10, true},
		{"inf", math.Inf(1), true}, {"-Infinity", math.Inf(-1), true}, {"0e999", 0, true}, {"0.0", 0, true},
		{"nan", 0, false}, {"-nan", 0, false}, {"1e999", 0, false}, {"1e-999", 0, false}, {"1e-310", 0, false},
		{"", 0, false}, {".", 0, false}, {"e5", 0, false}, {"1 ms", 0, false}, {"1e", 0, false}, {"abc", 0, false},
		{"infinit", 0, false}, {"1.2.3", 0, false}, {"+", 0, false},
	} {
		got, ok := parseReal(c.in)
		if got != c.want || ok != c.ok {
			t.Errorf("parseReal(%q) = %g, %t; want %g, %t", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64
		ok   bool
	}{
		{"64", 64 << 10, true}, {"64kB", 64 << 10, true}, {"4MB", 4 << 20, true}, {"4 MB ", 4 << 20, true},
		{"1GB", 1 << 30, true}, {"1.5MB", 3 << 19, true}, {"65536B", 64 << 10, true}, {"0x40", 64 << 10, true},
		{"1TB", 1 << 40, true}, {"-1", -1024, true}, {"1500B", 1024, true},
		{"4mb", 0, false}, {"4KB", 0, false}, {"4M", 0, false}, {"MB", 0, false}, {"", 0, false},
		{"4MBx", 0, false}, {"4 M B", 0, false}, {"9999999TB", 0, false}, {"nan", 0, false}, {"4min", 0, false},
	} {
		got, ok := parseBytes(c.in)
		if got != c.want || ok != c.ok {
			t.Errorf("parseBytes(%q) = %d, %t; want %d, %t", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestParseNumber(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int
		ok   bool
	}{
		{"10", 10, true}, {" 10 ", 10, true}, {"-1", -1, true}, {"0", 0, true}, {"010", 10, true},
		{"2147483647", math.MaxInt32, true}, {"2147483648", 0, false}, {"99999999999999999999", 0, false},
		{"", 0, false}, {" ", 0, false}, {"0x10", 0, false}, {"1.5", 0, false}, {"10s", 0, false}, {"1 2", 0, false},
	} {
		got, ok := ParseNumber(c.in)
		if got != c.want || ok != c.ok {
			t.Errorf("ParseNumber(%q) = %d, %t; want %d, %t", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0B", 1: "1B", 1024: "1kB", 64 << 10: "64kB", 1536 << 10: "1536kB", 4 << 20: "4MB", 1 << 30: "1GB", 1 << 40: "1024GB",
	} {
		if got := FormatBytes(n); got != want {
			t.Errorf("FormatBytes(%d) = %s, want %s", n, got, want)
		}
	}
}

// What a parser accepts is a value in the documented range, whatever the text.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"", "1", "-1", "0x1.8p3", "010", "1e5", " 4 MB ", "inf", "nan", "9e99", "+.5e-7", "0x", "1e-310"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := parseInt(s); ok && (n > math.MaxInt32 || n < math.MinInt32) {
			t.Errorf("parseInt(%q) = %d", s, n)
		}
		if v, ok := parseReal(s); ok && math.IsNaN(v) {
			t.Errorf("parseReal(%q) is NaN", s)
		}
		if n, ok := parseBytes(s); ok && (n > math.MaxInt32*1024 || n < math.MinInt32*1024 || n%1024 != 0) {
			t.Errorf("parseBytes(%q) = %d", s, n)
		}
		n, ok := ParseNumber(s)
		if m, also := parseReal(s); ok && (!also || float64(n) != m) {
			t.Errorf("ParseNumber(%q) = %d, parseReal = %g, %t", s, n, m, also)
		}
	})
}
