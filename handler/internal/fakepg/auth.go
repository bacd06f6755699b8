package fakepg

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the protocol's
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// AuthMode is how a Server authenticates.
type AuthMode int

// The authentication modes. Refuse answers with 28P01 to any password; NoEntry with 28000 at once, as a server whose
// pg_hba.conf has no line for the client. GSS and SSPI ask for what the client cannot do. SkipSASL offers SCRAM and
// says Ok without an exchange. Starting refuses with 57P03.
const (
	Trust AuthMode = iota
	Cleartext
	MD5
	SCRAM
	Refuse
	NoEntry
	GSS
	SSPI
	SkipSASL
	Starting
)

func (a AuthMode) run(c *Conn, user, password string) error {
	switch a {
	case Cleartext, Refuse:
		return cleartext(c, password, a == Refuse)
	case MD5:
		return md5Auth(c, user, password)
	case SCRAM:
		return scram(c, password)
	case SkipSASL:
		return c.Send(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}})
	case NoEntry:
		return c.refuse("28000", "no pg_hba.conf entry for this kind of connection")
	case Starting:
		return c.refuse("57P03", "the database system is starting up")
	case GSS:
		return c.Send(&pgproto3.AuthenticationGSS{})
	case SSPI:
		_, err := c.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 9})
		return err
	}
	return nil
}

const wrongPassword = "password authentication failed"

// passwordFor reads the answer to a request. A client that leaves instead ends the script silently.
func passwordFor(c *Conn, request pgproto3.BackendMessage, kind uint32) (string, error) {
	if err := c.Send(request); err != nil {
		return "", err
	}
	if err := c.backend.SetAuthType(kind); err != nil {
		return "", err
	}
	m, err := c.Receive()
	if err != nil {
		return "", errEnd
	}
	p, ok := m.(*pgproto3.PasswordMessage)
	if !ok {
		return "", fmt.Errorf("got %T, expected a password", m)
	}
	return p.Password, nil
}

func cleartext(c *Conn, password string, refuse bool) error {
	got, err := passwordFor(c, &pgproto3.AuthenticationCleartextPassword{}, pgproto3.AuthTypeCleartextPassword)
	if err != nil {
		return err
	}
	if refuse || got != password {
		return c.refuse("28P01", wrongPassword)
	}
	return nil
}

func md5Auth(c *Conn, user, password string) error {
	salt := [4]byte{9, 8, 7, 6}
	got, err := passwordFor(c, &pgproto3.AuthenticationMD5Password{Salt: salt}, pgproto3.AuthTypeMD5Password)
	if err != nil {
		return err
	}
	hash := func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) } //nolint:gosec // as above
	if got != "md5"+hash(hash(password+user)+string(salt[:])) {
		return c.refuse("28P01", wrongPassword)
	}
	return nil
}

// scram is the server's side of RFC 5802 with SHA-256 and without channel binding.
func scram(c *Conn, password string) error {
	if err := c.Send(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}}); err != nil {
		return err
	}
	_ = c.backend.SetAuthType(pgproto3.AuthTypeSASL)
	m, err := c.Receive()
	if err != nil {
		return errEnd
	}
	first, ok := m.(*pgproto3.SASLInitialResponse)
	if !ok || first.AuthMechanism != "SCRAM-SHA-256" {
		return fmt.Errorf("got %T, expected SCRAM-SHA-256", m)
	}
	gs2, bare, ok := cutGS2(string(first.Data))
	if !ok {
		return errors.New("malformed client-first-message")
	}
	nonce := attribute(bare, 'r') + base64.StdEncoding.EncodeToString(randomBytes(12))
	salt := randomBytes(16)
	rounds := c.server.opts.Rounds
	if rounds == 0 {
		rounds = 4096
	}
	serverFirst := fmt.Sprintf("r=%s,s=%s,i=%d", nonce, base64.StdEncoding.EncodeToString(salt), rounds)
	if err := c.Send(&pgproto3.AuthenticationSASLContinue{Data: []byte(serverFirst)}); err != nil {
		return err
	}
	_ = c.backend.SetAuthType(pgproto3.AuthTypeSASLContinue)
	if m, err = c.Receive(); err != nil {
		return errEnd
	}
	final, ok := m.(*pgproto3.SASLResponse)
	if !ok {
		return fmt.Errorf("got %T, expected a SASL response", m)
	}
	text := string(final.Data)
	withoutProof, _, _ := strings.Cut(text, ",p=")
	if attribute(text, 'r') != nonce || attribute(text, 'c') != base64.StdEncoding.EncodeToString([]byte(gs2)) {
		return errors.New("client-final-message does not match")
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, rounds, sha256.Size)
	if err != nil {
		return err
	}
	message := bare + "," + serverFirst + "," + withoutProof
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	proof, _ := base64.StdEncoding.DecodeString(attribute(text, 'p'))
	signature := mac(stored[:], message)
	for i := range min(len(proof), len(signature)) {
		signature[i] ^= proof[i]
	}
	if !bytes.Equal(signature, clientKey) {
		return c.refuse("28P01", wrongPassword)
	}
	verifier := base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), message))
	return c.Send(&pgproto3.AuthenticationSASLFinal{Data: []byte("v=" + verifier)})
}

func cutGS2(s string) (gs2, bare string, ok bool) {
	i := strings.Index(s, "n=")
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i:], true
}

func attribute(s string, name byte) string {
	for _, part := range strings.Split(s, ",") {
		if len(part) > 2 && part[0] == name && part[1] == '=' {
			return part[2:]
		}
	}
	return ""
}

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
