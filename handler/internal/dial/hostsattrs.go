package dial

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
)

// checkAttrs says whether the server is what target_session_attrs wants. Servers since 14 report it with the start-up
// (in_hot_standby, default_transaction_read_only); older ones and poolers are asked, as libpq does.
func (e *Established) checkAttrs(wanted sessionAttrs) error {
	switch wanted {
	case attrsReadWrite, attrsReadOnly:
		standby, known1 := e.ParameterStatus["in_hot_standby"]
		readOnly, known2 := e.ParameterStatus["default_transaction_read_only"]
		is := standby == "on" || readOnly == "on"
		if !known1 || !known2 {
			v, err := e.ask("SHOW transaction_read_only")
			if err != nil {
				return err
			}
			is = v == "on"
		}
		if wanted == attrsReadWrite && is {
			return errors.New("session is read-only")
		}
		if wanted == attrsReadOnly && !is {
			return errors.New("session is not read-only")
		}
	case attrsPrimary, attrsStandby:
		v, known := e.ParameterStatus["in_hot_standby"]
		is := v == "on"
		if !known {
			v, err := e.ask("SELECT pg_catalog.pg_is_in_recovery()")
			if err != nil {
				return err
			}
			is = v == "t"
		}
		if wanted == attrsPrimary && is {
			return errors.New("server is in hot standby mode")
		}
		if wanted == attrsStandby && !is {
			return errors.New("server is not in hot standby mode")
		}
	}
	return nil
}

// ask runs a query for one text value by the simple protocol. It reads message by message, never beyond ReadyForQuery,
// so that the pump that takes over finds every byte.
func (e *Established) ask(sql string) (value string, err error) {
	query, err := (&pgproto3.Query{String: sql}).Encode(nil)
	if err != nil {
		return "", err
	}
	if _, err := e.Stream.Write(query); err != nil {
		return "", err
	}
	rows := 0
	var refused error
	for range 1000 {
		kind, body, err := e.message()
		if err != nil {
			return "", err
		}
		switch kind {
		case 'D':
			var row pgproto3.DataRow
			if err := row.Decode(body); err != nil || len(row.Values) != 1 {
				return "", protocolError("malformed answer to %q", sql)
			}
			value = string(row.Values[0])
			rows++
		case 'E':
			var m pgproto3.ErrorResponse
			if err := m.Decode(body); err != nil {
				return "", protocolError("malformed error")
			}
			refused = sqlerr.FromResponse(&m)
		case 'S':
			var m pgproto3.ParameterStatus
			if err := m.Decode(body); err != nil {
				return "", protocolError("malformed ParameterStatus")
			}
			if _, known := e.ParameterStatus[m.Name]; known {
				e.ParameterStatus[m.Name] = m.Value
			}
		case 'Z':
			switch {
			case refused != nil:
				return "", refused
			case rows != 1 || len(body) != 1 || body[0] != 'I':
				return "", protocolError("%d rows in answer to %q", rows, sql)
			}
			return value, nil
		case 'T', 'C', 'N', 'A':
		default:
			return "", protocolError("message %q in answer to %q", kind, sql)
		}
	}
	return "", protocolError("no end of the answer to %q", sql)
}

// message reads exactly one message.
func (e *Established) message() (kind byte, body []byte, err error) {
	var head [5]byte
	if err := e.readFull(head[:]); err != nil {
		return 0, nil, err
	}
	n := int64(int32(binary.BigEndian.Uint32(head[1:]))) - 4
	if n < 0 || n > maxStartupBody {
		return 0, nil, protocolError("message of %d bytes", n)
	}
	body = make([]byte, n)
	return head[0], body, e.readFull(body)
}

// readFull takes from Buffered first.
func (e *Established) readFull(p []byte) error {
	n := copy(p, e.Buffered)
	e.Buffered = e.Buffered[n:]
	if _, err := io.ReadFull(e.Stream, p[n:]); err != nil {
		return fmt.Errorf("checking target_session_attrs: %w", err)
	}
	return nil
}
