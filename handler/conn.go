package handler

import (
	"strconv"
	"strings"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/option"
	"pgwire_fdw/handler/internal/pool"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// ConnArgs describe the connection of a user mapping (pgwire_conn_args of
// bridge.h). Options is name NUL value NUL, the server's before the mapping's.
type ConnArgs struct {
	Umid, ServerID          uint32
	Superuser               bool
	ServerHash, MappingHash uint32
	UserID                  uint32
	Server                  string
	Options                 []byte
	OSUser, SocketDir       string
	AppNameSetting          string // pgwire_fdw.application_name
	LocalAppName            string
	ClusterName             string
	Database                string
	SessionUser             string
	SessionID               string
}

// fallbackApplicationName is what the remote sees when nobody chose a name.
const fallbackApplicationName = "pgwire_fdw"

// OpenConn opens the connection of a user mapping, or continues what an
// earlier call has begun: StatusWait until StatusOK or StatusError.
func OpenConn(a ConnArgs) (Status, Wait, *Error) {
	invariant.MaybePanic("conn_open")
	t, err := connTarget(a)
	if err != nil {
		return StatusError, Wait{}, err
	}
	w, err := backend.pool.Open(t)
	if err != nil {
		return StatusError, Wait{}, err
	}
	if w != nil {
		return StatusWait, toWait(w), nil
	}
	return StatusOK, Wait{}, nil
}

// connTarget is what a connection is made from.
func connTarget(a ConnArgs) (dial.Target, *Error) {
	pairs, perr := option.SplitPairs(a.Options)
	if perr != nil {
		return dial.Target{}, sqlerr.New(sqlstate.InternalError, "%w", perr)
	}
	o := option.ParseConnection(pairs)
	return dial.Target{
		Umid: a.Umid, ServerID: a.ServerID, ServerHash: a.ServerHash, MappingHash: a.MappingHash,
		UserID:         a.UserID,
		Keep:           o.KeepConnections,
		LazyCommit:     o.LazyCommit,
		ParallelCommit: o.ParallelCommit,
		ParallelAbort:  o.ParallelAbort,
		Pooled:         o.Pooled,
		MaxConns:       o.MaxConnections,
		Params: dial.Params{
			Server: a.Server, Options: o.Params, Superuser: a.Superuser,
			PasswordRequired: o.PasswordRequired,
			DefaultUser:      a.OSUser, DefaultSocketDir: a.SocketDir,
			Settings:        remoteSettings(),
			ApplicationName: applicationName(a, o.Params["application_name"]),
		},
	}, nil
}

// RemoteMajor is the major version of the server at the other end of a mapping's
// connection; 0: there is none, or it has not told.
func RemoteMajor(umid uint32) int {
	conn := backend.pool.Lookup(umid)
	if conn == nil {
		return 0
	}
	return majorVersion(conn.Established().ParameterStatus["server_version"])
}

// majorVersion reads "15.4 (Debian ...)", "16beta1", "9.6.24": the digits in front.
func majorVersion(version string) int {
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	major, err := strconv.Atoi(version[:end])
	if err != nil {
		return 0
	}
	return major
}

// remoteSettings are what every remote statement runs with: what text, names and
// shipped expressions mean there must not depend on the remote role's or
// database's defaults. They travel in the startup packet, or with each
// transaction where that does not reach the session. Behind pg_catalog stands
// pg_temp, which would else go before it.
func remoteSettings() map[string]string {
	return map[string]string{
		"client_encoding":    backend.settings.Encoding,
		"search_path":        "pg_catalog, pg_temp",
		"TimeZone":           "GMT",
		"DateStyle":          "ISO",
		"IntervalStyle":      "postgres",
		"extra_float_digits": "3",
		"array_nulls":        "on",
		"bytea_output":       "hex",

		"standard_conforming_strings": "on",
	}
}

// applicationName picks the first that is not empty after its escapes are
// expanded: the setting, the server's option, the name of the product.
func applicationName(a ConnArgs, fromServer string) string {
	id := dial.Identity{ApplicationName: a.LocalAppName, SessionID: a.SessionID, ClusterName: a.ClusterName,
		Database: a.Database, PID: backend.settings.BackendPID, User: a.SessionUser}
	for _, candidate := range []string{a.AppNameSetting, fromServer} {
		if name := dial.ExpandApplicationName(candidate, id); name != "" {
			return name
		}
	}
	return fallbackApplicationName
}

// InvalidateConns reacts to a change of a server (or user mapping) in the
// catalogs; hash 0 means any of them.
func InvalidateConns(mapping bool, hash uint32) {
	invariant.MaybePanic("conn_invalidate")
	backend.pool.Invalidate(mapping, hash)
}

// ConnInfo describes one cached connection (pgwire_conn_info of bridge.h).
type ConnInfo = pool.Listing

// ConnList describes the cached connections, by server name. check makes it
// look whether the remotes have gone.
func ConnList(check bool) []ConnInfo { return backend.pool.List(check) }

// CloseConns closes the idle connections of a server (0: all).
func CloseConns(serverID uint32) (closed, inUse int) {
	invariant.MaybePanic("conn_close")
	return backend.pool.CloseIdle(serverID)
}
