package option

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What postgres_fdw takes on each object, as its validators of 14 to 18 list
// it with the libpq of the same release.
var postgresFdw = map[Catalog]string{
	Wrapper: "",
	Server: "service passfile channel_binding connect_timeout dbname host hostaddr port options application_name " +
		"keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout sslnegotiation sslmode " +
		"sslcompression sslcert sslkey sslcertmode sslrootcert sslcrl sslcrldir sslsni requirepeer require_auth " +
		"min_protocol_version max_protocol_version ssl_min_protocol_version ssl_max_protocol_version gssencmode " +
		"krbsrvname gsslib gssdelegation target_session_attrs load_balance_hosts use_remote_estimate fdw_startup_cost " +
		"fdw_tuple_cost extensions updatable truncatable fetch_size batch_size async_capable parallel_commit " +
		"parallel_abort keep_connections analyze_sampling use_scram_passthrough",
	Mapping: "user password sslpassword password_required sslcert sslkey gssdelegation use_scram_passthrough",
	Table: "schema_name table_name use_remote_estimate updatable truncatable fetch_size batch_size async_capable " +
		"analyze_sampling",
	Column: "column_name",
	Import: "import_collate import_comments import_default import_generated import_not_null",
}

// What this wrapper knows beyond postgres_fdw 18.
var beyond = map[Catalog]string{
	Server: "servicefile fetch_memory fetch_statistics lazy_commit max_connections_per_server pooled",
	Table:  "feed feed_lock feed_max_bytes feed_wait fetch_memory fetch_statistics",
	Column: "feed key",
}

var catalogs = []Catalog{Wrapper, Server, Mapping, Table, Column, Import}

