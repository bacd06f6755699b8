package feed

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/wire"
)

// noLeak compares what is held before and after; what lets go by itself is given a moment.
func noLeak(t *testing.T) {
	t.Helper()
	before := invariant.Live()
	t.Cleanup(func() {
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
			after := invariant.Live()
			if maps.Equal(before, after) {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("held before %v, after %v", before, after)
				return
			}
		}
	})
}

// rig is a fake walsender, and feeds that read it.
type rig struct {
	t      testing.TB
	server *fakepg.Server
	wal    *fakepg.Walsender
	feeds  Feeds
	facts  map[string]string
	starts atomic.Value // the latest START_REPLICATION
	params dial.Params
}

var factNames = []string{"plugin", "slot_type", "here", "confirmed_flush_lsn", "wal_status", "wal_end", "timeout", "level", "missing"}

func newRig(t testing.TB, options fakepg.Options, stream func(sql string) [][]byte) *rig {
	t.Helper()
	r := &rig{t: t, facts: map[string]string{"plugin": "pgoutput", "slot_type": "logical", "here": "t", "confirmed_flush_lsn": "0/10",
		"wal_status": "reserved", "wal_end": "0/1000", "timeout": "1min", "level": "logical", "missing": "NULL"}}
	r.wal = &fakepg.Walsender{Answer: r.answer, Stream: func(sql string) [][]byte { r.starts.Store(sql); return stream(sql) }}
	options.Script = []fakepg.Step{r.wal.Run}
	r.server = fakepg.Run(t, options)
	r.params = dial.Params{Server: "src", Superuser: true, Options: map[string]string{"host": r.server.Host, "port": r.server.Port,
		"user": "u", "sslmode": "disable"}, Replication: true}
	t.Cleanup(r.feeds.End)
	return r
}

func (r *rig) answer(sql string) (names, values []string, refusal *pgproto3.ErrorResponse) {
	switch {
	case sql == "IDENTIFY_SYSTEM":
		return []string{"systemid"}, []string{"42"}, nil
	case strings.HasPrefix(sql, "SELECT s.plugin"):
		for _, n := range factNames {
			values = append(values, r.facts[n])
		}
		return factNames, values, nil
	}
	return nil, nil, nil // the catalogs know nothing
}

func (r *rig) source() Source {
	return Source{Params: r.params, ServerID: 1, Umid: 2, Slot: "s", Publications: "{p}", SystemID: "42", Position: 0x10, Confirmed: 0x10}
}

// column is one of a feed table.
func column(name string, oid uint32, role Role) Column {
	c := Column{Column: wire.Column{Name: name, TypeOID: oid, Typmod: -1}, Role: role}
	if c.ofTable() {
		c.Remote = name
	}
	return c
}

// ordersSpec is of the table that the streams below are about.
func ordersSpec() Spec {
	return Spec{ServerID: 1, RelID: 100, Slot: "f", Schema: "public", Table: "t", FetchMemory: 64 << 10,
		Columns: []Column{column("op", oidChar, Op), column("lsn", oidPgLSN, LSN), column("seq", oidInt8, Seq),
			column("id", 23, New), column("v", 25, New)}}
}

// wait polls until the feed is to be asked again.
func (r *rig) wait(w *Wait) {
	r.t.Helper()
	timeout := 20_000
	if w.Timeout >= 0 {
		timeout = int(w.Timeout/time.Millisecond) + 1
	}
	if w.FD < 0 {
		return
	}
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(w.FD), Events: unix.POLLIN}}, timeout)
	if err == nil && n == 0 && w.Timeout < 0 {
		r.t.Fatal("nothing came in 20 seconds")
	}
}

// next is one batch as text; done: it was the last.
func (r *rig) next(f *Feed, level int) (rows []string, done bool, _ *sqlerr.Error) {
	r.t.Helper()
	for {
		out, w, err := f.Next(level)
		switch {
		case err != nil:
			return nil, true, err
		case out == End:
			return nil, true, nil
		case out == Waiting:
			r.wait(w)
		default:
			arena, formats := f.Batch()
			return rowsText(arena, f.spec.Columns, formats), false, nil
		}
	}
}

