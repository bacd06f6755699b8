package ir

// Modify asks for the statement that inserts, updates or deletes one row of a
// table. Its parameters are the new values of the targets that are not generated,
// in their order, and then, of an update or a delete, what identifies the row: the
// keys in their order, or, where there are none, ctid and tableoid.
type Modify struct {
	Operation Operation
	DoNothing bool // ON CONFLICT DO NOTHING
	// Server and Table are options, as in Relation.
	Server, Table []byte
	Schema, Name  string // of the foreign table
	Columns       []ModifyColumn
}

// Operation is PGWIRE_MODIFY_*.
type Operation byte

// What is done with the row.
const (
	Insert Operation = 1 + iota
	Update
	Delete
)

// ModifyColumn is a column that occurs in the statement.
type ModifyColumn struct {
	Attno   int32
	Name    string // the local name
	Options []byte // as Relation.Server
	// Target: it is set, in order; Generated: by DEFAULT.
	Target, Generated bool
	Returned          bool // by RETURNING, in order
	Key               bool // identifies the row
}

// Flags of a ModifyColumn, PGWIRE_MODIFY_F_*.
const (
	modifyTarget    = 0x01
	modifyGenerated = 0x02
	modifyReturned  = 0x04
	modifyKey       = 0x08
)

// ModifyReply answers Modify.
type ModifyReply struct {
	SQL       string
	ValuesAt  int    // place and length in SQL of the row of VALUES, parentheses
	ValuesLen int    // included; 0: there is none
	CopySQL   string // COPY FROM STDIN of the same columns in binary format; only of an insert that sets some
	Schema    string // remote names
	Table     string
	BatchSize int // the option
}

func (*Modify) request() {}

func (d *decoder) modify() *Modify {
	r := &Modify{Operation: Operation(d.enum(byte(Delete)))}
	if r.Operation == 0 {
		d.fail("no operation")
	}
	r.DoNothing = d.bool()
	r.Server, r.Table = d.bytes(), d.bytes()
	r.Schema, r.Name = d.string(), d.string()
	r.Columns = list(d, 13, func() ModifyColumn {
		c := ModifyColumn{Attno: d.i32()}
		flags := d.u8()
		c.Target, c.Generated = flags&modifyTarget != 0, flags&modifyGenerated != 0
		c.Returned, c.Key = flags&modifyReturned != 0, flags&modifyKey != 0
		c.Name, c.Options = d.string(), d.bytes()
		return c
	})
	return r
}

// encodeModify writes what modify reads.
func encodeModify(b []byte, r *Modify) []byte {
	b = putBool(append(b, byte(r.Operation)), r.DoNothing)
	b = putString(putString(b, r.Server), r.Table)
	b = putString(putString(b, r.Schema), r.Name)
	b = putU32(b, uint32(len(r.Columns)))
	for _, c := range r.Columns {
		b = putU32(b, uint32(c.Attno))
		b = append(b, flags(Origin{c.Target, c.Generated}, c.Returned, c.Key))
		b = putString(putString(b, c.Name), c.Options)
	}
	return b
}

// Append encodes the reply: text SQL, uint32 and uint32 place and length of the row of
// VALUES in it, text COPY statement, text schema, text table, uint32 batch size.
func (r *ModifyReply) Append(b []byte) []byte {
	b = putU32(putU32(putText(b, r.SQL), uint32(r.ValuesAt)), uint32(r.ValuesLen))
	b = putText(b, r.CopySQL)
	b = putText(putText(b, r.Schema), r.Table)
	return putU32(b, uint32(r.BatchSize))
}
