package feed

import (
	"fmt"
	"strings"
	"time"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Source says which slot is read, and from where. Its texts are the source's own.
type Source struct {
	Params   dial.Params // of the replication connection
	ServerID uint32
	Umid     uint32
	Slot     string
	// Publications is the text form of a text[].
	Publications string
	// SystemID is that of the cluster which the slot is in; empty: not known.
	SystemID string
	// Position: what commits before it has been consumed; 0: all before where the slot stands.
	Position uint64
	// Confirmed is a position that the slot may be told of; 0: none.
	Confirmed uint64
}

// order is what a link is to read.
type order struct {
	Source
	tables []tableName // whose columns' types are asked about
	// text decides, once these are known, whether values are to come as text.
	text func(map[tableName]catalogTable) bool
}

// tableName is a table of the remote.
type tableName struct{ schema, table string }

func (t tableName) String() string { return t.schema + "." + t.table }

// catalogTable is what the remote's catalogs say of a table now.
type catalogTable []catalogColumn

type catalogColumn struct {
	name    string
	typeOID uint32
	base    baseType
}

// baseType is what a type is apart from domains over it.
type baseType struct {
	oid  uint32
	enum bool
}

// facts are what was learnt before the stream.
type facts struct {
	position     uint64 // where it begins
	end          uint64 // of the remote's WAL
	torn         bool   // end may be in the middle of a record, and so never reached
	interval     time.Duration
	publications []string
	tables       map[tableName]catalogTable
	text         bool
}

// Pages of WAL. A server flushes WAL up to the end of a record, or of a page.
const walPage = 8192

// tornInterval is how often the server is asked where it stands, when that is the only way to see the end.
const tornInterval = 100 * time.Millisecond

// learn asks what has to be known of server and slot, and checks it.
func (l *link) learn(o *order) (*facts, *sqlerr.Error) {
	f := &facts{}
	var ok bool
	if f.publications, ok = parseTextArray(o.Publications); !ok {
		return nil, sqlerr.New(sqlstate.InternalError, "the publications of slot \"%s\" are malformed: %s", o.Slot, o.Publications)
	}
	if err := l.identify(o); err != nil {
		return nil, err
	}
	a, err := l.command(factsSQL(o))
	if err != nil {
		return nil, err
	}
	row, err := a.one()
	if err != nil {
		return nil, err
	}
	if err := f.take(o, row); err != nil {
		return nil, err
	}
	if f.tables, err = l.catalog(o.tables); err != nil {
		return nil, err
	}
	f.text = o.text(f.tables)
	return f, nil
}

// identify makes sure that it is the cluster in which the position means something.
func (l *link) identify(o *order) *sqlerr.Error {
	if o.SystemID == "" {
		return nil
	}
	a, err := l.command("IDENTIFY_SYSTEM")
	if err != nil {
		return err
	}
	row, err := a.one()
	if err != nil {
		return err
	}
	if row["systemid"] != o.SystemID {
		return sqlerr.New(sqlstate.ObjectNotInPrerequisite, "slot \"%s\" was made on another cluster", o.Slot).
			WithDetail("The positions stored for it are of the cluster with system identifier %s; server \"%s\" is %s.",
				o.SystemID, o.Params.Server, row["systemid"]).
			WithHint("Make the server's options lead to the cluster of the slot, or drop the feed here, create it anew and copy the tables again.")
	}
	return nil
}

func factsSQL(o *order) string {
	return `SELECT s.plugin, s.slot_type, s.database = pg_catalog.current_database() AS here, s.confirmed_flush_lsn, s.wal_status,
 CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_flush_lsn() END AS wal_end,
 pg_catalog.current_setting('wal_sender_timeout') AS timeout, pg_catalog.current_setting('wal_level') AS level,
 (SELECT pg_catalog.string_agg(p, ', ') FROM pg_catalog.unnest(` + quoteText(o.Publications) + `::pg_catalog.text[]) p
  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = p)) AS missing
 FROM (SELECT) one LEFT JOIN pg_catalog.pg_replication_slots s ON s.slot_name = ` + quoteText(o.Slot)
}

// take reads the row and checks what would otherwise show as an error without a hint, or not at all.
func (f *facts) take(o *order, row map[string]string) *sqlerr.Error {
	refuse := func(state, hint, format string, args ...any) *sqlerr.Error {
		return sqlerr.New(state, format, args...).WithHint("%s", hint)
	}
	const anew = "Drop the feed, create it anew and copy its tables again: changes in between are lost."
	server := o.Params.Server
	_, found := row["plugin"]
	confirmed, ok1 := parseLSN(row["confirmed_flush_lsn"])
	end, ok2 := parseLSN(row["wal_end"])
	timeout, ok3 := parseDuration(row["timeout"])
	switch {
	case row["level"] != "logical":
		return refuse(sqlstate.ObjectNotInPrerequisite, "Set wal_level = logical there and restart it.",
			"server \"%s\" has wal_level = %s, which is not enough to read changes", server, row["level"])
	case !found:
		return refuse(sqlstate.UndefinedObject, anew, "replication slot \"%s\" does not exist on server \"%s\"", o.Slot, server)
	case row["slot_type"] != "logical" || row["plugin"] != "pgoutput":
		return refuse(sqlstate.ObjectNotInPrerequisite, "Make it with pgwire_fdw_feed_create().",
			"replication slot \"%s\" of server \"%s\" is not one of pgoutput", o.Slot, server)
	case row["here"] != "t":
		return refuse(sqlstate.ObjectNotInPrerequisite, "Set option \"dbname\" of the server to the database of the slot.",
			"replication slot \"%s\" of server \"%s\" is in another database", o.Slot, server)
	case row["wal_status"] == "lost":
		return refuse(sqlstate.ObjectNotInPrerequisite, anew+" To keep more WAL, raise max_slot_wal_keep_size there.",
			"replication slot \"%s\" of server \"%s\" has been invalidated", o.Slot, server)
	case row["missing"] != "":
		return refuse(sqlstate.UndefinedObject, "A publication made anew does not serve for changes from before: pgoutput looks it up as of the change.",
			"server \"%s\" has no publication %s", server, row["missing"])
	case !ok1 || !ok2 || !ok3:
		return protocolError("unexpected answer to a question about slot \"%s\"", o.Slot)
	case o.Position != 0 && confirmed > o.Position:
		return refuse(sqlstate.ObjectNotInPrerequisite, anew+" Nobody else may read or advance the slot of a feed.",
			"replication slot \"%s\" of server \"%s\" has gone beyond the position stored here, from %s to %s", o.Slot, server,
			formatLSN(o.Position), formatLSN(confirmed))
	}
	f.end, f.position = end, o.Position
	if f.position == 0 {
		f.position = confirmed
	}
	f.torn = end%walPage == 0
	f.interval = 10 * time.Second
	if timeout > 0 {
		f.interval = min(f.interval, max(timeout/4, 10*time.Millisecond))
	}
	return nil
}

// catalog asks for the columns of tables.
func (l *link) catalog(tables []tableName) (map[tableName]catalogTable, *sqlerr.Error) {
	found := map[tableName]catalogTable{}
	if len(tables) == 0 {
		return found, nil
	}
	var wanted []string
	for _, t := range tables {
		wanted = append(wanted, "("+quoteText(t.schema)+", "+quoteText(t.table)+")")
	}
	a, err := l.command(`WITH RECURSIVE c AS (
 SELECT n.nspname, r.relname, a.attname, a.attnum, a.atttypid, a.atttypid AS base
 FROM (VALUES ` + strings.Join(wanted, ", ") + `) w(s, t) JOIN pg_catalog.pg_namespace n ON n.nspname = w.s
 JOIN pg_catalog.pg_class r ON r.relnamespace = n.oid AND r.relname = w.t
 JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
 SELECT c.nspname, c.relname, c.attname, c.attnum, c.atttypid, t.typbasetype
 FROM c JOIN pg_catalog.pg_type t ON t.oid = c.base WHERE t.typtype = 'd')
SELECT c.nspname, c.relname, c.attname, c.atttypid, c.base, t.typtype
 FROM c JOIN pg_catalog.pg_type t ON t.oid = c.base WHERE t.typtype <> 'd' ORDER BY c.nspname, c.relname, c.attnum`)
	if err != nil {
		return nil, err
	}
	for _, row := range a.rows {
		c, name, ok := catalogRow(row)
		if !ok {
			return nil, protocolError("unexpected answer to a question about columns")
		}
		found[name] = append(found[name], c)
	}
	return found, nil
}

func catalogRow(row []*string) (c catalogColumn, name tableName, ok bool) {
	if len(row) != 6 {
		return c, name, false
	}
	for _, v := range row {
		if v == nil {
			return c, name, false
		}
	}
	if _, err := fmt.Sscanf(*row[3]+" "+*row[4], "%d %d", &c.typeOID, &c.base.oid); err != nil {
		return c, name, false
	}
	c.name, c.base.enum = *row[2], *row[5] == "e"
	return c, tableName{*row[0], *row[1]}, true
}

// unconnected gives the error of a connection that was refused a hint.
func (o *order) unconnected(err *sqlerr.Error) *sqlerr.Error {
	if err.SQLState == sqlstate.UnableToConnect && err.Hint == "" && strings.Contains(err.Detail, "(SQLSTATE "+sqlstate.InsufficientPrivilege+")") {
		return err.WithHint("To read changes, the remote role needs the attribute REPLICATION, and pg_hba.conf must let it connect to the database.")
	}
	return err
}

// explain says of an error of the server what to do about it, and of one of the network whose connection it was.
func (o *order) explain(err *sqlerr.Error) *sqlerr.Error {
	e := *err
	switch {
	case e.SQLState == sqlstate.ObjectInUse:
		e.Hint = "Somebody else reads the slot. Each feed needs a slot of its own; a session that was cut off lets go of it after wal_sender_timeout at the latest."
	case e.SQLState == sqlstate.UndefinedObject && e.Hint == "" && strings.Contains(e.Message, "publication"):
		e.Hint = "pgoutput looks a publication up as of each change: one made after a change does not serve. Drop the feed and create it anew, and copy its tables again."
	case e.SQLState == sqlstate.ConnectionFailure:
		if e.Detail == "" {
			e.Detail = e.Message
		}
		e.Message = fmt.Sprintf("lost the replication connection to server \"%s\"", o.Params.Server)
	}
	return &e
}

// parseTextArray reads the text form of a one-dimensional text[] without NULLs.
func parseTextArray(s string) (list []string, ok bool) {
	s, found := strings.CutPrefix(s, "{")
	if !found {
		return nil, false
	}
	if s == "}" {
		return nil, true
	}
	for {
		var item string
		if item, s, ok = arrayItem(s); !ok || s == "" {
			return nil, false
		}
		list = append(list, item)
		switch s[0] {
		case '}':
			return list, s == "}"
		case ',':
			s = s[1:]
		default:
			return nil, false
		}
	}
}

func arrayItem(s string) (item, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, `,}{"\`)
		if end <= 0 || s[end] != ',' && s[end] != '}' {
			return "", "", false
		}
		return s[:end], s[end:], true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// publicationList is a list of identifiers, as pgoutput reads publication_names.
func publicationList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteName(n)
	}
	return strings.Join(quoted, ",")
}