// read starts the feed and reads all of it.
func (r *rig) read(f *Feed, conds ...Condition) (rows []string, _ *sqlerr.Error) {
	r.t.Helper()
	f.Start(r.source(), conds)
	for {
		batch, done, err := r.next(f, 1)
		rows = append(rows, batch...)
		if done {
			return rows, err
		}
	}
}

// rowsText writes the columns of ordersSpec: op lsn seq id v.
func rowsText(arena *wire.Arena, cols []Column, formats []wire.ValueFormat) (rows []string) {
	b := arena.Bytes()
	base := arena.Base()
	for len(b) > 0 {
		size := binary.LittleEndian.Uint32(b)
		n := len(cols)
		var fields []string
		for i := range cols {
			datum := binary.LittleEndian.Uint64(b[8+8*i:])
			at := func() []byte { return arena.Bytes()[uintptr(datum)-base:] }
			switch {
			case b[8+8*n+i] != 0:
				fields = append(fields, "-")
			case formats[i] != wire.DatumValue:
				v := at()
				fields = append(fields, string(v[4:4+binary.LittleEndian.Uint32(v)]))
			case cols[i].TypeOID == oidChar:
				fields = append(fields, string(rune(byte(datum))))
			case cols[i].TypeOID == 25:
				v := at()
				fields = append(fields, string(v[4:binary.LittleEndian.Uint32(v)>>2]))
			case cols[i].TypeOID == oidPgLSN:
				fields = append(fields, fmt.Sprintf("%x", datum))
			default:
				fields = append(fields, fmt.Sprint(int64(datum)))
			}
		}
		rows = append(rows, strings.Join(fields, " "))
		b = b[size:]
	}
	return rows
}

// What a stream consists of.
func data(plugin []byte) []byte { return build(byte('w'), 1, 2, 3, plugin) }
func alive(end int) []byte      { return build(byte('k'), end, 0, byte(0)) }
func beginAt(commit int) []byte { return data(build(byte('B'), commit, 5, int32(7))) }
func endAt(commit int) []byte {
	return data(build(byte('C'), byte(0), commit, commit+8, 5))
}

var relT = data(build(byte('R'), int32(1), "public", "t", byte('d'), int16(2), byte(1), "id", int32(23), int32(-1), byte(0), "v", int32(25), int32(-1)))

func insertT(id int, v string) []byte {
	return data(build(byte('I'), int32(1), byte('N'), int16(2), byte('b'), int32(4), int32(id), byte('b'), int32(len(v)), []byte(v)))
}

// oneOfEach is two transactions, and the word that no more is there.
func oneOfEach(string) [][]byte {
	return [][]byte{beginAt(0x100), relT, insertT(1, "one"), insertT(2, "two"), endAt(0x100),
		beginAt(0x200), data(build(byte('U'), int32(1), byte('N'), int16(2), byte('b'), int32(4), int32(1), byte('u'))),
		data(build(byte('D'), int32(1), byte('K'), int16(2), byte('b'), int32(4), int32(2), byte('n'))),
		data(build(byte('T'), int32(1), byte(0), int32(1))), endAt(0x200), alive(0x1000)}
}

var oneOfEachRows = []string{"I 100 1 1 one", "I 100 2 2 two", "U 200 1 1 -", "D 200 2 2 -", "T 200 3 - -"}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestReading(t *testing.T) {
	noLeak(t)
	r := newRig(t, fakepg.Options{}, oneOfEach)
	f := r.feeds.Open(ordersSpec())
	defer f.Close()
	for range 2 { // a second time the same
		rows, err := r.read(f)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "rows", rows, oneOfEachRows)
	}
	if r.server.Startup()["replication"] != "database" {
		t.Error(r.server.Startup())
	}
	if got, want := r.starts.Load(), `START_REPLICATION SLOT "s" LOGICAL 0/10 (proto_version '1', publication_names '"p"', messages 'true', binary 'true')`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := r.feeds.Read(1, "f"); got.UpTo != 0x1000 || got.Rows != 10 {
		t.Errorf("read %+v", got)
	}
	for lsn, want := range map[uint64]uint64{0x100: 0x108, 0x108: 0x108, 0x104: 0, 0x200: 0x208, 0x300: 0} {
		if got := r.feeds.Boundary(1, "f", lsn); got != want {
			t.Errorf("boundary of %x is %x, want %x", lsn, got, want)
		}
	}
}

