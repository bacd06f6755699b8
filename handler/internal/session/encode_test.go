package session

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestEncodedInPieces: what is sent is what pgproto3 would send, and what is
// large is not copied for it.
func TestEncodedInPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var sent bytes.Buffer
		c := &Conn{stream: &sent}
		sql := strings.Repeat("s", []int{0, 10, largePiece, 5 * largePiece}[rng.IntN(4)])
		req := &Request{SQL: sql, Formats: make([]int16, rng.IntN(5))}
		bind := pgproto3.Bind{DestinationPortal: "portal", PreparedStatement: "name", ResultFormatCodes: req.Formats}
		parse := pgproto3.Parse{Name: "name", Query: sql}
		heap := 1000
		for range rng.IntN(400) {
			p := Param{Format: int16(rng.IntN(2)), TypeOID: rng.Uint32()}
			if rng.IntN(10) > 0 {
				p.Value = bytes.Repeat([]byte{byte(rng.Uint32())}, []int{0, 5, 63, 1000, 2 * largePiece}[rng.IntN(5)])
			}
			heap += 100
			req.Params = append(req.Params, p)
			bind.Parameters = append(bind.Parameters, p.Value)
			bind.ParameterFormatCodes = append(bind.ParameterFormatCodes, p.Format)
			parse.ParameterOIDs = append(parse.ParameterOIDs, p.TypeOID)
		}
		want, _ := (&pgproto3.Sync{}).Encode(nil)
		want, _ = parse.Encode(want)
		want, _ = bind.Encode(want)
		want, _ = (&pgproto3.Sync{}).Encode(want)

		buf, _ := (&pgproto3.Sync{}).Encode(nil)
		buf = c.appendParse(buf, "name", sql, parse.ParameterOIDs)
		buf = c.appendBind(buf, "portal", "name", req)
		buf, _ = (&pgproto3.Sync{}).Encode(buf)
		if len(buf) > muchEncoded+heap {
			t.Errorf("%d bytes are encoded in the heap", len(buf))
		}
		if err := c.write(buf); err != nil || !bytes.Equal(sent.Bytes(), want) {
			t.Fatalf("%v, %d bytes, want %d, or others", err, sent.Len(), len(want))
		}
	}
}

// TestIdentity: a long text is known by its hash, and still by its parameters' types.
func TestIdentity(t *testing.T) {
	long := strings.Repeat("x", 10*hashedIdentity)
	many := make([]Param, 10_000)
	seen := map[string]int{}
	for i, req := range []*Request{
		{SQL: "short"}, {SQL: "short", Params: []Param{{TypeOID: 1}}}, {SQL: "short", Params: []Param{{TypeOID: 2}}},
		{SQL: long}, {SQL: long + "x"}, {SQL: long, Params: []Param{{TypeOID: 1}}}, {SQL: long, Params: []Param{{TypeOID: 2}}},
		{SQL: "short", Params: many}, {SQL: "short", Params: many[1:]},
	} {
		key := req.identity()
		if j, there := seen[key]; there {
			t.Errorf("requests %d and %d are taken for the same", i, j)
		}
		if seen[key] = i; len(key) > 100 {
			t.Errorf("request %d: a key of %d bytes", i, len(key))
		}
		if again := (&Request{SQL: req.SQL, Params: req.Params}).identity(); again != key {
			t.Errorf("request %d: another key the second time", i)
		}
	}
}
