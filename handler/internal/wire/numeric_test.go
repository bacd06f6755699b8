package wire

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
)

// wireNumeric is a numeric as it is sent.
type wireNumeric struct {
	weight int16
	sign   uint16
	scale  uint16
	digits []uint16
}

func (w wireNumeric) bytes() []byte {
	b := join(be16(int16(len(w.digits))), be16(w.weight), be16(int16(w.sign)), be16(int16(w.scale)))
	for _, d := range w.digits {
		b = append(b, be16(int16(d))...)
	}
	return b
}

func pow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// unscaled returns the value times 10^scale, cut off towards zero or rounded half away
// from zero.
func unscaled(negative bool, weight int, digits []uint16, scale int, round bool) *big.Int {
	n := new(big.Int)
	for _, d := range digits {
		n.Mul(n, big.NewInt(10000)).Add(n, big.NewInt(int64(d)))
	}
	shift := 4*(weight+1-len(digits)) + scale
	if shift >= 0 {
		n.Mul(n, pow10(shift))
	} else {
		if round {
			n.Add(n, new(big.Int).Quo(pow10(-shift), big.NewInt(2)))
		}
		n.Quo(n, pow10(-shift))
	}
	if negative {
		n.Neg(n)
	}
	return n
}

// readNumeric takes NumericData apart and checks that it is in canonical form.
func readNumeric(data []byte) (special uint16, scale int, value *big.Int, err error) {
	size := int(binary.LittleEndian.Uint32(data) >> 2)
	head := binary.LittleEndian.Uint16(data[4:])
	var weight int
	var negative bool
	at := 6
	switch head >> 14 {
	case 3:
		if size != 6 {
			return head, 0, nil, fmt.Errorf("special value of %d bytes", size)
		}
		return head, 0, nil, nil
	case 2:
		negative, scale = head&0x2000 != 0, int(head>>7&63)
		if weight = int(head & 63); head&64 != 0 {
			weight -= 64
		}
	default:
		negative, scale = head&0x4000 != 0, int(head&0x3fff)
		weight = int(int16(binary.LittleEndian.Uint16(data[6:])))
		at = 8
		if scale <= 63 && weight >= -64 && weight <= 63 {
			return 0, 0, nil, fmt.Errorf("long header for scale %d, weight %d", scale, weight)
		}
	}
	digits := []uint16{}
	for ; at < size; at += 2 {
		digits = append(digits, binary.LittleEndian.Uint16(data[at:]))
	}
	if n := len(digits); n > 0 && (digits[0] == 0 || digits[n-1] == 0) {
		return 0, 0, nil, fmt.Errorf("digits %v are not stripped", digits)
	} else if n == 0 && (negative || weight != 0) {
		return 0, 0, nil, fmt.Errorf("zero has a sign or weight %d", weight)
	}
	if extra := 4*(len(digits)-1-weight) - scale; extra >= 4 {
		return 0, 0, nil, fmt.Errorf("digits %v behind scale %d", digits, scale)
	}
	return 0, scale, unscaled(negative, weight, digits, scale, false), nil
}

func randomNumeric(rng *rand.Rand) wireNumeric {
	w := wireNumeric{weight: int16(rng.IntN(8) - 4), scale: uint16(rng.IntN(20)), digits: make([]uint16, rng.IntN(8))}
	if rng.IntN(10) == 0 {
		w.weight = int16(rng.IntN(300) - 150)
		w.scale = uint16(rng.IntN(300))
	}
	if rng.IntN(2) == 0 {
		w.sign = numericNeg
	}
	common := []uint16{0, 0, 1, 9999, 9999, 5000, 4999, 9995, 50, 49}
	for i := range w.digits {
		w.digits[i] = common[rng.IntN(len(common))]
		if rng.IntN(3) == 0 {
			w.digits[i] = uint16(rng.IntN(10000))
		}
	}
	return w
}

// TestNumericValues compares with arithmetic on big integers.
func TestNumericValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	plain := mustDecoder(t, Options{}, column4(1700, -1))
	for range 100000 {
		w := randomNumeric(rng)
		want := unscaled(w.sign == numericNeg, int(w.weight), w.digits, int(w.scale), false)
		f, err := decodeOne(t, plain, w.bytes())
		if err != nil {
			t.Fatalf("%+v: %v", w, err)
		}
		_, scale, got, err := readNumeric(f.data)
		if err != nil || scale != int(w.scale) || got.Cmp(want) != 0 {
			t.Fatalf("%+v: got %v scale %d, want %v (%v)", w, got, scale, want, err)
		}
	}
}

