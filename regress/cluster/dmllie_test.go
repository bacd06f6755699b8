package cluster

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgwire_fdw/regress/cluster/pgtest"
)

// untruth is what a remote server says that cannot be so.
type untruth struct {
	name string
	of   string // the writings it is told in, by name
	lie  func(told *int) pgtest.Lie
	// late: it is about COMMIT, so that the rows are there
	late bool
}

// tagged replaces a command's tag, each time.
func tagged(old, with string) func(*int) pgtest.Lie {
	return func(told *int) pgtest.Lie {
		return func(kind byte, body []byte) []byte {
			if kind != 'C' || string(body) != old+"\x00" {
				return nil
			}
			*told++
			return pgtest.Message('C', append([]byte(with), 0))
		}
	}
}

// instead says something in the place of the first message of a kind, or, before,
// in front of it; of CommandComplete, of the first of a statement that writes.
func instead(of byte, before bool, with ...[]byte) func(*int) pgtest.Lie {
	return func(told *int) pgtest.Lie {
		return func(kind byte, body []byte) []byte {
			if kind != of || *told > 0 || kind == 'C' && !writeTag.Match(body) {
				return nil
			}
			*told++
			out := bytes.Join(with, nil)
			if before {
				out = append(out, pgtest.Message(kind, body)...)
			}
			return append([]byte{}, out...)
		}
	}
}

var writeTag = regexp.MustCompile(`^(INSERT 0|UPDATE|DELETE|COPY) \d+\x00$`)

// What is said out of place.
var (
	copyIn    = pgtest.Message('G', []byte{0, 0, 0})
	copyInTwo = pgtest.Message('G', []byte{1, 0, 2, 0, 1, 0, 1})
	copyOut   = pgtest.Message('H', []byte{1, 0, 0})
	oneColumn = pgtest.Message('T', []byte("\x00\x01i\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x17\x00\x04\xff\xff\xff\xff\x00\x01"))
	oneRow    = pgtest.Message('D', []byte{0, 1, 0, 0, 0, 4, 0, 0, 0, 1})
	empty     = pgtest.Message('I', nil)
	suspended = pgtest.Message('s', nil)
	noTag     = pgtest.Message('C', []byte{0})
	oddTag    = pgtest.Message('C', []byte("INSERT 0 many\x00"))
	hugeTag   = pgtest.Message('C', []byte("INSERT 0 99999999999999999999999\x00"))
	minusTag  = pgtest.Message('C', []byte("INSERT 0 -4\x00"))
)

// untruths. That a single row was not inserted may be a trigger's doing.
var untruths = []untruth{
	{name: "one row more", of: "row", lie: tagged("INSERT 0 1", "INSERT 0 2")},
	{name: "one row of four less", of: "rows", lie: tagged("INSERT 0 4", "INSERT 0 3")},
	{name: "one row of four more", of: "rows", lie: tagged("INSERT 0 4", "INSERT 0 5")},
	{name: "all rows one less", of: "bulk copy", lie: func(told *int) pgtest.Lie {
		return func(kind byte, body []byte) []byte {
			tag := strings.TrimSuffix(string(body), "\x00")
			at := strings.LastIndexByte(tag, ' ')
			if kind != 'C' || !strings.HasPrefix(tag, "COPY ") || at < 0 {
				return nil
			}
			n := 0
			fmt.Sscan(tag[at+1:], &n)
			*told++
			return pgtest.Message('C', fmt.Appendf(nil, "%s %d\x00", tag[:at], n-1))
		}
	}},
	{name: "another command", of: "row rows", lie: instead('C', false, pgtest.Message('C', []byte("SELECT 1\x00")))},
	{name: "two rows for one key", of: "update", lie: tagged("UPDATE 1", "UPDATE 2")},
	{name: "deleted in place of changed", of: "update direct", lie: instead('C', false, pgtest.Message('C', []byte("DELETE 1\x00")))},
	{name: "no tag", of: "row rows bulk copy conflict", lie: instead('C', false, noTag)},
	{name: "a tag without a number", of: "row rows bulk copy conflict", lie: instead('C', false, oddTag)},
	{name: "a tag with a large number", of: "row rows bulk copy conflict", lie: instead('C', false, hugeTag)},
	{name: "a tag with a negative number", of: "row rows bulk copy conflict", lie: instead('C', false, minusTag)},
	{name: "nothing", of: "row rows bulk copy conflict returning", lie: instead('C', false)},
	{name: "an empty query", of: "row rows bulk copy conflict returning update direct", lie: instead('C', false, empty)},
	{name: "a suspended portal", of: "row rows bulk copy conflict", lie: instead('C', false, suspended)},
	{name: "COPY IN before the end", of: "row rows bulk copy update direct", lie: instead('C', true, copyIn)},
	{name: "COPY OUT before the end", of: "row rows bulk copy update direct", lie: instead('C', true, copyOut)},
	{name: "COPY IN before anything else", of: "row copy update", lie: instead('1', true, copyIn)},
	{name: "another COPY IN", of: "bulk copy", lie: instead('G', false, copyOut)},
	{name: "COPY IN of two columns as text", of: "bulk copy", lie: instead('G', false, copyInTwo)},
	{name: "rows where there are none", of: "row rows bulk copy conflict", lie: instead('C', true, oneColumn, oneRow)},
	{name: "a row without a description", of: "row rows bulk copy conflict", lie: instead('C', true, oneRow)},
	{name: "a row of another width", of: "returning", lie: instead('D', false, pgtest.Message('D', []byte{0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}))},
	{name: "a row twice", of: "returning", lie: instead('D', true, oneRow)},
	{name: "no row", of: "returning", lie: instead('D', false)},
	{name: "ROLLBACK for COMMIT", of: "row rows bulk copy conflict returning update direct", lie: tagged("COMMIT", "ROLLBACK"), late: true},
	{name: "no answer to COMMIT but that it is done", of: "row bulk copy", late: true, lie: func(told *int) pgtest.Lie {
		return func(kind byte, body []byte) []byte {
			if kind != 'C' || string(body) != "COMMIT\x00" {
				return nil
			}
			*told++
			return []byte{}
		}
	}},
}

// TestWritesToALiar: what a remote says of a write is not believed when it
// cannot be so, and the transaction does not go on.
func TestWritesToALiar(t *testing.T) {
	f := newWriteFaults(t)
	told := 0
	for _, u := range untruths {
		for _, w := range writings {
			if within(w.name, u.of) {
				told += f.deceived(u, w)
			}
		}
	}
	if told < 40 {
		t.Errorf("only %d lies were told", told)
	}
	f.works()
	noCrash(t, f.local)
}

// deceived is one piece of work with one lie; it returns 1 if that was told.
func (f *writeFaults) deceived(u untruth, w writing) int {
	f.Helper()
	f.warm()
	told := 0
	f.proxy.Deceive(u.lie(&told))
	f.must("SET statement_timeout = '10s'") // an answer that does not come is waited for
	run, err := f.write(w)
	f.proxy.Deceive(nil)
	f.must("RESET statement_timeout; SELECT pgwire_fdw_disconnect_all()")
	if told == 0 {
		if err != nil {
			f.Errorf("%s: %s: nothing was said, and yet %s", u.name, w.name, describe(err))
		}
		return 0
	}
	if err == nil {
		f.Errorf("%s: %s: is believed", u.name, w.name)
		return 1
	}
	f.count[state(err)]++
	if found := f.there.get(fmt.Sprintf(w.count, run)); !u.late && found != "0 0" {
		f.Errorf("%s: %s: %s, and yet there are %s", u.name, w.name, describe(err), found)
	}
	return 1
}