func TestConditions(t *testing.T) {
	noLeak(t)
	r := newRig(t, fakepg.Options{}, oneOfEach)
	f := r.feeds.Open(ordersSpec())
	defer f.Close()
	for _, c := range []struct {
		cond Condition
		rows []string
	}{
		{Condition{What: Op, Compare: equal, Number: 'D'}, oneOfEachRows[3:4]},
		{Condition{What: Op, Compare: notEqual, Number: 'I'}, oneOfEachRows[2:]},
		{Condition{What: LSN, Compare: greater, Number: 0x100}, oneOfEachRows[2:]},
		{Condition{What: LSN, Compare: greaterEqual, Number: 0x100}, oneOfEachRows},
		{Condition{What: CommitTime, Compare: less, Number: 5}, nil},
		{Condition{What: CommitTime, Compare: lessEqual, Number: 5}, oneOfEachRows},
		{Condition{What: Relation, Compare: equal, Text: "public.t"}, oneOfEachRows},
		{Condition{What: Relation, Compare: equal, Text: "public.x"}, nil},
		{Condition{What: LSN, Compare: lessEqual, Number: 0x100}, oneOfEachRows[:2]},
		{Condition{What: LSN, Compare: less, Number: 0x200}, oneOfEachRows[:2]},
	} {
		rows, err := r.read(f, c.cond)
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("%+v", c.cond), rows, c.rows)
	}
}

// A scan that ends at a condition on lsn has read no further, and one that is left early only what it gave out.
func TestReadUpTo(t *testing.T) {
	noLeak(t)
	r := newRig(t, fakepg.Options{}, oneOfEach)
	f := r.feeds.Open(ordersSpec())
	if _, err := r.read(f, Condition{What: LSN, Compare: less, Number: 0x200}); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if got := r.feeds.Read(1, "f").UpTo; got != 0x108 {
		t.Errorf("up to %x", got)
	}
	r.feeds.End()

	g := r.feeds.Open(ordersSpec())
	g.Start(r.source(), nil)
	if rows, _, err := r.next(g, 1); err != nil || len(rows) == 0 {
		t.Fatal(rows, err)
	}
	g.Close() // in the middle of the first batch
	if got := r.feeds.Read(1, "f").UpTo; got != 0 {
		t.Errorf("up to %x", got)
	}
}

