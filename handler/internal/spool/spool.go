// Package spool keeps what has come from a remote and cannot be used yet, in order: in memory up to a bound, then in a
// file without a name.
package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/mem"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Spool keeps records (rows as they came from the wire, mostly), in order: in memory (package mem) up to Limit bytes, then
// in a file that has no name, so that the kernel removes it however the backend ends. It is empty and ready once Dir and
// Limit are set; Close gives back what it holds. One goroutine at a time may use it.
type Spool struct {
	Dir    string     // for the file
	Limit  int        // bytes of memory
	mem    mem.Buffer // [length uint32][body]...
	file   *os.File
	size   int64 // written to file
	readAt int64
	unsent mem.Buffer // rows not yet written to the file
	chunk  mem.Buffer // window of the file being read
	Bytes  int64      // that have been added
	Filed  int64      // of these, to the file
}

// spoolBuffer is how much is written to the file, or read from it, at a time;
// a row that is larger takes what it takes.
const spoolBuffer = 256 << 10

// Add keeps a copy of a record, which is at most 4 GB large and given in two parts. Where there is no memory it goes to
// the file early.
func (s *Spool) Add(head, body []byte) error {
	n := len(head) + len(body)
	s.Bytes += int64(n)
	var room [32]byte
	front := binary.LittleEndian.AppendUint32(room[:0], uint32(n))
	if s.file == nil && s.mem.Len()+n+4 <= s.Limit && s.mem.Append(front, head, body) == nil {
		return nil
	}
	s.Filed += int64(n)
	return s.write(append(front, head...), body)
}

// write appends two parts to the file, through a buffer where that saves calls.
func (s *Spool) write(front, body []byte) error {
	if s.file == nil {
		f, err := openSpoolFile(s.Dir)
		if err != nil {
			return err
		}
		s.file = f
	}
	if s.unsent.Len()+len(front)+len(body) > spoolBuffer {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if len(front)+len(body) <= spoolBuffer {
		return s.unsent.Append(front, body)
	}
	if err := s.writeOut(front); err != nil {
		return err
	}
	return s.writeOut(body)
}

func (s *Spool) flush() error {
	err := s.writeOut(s.unsent.Bytes())
	s.unsent.Reset(spoolBuffer)
	return err
}

func (s *Spool) writeOut(p []byte) error {
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

// Peek returns the oldest record without taking it, nil when there is none. The
// bytes are valid until the next call.
func (s *Spool) Peek() ([]byte, error) {
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
func (s *Spool) window(n int) error {
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

// Next takes the record that Peek has returned.
func (s *Spool) Next(body []byte) {
	if s.mem.Len() > 0 {
		s.mem.Take(4 + len(body))
		return
	}
	s.chunk.Take(4 + len(body))
}

// Close gives memory and file back.
func (s *Spool) Close() {
	if s.file != nil {
		_ = s.file.Close()
		invariant.Track("spool", -1)
	}
	s.mem.Free()
	s.unsent.Free()
	s.chunk.Free()
	*s = Spool{Dir: s.Dir, Limit: s.Limit, Bytes: s.Bytes, Filed: s.Filed}
}

// Error gives an error of a Spool the SQLSTATE that PostgreSQL's own temporary files have
// (errcode_for_file_access of utils/error/elog.c). what is kept: "rows set aside".
func Error(err error, what string) *sqlerr.Error {
	if noMemory := (*mem.Error)(nil); errors.As(err, &noMemory) {
		return sqlerr.New(sqlstate.OutOfMemory, "out of memory for %s: %w", what, err)
	}
	state := sqlstate.IOError
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		state = sqlstate.DiskFull
	}
	return sqlerr.New(state, "%w", err)
}
