package dial

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/option"
	"pgwire_fdw/handler/internal/sqlerr"
)

const defaultPort = 5432

// endpoint is one element of the host, hostaddr and port lists.
type endpoint struct {
	name string // host as written; "" when only hostaddr is given
	addr string // hostaddr, or "" to look name up
	port int    // also the suffix of the Unix socket's name
	unix bool   // name is a socket directory ('/') or an abstract name ('@')
}

// label is how messages and TLS-less places call the endpoint.
func (e endpoint) label() string {
	if e.name != "" {
		return e.name
	}
	return e.addr
}

// where describes an attempt in libpq's order: host, address where it differs, port.
func (e endpoint) where(a *address) string {
	if e.unix {
		return fmt.Sprintf("socket %q", socketPath(e.name, e.port))
	}
	if a != nil && a.text != e.label() {
		return fmt.Sprintf("host %q (%s), port %d", e.label(), a.text, e.port)
	}
	return fmt.Sprintf("host %q, port %d", e.label(), e.port)
}

// address is a resolved endpoint, ready for connect(2).
type address struct {
	sa   unix.Sockaddr
	text string // numeric address, or the socket's path
}

// socketPath follows UNIXSOCK_PATH of PostgreSQL's pqcomm.h.
func socketPath(dir string, port int) string { return dir + "/.s.PGSQL." + strconv.Itoa(port) }

// parseEndpoints reads the comma lists as libpq documents them (34.1.1.3, "Specifying Multiple Hosts"): hostaddr
// decides how many hosts there are if it is given, else host; the lists must be equally long; a single port
// serves all; an empty port is 5432; an empty host is the default socket directory.
func parseEndpoints(opts map[string]string, defaultDir string) ([]endpoint, *sqlerr.Error) {
	host, addr, port := opts["host"], opts["hostaddr"], opts["port"]
	n := 1
	var hosts, addrs []string
	if addr != "" {
		addrs = strings.Split(addr, ",")
		n = len(addrs)
	}
	if host != "" {
		hosts = strings.Split(host, ",")
		if addr != "" && len(hosts) != n {
			return nil, badOption("host", host, "lists %d names for %d addresses of option \"hostaddr\"", len(hosts), n)
		}
		n = len(hosts)
	}
	ports := strings.Split(port, ",")
	if len(ports) != 1 && len(ports) != n {
		return nil, badOption("port", port, "lists %d ports for %d hosts", len(ports), n)
	}
	list := make([]endpoint, n)
	for i := range list {
		e := &list[i]
		if hosts != nil {
			e.name = hosts[i]
		}
		if addrs != nil {
			e.addr = addrs[i]
		}
		if err := e.complete(ports[min(i, len(ports)-1)], defaultDir); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (e *endpoint) complete(port, defaultDir string) *sqlerr.Error {
	e.port = defaultPort
	if port != "" {
		var ok bool
		if e.port, ok = option.ParsePort(port); !ok {
			return badOption("port", port, "must be a number from 1 to 65535")
		}
	}
	if e.addr != "" {
		if _, err := netip.ParseAddr(e.addr); err != nil {
			return badOption("hostaddr", e.addr, "must be a numeric network address")
		}
		return nil
	}
	if e.name == "" {
		if e.name = defaultDir; e.name == "" {
			e.name = "localhost"
		}
	}
	e.unix = e.name[0] == '/' || e.name[0] == '@'
	if strings.IndexByte(e.name, 0) >= 0 {
		return badOption("host", e.name, "contains a zero byte")
	}
	// sun_path has 108 bytes, the last of which must be the zero byte.
	if path := socketPath(e.name, e.port); e.unix && len(path) > 107 {
		return badOption("host", e.name, "gives a Unix socket path of %d bytes; the system's limit is 107", len(path))
	}
	return nil
}

// shuffle reorders a list for load_balance_hosts=random, each order being as likely as any other.
func shuffle[T any](list []T) {
	for i := len(list) - 1; i > 0; i-- {
		j, err := rand.Int(rand.Reader, big.NewInt(int64(i+1)))
		if err != nil {
			return // the kernel's source does not fail
		}
		k := int(j.Int64())
		list[i], list[k] = list[k], list[i]
	}
}

// resolver is Go's own: the C library's getaddrinfo would run on a thread that a cancelled context leaves behind.
var resolver = &net.Resolver{PreferGo: true}

// resolve gives the addresses of e in the order in which to try them. It returns at once when ctx ends.
func resolve(ctx context.Context, e endpoint) ([]address, error) {
	if e.unix {
		path := socketPath(e.name, e.port)
		return []address{{sa: &unix.SockaddrUnix{Name: path}, text: path}}, nil
	}
	literal := e.addr
	if literal == "" {
		literal = e.name
	}
	if ip, err := netip.ParseAddr(literal); err == nil {
		return []address{inetAddress(ip, e.port)}, nil
	}
	ips, err := resolver.LookupNetIP(ctx, "ip", e.name)
	if err != nil {
		return nil, lookupError(ctx, e.name, err)
	}
	list := make([]address, 0, len(ips))
	for _, ip := range ips {
		list = append(list, inetAddress(ip, e.port))
	}
	return list, nil
}

func lookupError(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return fmt.Errorf("could not translate host name %q to address: no such host", name)
	}
	return fmt.Errorf("could not translate host name %q to address: %w", name, err)
}

func inetAddress(ip netip.Addr, port int) address {
	ip4 := ip.Unmap()
	if ip4.Is4() {
		return address{sa: &unix.SockaddrInet4{Port: port, Addr: ip4.As4()}, text: ip4.String()}
	}
	sa := &unix.SockaddrInet6{Port: port, Addr: ip.As16()}
	if zone := ip.Zone(); zone != "" {
		if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
			sa.ZoneId = uint32(n)
		} else if ifi, err := net.InterfaceByName(zone); err == nil {
			sa.ZoneId = uint32(ifi.Index)
		}
	}
	return address{sa: sa, text: ip.String()}
}