func TestObjects(t *testing.T) {
	for _, cat := range catalogs {
		want := append(strings.Fields(postgresFdw[cat]), strings.Fields(beyond[cat])...)
		var got []string
		for _, s := range All() {
			if s.in(cat) {
				got = append(got, s.Name)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("catalog %d:\n got %v\nwant %v", cat, got, want)
		}
	}
}

// Every option is accepted with its default, and with every value that its
// row lists, exactly on the objects that its row names.
func TestEveryOptionEverywhere(t *testing.T) {
	for _, s := range All() {
		for _, value := range goodValues(&s) {
			for _, cat := range catalogs {
				err := validate(cat, true, Pair{s.Name, value})
				switch {
				case !s.in(cat) && (err == nil || err.SQLState != "HV00D" || err.Message != fmt.Sprintf("invalid option \"%s\"", s.Name)):
					t.Errorf("%s=%q on catalog %d: %v, want an invalid option", s.Name, value, cat, err)
				case s.in(cat) && s.Effect == Refused && (err == nil || err.SQLState != "HV00D" || err.Hint == ""):
					t.Errorf("%s=%q on catalog %d: %v, want a refusal with a hint", s.Name, value, cat, err)
				case s.in(cat) && s.Effect != Refused && err != nil:
					t.Errorf("%s=%q on catalog %d: %v", s.Name, value, cat, err)
				}
			}
		}
	}
}

func goodValues(s *Spec) []string {
	var good []string
	for _, d := range s.Defaults {
		good = append(good, d.Value)
	}
	good = append(good, s.Values...)
	switch s.Kind {
	case String:
		good = append(good, "", "x", "a b'\"\\=é")
	case Bool:
		good = append(good, "false", "FALSE", "off", "Off")
		if s.Unsupported == nil {
			good = append(good, "true", "TRUE", "on", "On")
		}
	case Int:
		good = append(good, "1", " 5000", "2147483647", "0x10", "1.5")
	case Real:
		good = append(good, "0", "1e-6", "123.456", "inf")
	case Bytes:
		good = append(good, FormatBytes(s.Min), FormatBytes(s.Max))
	case Number:
		good = append(good, "0", "-1", "2147483647", "")
	case Enum:
		if s.FoldCase {
			good = append(good, strings.ToLower(s.Values[0]), strings.ToUpper(s.Values[0]))
		}
	case Identifiers:
		good = append(good, "", `cube, "Seg"`)
	case Ports:
		good = append(good, "1", "5432,5433", "")
	case Addresses:
		good = append(good, "127.0.0.1,::1", "")
	case AuthMethods:
		good = append(good, "md5,scram-sha-256", "!none", "")
	}
	return good
}

func TestBadValues(t *testing.T) {
	for _, s := range All() {
		if s.Effect == Refused {
			continue
		}
		state, message, values := "22023", "invalid value for string option \"%[1]s\": %[2]s", []string{}
		switch s.Kind {
		case Bool:
			state, message, values = "42601", "%[1]s requires a Boolean value", []string{"", "1", "t", "yes", " on", "maybe", "tru"}
		case Int:
			message, values = "invalid value for integer option \"%[1]s\": %[2]s", []string{"", "xx", "100kB", "2147483648", "nan"}
		case Real:
			message, values = "invalid value for floating point option \"%[1]s\": %[2]s", []string{"", "xx", "1ms", "1e999", "nan"}
		case Bytes:
			message, values = "invalid value for memory option \"%[1]s\": %[2]s", []string{"", "xx", "4mb", "1s", "9999999TB"}
		case Number:
			message, values = "invalid value for integer option \"%[1]s\": %[2]s", []string{"x", "1.5", "0x10", "10s", "2147483648"}
		case Enum:
			values = []string{"bogus", " " + s.Values[0], s.Values[0] + "x"}
			if !s.FoldCase && strings.ToUpper(s.Values[0]) != s.Values[0] {
				values = append(values, strings.ToUpper(s.Values[0]))
			}
		case Identifiers:
			message, values = "parameter \"%[1]s\" must be a list of extension names", []string{"a b", "a,", `"a`}
		case Ports:
			message, values = "invalid port number: \"%[2]s\"", []string{"0", "65536", "x", "-1", "5432x"}
		case Addresses:
			message, values = "invalid value for address option \"%[1]s\": %[2]s", []string{"localhost", "1.2.3.4.5"}
		case AuthMethods:
			values = []string{"bogus", "md5,md5", "md5,!none"}
		}
		for _, value := range values {
			want := fmt.Sprintf(message+"%[3]s", s.Name, value, "")
			err := Validate(s.Catalogs[0], true, []Pair{{s.Name, value}})
			if err == nil || err.SQLState != state || err.Message != want {
				t.Errorf("%s=%q: %#v, want %s %q", s.Name, value, err, state, want)
			} else if s.Kind == Enum && err.Hint != "Available values: "+strings.Join(s.Values, ", ")+"." {
				t.Errorf("%s=%q: hint %q", s.Name, value, err.Hint)
			}
		}
	}
}

func TestRanges(t *testing.T) {
	for _, c := range []struct{ name, value, message string }{
		{"fetch_size", "0", `"fetch_size" must be an integer value greater than zero`},
		{"fetch_size", "-1", `"fetch_size" must be an integer value greater than zero`},
		{"fetch_size", "0.5", `"fetch_size" must be an integer value greater than zero`},
		{"batch_size", "0", `"batch_size" must be an integer value greater than zero`},
		{"fdw_startup_cost", "-1", `"fdw_startup_cost" must be a floating point value greater than or equal to zero`},
		{"fdw_tuple_cost", "-inf", `"fdw_tuple_cost" must be a floating point value greater than or equal to zero`},
		{"fetch_memory", "63kB", `"fetch_memory" must be between 64kB and 1GB`},
		{"fetch_memory", "0", `"fetch_memory" must be between 64kB and 1GB`},
		{"fetch_memory", "1048577", `"fetch_memory" must be between 64kB and 1GB`},
	} {
		err := Validate(Server, true, []Pair{{c.name, c.value}})
		if err == nil || err.SQLState != "22023" || err.Message != c.message || err.Hint != "" {
			t.Errorf("%s=%s: %#v", c.name, c.value, err)
		}
	}
}

func TestUnsupportedValues(t *testing.T) {
	for _, c := range []struct {
		cat         Catalog
		name, value string
	}{
		{Server, "gssencmode", "require"}, {Server, "gssdelegation", "1"}, {Mapping, "gssdelegation", "1"},
		{Server, "use_scram_passthrough", "true"}, {Mapping, "use_scram_passthrough", "ON"},
	} {
		err := Validate(c.cat, true, []Pair{{c.name, c.value}})
		want := fmt.Sprintf("value \"%s\" of option \"%s\" is not supported by pgwire_fdw", c.value, c.name)
		if err == nil || err.SQLState != "0A000" || err.Message != want || err.Hint == "" {
			t.Errorf("%s=%s: %#v", c.name, c.value, err)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	const none = "There are no valid options in this context."
	maybe := func(name string) string { return fmt.Sprintf("Perhaps you meant the option \"%s\".", name) }
	for _, c := range []struct {
		cat        Catalog
		name, hint string
	}{
		{Wrapper, "host", none}, {Wrapper, "xyz", none}, {Catalog(99), "host", none}, {Catalog(-1), "host", none},
		{Server, "hots", maybe("host")}, {Server, "fetchsize", maybe("fetch_size")}, {Server, "HOST", ""},
		{Server, "fetch_memroy", maybe("fetch_memory")}, {Server, "xyz", ""}, {Server, "", ""},
		{Server, "fallback_application_name", ""}, {Server, "client_encoding", ""}, {Server, "replication", ""},
		{Server, "oauth_issuer", ""}, {Server, "scram_client_key", ""}, {Server, "sslkeylogfile", ""},
		{Server, "user", ""}, {Server, "password", ""}, {Server, "servicee", ""}, {Server, "sslmod", maybe("sslmode")},
		{Mapping, "usr", maybe("user")}, {Mapping, "passwort", maybe("password")}, {Mapping, "host", ""},
		{Mapping, "pasword_required", maybe("password_required")}, {Mapping, "ssl_key", maybe("sslkey")},
		{Table, "tablename", maybe("table_name")}, {Table, "schema", ""}, {Table, "host", ""},
		{Column, "colum_name", maybe("column_name")}, {Column, "name", ""},
		{Import, "import_colate", maybe("import_collate")}, {Import, "import_not_nul", maybe("import_not_null")},
		{Server, strings.Repeat("x", 300), ""},
	} {
		err := Validate(c.cat, true, []Pair{{c.name, "x"}})
		if err == nil || err.SQLState != "HV00D" || err.Message != fmt.Sprintf("invalid option \"%s\"", c.name) {
			t.Errorf("%q on catalog %d: %#v", c.name, c.cat, err)
		} else if err.Hint != c.hint {
			t.Errorf("%q on catalog %d: hint %q, want %q", c.name, c.cat, err.Hint, c.hint)
		}
	}
}

func TestSuperuserRules(t *testing.T) {
	for _, c := range []struct {
		cat         Catalog
		name, value string
		message     string
	}{
		{Mapping, "password_required", "false", "password_required=false is superuser-only"},
		{Mapping, "password_required", "OFF", "password_required=false is superuser-only"},
		{Mapping, "password_required", "true", ""},
		{Mapping, "sslcert", "x", "sslcert and sslkey are superuser-only"},
		{Mapping, "sslkey", "", "sslcert and sslkey are superuser-only"},
		{Server, "sslcert", "x", ""}, {Server, "sslkey", "x", ""},
		{Mapping, "user", "u", ""}, {Mapping, "password", "p", ""}, {Mapping, "sslpassword", "p", ""},
	} {
		pair := Pair{c.name, c.value}
		if err := validate(c.cat, true, pair); err != nil {
			t.Errorf("superuser, %s=%s: %v", c.name, c.value, err)
		}
		err := validate(c.cat, false, pair)
		if c.message == "" {
			if err != nil {
				t.Errorf("%s=%s: %v", c.name, c.value, err)
			}
			continue
		}
		if err == nil || err.SQLState != "42501" || err.Message != c.message ||
			!strings.HasSuffix(err.Hint, "may only be created or modified by the superuser.") {
			t.Errorf("%s=%s: %#v", c.name, c.value, err)
		}
	}
	// a value that makes no sense is that first, for everybody
	if err := validate(Mapping, false, Pair{"password_required", "no"}); err == nil || err.SQLState != "42601" {
		t.Errorf("password_required=no: %#v", err)
	}
}

// The first fault in the order of the options is the one that is reported.
func TestFirstFault(t *testing.T) {
	err := Validate(Server, true, []Pair{{"host", "h"}, {"port", "x"}, {"bogus", "1"}})
	if err == nil || err.Message != `invalid port number: "x"` {
		t.Errorf("%v", err)
	}
	if err := Validate(Server, true, nil); err != nil {
		t.Errorf("no options: %v", err)
	}
}

// The table itself: what other code relies on.
func TestTable(t *testing.T) {
	for i := range table {
		s := &table[i]
		if Lookup(s.Name) != s {
			t.Errorf("%s stands twice", s.Name)
		}
		if len(s.Catalogs) == 0 || s.Doc == "" || !strings.HasSuffix(s.Doc, ".") {
			t.Errorf("%s: no object or no sentence", s.Name)
		}
		if s.Secret && !slices.Equal(s.Catalogs, onMapping) {
			t.Errorf("%s is secret, but others than the mapped user can read it", s.Name)
		}
		if (s.Kind == Enum) != (len(s.Values) > 0) || s.Kind == Int && s.Min != 1 || (s.Kind == Bytes) != (s.Max > 0) {
			t.Errorf("%s: kind and range do not go together", s.Name)
		}
		for j, d := range s.Defaults {
			if s.check(d.Value) != nil || j > 0 && d.Major <= s.Defaults[j-1].Major {
				t.Errorf("%s: default %+v", s.Name, d)
			}
		}
		if s.Since != 0 && s.Since < 14 {
			t.Errorf("%s: since %d", s.Name, s.Since)
		}
	}
}

func TestLevenshtein(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"kitten", "sitting", 3},
		{"hots", "host", 2}, {"usér", "user", 1}, {"flaw", "lawn", 2},
	} {
		if got := levenshtein(c.a, c.b); got != c.want {
			t.Errorf("levenshtein(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestSplitPairs(t *testing.T) {
	got, err := SplitPairs([]byte("host\x00a=b\x00options\x00\x00"))
	if err != nil || !slices.Equal(got, []Pair{{"host", "a=b"}, {"options", ""}}) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := SplitPairs(nil); err != nil || got != nil {
		t.Errorf("nothing: %q, %v", got, err)
	}
	for _, bad := range []string{"a", "a\x00", "a\x00b", "a\x00b\x00c"} {
		if _, err := SplitPairs([]byte(bad)); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestContradictions(t *testing.T) {
	for text, fault := range map[string]string{
		"":                                   "",
		"sslcert=c sslkey=k":                 "",
		"sslcert=c":                          "sslkey",
		"sslkey=k sslcert=":                  "sslcert",
		"host=a,b hostaddr=1.2.3.4":          "hostaddr",
		"host=a,b port=1,2":                  "",
		"host=a,b port=1":                    "",
		"host=a,b port=1,2,3":                "3 ports for 2 hosts",
		"port=1,2":                           "2 ports for 1 hosts",
		"hostaddr=::1,::1 port=1,2":          "",
		"sslrootcert=system":                 "",
		"sslrootcert=system sslmode=require": "verify-full",
		"sslnegotiation=direct":              "require",
		"sslnegotiation=direct sslrootcert=system":                          "",
		"sslnegotiation=direct sslmode=require":                             "",
		"ssl_min_protocol_version=tlsv1.3 ssl_max_protocol_version=TLSv1.2": "ssl_min_protocol_version",
		"ssl_min_protocol_version=TLSv1.2 ssl_max_protocol_version=tlsv1.2": "",
		"ssl_min_protocol_version=TLSv1.3":                                  "",
		"min_protocol_version=3.2 max_protocol_version=3.0":                 "min_protocol_version",
		"min_protocol_version=3.0 max_protocol_version=latest":              "",
	} {
		var pairs []Pair
		for _, field := range strings.Fields(text) {
			name, value, _ := strings.Cut(field, "=")
			pairs = append(pairs, Pair{name, value})
		}
		err := Validate(Server, true, pairs)
		if fault == "" && err != nil || fault != "" && (err == nil || err.SQLState != "22023" || !strings.Contains(err.Message, fault)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
