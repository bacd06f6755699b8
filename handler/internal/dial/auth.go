package dial

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
)

// Authentication request codes of the protocol's message R.
const (
	authOK = iota
	_
	authKerberos
	authCleartext
	_
	authMD5
	authSCM
	authGSS
	authGSSContinue
	authSSPI
	authSASL
	authSASLContinue
	authSASLFinal
)

// authMethod is how require_auth calls what a request asks for, and how messages do.
var authMethod = map[uint32][2]string{
	authCleartext: {"password", "a cleartext password"}, authMD5: {"md5", "an MD5-hashed password"},
	authGSS: {"gss", "GSSAPI authentication"}, authGSSContinue: {"gss", "GSSAPI authentication"}, authSSPI: {"sspi", "SSPI authentication"},
	authSASL: {"scram-sha-256", "SASL authentication"}, authSASLContinue: {"scram-sha-256", "SASL authentication"},
	authSASLFinal: {"scram-sha-256", "SASL authentication"},
}

// exchange is the start-up exchange of one connection, from StartupMessage to ReadyForQuery. It is a state machine over
// messages: what libpq expects only before AuthenticationOk, or only after it, is a protocol error elsewhere.
type exchange struct {
	e      *Established
	s      *settings
	in     startupReader
	secure *tls.Conn // nil without TLS
	use    *certUse

	asked         uint32 // the latest request for a password, authOK for none
	finished      bool   // our part of the authentication is done; only AuthenticationOk may follow
	authenticated bool   // AuthenticationOk came
	negotiated    bool   // NegotiateProtocolVersion came
	ready         bool
	scram         *scramExchange
}

// startup runs the exchange over e.Stream and fills e. Waits end by Sock.Interrupt.
func (e *Established) startup(use *certUse) error {
	x := &exchange{e: e, s: e.settings, in: startupReader{r: e.Stream}, use: use}
	x.secure, _ = e.Stream.(*tls.Conn)
	e.ParameterStatus = map[string]string{}
	if err := x.begin(); err != nil {
		return err
	}
	for !x.ready {
		kind, body, err := x.in.next()
		if err != nil {
			return err
		}
		if x.authenticated {
			err = x.settle(kind, body)
		} else {
			err = x.authenticate(kind, body)
		}
		if err != nil {
			return err
		}
	}
	e.Buffered = x.in.rest()
	return nil
}

func protocolNumber(version string) uint32 {
	if version == "3.0" {
		return pgproto3.ProtocolVersion30
	}
	return pgproto3.ProtocolVersionLatest
}

func (x *exchange) begin() error {
	parameters := map[string]string{"user": x.s.user, "database": x.s.database}
	maps.Copy(parameters, x.e.runtime) // has neither of the two
	return x.send(&pgproto3.StartupMessage{ProtocolVersion: protocolNumber(x.s.maxProtocol), Parameters: parameters})
}

func (x *exchange) send(m pgproto3.FrontendMessage) error {
	b, err := m.Encode(nil)
	if err != nil {
		return err
	}
	_, err = x.e.Stream.Write(b)
	return err
}

// authenticate takes a message before AuthenticationOk: requests, a protocol version, or an error.
func (x *exchange) authenticate(kind byte, body []byte) error {
	switch kind {
	case 'R':
		if len(body) < 4 {
			return protocolError("authentication request is too short")
		}
		return x.request(binary.BigEndian.Uint32(body), body[4:])
	case 'v':
		return x.negotiate(body)
	case 'E':
		return remoteError(body)
	}
	return protocolError("it sent message %s before authentication", quote([]byte{kind}))
}

// settle takes a message between AuthenticationOk and ReadyForQuery.
func (x *exchange) settle(kind byte, body []byte) error {
	switch kind {
	case 'S':
		var m pgproto3.ParameterStatus
		if err := m.Decode(body); err != nil {
			return protocolError("malformed ParameterStatus")
		}
		x.e.ParameterStatus[m.Name] = m.Value
	case 'K':
		if len(body) < 8 {
			return protocolError("BackendKeyData is too short")
		}
		x.e.PID, x.e.SecretKey = binary.BigEndian.Uint32(body), bytes.Clone(body[4:])
	case 'Z':
		if len(body) != 1 || body[0] != 'I' {
			return protocolError("its first ReadyForQuery is not idle")
		}
		x.e.TxStatus, x.ready = body[0], true
	case 'E':
		return remoteError(body)
	case 'N', 'A':
	default:
		return protocolError("it sent message %s after AuthenticationOk", quote([]byte{kind}))
	}
	return nil
}

func remoteError(body []byte) error {
	var m pgproto3.ErrorResponse
	if err := m.Decode(body); err != nil {
		return protocolError("malformed error")
	}
	return sqlerr.FromResponse(&m)
}

