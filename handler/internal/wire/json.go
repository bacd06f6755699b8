package wire

import (
	"encoding/binary"
	"pgwire_fdw/handler/internal/sqlstate"
)

var faultJSON = &fault{sqlstate.InvalidTextRepresentation, "invalid input syntax for type json"}

// checkJSON tells whether val is one JSON value by the grammar of json_recv
// (common/jsonapi.c), which is RFC 8259's: escapes must be well formed, but what a
// \u escape stands for is not looked at, as the json type keeps the text. The encoding
// of the characters is checked elsewhere.
//
// Nesting has no limit here, and costs no stack: one bit per level tells objects from
// arrays. PostgreSQL's limit is its stack, and its functions guard that themselves.
func checkJSON(val []byte) *fault {
	s := jsonScanner{val: val}
	if !s.document() {
		return faultJSON
	}
	return nil
}

// jsonScanner walks over a text; at is the next byte.
type jsonScanner struct {
	val   []byte
	at    int
	depth int
	low   [8]uint64 // bit per level, 1 for an object: 512 levels without allocation
	deep  []uint64  // the levels beyond
}

// level returns the word that has the bit of a level.
func (s *jsonScanner) level(i int) *uint64 {
	if i /= 64; i < len(s.low) {
		return &s.low[i]
	}
	i -= len(s.low)
	if i == len(s.deep) {
		s.deep = append(s.deep, 0)
	}
	return &s.deep[i]
}

func (s *jsonScanner) push(object bool) {
	word, bit := s.level(s.depth), uint64(1)<<(s.depth%64)
	if object {
		*word |= bit
	} else {
		*word &^= bit
	}
	s.depth++
}

// inObject tells whether the innermost level is an object.
func (s *jsonScanner) inObject() bool {
	i := s.depth - 1
	return *s.level(i)>>(i%64)&1 == 1
}

// next skips white space and returns the byte that follows, 0 at the end. A zero byte
// in the text comes out the same, and is as wrong anywhere as the end is there.
func (s *jsonScanner) next() byte {
	for s.at < len(s.val) {
		switch c := s.val[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// document accepts one value with white space around it.
func (s *jsonScanner) document() bool {
	for {
		opened, ok := s.value()
		if !ok {
			return false
		}
		if opened {
			continue
		}
		// A value is complete: close what it completes, up to the next value.
		for {
			if s.depth == 0 {
				return s.next() == 0 && s.at == len(s.val)
			}
			object := s.inObject()
			switch c := s.next(); {
			case c == ',':
				s.at++
				if object && !s.key() {
					return false
				}
			case c == '}' && object, c == ']' && !object:
				s.at++
				s.depth--
				continue
			default:
				return false
			}
			break
		}
	}
}

// value accepts a scalar, an empty container, or the opening of a container with its
// first key, after which (opened) another value must follow.
func (s *jsonScanner) value() (opened, ok bool) {
	switch c := s.next(); c {
	case '{':
		s.at++
		if s.next() == '}' {
			s.at++
			return false, true
		}
		s.push(true)
		return true, s.key()
	case '[':
		s.at++
		if s.next() == ']' {
			s.at++
			return false, true
		}
		s.push(false)
		return true, true
	case '"':
		return false, s.str()
	case 't':
		return false, s.literal("true")
	case 'f':
		return false, s.literal("false")
	case 'n':
		return false, s.literal("null")
	default:
		if c == '-' || '0' <= c && c <= '9' {
			return false, s.number()
		}
		return false, false
	}
}

// key accepts a string and a colon.
func (s *jsonScanner) key() bool {
	if s.next() != '"' || !s.str() || s.next() != ':' {
		return false
	}
	s.at++
	return true
}

func (s *jsonScanner) literal(word string) bool {
	if len(s.val)-s.at < len(word) || string(s.val[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

// jsonPlain has the bytes that stand for themselves in a string.
var jsonPlain = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = c >= 0x20 && c != '"' && c != '\\'
	}
	return plain
}()

// plainWord tells whether none of eight bytes is a quote, a backslash or below 0x20.
// Each test sets the high bit of a byte that is; a borrow can only add false alarms.
func plainWord(w uint64) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, backslash := w^ones*'"', w^ones*'\\'
	found := (w-ones*0x20)&^w | (quote-ones)&^quote | (backslash-ones)&^backslash
	return found&highs == 0
}

// str accepts a string, of which the opening quote is the next byte.
func (s *jsonScanner) str() bool {
	val, i := s.val, s.at+1
	for i < len(val) {
		for len(val)-i >= 8 && plainWord(binary.LittleEndian.Uint64(val[i:])) {
			i += 8
		}
		for i < len(val) && jsonPlain[val[i]] {
			i++
		}
		if i == len(val) {
			return false
		}
		switch val[i] {
		case '"':
			s.at = i + 1
			return true
		case '\\':
			if i++; i == len(val) {
				return false
			}
			switch val[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i++
			case 'u':
				if len(val)-i < 5 || !hexDigits(val[i+1:i+5]) {
					return false
				}
				i += 5
			default:
				return false
			}
		default: // a control character
			return false
		}
	}
	return false
}

func hexDigits(b []byte) bool {
	for _, c := range b {
		if lower := c | 0x20; (c < '0' || c > '9') && (lower < 'a' || lower > 'f') {
			return false
		}
	}
	return true
}

// number accepts -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *jsonScanner) number() bool {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return false
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return false
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		return s.digits()
	}
	return true
}

func (s *jsonScanner) peek() byte {
	if s.at < len(s.val) {
		return s.val[s.at]
	}
	return 0
}

// digits accepts one or more decimal digits.
func (s *jsonScanner) digits() bool {
	from := s.at
	for s.at < len(s.val) && s.val[s.at]-'0' <= 9 {
		s.at++
	}
	return s.at > from
}
