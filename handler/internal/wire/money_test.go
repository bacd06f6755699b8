package wire

import "testing"

// TestMoney: an amount of money travels as text, and as such only C can tell
// whether it means the same here: what 64 bits mean depends on lc_monetary.
func TestMoney(t *testing.T) {
	for _, c := range []struct {
		local, remote uint32
		want          Form
	}{
		{790, 790, FormMoney}, {791, 791, FormMoney},
		{16400, 790, FormMoney},  // a domain over it
		{16401, 791, FormMoney},  // or an array of that
		{790, 1700, FormText},    // a number is printed without a locale
		{790, 25, FormText},      // a text is what somebody has written
		{25, 790, FormDatum},     // and what a text column wants
		{16402, 16402, FormText}, // C looks into other types
	} {
		col := Column{Name: "m", TypeOID: c.local, Typmod: -1}
		if f := col.WantFormat(UTF8); f != formatText {
			t.Errorf("%v: asks for format %d", c, f)
		}
		d, err := NewDecoder([]Column{col}, []RemoteColumn{{TypeOID: c.remote, Typmod: -1, Format: formatText}}, Options{})
		if err != nil {
			t.Fatal(c, err)
		}
		if got := d.Forms()[0]; got != c.want {
			t.Errorf("%v: form %d", c, got)
		}
	}
	col := Column{Name: "m", TypeOID: 790, Typmod: -1}
	if _, err := NewDecoder([]Column{col}, []RemoteColumn{{TypeOID: 790, Typmod: -1, Format: formatBinary}}, Options{}); err == nil {
		t.Error("binary money is taken")
	}
}