// negotiate takes the server's word that it speaks an older protocol than asked for.
func (x *exchange) negotiate(body []byte) error {
	var m pgproto3.NegotiateProtocolVersion
	if err := m.Decode(body); err != nil || x.negotiated {
		return protocolError("unexpected or malformed NegotiateProtocolVersion")
	}
	x.negotiated = true
	offered := uint32(pgproto3.ProtocolVersion30&0xffff0000) | m.NewestMinorProtocol
	switch {
	case len(m.UnrecognizedOptions) > 0:
		return protocolError("it does not recognize protocol options, though none was sent")
	case offered > protocolNumber(x.s.maxProtocol):
		return protocolError("it answers with a newer protocol than asked for")
	case offered < protocolNumber(x.s.minProtocol):
		return errors.New("server protocol version too low")
	}
	return nil
}

// request answers an authentication request.
func (x *exchange) request(code uint32, data []byte) error {
	if err := x.expected(code); err != nil {
		return err
	}
	switch code {
	case authOK:
		x.authenticated = true
		x.e.UsedPassword = x.asked != authOK
		return nil
	case authCleartext, authMD5:
		return x.sendPassword(code, data)
	case authSASL:
		return x.startSCRAM(data)
	case authSASLContinue:
		if x.scram == nil {
			return protocolError("a SCRAM challenge without a beginning")
		}
		text, err := x.scram.answer(string(data))
		if err != nil {
			return err
		}
		return x.send(&pgproto3.SASLResponse{Data: []byte(text)})
	case authSASLFinal:
		if x.scram == nil {
			return protocolError("the end of a SCRAM exchange that is not under way")
		}
		x.finished = true
		return x.scram.finish(string(data))
	}
	if method, known := authMethod[code]; known {
		return fmt.Errorf("server demands %s, which is not supported", method[1])
	}
	return fmt.Errorf("server demands authentication method %d, which is not supported", code)
}

// expected refuses a request that require_auth, channel_binding or sslcertmode forbids or that is out of order, before
// anything is sent in answer.
func (x *exchange) expected(code uint32) error {
	if code == authOK {
		return x.complete()
	}
	method, known := authMethod[code]
	if x.s.authAllowed != nil && !x.s.authAllowed[method[0]] {
		if !known {
			method[1] = "an unknown kind of authentication"
		}
		return fmt.Errorf("require_auth \"%s\" does not allow it: server demands %s", x.s.requireAuth, method[1])
	}
	if x.s.channelBinding == "require" && method[0] != "scram-sha-256" {
		return errors.New("channel binding is required, but the server's authentication method has none")
	}
	running := code == authSASLContinue || code == authSASLFinal
	if x.finished || x.asked != authOK && !running {
		return protocolError("it demands authentication a second time")
	}
	return nil
}

// complete judges AuthenticationOk. Unlike libpq it holds a server to its proof whenever SCRAM was begun.
func (x *exchange) complete() error {
	if x.s.tls.certMode == "require" {
		if err := x.use.check(); err != nil {
			return err
		}
	}
	switch {
	case x.scram != nil && !x.scram.proven:
		return protocolError("it ended SASL authentication before it had proven to know the password")
	case x.s.authAllowed != nil && !x.s.authAllowed["none"] && !x.finished:
		return fmt.Errorf("require_auth \"%s\" does not allow it: server demands no authentication", x.s.requireAuth)
	case x.s.channelBinding == "require" && (x.scram == nil || !x.scram.bound):
		return errors.New("channel binding is required, but the server has authenticated without")
	}
	return nil
}

var errNoPassword = errors.New("server asks for a password, but none is given in the user mapping")

func (x *exchange) sendPassword(code uint32, data []byte) error {
	if x.s.password == "" {
		return errNoPassword
	}
	x.asked, x.finished = code, true
	answer := x.s.password
	if code == authMD5 {
		if len(data) != 4 {
			return protocolError("MD5 salt has %d bytes", len(data))
		}
		answer = md5Answer(x.s.user, x.s.password, data)
	}
	return x.send(&pgproto3.PasswordMessage{Password: answer})
}

func (x *exchange) startSCRAM(list []byte) error {
	names, ended := strings.CutSuffix(string(list), "\x00\x00")
	if !ended {
		return protocolError("malformed list of SASL mechanisms")
	}
	mechanism, err := chooseMechanism(strings.Split(names, "\x00"), x.secure != nil, x.s.channelBinding)
	if err != nil {
		return err
	}
	if x.s.password == "" {
		return errNoPassword
	}
	x.asked = authSASL
	var hash []byte
	if mechanism == mechanismBound {
		if hash, err = endpointHash(x.secure.ConnectionState().PeerCertificates[0]); err != nil {
			return err
		}
	}
	if x.scram, err = newSCRAM(x.s.password, hash, x.secure != nil && x.s.channelBinding != "disable"); err != nil {
		return err
	}
	first, err := x.scram.Step("")
	if err != nil {
		return err
	}
	return x.send(&pgproto3.SASLInitialResponse{AuthMechanism: mechanism, Data: []byte(first)})
}
