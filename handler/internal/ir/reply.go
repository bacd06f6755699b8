package ir

import (
	"encoding/binary"
	"math"
)

func putU32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

func putF64(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

func putString[S ~string | ~[]byte](b []byte, s S) []byte {
	return append(putU32(b, uint32(len(s))), s...)
}

func putBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// putVerdicts writes a counted list: uint8 1 for what ships; else uint8 0, uint32
// number of the node that is to blame, text reason.
func putVerdicts(b []byte, vs []Verdict) []byte {
	b = putU32(b, uint32(len(vs)))
	for _, v := range vs {
		b = putBool(b, v.Ships())
		if !v.Ships() {
			b = putText(putU32(b, v.ID), v.Reason)
		}
	}
	return b
}

// putText writes a string with its terminator, the terminator counted, so that C
// can take it as it is.
func putText(b []byte, s string) []byte {
	b = putU32(b, uint32(len(s)+1))
	return append(append(b, s...), 0)
}

// AppendVerdicts encodes the reply to Classify: a verdict for each clause, as
// putVerdicts writes them.
func AppendVerdicts(b []byte, verdicts []Verdict) []byte { return putVerdicts(b, verdicts) }

// Append encodes the reply: text schema, text table, float64 startup cost,
// float64 tuple cost, uint32 fetch size, uint64 fetch memory in bytes, and a
// verdict for each clause (putVerdicts). A text is counted and terminated.
func (r *RelationReply) Append(b []byte) []byte {
	b = putText(putText(b, r.Schema), r.Table)
	b = putF64(b, r.StartupCost)
	b = putF64(b, r.TupleCost)
	b = putU32(b, uint32(r.FetchSize))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.FetchMemory))
	return putVerdicts(b, r.Ship)
}

// AppendRefusals encodes the reply to QueryRequest without Statement: uint32 count,
// and of each a uint32 for the node (NoNode: none in particular) and a text for the reason.
func AppendRefusals(b []byte, refusals []Verdict) []byte {
	b = putU32(b, uint32(len(refusals)))
	for _, r := range refusals {
		b = putText(putU32(b, r.ID), r.Reason)
	}
	return b
}

// Size is how many bytes Append appends.
func (r *QueryReply) Size() int {
	return 4 + len(r.SQL) + 1 + 4 + 4*len(r.Params) + 1
}

// Append encodes the reply: text SQL, uint32 count and node numbers of the
// parameters, uint8 locks rows.
func (r *QueryReply) Append(b []byte) []byte {
	b = putText(b, r.SQL)
	b = putU32(b, uint32(len(r.Params)))
	for _, id := range r.Params {
		b = putU32(b, id)
	}
	return putBool(b, r.LocksRows)
}
