package option

import (
	"strings"
)

// Kind is the type of an option's value.
type Kind int

// Kinds. The GUC-like ones parse as PostgreSQL's guc.c does, because
// postgres_fdw calls parse_int and parse_real; Number parses as libpq does.
const (
	String      Kind = iota // any text
	Bool                    // true, false, on, off in any case, as defGetBoolean
	Int                     // parse_int without units, Min ≤ value
	Real                    // parse_real without units, ≥ 0
	Bytes                   // parse_int with memory units, base kB; Min and Max are bytes
	Number                  // libpq's parse_int_param: decimal, fits an int
	Enum                    // one of Values
	Identifiers             // SplitIdentifierString by comma
	Ports                   // comma-separated port numbers, an empty one means the default
	Addresses               // comma-separated numeric IP addresses
	AuthMethods             // require_auth of libpq
)

// Effect says what becomes of an option that is accepted, or that it is not.
type Effect int

// Effects.
const (
	Works   Effect = iota // honoured
	Later                 // accepted; takes effect with a later release
	Ignored               // accepted for compatibility; documented to do nothing
	Refused               // known to postgres_fdw, refused here with a reason
)

// VersionDefault is a default that depends on the local server's major version.
type VersionDefault struct {
	Major int // this major and later ones
	Value string
}

// Spec is everything known about one option.
type Spec struct {
	Name     string
	Catalogs []Catalog
	Kind     Kind
	Effect   Effect
	// Values are what an Enum takes; Unsupported are values that postgres_fdw
	// takes and this wrapper refuses (for a Bool: "true").
	Values, Unsupported []string
	// FoldCase lets an Enum be written in any case.
	FoldCase bool
	// Min and Max bound an Int (Min only) or Bytes.
	Min, Max int64
	// Defaults in ascending order of Major; nil: not set.
	Defaults []VersionDefault
	// Since is the first major whose postgres_fdw has the option; 14 stands
	// for that or earlier, 0 for an option of this wrapper alone.
	Since int
	// Libpq marks a connection parameter of libpq: it reaches the session
	// under its own name, and an empty value counts as not set.
	Libpq bool
	// Secret values are never shown to anybody; they stand in mappings only,
	// because the options of a server are readable by all.
	Secret bool
	// Rule is checked beyond the value itself.
	Rule Rule
	// Doc is the sentence of the README. For Refused it ends up as the hint.
	Doc string
}

// Rule is a restriction on who may set an option.
type Rule int

// Rules.
const (
	Anyone             Rule = iota
	SuperuserIfFalse        // only a superuser may set it to false
	SuperuserInMapping      // only a superuser may set it in a user mapping
)

// Default returns the default for a local server of the given major version,
// as the text that would be written in OPTIONS; "" when there is none.
func (s *Spec) Default(major int) string {
	value := ""
	for _, d := range s.Defaults {
		if value == "" || major >= d.Major {
			value = d.Value
		}
	}
	return value
}

// in reports whether the option may stand on objects of cat.
func (s *Spec) in(cat Catalog) bool {
	for _, c := range s.Catalogs {
		if c == cat {
			return true
		}
	}
	return false
}

// has reports whether value is one of list.
func has(list []string, value string, fold bool) bool {
	for _, v := range list {
		if v == value || fold && strings.EqualFold(v, value) {
			return true
		}
	}
	return false
}

// Lookup finds an option by its exact name, nil when there is none.
func Lookup(name string) *Spec { return byName[name] }

// All returns the table, in the order in which hints and the README use it.
// The caller must not change it.
func All() []Spec { return table }

var byName = func() map[string]*Spec {
	m := make(map[string]*Spec, len(table))
	for i := range table {
		m[table[i].Name] = &table[i]
	}
	return m
}()
