package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/mem"
)

// spool keeps rows as they came from the wire, in order, for a scan whose
// connection somebody else needs: in memory (package mem) up to a bound, then in a file that
// has no name, so that the kernel removes it however the backend ends.
type spool struct {
	dir    string
	limit  int
	mem    mem.Buffer // [length uint32][body]...
	file   *os.File
	size   int64 // written to file
	readAt int64
	unsent mem.Buffer // rows not yet written to the file
	chunk  mem.Buffer // window of the file being read
	Bytes  int64
	Filed  int64
}

// spoolBuffer is how much is written to the file, or read from it, at a time;
// a row that is larger takes what it takes.
const spoolBuffer = 256 << 10

// add keeps a copy of a DataRow body. Where there is no memory it goes to the
// file early.
func (s *spool) add(body []byte) error {
	s.Bytes += int64(len(body))
	var length [4]byte
	binary.LittleEndian.PutUint32(length[:], uint32(len(body)))
	if s.file == nil && s.mem.Len()+len(body)+4 <= s.limit && s.mem.Append(length[:], body) == nil {
		return nil
	}
	return s.write(length[:], body)
}

// write appends to the file, through a buffer where that saves calls.
func (s *spool) write(length, body []byte) error {
	if s.file == nil {
		f, err := openSpoolFile(s.dir)
		if err != nil {
			return err
		}
		s.file = f
	}
	s.Filed += int64(len(body))
	if s.unsent.Len()+len(length)+len(body) > spoolBuffer {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if len(length)+len(body) <= spoolBuffer {
		return s.unsent.Append(length, body)
	}
	if err := s.writeOut(length); err != nil {
		return err
	}
	return s.writeOut(body)
}

func (s *spool) flush() error {
	err := s.writeOut(s.unsent.Bytes())
	s.unsent.Reset(spoolBuffer)
	return err
}

func (s *spool) writeOut(p []byte) error {
	n, err := s.file.WriteAt(p, s.size)
	s.size += int64(n)
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
	if s.mem.Len() > 0 {
		return frame(s.mem.Bytes())
	}
	if s.file == nil {
		return nil, nil
	}
	if err := s.window(4); err != nil {
		return nil, err
	}
	switch left := s.chunk.Len(); {
	case left == 0:
		return nil, nil
	case left < 4:
		return nil, errSpoolEnded
	}
	n := int(binary.LittleEndian.Uint32(s.chunk.Bytes()))
	if err := s.window(4 + n); err != nil {
		return nil, err
	}
	return frame(s.chunk.Bytes())
}

// window makes sure that n bytes of the file from the current place are in
// chunk, unless the file ends before.
func (s *spool) window(n int) error {
	if s.chunk.Len() >= n {
		return nil
	}
	if s.unsent.Len() > 0 {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if s.readAt >= s.size {
		return nil
	}
	s.chunk.Shrink(4*spoolBuffer, spoolBuffer) // a large row is through
	want := max(n, spoolBuffer)
	s.chunk.Compact()
	room, err := s.chunk.Room(want - s.chunk.Len())
	if err != nil {
		return err
	}
	got, err := s.file.ReadAt(room[:want-s.chunk.Len()], s.readAt)
	if err != nil && err != io.EOF {
		return fmt.Errorf("could not read from a temporary file: %w", err)
	}
	s.chunk.Added(got)
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
	if s.mem.Len() > 0 {
		s.mem.Take(4 + len(body))
		return
	}
	s.chunk.Take(4 + len(body))
}

// close gives memory and file back.
func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close()
		invariant.Track("spool", -1)
	}
	s.mem.Free()
	s.unsent.Free()
	s.chunk.Free()
	*s = spool{dir: s.dir, limit: s.limit, Bytes: s.Bytes, Filed: s.Filed}
}
