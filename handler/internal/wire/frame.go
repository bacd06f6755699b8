package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// frameHeader is the type byte and the length word of a message.
const frameHeader = 5

// maxFrame bounds the length word: a value is at most 1 GB (MaxAllocSize), and the
// rest of a message cannot need more than the slack.
const maxFrame = 0x3fffffff + 1<<20

// ErrFrame is what every error of Frame wraps: the stream is not, or no longer, a
// stream of backend messages, and nothing after it can be trusted.
var ErrFrame = errors.New("invalid backend message")

// backendTypes are the message types that a server may send ("Message Formats" of the
// protocol documentation), without those of authentication extensions that do not exist.
var backendTypes = func() (known [256]bool) {
	for _, c := range []byte("RKvSZTDCIENA123nstGHWdcV") {
		known[c] = true
	}
	return known
}()

// Frame parses the header of the backend message at the start of buf.
//
// When the message is complete, n is its size in bytes, header included, and body
// (a part of buf) is what follows the length word. When it is not, n is 0, body is
// nil, and need is how many bytes buf must hold before asking again: 5 while the
// header is incomplete, the size of the message after that. A header that cannot be
// one of a server is an error, as early as it can be seen.
func Frame(buf []byte) (typ byte, body []byte, n int, need int, err error) {
	if len(buf) == 0 {
		return 0, nil, 0, frameHeader, nil
	}
	typ = buf[0]
	if !backendTypes[typ] {
		return typ, nil, 0, 0, fmt.Errorf("%w: unknown type 0x%02x", ErrFrame, typ)
	}
	if len(buf) < frameHeader {
		return typ, nil, 0, frameHeader, nil
	}
	length := binary.BigEndian.Uint32(buf[1:])
	if length < 4 || length > maxFrame {
		return typ, nil, 0, 0, fmt.Errorf("%w: type %q has length %d", ErrFrame, typ, length)
	}
	size := 1 + int(length)
	if len(buf) < size {
		return typ, nil, 0, size, nil
	}
	return typ, buf[frameHeader:size:size], size, size, nil
}
