package cluster

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgwire_fdw/regress/cluster/pgtest"
)

// Texts in the encodings of the databases; empty where an encoding lacks a character.
var encodedTexts = []struct {
	name  string
	bytes map[string]string
}{
	{"ascii", map[string]string{"UTF8": "plain", "LATIN1": "plain", "EUC_JP": "plain", "SQL_ASCII": "plain"}},
	{"latin", map[string]string{"UTF8": "\xc3\xa4\xc3\xb6\xc3\x9f", "LATIN1": "\xe4\xf6\xdf", "EUC_JP": "\x8f\xab\xa3\x8f\xab\xd3\x8f\xa9\xce", "SQL_ASCII": "\xe4\xf6\xdf"}},
	{"japanese", map[string]string{"UTF8": "\xe6\x97\xa5\xe6\x9c\xac", "LATIN1": "", "EUC_JP": "\xc6\xfc\xcb\xdc", "SQL_ASCII": "\xc6\xfc\xcb\xdc"}},
	{"emoji", map[string]string{"UTF8": "\xf0\x9f\x98\x80", "LATIN1": "", "EUC_JP": "", "SQL_ASCII": "\xf0\x9f\x98\x80"}},
}

var encodings = []string{"UTF8", "LATIN1", "EUC_JP", "SQL_ASCII"}

// TestEncodings reads from databases of each encoding in databases of each
// encoding, all in one server. Text arrives as the characters that it is, or
// the query fails with an error that says so.
func TestEncodings(t *testing.T) {
	c := pgtest.Start(t, pgtest.Options{Name: "enc"})
	conns := map[string]*pgx.Conn{}
	for _, enc := range encodings {
		db := "enc_" + strings.ToLower(enc)
		c.Exec(t, fmt.Sprintf("CREATE DATABASE %s TEMPLATE template0 ENCODING '%s' LC_COLLATE 'C' LC_CTYPE 'C'", db, enc))
		conns[enc] = c.ConnectAs(t, pgtest.Superuser, db)
		fillEncoded(t, conns[enc], enc)
	}
	for _, local := range encodings {
		for _, remote := range encodings {
			t.Run(local+"_from_"+remote, func(t *testing.T) { readEncoded(t, c, conns[local], local, remote) })
		}
	}
}

// fillEncoded makes a table with a row for each text, in columns of types that
// are decoded in different ways. Everything is written as bytes.
func fillEncoded(t *testing.T, conn *pgx.Conn, enc string) {
	t.Helper()
	run(t, conn, `CREATE EXTENSION pgwire_fdw`)
	run(t, conn, `CREATE TABLE texts (name text, t text, vc varchar(9), c char(9), n name, a text[], j jsonb, o json)`)
	for _, text := range encodedTexts {
		if b := text.bytes[enc]; b != "" {
			run(t, conn, fmt.Sprintf(`INSERT INTO texts SELECT '%s', v, v, v, v, ARRAY[v, NULL, v || '"'],
				to_jsonb(v), to_json(v) FROM convert_from('\x%x', '%s') v`, text.name, b, enc))
		}
	}
}

func run(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if err := runError(conn, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func runError(conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().Exec(context.Background(), sql).ReadAll()
	return err
}

// want is what a text of the remote encoding is in the local one, and whether
// that can be.
func wantEncoded(bytes map[string]string, local, remote string) (string, bool) {
	b := bytes[remote]
	switch {
	case local == "SQL_ASCII":
		return b, true // as it comes
	case remote == "SQL_ASCII":
		// nobody knows what the bytes mean; they are taken if they are valid here
		return b, local == "LATIN1" || b == bytes[local]
	}
	return bytes[local], bytes[local] != ""
}

func readEncoded(t *testing.T, c *pgtest.Cluster, conn *pgx.Conn, local, remote string) {
	server := "from_" + strings.ToLower(remote)
	run(t, conn, fmt.Sprintf(`CREATE SERVER %s FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host '%s', port '%d', dbname 'enc_%s');
		CREATE USER MAPPING FOR CURRENT_USER SERVER %[1]s;
		CREATE FOREIGN TABLE f_%[1]s (name text, t text, vc varchar(9), c char(9), n name, a text[], j jsonb, o json) SERVER %[1]s OPTIONS (table_name 'texts')`,
		server, c.Socket, c.Port, strings.ToLower(remote)))
	if local == "LATIN1" && remote == "EUC_JP" || local == "EUC_JP" && remote == "LATIN1" {
		// there is no conversion between the two
		wantState(t, runError(conn, "SELECT count(*) FROM f_"+server), "08001", "conversion between")
		return
	}
	// what the session's client talks must not matter
	clients := []string{local}
	if local == "UTF8" || local == "LATIN1" {
		clients = append(clients, "LATIN1", "UTF8")
	}
	for _, client := range clients {
		run(t, conn, "SET client_encoding = '"+client+"'")
		for _, text := range encodedTexts {
			if text.bytes[remote] == "" {
				continue
			}
			want, can := wantEncoded(text.bytes, local, remote)
			for _, column := range []string{"t", "vc", "c", "n", "a", "j", "o"} {
				readColumn(t, conn, server, column, text.name, want, local, can)
			}
		}
	}
	run(t, conn, "RESET client_encoding")
}

// readColumn reads one value, by its name and then by itself: a parameter and
// a condition take the way in the other direction.
func readColumn(t *testing.T, conn *pgx.Conn, server, column, name, want, local string, can bool) {
	t.Helper()
	value := map[string]string{"t": "t", "vc": "vc", "c": "c::text", "n": "n::text",
		"a": "a[1] || coalesce(a[2], '') || replace(a[3], a[1] || '\"', '')", "j": "j #>> '{}'", "o": "o #>> '{}'"}[column]
	sql := fmt.Sprintf(`SELECT encode(convert_to(%s, getdatabaseencoding()), 'hex') || ' ' || length(%s) FROM f_%s WHERE name = '%s'`,
		value, value, server, name)
	var got string
	err := conn.QueryRow(context.Background(), sql, pgx.QueryExecModeExec).Scan(&got)
	if !can {
		wantState(t, err, "22021 22P05", "")
		return
	}
	if err != nil {
		t.Errorf("%s of %s: %v", column, name, err)
		return
	}
	hexed, _, _ := strings.Cut(got, " ")
	if hexed != hex.EncodeToString([]byte(want)) {
		t.Errorf("%s of %s is %s, want %x", column, name, hexed, want)
	}
	if column != "t" {
		return
	}
	var n int
	sql = fmt.Sprintf(`SELECT count(*) FROM f_%s f, LATERAL (SELECT convert_from('\x%x', '%s') OFFSET 0) v (v) WHERE f.t = v.v`, server, want, local)
	if err := conn.QueryRow(context.Background(), sql, pgx.QueryExecModeExec).Scan(&n); err != nil || n != 1 {
		// where the bytes of some other row are no text here, a join that reads all of them fails
		if state(err) != "22021" && state(err) != "22P05" {
			t.Errorf("looked up by itself, %s has %d rows, %v", name, n, err)
		}
	}
}

// wantState expects an error with one of the SQLSTATEs and a part of its message.
func wantState(t *testing.T, err error, states, part string) {
	t.Helper()
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || !strings.Contains(states, pgErr.Code) || !strings.Contains(pgErr.Message+pgErr.Detail, part) {
		t.Errorf("error is %v, want one of %s with %q", describe(err), states, part)
	}
}
