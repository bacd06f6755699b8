package dial

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// Bounds on what the ssl options may make the server read: they can be set by anybody with USAGE on the wrapper.
const (
	maxFile      = 1 << 20
	maxDirectory = 16 << 20
)

// Reasons why a file is not read, in the words of libpq's messages or fewer.
var (
	errNotExist   = errors.New("does not exist")
	errNotRegular = errors.New("is not a regular file")
	errTooLarge   = fmt.Errorf("is larger than %d bytes", maxFile)
	errUnreadable = errors.New("cannot be read")
	errBrokenPEM  = errors.New("holds a broken PEM block")
)

// readFile reads a file that an option names. It does not wait (a FIFO is no file here) and reads regular files of at
// most maxFile bytes. The status is that of the opened file, so that it cannot be swapped in between.
func readFile(name string) ([]byte, os.FileInfo, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fileReason(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, fileReason(err)
	case !info.Mode().IsRegular():
		return nil, nil, errNotRegular
	case info.Size() > maxFile:
		return nil, nil, errTooLarge
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, nil, fileReason(err)
	case len(text) > maxFile:
		return nil, nil, errTooLarge
	}
	return text, info, nil
}

func fileReason(err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return errNotExist
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: permission denied", errUnreadable)
	}
	return errUnreadable
}

// pemBlocks decodes all PEM blocks of a text. Unlike pem.Decode it passes over none that is broken: what somebody has
// put into a file of authorities or revocations must not go unread.
func pemBlocks(text []byte) ([]*pem.Block, error) {
	begun := 0
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, " \t\r\n")
		if bytes.HasPrefix(line, []byte("-----BEGIN ")) && bytes.HasSuffix(line, []byte("-----")) {
			begun++
		}
	}
	var blocks []*pem.Block
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		blocks = append(blocks, block)
	}
	if len(blocks) != begun {
		return nil, errBrokenPEM
	}
	return blocks, nil
}

// looksDER reports whether a file without a PEM block begins as DER does, to say so.
func looksDER(text []byte) bool { return len(text) > 1 && text[0] == 0x30 }
