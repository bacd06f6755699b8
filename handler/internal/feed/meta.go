package feed

import (
	"math"
	"strconv"
	"strings"
	"time"

	"pgwire_fdw/handler/internal/mem"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// noTime is the commit time of a message outside of transactions.
const noTime = math.MinInt64

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// appendTime writes a timestamptz.
func appendTime(b []byte, t int64, binary bool) []byte {
	if binary {
		return be.AppendUint64(b, uint64(t))
	}
	const second = 1_000_000
	whole, rest := t/second, t%second
	if rest < 0 {
		whole, rest = whole-1, rest+second
	}
	return time.Unix(epoch.Unix()+whole, rest*1000).UTC().AppendFormat(b, "2006-01-02 15:04:05.999999Z07:00")
}

// String is the relation's name as SQL has it.
func (r *relation) String() string { return quoteIdent(r.schema) + "." + quoteIdent(r.table) }

// quoteIdent quotes a name unless it is plain: what is a key word is not looked at, as nobody parses this.
func quoteIdent(s string) string {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '_' || c >= 'a' && c <= 'z' || i > 0 && c >= '0' && c <= '9' {
			continue
		}
		return quoteName(s)
	}
	return s
}

// unchanged lists the columns whose values were not sent.
func (e *event) unchanged() (names []string) {
	if e.rel == nil || e.op != 'U' {
		return nil
	}
	for i := range e.rel.columns {
		if e.gone(i) {
			names = append(names, e.rel.columns[i].name)
		}
	}
	return names
}

// appendUnchanged writes the list as a text[].
func (e *event) appendUnchanged(b []byte, binary bool) []byte {
	names := e.unchanged()
	if !binary {
		quoted := make([]string, len(names))
		for i, n := range names {
			quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(n) + `"`
		}
		return append(b, "{"+strings.Join(quoted, ",")+"}"...)
	}
	if len(names) == 0 {
		return be.AppendUint32(be.AppendUint32(be.AppendUint32(b, 0), 0), oidText)
	}
	for _, n := range []uint32{1, 0, oidText, uint32(len(names)), 1} {
		b = be.AppendUint32(b, n)
	}
	for _, n := range names {
		b = append(be.AppendUint32(b, uint32(len(n))), n...)
	}
	return b
}

// ---- rows as jsonb ----

// Types whose text is that of a JSON value. float4 and the like have texts that are none: NaN, Infinity.
const (
	oidBool    = 16
	oidInt2    = 21
	oidInt4    = 23
	oidOID     = 26
	oidJSON    = 114
	oidFloat4  = 700
	oidFloat8  = 701
	oidNumeric = 1700
)

// rowJSON is a row as a JSON object: numbers and booleans as such, json as it is, all else as strings. What was not
// sent (unchanged, or no part of the replica identity) is left out. NULL where there is no such row. It is put into f.json, and the place noted.
func (f *Feed) rowJSON(e *event, role Role, column int) *sqlerr.Error {
	t := e.new
	if role == OldRow {
		t = e.old
	}
	j := jsonWriter{b: &f.json}
	from := f.json.Len()
	if t == nil {
		return nil
	}
	f.jsonColumns(&j, e, t)
	j.put([]byte("}"))
	if j.err != nil {
		return sqlerr.New(sqlstate.OutOfMemory, "out of memory for a changed row: %w", j.err)
	}
	f.objects = append(f.objects, object{column, from, f.json.Len()})
	return nil
}

// object is where in f.json the value of a column is.
type object struct{ column, from, to int }

func (f *Feed) jsonColumns(j *jsonWriter, e *event, t tuple) {
	first := true
	for i := range e.rel.columns {
		if i >= len(t) {
			break
		}
		c := &e.rel.columns[i]
		v := t[i]
		if v.kind == valueUnchanged && !e.key && i < len(e.old) {
			v = e.old[i]
		}
		// a key has NULL for each column that is no part of it
		if v.kind == valueUnchanged || e.key && &t[0] == &e.old[0] && !c.key {
			continue
		}
		j.member(first, c.name)
		first = false
		j.value(v, f.pass.types.base(c.typeOID).oid)
	}
	if first {
		j.put([]byte("{"))
	}
}

type jsonWriter struct {
	b   *mem.Buffer
	err error
}

func (j *jsonWriter) put(parts ...[]byte) {
	if j.err == nil {
		j.err = j.b.Append(parts...)
	}
}

func (j *jsonWriter) member(first bool, name string) {
	if first {
		j.put([]byte("{"))
	} else {
		j.put([]byte(", "))
	}
	j.text([]byte(name))
	j.put([]byte(": "))
}

func (j *jsonWriter) value(v value, oid uint32) {
	switch {
	case v.kind == valueNull:
		j.put([]byte("null"))
	case oid == oidJSON || oid == oidJSONB:
		j.put(v.data)
	case oid == oidBool && string(v.data) == "t":
		j.put([]byte("true"))
	case oid == oidBool && string(v.data) == "f":
		j.put([]byte("false"))
	case isNumber(oid) && isDecimal(v.data):
		j.put(v.data)
	default:
		j.text(v.data)
	}
}

func isNumber(oid uint32) bool {
	switch oid {
	case oidInt2, oidInt4, oidInt8, oidOID, oidFloat4, oidFloat8, oidNumeric:
		return true
	}
	return false
}

// isDecimal reports whether a number's text is one in JSON.
func isDecimal(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	return len(b) > 0 && b[0] >= '0' && b[0] <= '9'
}

// text writes a string. Bytes beyond ASCII go as they are: the text is in the database's encoding.
func (j *jsonWriter) text(s []byte) {
	const digits = "0123456789abcdef"
	j.put([]byte(`"`))
	from := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		escape := []byte{'\\', c}
		if c < ' ' {
			escape = []byte{'\\', 'u', '0', '0', digits[c>>4], digits[c&15]}
		}
		j.put(s[from:i], escape)
		from = i + 1
	}
	j.put(s[from:], []byte(`"`))
}
