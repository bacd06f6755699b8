package dial

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Name constraints of authorities (RFC 5280, 4.2.1.10), as OpenSSL applies them, critical or not: to the subject, to all
// subjectAltNames, and to the common names of the server's certificate where it has no dNSName.

// subtree is one permitted or excluded subtree.
type subtree struct {
	base     asn1.RawValue
	excluded bool
	owner    *x509.Certificate
}

func checkConstraints(chain []*x509.Certificate) error {
	for above := len(chain) - 1; above > 0; above-- {
		trees, err := subtrees(chain[above])
		if err != nil {
			return err
		}
		for i := above - 1; i >= 0 && len(trees) > 0; i-- {
			if i > 0 && selfIssued(chain[i]) {
				continue
			}
			for _, name := range constrainedNames(chain[i], i == 0) {
				if err := permitted(chain[i], name, trees); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func subtrees(c *x509.Certificate) (list []subtree, err error) {
	value := extension(c.Extensions, oidNameConstraints)
	if value == nil {
		return nil, nil
	}
	broken := fmt.Errorf("certificate %s has name constraints that are not supported", title(c))
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(value, &outer); err != nil {
		return nil, broken
	}
	for rest := outer.Bytes; len(rest) > 0; {
		var group asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &group); err != nil || group.Tag > 1 {
			return nil, broken
		}
		for in := group.Bytes; len(in) > 0; {
			var tree, base asn1.RawValue
			if in, err = asn1.Unmarshal(in, &tree); err != nil {
				return nil, broken
			}
			after, err := asn1.Unmarshal(tree.Bytes, &base)
			if err != nil || len(after) > 0 { // minimum and maximum are not used with X.509
				return nil, broken
			}
			list = append(list, subtree{base, group.Tag == 1, c})
		}
	}
	return list, nil
}

var oidEmailAddress = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}

// constrainedNames are the names of a certificate that constraints bind, as GeneralNames.
func constrainedNames(c *x509.Certificate, server bool) []asn1.RawValue {
	var list []asn1.RawValue
	name, _ := rdnSequence(c.RawSubject)
	if len(name) > 0 {
		list = append(list, asn1.RawValue{Tag: sanDir, Bytes: c.RawSubject})
	}
	for _, rdn := range name {
		for _, a := range rdn {
			if a.Type.Equal(oidEmailAddress) {
				list = append(list, asn1.RawValue{Tag: sanEmail, Bytes: a.Value.Bytes})
			}
		}
	}
	alternatives := altNames(c)
	list = append(list, alternatives...)
	if server && !slices.ContainsFunc(alternatives, func(n asn1.RawValue) bool { return n.Tag == sanDNS }) {
		for _, cn := range commonNames(c.RawSubject) {
			// A wildcard is none of the names that OpenSSL looks at, but libpq lets it match.
			if host := strings.TrimPrefix(string(cn), "*."); looksLikeHost(host) {
				list = append(list, asn1.RawValue{Tag: sanDNS, Bytes: []byte(host)})
			}
		}
	}
	return list
}

// looksLikeHost reports whether a common name is taken for a host's: two or more labels of letters, digits, hyphens
// and underscores.
func looksLikeHost(name string) bool {
	labels := strings.Split(strings.TrimRight(name, "\x00"), ".")
	for _, label := range labels {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(lowerASCII(label), "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			return false
		}
	}
	return len(labels) > 1
}

func permitted(c *x509.Certificate, name asn1.RawValue, trees []subtree) error {
	some, inside := false, false
	for _, tree := range trees {
		if tree.base.Tag != name.Tag {
			continue
		}
		matches, known := within(name, tree.base)
		if !known {
			return fmt.Errorf("certificate %s has a name to which a constraint of authority %s applies that is not supported", title(c), title(tree.owner))
		}
		if tree.excluded && matches {
			return fmt.Errorf("certificate %s has the name %s, which authority %s may not certify", title(c), nameText(name), title(tree.owner))
		}
		if !tree.excluded {
			some, inside = true, inside || matches
		}
	}
	if some && !inside {
		return fmt.Errorf("certificate %s has the name %s, which authority %s may not certify", title(c), nameText(name), title(trees[0].owner))
	}
	return nil
}

func nameText(name asn1.RawValue) string {
	switch name.Tag {
	case sanDir:
		return "of its subject"
	case sanIP:
		return net.IP(name.Bytes).String()
	}
	return quote(name.Bytes)
}

// within reports whether name lies in the subtree of base, both of one kind; known is false for a kind that is not
// supported.
func within(name, base asn1.RawValue) (matches, known bool) {
	text, tree := lowerASCII(string(name.Bytes)), lowerASCII(string(base.Bytes))
	switch name.Tag {
	case sanDir:
		return nameWithin(name.Bytes, base.Bytes), true
	case sanDNS:
		if tree == "" || text == tree {
			return true, true
		}
		return strings.HasSuffix(text, tree) && (tree[0] == '.' || text[len(text)-len(tree)-1] == '.'), true
	case sanEmail:
		return mailWithin(string(name.Bytes), string(base.Bytes)), true
	case sanURI:
		_, host, found := strings.Cut(text, "://")
		if end := strings.IndexAny(host, ":/"); end >= 0 {
			host = host[:end]
		}
		if !found || host == "" {
			return false, false
		}
		return host == tree || strings.HasPrefix(tree, ".") && strings.HasSuffix(host, tree) && len(host) > len(tree), true
	case sanIP:
		n := len(name.Bytes)
		if n != net.IPv4len && n != net.IPv6len || len(base.Bytes) != net.IPv4len*2 && len(base.Bytes) != net.IPv6len*2 {
			return false, false
		}
		if len(base.Bytes) != 2*n {
			return false, true
		}
		for i, b := range name.Bytes {
			if (b^base.Bytes[i])&base.Bytes[n+i] != 0 {
				return false, true
			}
		}
		return true, true
	}
	return false, false
}

// nameWithin reports whether base is a prefix of a distinguished name.
func nameWithin(name, base []byte) bool {
	n, b := canonical(name), canonical(base)
	return b != nil && len(n) >= len(b) && slices.EqualFunc(n[:len(b)], b, bytes.Equal)
}

// mailWithin compares the local part with regard to case; a base without one is a host, or a domain with "." in front.
func mailWithin(mail, base string) bool {
	local, host, found := cutLast(mail, "@")
	if !found {
		return false
	}
	baseLocal, baseHost, full := cutLast(base, "@")
	if !full {
		if strings.HasPrefix(base, ".") {
			return len(mail) > len(base) && strings.HasSuffix(lowerASCII(mail), lowerASCII(base))
		}
		return lowerASCII(host) == lowerASCII(base)
	}
	return (baseLocal == "" || baseLocal == local) && lowerASCII(baseHost) == lowerASCII(host)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