// Feeds that are open together are served by one pass; one is set aside for while the other reads.
func TestOnePass(t *testing.T) {
	noLeak(t)
	r := newRig(t, fakepg.Options{}, func(string) [][]byte {
		m := [][]byte{beginAt(0x100), relT}
		for i := range 5000 {
			m = append(m, insertT(i, strings.Repeat("x", 100)))
		}
		return append(m, endAt(0x100), beginAt(0x200), insertT(1, "last"), endAt(0x200), alive(0x1000))
	})
	spec := ordersSpec()
	spec.TempDir = t.TempDir()
	a, b := r.feeds.Open(spec), r.feeds.Open(spec)
	spec.RelID++
	c := r.feeds.Open(spec)
	defer a.Close()
	defer b.Close()
	defer c.Close()
	first, err := r.read(a)
	if err != nil || len(first) != 5001 {
		t.Fatal(len(first), err)
	}
	if got := r.feeds.Read(1, "f").UpTo; got != 0x1000 {
		t.Errorf("one table read up to %x", got)
	}
	for _, f := range []*Feed{b, c} {
		rows, err := r.read(f)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the same", rows, first)
		if f.Stats().SpoolFile == 0 {
			t.Error("nothing went to the file")
		}
	}
	if n := r.server.Accepts(); n != 1 {
		t.Errorf("%d connections", n)
	}
	// c is read anew, and left in its middle, when a is read anew: what c needs is set aside
	c.Start(r.source(), nil)
	rows, _, err := r.next(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.read(a); err != nil || !slices.Equal(again, first) {
		t.Fatal(len(again), err)
	}
	if got := r.feeds.Read(1, "f").UpTo; got != 0x1000 {
		t.Errorf("read up to %x", got) // c was, before
	}
	for {
		batch, done, err := r.next(c, 1)
		if err != nil {
			t.Fatal(err)
		}
		if rows = append(rows, batch...); done {
			break
		}
	}
	same(t, "what was set aside", rows, first)
}

// The server hears of us while nobody takes what it sends.
func TestKeptAlive(t *testing.T) {
	noLeak(t)
	var updates atomic.Int64
	r := newRig(t, fakepg.Options{}, func(string) [][]byte {
		m := [][]byte{beginAt(0x100), relT}
		for i := range 400 {
			m = append(m, insertT(i, strings.Repeat("x", 100_000)))
		}
		return append(m, endAt(0x100), alive(0x1000))
	})
	r.facts["timeout"] = "100ms"
	r.wal.Update = func(b []byte) {
		if len(b) != 34 || b[0] != 'r' {
			t.Errorf("a status update of %q", b)
		}
		updates.Add(1)
	}
	spec := ordersSpec()
	spec.TempDir = t.TempDir()
	f := r.feeds.Open(spec)
	defer f.Close()
	f.Start(r.source(), nil)
	rows, _, err := r.next(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); updates.Load() < 20; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server has not heard of us")
		}
	}
	n := len(rows)
	for {
		rows, done, err := r.next(f, 1)
		if err != nil {
			t.Fatal(err)
		}
		if n += len(rows); done {
			break
		}
	}
	if n != 400 {
		t.Error(n)
	}
}

// A type that changes in the middle, so that its binary values cannot be taken: the slot is read on as text.
func TestTypeChanges(t *testing.T) {
	noLeak(t)
	rel := func(oid int32) []byte {
		return data(build(byte('R'), int32(1), "public", "t", byte('d'), int16(2), byte(1), "id", oid, int32(-1), byte(0), "v", int32(25), int32(-1)))
	}
	insertText := func(id, v string) []byte {
		return data(build(byte('I'), int32(1), byte('N'), int16(2), textValueOf(id), textValueOf(v)))
	}
	r := newRig(t, fakepg.Options{}, func(sql string) [][]byte {
		if !strings.Contains(sql, "binary") {
			if !strings.Contains(sql, "LOGICAL 0/108 ") {
				t.Errorf("read anew by %s", sql)
			}
			return [][]byte{beginAt(0x200), rel(23), insertText("2", "two"), rel(20), insertText("3", "three"), endAt(0x200), alive(0x1000)}
		}
		return [][]byte{beginAt(0x100), rel(23), insertT(1, "one"), endAt(0x100), beginAt(0x200), insertT(2, "two"), rel(20),
			data(build(byte('I'), int32(1), byte('N'), int16(2), byte('b'), int32(8), 3, byte('b'), int32(5), []byte("three"))), endAt(0x200), alive(0x1000)}
	})
	f := r.feeds.Open(ordersSpec())
	defer f.Close()
	rows, err := r.read(f)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "rows", rows, []string{"I 100 1 1 one", "I 200 1 2 two", "I 200 2 3 three"})
}

