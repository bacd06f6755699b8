package dial

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgwire_fdw/handler/internal/option"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Params is everything needed to open one connection. No field is taken from the environment, a service file, a
// password file or ~/.postgresql: inside a server those belong to the server's operating system user, and using
// them for somebody else's query would lend out that user's rights.
type Params struct {
	Server string // foreign server name, for messages
	// Options holds libpq-style names: the server's options overlaid by the user mapping's. Names of other
	// purposes (fetch_size, ...) may be there and are not looked at.
	Options map[string]string
	// Superuser says whether the effective user is one: he is exempt from the password rule.
	Superuser bool
	// PasswordRequired is the mapping option password_required; its default is true.
	PasswordRequired bool
	// DefaultUser and DefaultDatabase serve when the options give none. libpq would use the operating system's
	// user name and then the user name; whoever calls decides.
	DefaultUser, DefaultDatabase string
	// DefaultSocketDir serves when neither host nor hostaddr is given (libpq's DEFAULT_PGSOCKET_DIR).
	DefaultSocketDir string
	// Settings are sent as startup parameters (client_encoding, DateStyle, ...): no round trip.
	Settings map[string]string
	// Replication makes a walsender of the session, for logical replication from the database.
	Replication bool
	// ApplicationName is sent as is; escapes are expanded already. Empty means: send none.
	ApplicationName string
}

// sessionAttrs is the meaning of target_session_attrs.
type sessionAttrs string

const (
	attrsAny           sessionAttrs = "any"
	attrsReadWrite     sessionAttrs = "read-write"
	attrsReadOnly      sessionAttrs = "read-only"
	attrsPrimary       sessionAttrs = "primary"
	attrsStandby       sessionAttrs = "standby"
	attrsPreferStandby sessionAttrs = "prefer-standby"
)

// settings is Params with every value parsed.
type settings struct {
	endpoints   []endpoint
	loadBalance bool
	timeout     time.Duration // per address, 0 for none
	attrs       sessionAttrs
	keepalive   keepalive
	requirePeer string

	user, database, password string
	runtime, fewer           map[string]string // startup parameters, and those without Params.Settings
	channelBinding           string
	requireAuth              string          // as written, for messages and pgconn
	authAllowed              map[string]bool // methods that require_auth allows, nil for all
	minProtocol, maxProtocol string

	tls tlsSettings
}

func badOption(name, value, format string, args ...any) *sqlerr.Error {
	return sqlerr.New(sqlstate.FDWInvalidAttributeValue, "invalid value for option \"%s\": \"%s\"", name, value).
		WithDetail("The value %s.", fmt.Sprintf(format, args...))
}

