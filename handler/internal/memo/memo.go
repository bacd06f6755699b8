// Package memo remembers the answers of a function that depends on nothing but
// the bytes of its question.
package memo

// Size bounds each half of a memo in bytes of questions and answers; entrySize
// bounds one of them.
const (
	Size      = 64 << 10
	entrySize = 4 << 10
)

// Memo is two halves: what is asked for moves to the recent one, and when that is
// full the other one is dropped. The zero value is empty.
type Memo struct {
	recent, older map[string][]byte
	size          int // of recent
}

// Get answers nil when the question is not remembered. The answer must not be
// changed.
func (m *Memo) Get(question []byte) []byte {
	if answer, ok := m.recent[string(question)]; ok {
		return answer
	}
	answer, ok := m.older[string(question)]
	if ok {
		m.Put(question, answer)
	}
	return answer
}

// Put remembers an answer, unless it is a long one. The question is copied, the
// answer is kept.
func (m *Memo) Put(question, answer []byte) {
	n := len(question) + len(answer)
	if n > entrySize {
		return
	}
	if m.recent == nil || m.size+n > Size {
		m.older, m.recent, m.size = m.recent, make(map[string][]byte), 0
	}
	m.recent[string(question)] = answer
	m.size += n
}
