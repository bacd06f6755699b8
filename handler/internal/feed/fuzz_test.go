package feed

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"pgwire_fdw/handler/internal/mem"
)

// FuzzPass gives a pass any messages at all: each ends in rows or an error.
func FuzzPass(f *testing.F) {
	join := func(bodies [][]byte) []byte {
		var b []byte
		for _, body := range bodies {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
		}
		return b
	}
	f.Add(join(oneOfEach("")))
	var each [][]byte
	for _, name := range slices.Sorted(maps.Keys(messages)) {
		each = append(each, data(messages[name]))
	}
	f.Add(join(each))
	f.Fuzz(func(t *testing.T, b []byte) {
		var fs Feeds
		feed := fs.Open(ordersSpec())
		all := ordersSpec()
		all.Schema, all.Table = "", ""
		all.Columns = append(all.Columns[:3:3], column("old", oidJSONB, OldRow), column("new", oidJSONB, NewRow), column("u", oidTextArray, Unchanged))
		other := fs.Open(all)
		feed.Start(Source{ServerID: 1, Umid: 2, Slot: "s"}, nil)
		_, _ = feed.slot.join(feed)
		p := feed.pass
		p.link, _ = newLink()
		p.slot.link = p.link
		p.begin(&facts{position: 1, end: 0x1000, text: len(b)%2 == 0})
		var in mem.Buffer
		for len(b) >= 2 {
			n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
			frame := append(binary.BigEndian.AppendUint32([]byte{'d'}, uint32(n+4)), b[2:2+n]...)
			_ = in.Append(frame)
			b = b[2+n:]
		}
		p.in = in
		p.link.ended = true
		for _, reader := range []*Feed{feed, other} {
			if reader.phase == opened {
				reader.Start(Source{ServerID: 1, Umid: 2, Slot: "s"}, nil)
			}
			for range 100_000 {
				if p.state == waiting {
					p.state = done // would be read anew
				}
				out, _, err := reader.Next(1)
				if err != nil || out == End {
					break
				}
				if out == Rows {
					arena, formats := reader.Batch()
					if len(formats) != len(reader.spec.Columns) || bytes.Equal(arena.Bytes(), nil) {
						t.Fatal("a batch without rows")
					}
				}
			}
		}
		feed.Close()
		other.Close()
		fs.End()
	})
}