// parseSettings checks every value; the option validator has checked names and simple types before, but an
// option may have been stored by an older version or be one of a kind that only the connection can judge.
func parseSettings(p Params) (*settings, *sqlerr.Error) {
	o := p.Options
	s := &settings{
		user: o["user"], database: o["dbname"], password: o["password"],
		requirePeer: o["requirepeer"],
	}
	if s.user == "" {
		s.user = p.DefaultUser
	}
	if s.database == "" {
		if s.database = p.DefaultDatabase; s.database == "" {
			s.database = s.user
		}
	}
	if s.user == "" {
		return nil, sqlerr.New(sqlstate.UnableToConnect, "could not connect to server \"%s\"", p.Server).
			WithDetail("No user name is given in the user mapping.")
	}
	steps := []func(*settings, Params) *sqlerr.Error{
		refuseForeignSources, parseChoices, parseNumbers, parseStartup, parseTLSOptions,
		func(s *settings, p Params) (err *sqlerr.Error) {
			s.endpoints, err = parseEndpoints(p.Options, p.DefaultSocketDir)
			return err
		},
	}
	for _, step := range steps {
		if err := step(s, p); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// refuseForeignSources rejects what would read files of the server's operating system user or needs GSSAPI,
// rather than ignoring it.
func refuseForeignSources(_ *settings, p Params) *sqlerr.Error {
	for _, name := range []string{"service", "servicefile", "passfile"} {
		if v := p.Options[name]; v != "" {
			return sqlerr.New(sqlstate.FeatureNotSupported, "option \"%s\" is not supported", name).
				WithDetail("Connection parameters are never read from files of the server's operating system user.").
				WithHint("Set the parameters themselves as options of the server and of the user mapping.")
		}
	}
	for _, name := range []string{"scram_client_key", "scram_server_key", "sslkeylogfile"} {
		if p.Options[name] != "" {
			return sqlerr.New(sqlstate.FeatureNotSupported, "option \"%s\" is not supported", name)
		}
	}
	switch v := p.Options["gssencmode"]; v {
	case "", "disable", "prefer": // without credentials libpq's "prefer" does not use GSSAPI either
	case "require":
		return sqlerr.New(sqlstate.FeatureNotSupported, "GSSAPI encryption is not supported").
			WithHint("Use TLS: remove option \"gssencmode\" and set \"sslmode\".")
	default:
		return badOption("gssencmode", v, "must be disable, prefer or require")
	}
	return nil
}

// choice returns the option's value if it is one of allowed; the first is the default.
func choice(o map[string]string, name string, allowed ...string) (string, *sqlerr.Error) {
	v := o[name]
	if v == "" {
		return allowed[0], nil
	}
	if !slices.Contains(allowed, v) {
		return "", badOption(name, v, "must be one of %s", strings.Join(allowed, ", "))
	}
	return v, nil
}

func parseChoices(s *settings, p Params) *sqlerr.Error {
	attrs, err := choice(p.Options, "target_session_attrs", string(attrsAny), string(attrsReadWrite),
		string(attrsReadOnly), string(attrsPrimary), string(attrsStandby), string(attrsPreferStandby))
	if err != nil {
		return err
	}
	s.attrs = sessionAttrs(attrs)
	balance, err := choice(p.Options, "load_balance_hosts", "disable", "random")
	if err != nil {
		return err
	}
	s.loadBalance = balance == "random"
	if s.channelBinding, err = choice(p.Options, "channel_binding", "prefer", "disable", "require"); err != nil {
		return err
	}
	if s.minProtocol, err = choice(p.Options, "min_protocol_version", "3.0", "3.2", "latest"); err != nil {
		return err
	}
	// As libpq 18 does: ask for a newer protocol only when told to, because old poolers drop the connection.
	highest := "3.0"
	if s.minProtocol != "3.0" {
		highest = "latest"
	}
	if s.maxProtocol, err = choice(p.Options, "max_protocol_version", highest, "3.0", "3.2", "latest"); err != nil {
		return err
	}
	if s.minProtocol != "3.0" && s.maxProtocol == "3.0" {
		return badOption("max_protocol_version", s.maxProtocol, "is lower than \"min_protocol_version\"")
	}
	var ok bool
	s.requireAuth = p.Options["require_auth"]
	if s.authAllowed, ok = option.ParseAuthMethods(p.Options["require_auth"]); !ok {
		return badOption("require_auth", p.Options["require_auth"], "must list authentication methods, each once, all or none with \"!\" in front")
	}
	return nil
}

// integer reads a number as the validator does.
func integer(o map[string]string, name string) (n int, set bool, _ *sqlerr.Error) {
	v := o[name]
	if v == "" {
		return 0, false, nil
	}
	n, ok := option.ParseNumber(v)
	if !ok {
		return 0, false, badOption(name, v, "must be an integer")
	}
	return n, true, nil
}

func parseNumbers(s *settings, p Params) *sqlerr.Error {
	o := p.Options
	seconds, _, err := integer(o, "connect_timeout")
	if err != nil {
		return err
	}
	if seconds > 0 {
		// libpq rounds 1 up to 2 (before 17: so that a rounded time(2) cannot expire at once).
		s.timeout = time.Duration(max(seconds, 2)) * time.Second
	}
	s.keepalive.on = true
	on, set, err := integer(o, "keepalives")
	if err != nil {
		return err
	}
	if set {
		s.keepalive.on = on != 0
	}
	for _, f := range []struct {
		name string
		to   *int
	}{
		{"keepalives_idle", &s.keepalive.idle}, {"keepalives_interval", &s.keepalive.interval},
		{"keepalives_count", &s.keepalive.count}, {"tcp_user_timeout", &s.keepalive.userTimeout},
	} {
		n, _, err := integer(o, f.name)
		if err != nil {
			return err
		}
		*f.to = max(n, 0) // zero and less mean the system's default, as in libpq
	}
	return nil
}

// parseStartup collects the startup packet. A zero byte would end a string early on the wire and so smuggle in
// another parameter; pgproto3 refuses it too, but late and without the option's name.
func parseStartup(s *settings, p Params) *sqlerr.Error {
	for _, reserved := range []string{"user", "database", "replication"} {
		if _, ok := p.Settings[reserved]; ok {
			return sqlerr.New(sqlstate.InternalError, "startup parameter \"%s\" cannot be a session setting", reserved)
		}
	}
	s.fewer = map[string]string{}
	if v := p.Options["options"]; v != "" {
		s.fewer["options"] = v
	}
	if p.ApplicationName != "" {
		s.fewer["application_name"] = p.ApplicationName
	}
	if p.Replication {
		s.fewer["replication"] = "database"
	}
	s.runtime = maps.Clone(s.fewer)
	for name, value := range p.Settings {
		if _, set := s.runtime[name]; !set {
			s.runtime[name] = value
		}
	}
	for _, f := range [][2]string{{"user", s.user}, {"dbname", s.database}, {"password", s.password}} {
		if strings.IndexByte(f[1], 0) >= 0 {
			return sqlerr.New(sqlstate.FDWInvalidAttributeValue, "option \"%s\" contains a zero byte", f[0])
		}
	}
	for k, v := range s.runtime {
		if k == "" || strings.IndexByte(k, 0) >= 0 || strings.IndexByte(v, 0) >= 0 {
			return sqlerr.New(sqlstate.FDWInvalidAttributeValue, "startup parameter \"%q\" is empty or contains a zero byte", k)
		}
	}
	return nil
}
