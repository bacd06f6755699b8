package option

import (
	"net/netip"
	"strings"
)

// scannerSpaces is what PostgreSQL's SQL scanner takes for white space.
const scannerSpaces = " \t\n\r\f"

// splitIdentifiers reads a comma-separated list of SQL identifiers as
// SplitIdentifierString of varlena.c does: quoted ones as they are, others in
// lower case. Names are not truncated; only C knows NAMEDATALEN.
func splitIdentifiers(s string) (names []string, ok bool) {
	s = strings.TrimLeft(s, scannerSpaces)
	if s == "" {
		return nil, true
	}
	for {
		var name string
		if s != "" && s[0] == '"' {
			if name, s, ok = quotedIdentifier(s); !ok {
				return nil, false
			}
		} else {
			end := strings.IndexAny(s, ","+scannerSpaces)
			if end < 0 {
				end = len(s)
			}
			if end == 0 {
				return nil, false
			}
			name, s = lowerASCII(s[:end]), s[end:]
		}
		names = append(names, name)
		s = strings.TrimLeft(s, scannerSpaces)
		if s == "" {
			return names, true
		}
		if s[0] != ',' {
			return nil, false
		}
		s = strings.TrimLeft(s[1:], scannerSpaces)
	}
}

// quotedIdentifier reads what stands in double quotes at the start of s; a
// doubled quote stands for one.
func quotedIdentifier(s string) (name, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 == len(s) || s[i+1] != '"' {
			return b.String(), s[i+1:], true
		}
		b.WriteByte('"')
		i++
	}
	return "", "", false
}

// lowerASCII folds as downcase_identifier does in a multi-byte encoding:
// strings.ToLower would also fold letters that PostgreSQL leaves alone.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// badPort returns the first entry of a port list that is no port. An empty
// entry stands for the default port.
func badPort(list string) (entry string, bad bool) {
	for _, entry := range strings.Split(list, ",") {
		if entry == "" {
			continue
		}
		if _, ok := ParsePort(entry); !ok {
			return entry, true
		}
	}
	return "", false
}

// badAddress returns the first entry of a hostaddr list that is no numeric
// address. An empty entry makes the host be looked up.
func badAddress(list string) (entry string, bad bool) {
	for _, entry := range strings.Split(list, ",") {
		if entry == "" {
			continue
		}
		if _, err := netip.ParseAddr(entry); err != nil {
			return entry, true
		}
	}
	return "", false
}

var authMethods = []string{"password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"}

// ParseAuthMethods reads require_auth: known methods, each once, and either all
// of them allowed or all of them (with "!") forbidden. It returns which methods
// may be used, "none" standing for no authentication; nil, for an empty list, allows all.
func ParseAuthMethods(list string) (allowed map[string]bool, ok bool) {
	if list == "" {
		return nil, true
	}
	negated := strings.HasPrefix(list, "!")
	named := map[string]bool{}
	for _, entry := range strings.Split(list, ",") {
		method, not := strings.CutPrefix(entry, "!")
		if not != negated || named[method] || !has(authMethods, method, false) {
			return nil, false
		}
		named[method] = true
	}
	allowed = map[string]bool{}
	for _, method := range authMethods {
		allowed[method] = named[method] != negated
	}
	return allowed, true
}
