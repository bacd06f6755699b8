package dial

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // names files, as OpenSSL does
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// attribute is one AttributeTypeAndValue of a distinguished name.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// rdnSequence takes a DER name apart: one list of attributes for each RDN.
func rdnSequence(raw []byte) ([][]attribute, bool) {
	var outer asn1.RawValue
	if rest, err := asn1.Unmarshal(raw, &outer); err != nil || len(rest) != 0 || !outer.IsCompound {
		return nil, false
	}
	var name [][]attribute
	for rest := outer.Bytes; len(rest) > 0; {
		var set asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &set); err != nil || set.Tag != asn1.TagSet {
			return nil, false
		}
		var rdn []attribute
		for in := set.Bytes; len(in) > 0; {
			var a attribute
			if in, err = asn1.Unmarshal(in, &a); err != nil {
				return nil, false
			}
			rdn = append(rdn, a)
		}
		name = append(name, rdn)
	}
	return name, true
}

// canonical is the form in which OpenSSL compares names, RDN by RDN: text as UTF-8 in lower case (ASCII letters only)
// with single spaces between words; other values as they are. It returns nil for what is no name.
func canonical(raw []byte) [][]byte {
	name, ok := rdnSequence(raw)
	if !ok {
		return nil
	}
	list := [][]byte{}
	for _, rdn := range name {
		var set [][]byte
		for _, a := range rdn {
			if text, isText := attributeText(a.Value); isText {
				a.Value = asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(lowerWords(text))}
			}
			der, err := asn1.Marshal(a)
			if err != nil {
				return nil
			}
			set = append(set, der)
		}
		slices.SortFunc(set, bytes.Compare)
		der, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: bytes.Join(set, nil)})
		if err != nil {
			return nil
		}
		list = append(list, der)
	}
	return list
}

// attributeText converts a value of a string type.
func attributeText(v asn1.RawValue) (string, bool) {
	if v.Class != asn1.ClassUniversal {
		return "", false
	}
	switch v.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, 26 /* VisibleString */ :
		return string(v.Bytes), true
	case asn1.TagT61String:
		var b []byte
		for _, c := range v.Bytes {
			b = utf8.AppendRune(b, rune(c))
		}
		return string(b), true
	case asn1.TagBMPString:
		if len(v.Bytes)%2 != 0 {
			return "", false
		}
		units := make([]uint16, len(v.Bytes)/2)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(v.Bytes[2*i:])
		}
		return string(utf16.Decode(units)), true
	}
	return "", false
}

// lowerWords folds case and white space, ASCII's only.
func lowerWords(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' })
	return lowerASCII(strings.Join(words, " "))
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func sameName(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, y := canonical(a), canonical(b)
	return x != nil && y != nil && slices.EqualFunc(x, y, bytes.Equal)
}

// nameHash is what `openssl rehash` calls the files of an issuer: eight digits.
func nameHash(raw []byte) string {
	sum := sha1.Sum(bytes.Join(canonical(raw), nil)) //nolint:gosec // as above
	return fmt.Sprintf("%08x", binary.LittleEndian.Uint32(sum[:]))
}

var oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// commonNames are the values of the CN attributes in order, as their bytes are.
func commonNames(raw []byte) (list [][]byte) {
	name, _ := rdnSequence(raw)
	for _, rdn := range name {
		for _, a := range rdn {
			if a.Type.Equal(oidCommonName) {
				list = append(list, a.Value.Bytes)
			}
		}
	}
	return list
}

// attributeNames are those of RFC 4514 and a few more.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET", "2.5.4.10": "O",
	"2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.4": "SN", "2.5.4.42": "GN", "1.2.840.113549.1.9.1": "emailAddress",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
}

// nameString is how messages show a distinguished name: the most particular part first, as RFC 4514 has it.
func nameString(raw []byte) string {
	name, ok := rdnSequence(raw)
	if !ok || len(name) == 0 {
		return "without a name"
	}
	var parts []string
	for _, rdn := range slices.Backward(name) {
		var values []string
		for _, a := range rdn {
			kind, known := attributeNames[a.Type.String()]
			if !known {
				kind = "other"
			}
			text, isText := attributeText(a.Value)
			if !isText {
				text = "..."
			}
			values = append(values, kind+"="+text)
		}
		parts = append(parts, strings.Join(values, "+"))
	}
	return quote([]byte(strings.Join(parts, ",")))
}
