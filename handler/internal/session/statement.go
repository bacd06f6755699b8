package session

import (
	"container/list"
	"crypto/rand"
	"strconv"

	"pgwire_fdw/handler/internal/wire"
)

// maxStatements bounds what one session remembers, and so the prepared
// statements it may hold on the remote.
const maxStatements = 128

// statement is what a session knows of an SQL text it has sent. The first
// execution uses the unnamed statement; one that comes again gets a name, and
// from then on only its parameters travel.
type statement struct {
	key      string
	name     string // "" while unnamed
	prepared bool   // the remote has confirmed the name
	uses     int
	fields   []wire.RemoteColumn // last row description, nil before the first
	formats  []int16             // result formats that replaced the usual ones
	elem     *list.Element
}

// statements is a least-recently-used cache of statements.
type statements struct {
	byKey  map[string]*statement
	lru    *list.List // of *statement, most recent first
	prefix string
	serial int
	doomed []string // names to close on the remote with the next request
}

func (s *statements) init() {
	s.byKey = map[string]*statement{}
	s.lru = list.New()
	// A pooler may let many clients share one server session: a name that two of
	// them could choose would run the other's statement.
	s.prefix = "pgwire_" + rand.Text() + "_"
}

// use finds or makes the statement of key and counts the use.
func (s *statements) use(key string) *statement {
	st := s.byKey[key]
	if st == nil {
		st = &statement{key: key}
		st.elem = s.lru.PushFront(st)
		s.byKey[key] = st
		if s.lru.Len() > maxStatements {
			s.forget(s.lru.Back().Value.(*statement))
		}
	}
	s.lru.MoveToFront(st.elem)
	st.uses++
	return st
}

// nextName gives an unused statement name.
func (s *statements) nextName() string {
	s.serial++
	return s.prefix + strconv.Itoa(s.serial)
}

// forget drops a statement; its name is closed with the next request. Closing
// a name that was never made is no error to the server.
func (s *statements) forget(st *statement) {
	if s.byKey[st.key] != st {
		return
	}
	delete(s.byKey, st.key)
	s.lru.Remove(st.elem)
	if st.name != "" {
		s.doomed = append(s.doomed, st.name)
	}
}

// unname makes every statement one that the remote does not have.
func (s *statements) unname() {
	for _, st := range s.byKey {
		if st.name != "" {
			s.doomed = append(s.doomed, st.name)
		}
		st.name, st.prepared = "", false
	}
}

// failed drops a statement that has failed, which is also how a result ends
// that was cancelled because its columns have to be asked for in other formats:
// those are kept for the next execution.
func (s *statements) failed(st *statement) {
	if s.byKey[st.key] != st {
		return
	}
	s.forget(st)
	if st.formats != nil {
		again := s.use(st.key)
		again.formats, again.uses = st.formats, 0
	}
}