// What a broken or hostile server may send is an error, each time.
func TestNonsense(t *testing.T) {
	noLeak(t)
	for what, stream := range map[string][][]byte{
		"unknown CopyData":             {{'z'}},
		"empty CopyData":               {{}},
		"unknown message":              {data([]byte("Z"))},
		"a change before a relation":   {beginAt(0x100), insertT(1, "x")},
		"a change outside":             {relT, insertT(1, "x")},
		"begin in begin":               {beginAt(0x100), beginAt(0x200)},
		"an end without a beginning":   {endAt(0x100)},
		"the end of another":           {beginAt(0x100), endAt(0x200)},
		"transactions out of order":    {beginAt(0x200), endAt(0x200), beginAt(0x100)},
		"truncate of an unknown":       {beginAt(0x100), data(build(byte('T'), int32(1), byte(0), int32(9)))},
		"a message out of place":       {data(build(byte('M'), byte(1), 5, "p", int32(0)))},
		"a short int4":                 {beginAt(0x100), relT, data(build(byte('I'), int32(1), byte('N'), int16(2), byte('b'), int32(3), []byte("abc"), byte('n')))},
		"text that is none":            {beginAt(0x100), relT, insertT(1, "\xff")},
		"a cut change":                 {beginAt(0x100), relT, insertT(1, "x")[:40]},
		"a negative length":            {beginAt(0x100), relT, data(build(byte('I'), int32(1), byte('N'), int16(2), byte('b'), int32(-2), byte('n')))},
		"an enormous length":           {beginAt(0x100), relT, data(build(byte('I'), int32(1), byte('N'), int16(2), byte('b'), int32(0x7ffffff0), byte('n')))},
		"a keepalive too long":         {build(byte('k'), 1, 2, byte(0), byte(0))},
		"a relation of many columns":   {data(build(byte('R'), int32(1), "public", "t", byte('d'), int16(-1)))},
		"more columns than a relation": {beginAt(0x100), relT, data(build(byte('I'), int32(1), byte('N'), int16(3), byte('b'), int32(2), []byte("ab"), byte('n'), byte('n')))},
	} {
		r := newRig(t, fakepg.Options{}, func(string) [][]byte { return stream })
		f := r.feeds.Open(ordersSpec())
		rows, err := r.read(f)
		if err == nil {
			t.Errorf("%s: no error, but %q", what, rows)
		} else if len(err.SQLState) != 5 || err.SQLState == "XX000" {
			t.Errorf("%s: %v", what, err)
		}
		f.Close()
		r.feeds.End()
	}
}

// A connection cut anywhere is an error, or all has come before.
func TestCutAnywhere(t *testing.T) {
	noLeak(t)
	for cut := int64(20); cut < 1400; cut += 7 {
		r := newRig(t, fakepg.Options{CutAt: cut, Reset: cut%2 == 0}, oneOfEach)
		f := r.feeds.Open(ordersSpec())
		rows, err := r.read(f)
		if err == nil && !slices.Equal(rows, oneOfEachRows) {
			t.Errorf("cut at %d: %q without an error", cut, rows)
		}
		f.Close()
		r.feeds.End()
		r.server.Close()
	}
}

// What can be seen beforehand to be wrong says what to do about it.
func TestFacts(t *testing.T) {
	noLeak(t)
	for _, c := range []struct{ name, value, want string }{
		{"level", "replica", `server "src" has wal_level = replica, which is not enough to read changes`},
		{"plugin", "NULL", `replication slot "s" does not exist on server "src"`},
		{"plugin", "wal2json", `replication slot "s" of server "src" is not one of pgoutput`},
		{"slot_type", "physical", `replication slot "s" of server "src" is not one of pgoutput`},
		{"here", "f", `replication slot "s" of server "src" is in another database`},
		{"wal_status", "lost", `replication slot "s" of server "src" has been invalidated`},
		{"missing", "p", `server "src" has no publication p`},
		{"confirmed_flush_lsn", "0/20", `replication slot "s" of server "src" has gone beyond the position stored here, from 0/10 to 0/20`},
	} {
		r := newRig(t, fakepg.Options{}, oneOfEach)
		r.facts[c.name] = c.value
		f := r.feeds.Open(ordersSpec())
		_, err := r.read(f)
		if err == nil || err.Message != c.want || err.Hint == "" {
			t.Errorf("%s %s: %v", c.name, c.value, err)
		}
		f.Close()
		r.feeds.End()
	}
	r := newRig(t, fakepg.Options{}, oneOfEach)
	f := r.feeds.Open(ordersSpec())
	defer f.Close()
	src := r.source()
	src.SystemID = "43"
	f.Start(src, nil)
	if _, _, err := r.next(f, 1); err == nil || err.Message != `slot "s" was made on another cluster` {
		t.Error(err)
	}
}

