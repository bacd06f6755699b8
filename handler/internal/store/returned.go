package store

import (
	"encoding/binary"
	"errors"
	"slices"

	"pgwire_fdw/handler/internal/mem"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// returned are the rows of RETURNING: as they came, until Finish is asked for
// them, then decoded, batch by batch.
type returned struct {
	raw     mem.Buffer // [length uint32][body]...
	fields  []wire.RemoteColumn
	decoder *wire.Decoder
	binary  bool // the types are known, and formats made for them
	block   []byte
	arena   *wire.Arena
}

// batchBytes is the memory of a batch; a row that needs more gets it.
const batchBytes = 64 << 10

// keepRaw is how much memory for raw rows stays.
const keepRaw = 64 << 10

// describe settles how columns are decoded.
func (r *returned) describe(fields []wire.RemoteColumn, spec *Spec) *sqlerr.Error {
	if len(spec.Columns) == 0 || r.decoder != nil && slices.Equal(fields, r.fields) {
		return nil
	}
	if r.raw.Len() > 0 {
		return sqlerr.New(sqlstate.DatatypeMismatch, "rows returned by one statement differ in their types")
	}
	d, err := wire.NewDecoder(spec.Columns, fields, spec.Options)
	if err != nil {
		return valueError(err, spec)
	}
	r.fields, r.decoder = slices.Clone(fields), d
	return nil
}

// formats fills in the result formats to ask for; false: text, because the types
// are not known.
func (r *returned) formats(formats []int16, columns []wire.Column, o wire.Options) bool {
	if r.fields == nil {
		return false
	}
	copy(formats, wire.Formats(columns, o.Encoding))
	as := slices.Clone(r.fields)
	for i := range as {
		as[i].Format = formats[i]
	}
	var mismatch *wire.FormatMismatch
	if _, err := wire.NewDecoder(columns, as, o); errors.As(err, &mismatch) {
		for _, i := range mismatch.Columns {
			formats[i] = 0
		}
	} else if err != nil {
		clear(formats)
	}
	return true
}

// add keeps a row.
func (r *returned) add(body []byte) *sqlerr.Error {
	var length [4]byte
	binary.LittleEndian.PutUint32(length[:], uint32(len(body)))
	if err := r.raw.Append(length[:], body); err != nil {
		return sqlerr.New(sqlstate.OutOfMemory, "out of memory for rows returned: %w", err)
	}
	return nil
}

// last reports whether no rows follow those in the batch.
func (r *returned) last() bool { return r.raw.Len() == 0 }

// decode makes the next batch.
func (r *returned) decode(w *Writer) *sqlerr.Error {
	if r.arena != nil {
		r.arena.Reset()
	}
	for r.raw.Len() > 0 {
		in := r.raw.Bytes()
		body := in[4 : 4+binary.LittleEndian.Uint32(in)]
		if r.arena == nil {
			if err := r.room(batchBytes); err != nil {
				return err
			}
		}
		err := r.decoder.Decode(r.arena, body)
		if err == wire.ErrFull {
			if r.arena.Rows() > 0 {
				return nil
			}
			if e := r.room(r.decoder.Need(body)); e != nil {
				return e
			}
			err = r.decoder.Decode(r.arena, body)
		}
		if err != nil {
			e := valueError(err, &w.spec)
			w.conn.MarkWriteFailed(e)
			return e
		}
		r.raw.Take(4 + len(body))
	}
	r.raw.Reset(keepRaw)
	return nil
}

// room makes an empty arena of at least size bytes.
func (r *returned) room(size int) *sqlerr.Error {
	r.freeBlock()
	block, err := mem.Map("arena", max(size, batchBytes))
	if err != nil {
		return sqlerr.New(sqlstate.OutOfMemory, "out of memory for rows returned: %w", err)
	}
	r.block, r.arena = block, wire.NewArena(block)
	return nil
}

func (r *returned) freeBlock() {
	if r.block != nil {
		mem.Unmap("arena", r.block)
	}
	r.block, r.arena = nil, nil
}

func (r *returned) free() {
	r.freeBlock()
	r.raw.Free()
}

// Batch is the rows of the last Finish, none (nil) or some; last: no more follow.
func (w *Writer) Batch() (arena *wire.Arena, formats []wire.ValueFormat, last bool) {
	r := &w.returned
	if r.arena == nil || r.decoder == nil || r.arena.Rows() == 0 {
		return nil, nil, true
	}
	return r.arena, r.decoder.ValueFormats(), r.last()
}

func valueError(err error, spec *Spec) *sqlerr.Error {
	e := *sqlerr.From(err)
	var v *wire.ValueError
	if errors.As(err, &v) {
		e.SQLState, e.ColumnIndex = v.SQLState, v.Column
	}
	e.RemoteSQL = spec.SQL
	return &e
}
