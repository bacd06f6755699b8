package wire

import "testing"

// TestMoney: an amount of money travels as text, and as such only C can tell
// whether it means the same here: what 64 bits mean depends on lc_monetary.
func TestMoney(t *testing.T) {
	for _, c := range []struct {
		local, remote uint32
		want          ValueFormat
	}{
		{790, 790, MoneyValue}, {791, 791, MoneyValue},
		{16400, 790, MoneyValue},  // a domain over it
		{16401, 791, MoneyValue},  // or an array of that
		{790, 1700, TextValue},    // a number is printed without a locale
		{790, 25, TextValue},      // a text is what somebody has written
		{25, 790, DatumValue},     // and what a text column wants
		{16402, 16402, TextValue}, // C looks into other types
	} {
		col := Column{Name: "m", TypeOID: c.local, Typmod: -1}
		if f := col.WantFormat(UTF8); f != formatText {
			t.Errorf("%v: asks for format %d", c, f)
		}
		d, err := NewDecoder([]Column{col}, []RemoteColumn{{TypeOID: c.remote, Typmod: -1, Format: formatText}}, Options{})
		if err != nil {
			t.Fatal(c, err)
		}
		if got := d.ValueFormats()[0]; got != c.want {
			t.Errorf("%v: form %d", c, got)
		}
	}
	col := Column{Name: "m", TypeOID: 790, Typmod: -1}
	if _, err := NewDecoder([]Column{col}, []RemoteColumn{{TypeOID: 790, Typmod: -1, Format: formatBinary}}, Options{}); err == nil {
		t.Error("binary money is taken")
	}
}
