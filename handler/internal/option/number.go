package option

import (
	"math"
	"strconv"
	"strings"
)

// cSpaces is what C's isspace takes for white space in the C locale.
const cSpaces = " \t\n\v\f\r"

// skipSign returns the index behind an optional sign at s[i].
func skipSign(s string, i int) int {
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	return i
}

// skipDigits returns the index behind the digits of the given base at s[i].
func skipDigits(s string, i, base int) int {
	for i < len(s) {
		c, d := s[i], 99
		switch {
		case c >= '0' && c <= '9':
			d = int(c - '0')
		case c >= 'a' && c <= 'f':
			d = int(c-'a') + 10
		case c >= 'A' && c <= 'F':
			d = int(c-'A') + 10
		}
		if d >= base {
			break
		}
		i++
	}
	return i
}

// hexPrefix reports whether a hexadecimal number with a digit (or, where
// point allows it, a point and a digit) starts at s[i].
func hexPrefix(s string, i int, point bool) bool {
	if i+2 >= len(s) || s[i] != '0' || s[i+1] != 'x' && s[i+1] != 'X' {
		return false
	}
	i += 2
	if point && s[i] == '.' {
		i++
	}
	return skipDigits(s, i, 16) > i
}

// scanInt reads the longest integer that s starts with, as strtol does (base
// 0: decimal, 0x hexadecimal, 0 octal). Without one rest is s itself. inRange is
// false when it does not fit 64 bits.
func scanInt(s string, base int) (val int64, rest string, inRange bool) {
	t := strings.TrimLeft(s, cSpaces)
	i := skipSign(t, 0)
	sign := ""
	if i > 0 && t[0] == '-' {
		sign = "-"
	}
	if base == 0 {
		base = 10
		if hexPrefix(t, i, false) {
			base = 16
			i += 2
		} else if i < len(t) && t[i] == '0' {
			base = 8
		}
	}
	end := skipDigits(t, i, base)
	if end == i {
		return 0, s, true
	}
	val, err := strconv.ParseInt(sign+t[i:end], base, 64)
	return val, t[end:], err == nil
}

// scanFloat reads the longest floating-point number that s starts with, as
// strtod does: decimal, hexadecimal, infinity or NaN. Without one rest is s
// itself. inRange is false on overflow and underflow (ERANGE of strtod, which
// glibc also sets for a number too small to be exact).
func scanFloat(s string) (val float64, rest string, inRange bool) {
	t := strings.TrimLeft(s, cSpaces)
	i := skipSign(t, 0)
	for _, word := range []string{"infinity", "inf", "nan"} {
		if len(t)-i >= len(word) && strings.EqualFold(t[i:i+len(word)], word) {
			val, _ = strconv.ParseFloat(t[:i+len(word)], 64)
			if word == "nan" {
				val = math.NaN() // ParseFloat knows no signed NaN
			}
			return val, t[i+len(word):], true
		}
	}
	base, exp := 10, "eE"
	start := i
	if hexPrefix(t, i, true) {
		base, exp = 16, "pP"
		start = i + 2
	}
	end := skipDigits(t, start, base)
	digits := end - start
	if end < len(t) && t[end] == '.' {
		frac := skipDigits(t, end+1, base)
		digits += frac - (end + 1)
		if digits > 0 {
			end = frac
		}
	}
	if digits == 0 {
		return 0, s, true
	}
	mantissa := t[start:end]
	number, hasExp := t[:end], false
	if end < len(t) && strings.IndexByte(exp, t[end]) >= 0 {
		from := skipSign(t, end+1)
		if to := skipDigits(t, from, 10); to > from {
			number, hasExp, end = t[:to], true, to
		}
	}
	if base == 16 && !hasExp {
		number += "p0" // C lets a hexadecimal number go without, Go does not
	}
	val, err := strconv.ParseFloat(number, 64)
	tiny := math.Abs(val) < 0x1p-1022 && strings.Trim(mantissa, "0.") != ""
	return val, t[end:], err == nil && !tiny
}

// scanNumber is the part that parse_int of guc.c has in common for numbers
// with and without units: an integer, or a fraction where one follows.
func scanNumber(s string) (val float64, rest string, ok bool) {
	n, rest, inRange := scanInt(s, 0)
	val = float64(n)
	if !inRange || rest != "" && strings.IndexByte(".eE", rest[0]) >= 0 {
		val, rest, inRange = scanFloat(s)
	}
	// scanInt and scanFloat leave s whole when there is no number in it.
	if len(rest) == len(s) || !inRange || math.IsNaN(val) {
		return 0, s, false
	}
	return val, rest, true
}

// parseInt is parse_int of guc.c without units: fractions are rounded to the
// nearest even, and the result fits an int.
func parseInt(s string) (int, bool) {
	val, rest, ok := scanNumber(s)
	val = math.RoundToEven(val)
	if !ok || strings.Trim(rest, cSpaces) != "" || val > math.MaxInt32 || val < math.MinInt32 {
		return 0, false
	}
	return int(val), true
}

// parseReal is parse_real of guc.c without units. Infinity is a number to it.
func parseReal(s string) (float64, bool) {
	val, rest, inRange := scanFloat(s)
	if len(rest) == len(s) || !inRange || math.IsNaN(val) || strings.Trim(rest, cSpaces) != "" {
		return 0, false
	}
	return val, true
}

// memoryUnits are those of guc.c, in kilobytes; case matters, as there.
var memoryUnits = map[string]float64{
	"": 1, "B": 1.0 / 1024, "kB": 1, "MB": 1 << 10, "GB": 1 << 20, "TB": 1 << 30,
}

// parseBytes reads an amount of memory as guc.c does for a parameter whose
// unit is kB (work_mem), rounded to whole kilobytes, and returns bytes.
func parseBytes(s string) (int64, bool) {
	val, rest, ok := scanNumber(s)
	factor, known := memoryUnits[strings.Trim(rest, cSpaces)]
	if !ok || !known {
		return 0, false
	}
	val = math.RoundToEven(val * factor)
	if val > math.MaxInt32 || val < math.MinInt32 {
		return 0, false
	}
	return int64(val) * 1024, true
}

// ParseNumber reads an integer parameter of libpq (parse_int_param of
// fe-connect.c): decimal, white space around it, and it fits an int.
func ParseNumber(s string) (int, bool) {
	val, rest, inRange := scanInt(s, 10)
	if len(rest) == len(s) || !inRange || strings.Trim(rest, cSpaces) != "" ||
		val > math.MaxInt32 || val < math.MinInt32 {
		return 0, false
	}
	return int(val), true
}

// ParsePort reads one entry of libpq's port, which is 1 to 65535.
func ParsePort(s string) (int, bool) {
	port, ok := ParseNumber(s)
	return port, ok && port >= 1 && port <= 65535
}

// parseBool takes the four words that an option's defGetBoolean takes.
func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "on":
		return true, true
	case "false", "off":
		return false, true
	}
	return false, false
}