// TestNumericTypmod rounds to numeric(p,s), with negative scales too, after cutting
// off at the scale that was sent.
func TestNumericTypmod(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	overflows := 0
	for range 100000 {
		w := randomNumeric(rng)
		precision, limit := 1+rng.IntN(30), rng.IntN(24)-6
		d := mustDecoder(t, Options{}, column4(1700, int32(precision<<16|limit&0x7ff)+4))
		cut := unscaled(w.sign == numericNeg, int(w.weight), w.digits, int(w.scale), false)
		// Round the cut value: its digits are those of a number of scale w.scale.
		half := new(big.Int).Abs(cut)
		if shift := limit - int(w.scale); shift >= 0 {
			half.Mul(half, pow10(shift))
		} else {
			half.Add(half, new(big.Int).Quo(pow10(-shift), big.NewInt(2))).Quo(half, pow10(-shift))
		}
		if cut.Sign() < 0 {
			half.Neg(half)
		}
		f, err := decodeOne(t, d, w.bytes())
		if new(big.Int).Abs(half).Cmp(pow10(precision)) >= 0 {
			overflows++
			if err == nil {
				t.Fatalf("%+v fits numeric(%d,%d)", w, precision, limit)
			}
			wantState(t, err, "22003")
			continue
		}
		if err != nil {
			t.Fatalf("%+v in numeric(%d,%d): %v", w, precision, limit, err)
		}
		want := half
		if limit < 0 {
			want = new(big.Int).Mul(half, pow10(-limit))
		}
		_, scale, got, err := readNumeric(f.data)
		if err != nil || scale != max(limit, 0) || got.Cmp(want) != 0 {
			t.Fatalf("%+v in numeric(%d,%d): got %v scale %d, want %v (%v)", w, precision, limit, got, scale, want, err)
		}
	}
	if overflows < 1000 {
		t.Fatalf("only %d overflows", overflows)
	}
}

func TestNumericErrors(t *testing.T) {
	plain := mustDecoder(t, Options{}, column4(1700, -1))
	limited := mustDecoder(t, Options{}, column4(1700, 5<<16|2+4))
	for _, c := range []struct {
		name string
		d    *Decoder
		val  []byte
		want string
	}{
		{"empty", plain, []byte{}, "22P03"},
		{"header cut", plain, wireNumeric{}.bytes()[:7], "22P03"},
		{"digit missing", plain, wireNumeric{digits: []uint16{1, 2}}.bytes()[:10], "22P03"},
		{"half a digit too many", plain, append(wireNumeric{digits: []uint16{1}}.bytes(), 0), "22P03"},
		{"digit too large", plain, wireNumeric{digits: []uint16{1, 10000}, scale: 4}.bytes(), "22P03"},
		{"negative digit", plain, wireNumeric{digits: []uint16{0xffff}}.bytes(), "22P03"},
		{"dropped digit too large", plain, wireNumeric{digits: []uint16{1, 2, 3, 4, 10000}}.bytes(), "22P03"},
		{"digit of NaN too large", plain, wireNumeric{sign: numericNaN, digits: []uint16{10000}}.bytes(), "22P03"},
		{"sign", plain, wireNumeric{sign: 0x8000}.bytes(), "22P03"},
		{"sign of no special value", plain, wireNumeric{sign: 0xe000}.bytes(), "22P03"},
		{"scale", plain, wireNumeric{scale: 0x4000}.bytes(), "22P03"},
		{"scale of NaN", plain, wireNumeric{sign: numericNaN, scale: 0x4000}.bytes(), "22P03"},
		{"weight below the format", plain, wireNumeric{weight: -32768, scale: 0x3fff, digits: []uint16{0, 1}}.bytes(), ""},
		{"infinity with a precision", limited, wireNumeric{sign: numericPInf}.bytes(), "22003"},
		{"-infinity with a precision", limited, wireNumeric{sign: numericNInf}.bytes(), "22003"},
		{"NaN with a precision", limited, wireNumeric{sign: numericNaN}.bytes(), ""},
		{"999.994", limited, wireNumeric{digits: []uint16{999, 9940}, scale: 4}.bytes(), ""},
		{"999.995", limited, wireNumeric{digits: []uint16{999, 9950}, scale: 4}.bytes(), "22003"},
	} {
		_, err := decodeOne(t, c.d, c.val)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		wantState(t, err, c.want)
	}
}
