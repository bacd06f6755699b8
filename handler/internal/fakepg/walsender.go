package fakepg

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/invariant"
)

// Walsender plays the server at the other end of a replication connection.
type Walsender struct {
	// Answer gives the only row of the answer to a command, by column; or nil and the error to refuse with.
	Answer func(sql string) (names, values []string, refusal *pgproto3.ErrorResponse)
	// Stream is the CopyData bodies to send after START_REPLICATION, given that command.
	Stream func(sql string) [][]byte
	// Update, if not nil, is called with each status update.
	Update func(body []byte)
	// Last, if not nil, is done in the place of waiting for CopyDone.
	Last func(c *Conn) error
}

// Run is the step of a script that serves one connection until the client leaves.
func (w *Walsender) Run(c *Conn) error {
	for {
		m, err := c.Receive()
		if err != nil {
			return errEnd
		}
		q, ok := m.(*pgproto3.Query)
		if !ok {
			return errEnd
		}
		if strings.HasPrefix(q.String, "START_REPLICATION") {
			err = w.stream(c, q.String)
		} else {
			err = w.answer(c, q.String)
		}
		if err != nil {
			return err
		}
	}
}

func (w *Walsender) answer(c *Conn, sql string) error {
	names, values, refusal := w.Answer(sql)
	if refusal != nil {
		return Send(refusal, &pgproto3.ReadyForQuery{TxStatus: 'I'})(c)
	}
	desc, row := &pgproto3.RowDescription{}, &pgproto3.DataRow{}
	for i, name := range names {
		desc.Fields = append(desc.Fields, pgproto3.FieldDescription{Name: []byte(name), DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1})
		if values[i] == "NULL" {
			row.Values = append(row.Values, nil)
		} else {
			row.Values = append(row.Values, []byte(values[i]))
		}
	}
	msgs := []pgproto3.BackendMessage{desc}
	if len(names) > 0 {
		msgs = append(msgs, row)
	}
	return Send(append(msgs, &pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")}, &pgproto3.ReadyForQuery{TxStatus: 'I'})...)(c)
}

func (w *Walsender) stream(c *Conn, sql string) error {
	if err := c.Send(&pgproto3.CopyBothResponse{}); err != nil {
		return err
	}
	sent := make(chan error, 1)
	bodies := w.Stream(sql)
	invariant.Go("fakepg.stream", func() { // the client may be slow, and its updates are to be read meanwhile
		for _, b := range bodies {
			if err := c.Send(&pgproto3.CopyData{Data: b}); err != nil {
				sent <- err
				return
			}
		}
		if w.Last != nil {
			sent <- w.Last(c)
			return
		}
		sent <- nil
	}, func(err error) { sent <- err })
	for {
		m, err := c.Receive()
		if err != nil {
			<-sent
			return errEnd
		}
		switch m := m.(type) {
		case *pgproto3.CopyData:
			if w.Update != nil {
				w.Update(append([]byte(nil), m.Data...))
			}
		case *pgproto3.CopyDone:
			if err := <-sent; err != nil {
				return err
			}
			return Send(&pgproto3.CopyDone{}, &pgproto3.CommandComplete{CommandTag: []byte("COPY 0")},
				&pgproto3.CommandComplete{CommandTag: []byte("START_REPLICATION")}, &pgproto3.ReadyForQuery{TxStatus: 'I'})(c)
		default:
			<-sent
			return errors.New("unexpected message during a stream")
		}
	}
}
