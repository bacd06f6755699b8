package dial

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Tags of GeneralName.
const (
	sanEmail = 1
	sanDNS   = 2
	sanDir   = 4
	sanURI   = 6
	sanIP    = 7
)

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// altNames are the subjectAltNames of a certificate in order.
func altNames(cert *x509.Certificate) (list []asn1.RawValue) {
	for _, ext := range cert.Extensions {
		if !ext.Id.Equal(oidSubjectAltName) {
			continue
		}
		var outer asn1.RawValue
		if _, err := asn1.Unmarshal(ext.Value, &outer); err != nil {
			return nil
		}
		for rest := outer.Bytes; len(rest) > 0; {
			var name asn1.RawValue
			var err error
			if rest, err = asn1.Unmarshal(rest, &name); err != nil {
				return list
			}
			list = append(list, name)
		}
	}
	return list
}

// verifyName decides as libpq does whether a certificate is host's: the names and addresses of subjectAltName; the
// (first) common name where none of them is of the host's own kind.
func verifyName(cert *x509.Certificate, host string) error {
	kind := sanDNS
	if isAddress(host) {
		kind = sanIP
	}
	var examined []string
	useCommonName := true
	for _, name := range altNames(cert) {
		if name.Tag == kind {
			useCommonName = false
		}
		var matched bool
		switch name.Tag {
		case sanDNS:
			if bytes.IndexByte(name.Bytes, 0) >= 0 {
				return fmt.Errorf("a name of the server certificate contains a zero byte")
			}
			matched = matchName(string(name.Bytes), host)
			examined = append(examined, string(name.Bytes))
		case sanIP:
			matched = matchAddress(name.Bytes, host)
			examined = append(examined, net.IP(name.Bytes).String())
		}
		if matched {
			return nil
		}
	}
	if names := commonNames(cert.RawSubject); useCommonName && len(names) > 0 {
		if bytes.IndexByte(names[0], 0) >= 0 {
			return fmt.Errorf("the common name of the server certificate contains a zero byte")
		}
		if matchName(string(names[0]), host) {
			return nil
		}
		examined = append(examined, string(names[0]))
	}
	return wrongName(examined, host)
}

func wrongName(examined []string, host string) error {
	const most = 10
	if len(examined) == 0 {
		return fmt.Errorf("server certificate is not for host %q: it has no name", host)
	}
	more := ""
	if len(examined) > most {
		more = fmt.Sprintf(" and %d more", len(examined)-most)
		examined = examined[:most]
	}
	for i := range examined {
		examined[i] = quote([]byte(examined[i]))
	}
	return fmt.Errorf("server certificate is not for host %q, but for %s%s", host, strings.Join(examined, ", "), more)
}

// matchName compares without regard to the case of ASCII letters; "*." at the start stands for exactly one label.
func matchName(pattern, host string) bool {
	pattern, host = lowerASCII(pattern), lowerASCII(host)
	if pattern == host {
		return true
	}
	tail, wild := strings.CutPrefix(pattern, "*")
	if !wild || len(pattern) < 3 || tail[0] != '.' || len(pattern) > len(host) || !strings.HasSuffix(host, tail) {
		return false
	}
	return strings.IndexByte(host, '.') >= len(host)-len(tail)
}

// matchAddress compares the bytes of an iPAddress with a host. An IPv4 address in IPv6 form is not the IPv4 address.
func matchAddress(ip []byte, host string) bool {
	if len(ip) == net.IPv4len {
		four, ok := parseIPv4(host)
		return ok && four == [4]byte(ip)
	}
	six, ok := parseIPv6(host)
	return ok && len(ip) == net.IPv6len && six == [16]byte(ip)
}

func isAddress(host string) bool {
	_, four := parseIPv4(host)
	_, six := parseIPv6(host)
	return four || six
}

func parseIPv6(host string) (ip [16]byte, ok bool) {
	a, err := netip.ParseAddr(host)
	if err != nil || !a.Is6() || a.Zone() != "" {
		return ip, false
	}
	return a.As16(), true
}

// parseIPv4 reads what C's inet_aton reads, and libpq with it: one to four numbers, decimal, octal (0...) or hexadecimal
// (0x...), the last of which fills the rest; white space may follow.
func parseIPv4(host string) (ip [4]byte, ok bool) {
	if i := strings.IndexAny(host, " \t\n\v\f\r"); i > 0 {
		host = host[:i]
	}
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return ip, false
	}
	value := uint64(0)
	for i, part := range parts {
		if part == "" || part[0] < '0' || part[0] > '9' {
			return ip, false
		}
		base := 10
		digits := part
		switch lower := strings.ToLower(part); {
		case strings.HasPrefix(lower, "0x"):
			base, digits = 16, part[2:]
		case len(part) > 1 && part[0] == '0':
			base, digits = 8, part[1:]
		}
		n, err := strconv.ParseUint(digits, base, 32)
		last := i == len(parts)-1
		width := uint(8)
		if last {
			width = uint(8 * (4 - i))
		}
		if err != nil || n>>width != 0 {
			return ip, false
		}
		value = value<<width | n
	}
	return [4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}, true
}