// A first change is waited for; where none comes, the wait ends.
func TestWaiting(t *testing.T) {
	noLeak(t)
	late := make(chan bool)
	r := newRig(t, fakepg.Options{}, func(string) [][]byte { return [][]byte{alive(0x1000)} })
	var quiet atomic.Bool
	r.wal.Last = func(c *fakepg.Conn) error {
		if quiet.Load() {
			return nil
		}
		<-late
		for _, b := range [][]byte{beginAt(0x1100), relT, insertT(1, "late"), endAt(0x1100), alive(0x1200), alive(0x2000000)} {
			if err := c.Send(&pgproto3.CopyData{Data: b}); err != nil {
				return err
			}
		}
		return nil
	}
	spec := ordersSpec()
	spec.Wait = time.Minute
	f := r.feeds.Open(spec)
	defer f.Close()
	time.AfterFunc(20*time.Millisecond, func() { close(late) })
	rows, err := r.read(f)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "rows", rows, []string{"I 1100 1 1 late"})
	if got := r.feeds.Read(1, "f").UpTo; got < 0x1108 {
		t.Errorf("up to %x", got)
	}
	r.feeds.End()

	quiet.Store(true)
	spec.Wait = 30 * time.Millisecond
	g := r.feeds.Open(spec)
	defer g.Close()
	if rows, err := r.read(g); err != nil || len(rows) != 0 {
		t.Error(rows, err)
	}
	if got := r.feeds.Read(1, "f").UpTo; got != 0x1000 {
		t.Errorf("up to %x", got)
	}
}

// A pass that is to read so many bytes ends with a transaction, and the next one of the same local transaction there too.
func TestMaxBytes(t *testing.T) {
	noLeak(t)
	r := newRig(t, fakepg.Options{}, oneOfEach)
	spec := ordersSpec()
	spec.MaxBytes = 1
	f := r.feeds.Open(spec)
	defer f.Close()
	spec.MaxBytes = 0
	spec.RelID++
	for _, g := range []*Feed{f, f, r.feeds.Open(spec)} {
		rows, err := r.read(g)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "rows", rows, oneOfEachRows[:2])
		if g != f {
			g.Close()
		}
	}
	if got := r.feeds.Read(1, "f").UpTo; got != 0x108 {
		t.Errorf("up to %x", got)
	}
	r.feeds.Advanced(1, "f", 0x108)
	if got := r.feeds.Read(1, "f").UpTo; got != 0 {
		t.Errorf("up to %x after an advance", got)
	}
}

// What was read in a sub-transaction that is rolled back does not count, nor what is read after it by a scan that gave rows to it.
func TestSubtransactions(t *testing.T) {
	var n notes
	n.add(1, 1, 100)
	n.add(1, 2, 200)
	if n.upto() != 200 {
		t.Error(n.upto())
	}
	n.abort(2)
	if n.upto() != 100 {
		t.Error(n.upto())
	}
	n.add(1, 3, 300)
	n.commit(3)
	n.abort(3)
	if n.upto() != 300 {
		t.Error(n.upto())
	}
	n.add(2, 2, 50)
	if n.upto() != 50 {
		t.Error(n.upto())
	}
	n.abort(2)
	if n.upto() != 100 {
		t.Error(n.upto())
	}
	n.abort(1)
	if n.upto() != 0 {
		t.Error(n.upto())
	}

	noLeak(t)
	r := newRig(t, fakepg.Options{}, oneOfEach)
	f := r.feeds.Open(ordersSpec())
	defer f.Close()
	f.Start(r.source(), nil)
	if _, _, err := r.next(f, 2); err != nil {
		t.Fatal(err)
	}
	r.feeds.SubAbort(2)
	for done := false; !done; {
		var err *sqlerr.Error
		if _, done, err = r.next(f, 1); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.feeds.Read(1, "f").UpTo; got != 0 {
		t.Errorf("up to %x, though some of it was given to what was rolled back", got)
	}
	if rows, err := r.read(f); err != nil || len(rows) != len(oneOfEachRows) {
		t.Fatal(rows, err)
	}
	if got := r.feeds.Read(1, "f").UpTo; got != 0x1000 {
		t.Errorf("up to %x", got)
	}
}
