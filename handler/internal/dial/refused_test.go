package dial

import (
	"maps"
	"testing"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/sqlstate"
)

// TestParametersRefused: a pooler that refuses our settings gets a start-up
// without them, once; what the user wants of the session is not left out.
func TestParametersRefused(t *testing.T) {
	noLeak(t)
	settings := map[string]string{"search_path": "pg_catalog", "DateStyle": "ISO"}
	s := fakepg.Run(t, fakepg.Options{Auth: fakepg.SCRAM, User: "alice", Password: "secret", Takes: []string{"DateStyle", "application_name"}})
	p := params(s)
	p.Settings, p.ApplicationName = settings, "me"
	e := mustDial(t, p)
	if want := map[string]string{"user": "alice", "database": "d", "application_name": "me"}; !maps.Equal(s.Startup(), want) || s.Accepts() != 2 {
		t.Errorf("the parameters of %d connections were %v, want %v", s.Accepts(), s.Startup(), want)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	p.Options["options"] = "-c geqo=off"
	dialFails(t, p, sqlstate.UnableToConnect, "unsupported startup parameter: options")
	if n := s.Accepts(); n != 4 {
		t.Errorf("%d connections, want 4", n)
	}
	p.Settings = nil
	dialFails(t, p, sqlstate.UnableToConnect, "unsupported startup parameter: options")
	if n := s.Accepts(); n != 5 {
		t.Errorf("%d connections, want 5", n)
	}
}
