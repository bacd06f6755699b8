package memo

import (
	"bytes"
	"fmt"
	"testing"
)

// However much is asked, a memo stays within its size, and answers to each
// question what was put for it, or nothing.
func TestMemo(t *testing.T) {
	var m Memo
	kept := 0
	for i := range 20000 {
		question := []byte(fmt.Sprint(i))
		if m.Get(question) != nil {
			t.Fatalf("%s was answered before it was put", question)
		}
		m.Put(question, bytes.Repeat(question, i%50))
		m.Get([]byte("7")) // wanted all the time, so it stays
		size := 0
		for _, half := range []map[string][]byte{m.recent, m.older} {
			for q, a := range half {
				size += len(q) + len(a)
			}
		}
		if i%1000 == 0 && size > 2*Size {
			t.Fatalf("%d bytes after %d questions", size, i)
		}
	}
	for i := range 20000 {
		question := []byte(fmt.Sprint(i))
		if a := m.Get(question); a != nil {
			kept++
			if !bytes.Equal(a, bytes.Repeat(question, i%50)) {
				t.Fatalf("%s: %s", question, a)
			}
		}
	}
	if kept < 100 || m.Get([]byte("7")) == nil {
		t.Errorf("%d kept, 7: %s", kept, m.Get([]byte("7")))
	}
	m.Put(make([]byte, entrySize), []byte{1})
	if m.Get(make([]byte, entrySize)) != nil {
		t.Error("an entry beyond the bound was kept")
	}
}
