package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
)

// spool keeps rows as they came from the wire, in order, for a scan whose
// connection somebody else needs: in memory up to a bound, then in a file that
// has no name, so that the kernel removes it however the backend ends.
type spool struct {
	dir    string
	limit  int
	mem    []byte // [length uint32][body]..., read from memAt
	memAt  int
	file   *os.File
	size   int64 // written to file
	readAt int64
	unsent []byte // rows not yet written to the file
	chunk  []byte // window of the file being read
	at     int
	Bytes  int64
	Filed  int64
}

// add keeps a copy of a DataRow body.
func (s *spool) add(body []byte) error {
	s.Bytes += int64(len(body))
	if s.file == nil && (len(s.mem)-s.memAt)+len(body)+4 <= s.limit {
		if s.memAt > len(s.mem)/2 { // what was read is not worth keeping
			s.mem, s.memAt = s.mem[:copy(s.mem, s.mem[s.memAt:])], 0
		}
		s.mem = appendRow(s.mem, body)
		return nil
	}
	return s.write(body)
}

func appendRow(b, body []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// write appends to the file, through a buffer that is flushed by 256 kB.
func (s *spool) write(body []byte) error {
	if s.file == nil {
		f, err := openSpoolFile(s.dir)
		if err != nil {
			return err
		}
		s.file = f
	}
	s.unsent = appendRow(s.unsent, body)
	s.Filed += int64(len(body))
	if len(s.unsent) >= 256<<10 {
		return s.flush()
	}
	return nil
}

func (s *spool) flush() error {
	n, err := s.file.WriteAt(s.unsent, s.size)
	s.size += int64(n)
	s.unsent = s.unsent[:0]
	if err != nil {
		return fmt.Errorf("could not write to a temporary file: %w", err)
	}
	return nil
}

// openSpoolFile makes an unnamed file in PostgreSQL's directory for temporary
// files (which is made by its first user), or where that fails, next to it.
func openSpoolFile(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == unix.ENOENT {
		if err = unix.Mkdir(dir, 0o700); err == nil || err == unix.EEXIST {
			fd, err = unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		}
	}
	if err == unix.EOPNOTSUPP || err == unix.EISDIR {
		return openUnlinked(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("could not make a temporary file in \"%s\": %w", dir, err)
	}
	invariant.Track("spool", 1)
	return os.NewFile(uintptr(fd), "spool"), nil
}

// openUnlinked is for file systems without O_TMPFILE. The name begins as
// PostgreSQL's own temporary files do, which it removes at start-up.
func openUnlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "pgsql_tmp_pgwire_")
	if err != nil {
		return nil, fmt.Errorf("could not make a temporary file: %w", err)
	}
	_ = os.Remove(f.Name())
	invariant.Track("spool", 1)
	return f, nil
}

// peek returns the oldest row without taking it, nil when there is none. The
// bytes are valid until the next call.
func (s *spool) peek() ([]byte, error) {
	if s.memAt < len(s.mem) {
		return frame(s.mem[s.memAt:])
	}
	if s.file == nil {
		return nil, nil
	}
	if err := s.window(4); err != nil {
		return nil, err
	}
	switch left := len(s.chunk) - s.at; {
	case left == 0:
		return nil, nil
	case left < 4:
		return nil, errSpoolEnded
	}
	n := int(binary.LittleEndian.Uint32(s.chunk[s.at:]))
	if err := s.window(4 + n); err != nil {
		return nil, err
	}
	return frame(s.chunk[s.at:])
}

// window makes sure that n bytes of the file from the current place are in
// chunk, unless the file ends before.
func (s *spool) window(n int) error {
	if len(s.chunk)-s.at >= n {
		return nil
	}
	if len(s.unsent) > 0 {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if s.readAt >= s.size {
		return nil
	}
	want := max(n, 256<<10)
	rest := copy(s.chunk, s.chunk[s.at:])
	if cap(s.chunk) < want {
		grown := make([]byte, rest, want)
		copy(grown, s.chunk[:rest])
		s.chunk = grown
	}
	s.at = 0
	got, err := s.file.ReadAt(s.chunk[rest:want], s.readAt)
	if err != nil && err != io.EOF {
		return fmt.Errorf("could not read from a temporary file: %w", err)
	}
	s.chunk = s.chunk[:rest+got]
	s.readAt += int64(got)
	return nil
}

var errSpoolEnded = errors.New("a temporary file ended inside a row")

func frame(b []byte) ([]byte, error) {
	n := int(binary.LittleEndian.Uint32(b))
	if len(b) < 4+n {
		return nil, errSpoolEnded
	}
	return b[4 : 4+n], nil
}

// next takes the row that peek has returned.
func (s *spool) next(body []byte) {
	if s.memAt < len(s.mem) {
		s.memAt += 4 + len(body)
		return
	}
	s.at += 4 + len(body)
}

// close gives memory and file back.
func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close()
		invariant.Track("spool", -1)
	}
	*s = spool{dir: s.dir, limit: s.limit, Bytes: s.Bytes, Filed: s.Filed}
}
