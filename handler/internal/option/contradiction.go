package option

import (
	"fmt"
	"slices"
	"strings"

	"pgwire_fdw/handler/internal/sqlstate"
)

// contradiction finds options of one object that are good each by itself but
// not together, so that no connection could be made with them.
func contradiction(cat Catalog, pairs []Pair) *Error {
	o := map[string]string{}
	for _, p := range pairs {
		o[p.Name] = p.Value
	}
	for _, check := range []func(map[string]string) string{checkLists, checkVersions, checkTLS} {
		if message := check(o); message != "" {
			return &Error{SQLState: sqlstate.InvalidParameterValue, Message: message}
		}
	}
	return checkFeed(cat, o)
}

func checkLists(o map[string]string) string {
	count := func(name string) int {
		if o[name] == "" {
			return 0
		}
		return strings.Count(o[name], ",") + 1
	}
	hosts, addresses, ports := count("host"), count("hostaddr"), count("port")
	if hosts > 0 && addresses > 0 && hosts != addresses {
		return fmt.Sprintf("option \"host\" lists %d names, but option \"hostaddr\" lists %d addresses", hosts, addresses)
	}
	if n := max(hosts, addresses, 1); ports > 1 && ports != n {
		return fmt.Sprintf("option \"port\" lists %d ports for %d hosts", ports, n)
	}
	return ""
}

func checkVersions(o map[string]string) string {
	for _, v := range []struct {
		low, high string
		order     []string
	}{
		{"ssl_min_protocol_version", "ssl_max_protocol_version", tlsVersions},
		{"min_protocol_version", "max_protocol_version", protocolVersions},
	} {
		at := func(name string) int {
			value := o[name]
			if value == "latest" {
				value = "3.2"
			}
			return slices.IndexFunc(v.order, func(s string) bool { return strings.EqualFold(s, value) })
		}
		if low, high := at(v.low), at(v.high); low >= 0 && high >= 0 && low > high {
			return fmt.Sprintf("option \"%s\" is higher than option \"%s\"", v.low, v.high)
		}
	}
	return ""
}

func checkTLS(o map[string]string) string {
	if (o["sslcert"] == "") != (o["sslkey"] == "") {
		return "options \"sslcert\" and \"sslkey\" must be given together"
	}
	mode := o["sslmode"]
	if o["sslrootcert"] == "system" {
		if mode != "" && mode != "verify-full" {
			return "option \"sslrootcert\" with the value \"system\" needs sslmode \"verify-full\""
		}
		mode = "verify-full"
	}
	if o["sslnegotiation"] == "direct" && !slices.Contains([]string{"require", "verify-ca", "verify-full"}, mode) {
		return "option \"sslnegotiation\" with the value \"direct\" needs sslmode \"require\" or stronger"
	}
	return ""
}
