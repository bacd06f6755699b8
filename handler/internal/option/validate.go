package option

import (
	"fmt"
	"pgwire_fdw/handler/internal/sqlstate"
	"strings"
)

// Validate checks the options of one object as CREATE and ALTER hand them to
// the validator: names that this kind of object takes, values in range, what
// only a superuser may set, and values that contradict each other. It returns the
// first fault in catalog order.
func Validate(cat Catalog, superuser bool, pairs []Pair) *Error {
	for _, p := range pairs {
		if err := validate(cat, superuser, p); err != nil {
			return err
		}
	}
	return contradiction(cat, pairs)
}

func validate(cat Catalog, superuser bool, p Pair) *Error {
	s := Lookup(p.Name)
	if s == nil || !s.in(cat) {
		return unknown(cat, p.Name)
	}
	if s.Effect == Refused {
		return &Error{SQLState: sqlstate.FDWInvalidOptionName,
			Message: fmt.Sprintf("option %q is not supported by pgwire_fdw", s.Name), Hint: s.Doc}
	}
	if err := s.check(p.Value); err != nil {
		return err
	}
	return s.allowed(cat, superuser, p.Value)
}

// unknown is the error for a name that objects of cat do not take.
func unknown(cat Catalog, name string) *Error {
	err := &Error{SQLState: sqlstate.FDWInvalidOptionName, Message: fmt.Sprintf("invalid option \"%s\"", name)}
	match, takes := closest(name, cat)
	switch {
	case !takes:
		err.Hint = "There are no valid options in this context."
	case match != "":
		err.Hint = fmt.Sprintf("Perhaps you meant the option \"%s\".", match)
	}
	return err
}

// allowed applies the option's Rule to a value that is known to be well formed.
func (s *Spec) allowed(cat Catalog, superuser bool, value string) *Error {
	if superuser {
		return nil
	}
	switch s.Rule {
	case SuperuserIfFalse:
		if set, _ := parseBool(value); !set {
			return &Error{SQLState: sqlstate.InsufficientPrivilege,
				Message: s.Name + "=false is superuser-only",
				Hint:    "User mappings with the " + s.Name + " option set to false may only be created or modified by the superuser."}
		}
	case SuperuserInMapping:
		if cat == Mapping {
			return &Error{SQLState: sqlstate.InsufficientPrivilege,
				Message: "sslcert and sslkey are superuser-only",
				Hint:    "User mappings with the sslcert or sslkey options set may only be created or modified by the superuser."}
		}
	}
	return nil
}

// check says what is wrong with a value. An empty value of a libpq option
// means the option is not set, as in libpq.
func (s *Spec) check(value string) *Error {
	if s.Libpq && value == "" {
		return nil
	}
	switch s.Kind {
	case Bool:
		return s.checkBool(value)
	case Int:
		n, ok := parseInt(value)
		if !ok {
			return s.invalid("integer", value, "")
		}
		if int64(n) < s.Min {
			return s.outOfRange("\"%s\" must be an integer value greater than zero", s.Name)
		}
	case Real:
		f, ok := parseReal(value)
		if !ok {
			return s.invalid("floating point", value, "")
		}
		if f < 0 {
			return s.outOfRange("\"%s\" must be a floating point value greater than or equal to zero", s.Name)
		}
	case Bytes:
		n, ok := parseBytes(value)
		if !ok {
			return s.invalid("memory", value, `Valid units for this option are "B", "kB", "MB", "GB", and "TB".`)
		}
		if n < s.Min || n > s.Max {
			return s.outOfRange("\"%s\" must be between %s and %s", s.Name, FormatBytes(s.Min), FormatBytes(s.Max))
		}
	case Number:
		if _, ok := ParseNumber(value); !ok {
			return s.invalid("integer", value, "")
		}
	case Enum:
		return s.checkEnum(value)
	case Identifiers, Ports, Addresses, AuthMethods:
		return s.checkList(value)
	}
	return nil
}

func (s *Spec) checkBool(value string) *Error {
	set, ok := parseBool(value)
	if !ok {
		return &Error{SQLState: sqlstate.SyntaxError, Message: s.Name + " requires a Boolean value"}
	}
	if set && len(s.Unsupported) > 0 {
		return s.unsupported(value)
	}
	return nil
}

func (s *Spec) checkEnum(value string) *Error {
	switch {
	case has(s.Values, value, s.FoldCase):
		return nil
	case has(s.Unsupported, value, s.FoldCase):
		return s.unsupported(value)
	}
	return s.invalid("string", value, "Available values: "+strings.Join(s.Values, ", ")+".")
}

func (s *Spec) checkList(value string) *Error {
	switch s.Kind {
	case Identifiers:
		if _, ok := splitIdentifiers(value); !ok {
			return s.outOfRange("parameter \"%s\" must be a list of extension names", s.Name)
		}
	case Ports:
		if entry, bad := badPort(value); bad {
			return s.outOfRange("invalid port number: \"%s\"", entry)
		}
	case Addresses:
		if entry, bad := badAddress(value); bad {
			return s.invalid("address", entry, "Numeric IPv4 or IPv6 addresses are expected; names belong in option \"host\".")
		}
	case AuthMethods:
		if _, ok := ParseAuthMethods(value); !ok {
			return s.invalid("string", value, "Available methods: "+strings.Join(authMethods, ", ")+
				"; each at most once, and either all or none with \"!\" in front.")
		}
	}
	return nil
}

func (s *Spec) invalid(kind, value, hint string) *Error {
	return &Error{SQLState: sqlstate.InvalidParameterValue,
		Message: fmt.Sprintf("invalid value for %s option \"%s\": %s", kind, s.Name, value), Hint: hint}
}

func (s *Spec) outOfRange(format string, args ...any) *Error {
	return &Error{SQLState: sqlstate.InvalidParameterValue, Message: fmt.Sprintf(format, args...)}
}

func (s *Spec) unsupported(value string) *Error {
	return &Error{SQLState: sqlstate.FeatureNotSupported,
		Message: fmt.Sprintf("value \"%s\" of option \"%s\" is not supported by pgwire_fdw", value, s.Name), Hint: s.Doc}
}

// FormatBytes writes an amount of memory with the largest unit that divides
// it, as SHOW does: 4MB, 1536kB.
func FormatBytes(n int64) string {
	units := []string{"B", "kB", "MB", "GB"}
	i := 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	return fmt.Sprintf("%d%s", n, units[i])
}
