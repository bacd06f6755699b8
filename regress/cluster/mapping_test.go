package cluster

import (
	"testing"

	"pgwire_fdw/regress/cluster/pgtest"
)

// TestMappingChangesWhileConnecting: the user mapping (or server) is altered while a connection
// by the old one is being made, which is then not used.
func TestMappingChangesWhileConnecting(t *testing.T) {
	r := newRig(t)
	p := pgtest.NewProxy(t, r.remote)
	r.via(t, p.Port)
	r.remote.Exec(t, "CREATE ROLE other LOGIN SUPERUSER PASSWORD 'other'",
		"CREATE VIEW who AS SELECT current_user || ' ' || current_setting('application_name') AS who")
	r.local.Exec(t, "CREATE FOREIGN TABLE who (who text) SERVER remote")
	s := open(t, r.local)
	s.works()
	before := s.usage()
	for _, c := range []struct{ alter, want, undo string }{
		{"ALTER USER MAPPING FOR postgres SERVER remote OPTIONS (SET user 'other', SET password 'other')", "other pgwire_fdw",
			"ALTER USER MAPPING FOR postgres SERVER remote OPTIONS (SET user 'postgres', SET password 'postgres')"},
		{"ALTER SERVER remote OPTIONS (ADD application_name 'altered')", "postgres altered",
			"ALTER SERVER remote OPTIONS (DROP application_name)"},
	} {
		s.must("SELECT pgwire_fdw_disconnect_all()")
		sent := p.Bytes(pgtest.ToServer)
		p.Freeze(pgtest.ToClient)
		type answer struct {
			who string
			err error
		}
		done := make(chan answer, 1)
		go func() {
			who, err := s.value("SELECT who FROM who")
			done <- answer{who, err}
		}()
		pgtest.WaitUntil(t, patience, "the connection is being made", func() bool { return p.Bytes(pgtest.ToServer) > sent })
		r.local.Exec(t, c.alter)
		p.Thaw(pgtest.ToClient)
		if a := <-done; a.err != nil || a.who != c.want {
			t.Errorf("while connecting: %q, %v, want %q", a.who, a.err, c.want)
		}
		s.want("SELECT who FROM who", c.want)
		r.local.Exec(t, c.undo)
	}
	s.want("SELECT who FROM who", "postgres pgwire_fdw")
	s.settled(before)
	noCrash(t, r.local)
}
