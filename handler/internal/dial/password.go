package dial

import (
	"crypto/md5" //nolint:gosec // the protocol's
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
	"golang.org/x/text/unicode/norm"
)

// saslprep is the profile of RFC 4013 up to its normalization, in the order of PostgreSQL's pg_saslprep: what is
// forbidden is looked for in what was written, not in what normalization makes of it, and a character that is both a
// space and nothing (U+200B) is a space.
var saslprep = stringprep.Profile{
	Mappings: []stringprep.Mapping{stringprep.SASLprep.Mappings[1], stringprep.SASLprep.Mappings[0],
		{0x1806: nil}}, // missing in the package's table B.1
	Prohibits: stringprep.SASLprep.Prohibits,
	CheckBiDi: true,
}

// preparePassword gives the form of a password that PostgreSQL hashes. ASCII is used as it is, and so is, as in libpq,
// what SASLprep refuses.
func preparePassword(password string) string {
	ascii := strings.IndexFunc(password, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
	if ascii || !utf8.ValidString(password) {
		return password
	}
	mapped, err := saslprep.Prepare(password)
	if err != nil || mapped == "" {
		return password
	}
	return norm.NFKC.String(mapped)
}

// md5Answer is the answer to AuthenticationMD5Password.
func md5Answer(user, password string, salt []byte) string {
	sum := func(s string) string {
		h := md5.Sum([]byte(s)) //nolint:gosec // as above
		return hex.EncodeToString(h[:])
	}
	return "md5" + sum(sum(password+user)+string(salt))
}

// Names of the SASL mechanisms.
const (
	mechanismPlain = "SCRAM-SHA-256"
	mechanismBound = "SCRAM-SHA-256-PLUS"
)

// chooseMechanism picks from a server's list as libpq does: bound to the TLS channel where that is possible and
// channel_binding allows it.
func chooseMechanism(offered []string, secure bool, binding string) (string, error) {
	if binding == "require" && !secure {
		return "", errors.New("channel binding is required, but the connection has no TLS")
	}
	chosen := ""
	for _, name := range offered {
		switch {
		case name == mechanismBound && !secure:
			// Somebody between may have taken the TLS away; the exchange would fail anyway.
			return "", protocolError("it offers SCRAM-SHA-256-PLUS without TLS")
		case name == mechanismBound && binding != "disable":
			chosen = name
		case name == mechanismPlain && chosen == "":
			chosen = name
		}
	}
	switch {
	case chosen == "":
		return "", fmt.Errorf("server offers no SASL authentication mechanism that is supported here: %s", quote([]byte(strings.Join(offered, " "))))
	case chosen == mechanismPlain && binding == "require":
		return "", errors.New("channel binding is required, but the server does not offer it")
	}
	return chosen, nil
}

// endpointHash is the channel binding tls-server-end-point (RFC 5929) of a server's certificate: its hash by the
// digest of its signature, SHA-256 in place of MD5 and SHA-1. As in libpq there is none for a signature without a
// digest of its own (Ed25519); going on unbound would let whoever shows such a certificate stand in between.
func endpointHash(cert *x509.Certificate) ([]byte, error) {
	switch cert.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1,
		x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256, x509.DSAWithSHA256:
		h := sha256.Sum256(cert.Raw)
		return h[:], nil
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		h := sha512.Sum384(cert.Raw)
		return h[:], nil
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		h := sha512.Sum512(cert.Raw)
		return h[:], nil
	}
	if hash, _, ok := otherPSS(cert); ok {
		h := hash.New()
		h.Write(cert.Raw)
		return h.Sum(nil), nil
	}
	return nil, fmt.Errorf("SCRAM cannot be bound to the server's certificate, whose signature (%s) names no digest; "+
		"channel_binding=disable goes without", signatureName(cert))
}

// scramExchange is the client's side of SCRAM-SHA-256.
type scramExchange struct {
	*scram.ClientConversation
	bound, proven bool // tied to the TLS channel; the server has proven that it knows the password
	answered      bool
}

// maxRounds is the largest number of hash rounds that a server may demand; its own default is 4096. What it asks for is
// computed before it has shown that it knows the password.
const maxRounds = 10_000_000

// newSCRAM prepares an exchange. hash is the channel's for mechanismBound, nil otherwise; secure tells the server that
// the channel could have been bound, so that it notices when somebody has hidden its offer.
func newSCRAM(password string, hash []byte, secure bool) (*scramExchange, error) {
	client, err := scram.SHA256.NewClientUnprepped("", preparePassword(password), "")
	if err != nil {
		return nil, err
	}
	client.WithMinIterations(1)
	x := &scramExchange{bound: hash != nil}
	switch {
	case hash != nil:
		x.ClientConversation = client.NewConversationWithChannelBinding(
			scram.ChannelBinding{Type: scram.ChannelBindingTLSServerEndpoint, Data: hash})
	case secure:
		x.ClientConversation = client.NewConversationAdvertisingChannelBinding()
	default:
		x.ClientConversation = client.NewConversation()
	}
	return x, nil
}

// answer computes the answer to the server's challenge.
func (x *scramExchange) answer(challenge string) (string, error) {
	if x.answered {
		return "", protocolError("a second SCRAM challenge")
	}
	x.answered = true
	for _, field := range strings.Split(challenge, ",") {
		rounds, found := strings.CutPrefix(field, "i=")
		if n, err := strconv.Atoi(rounds); found && (err != nil || n < 1 || n > maxRounds) {
			return "", fmt.Errorf("server demands %s hash rounds for SCRAM; from 1 to %d are allowed", quote([]byte(rounds)), maxRounds)
		}
	}
	text, err := x.Step(challenge)
	if err != nil {
		return "", protocolError("SCRAM: %v", err)
	}
	return text, nil
}

// finish checks the server's proof.
func (x *scramExchange) finish(final string) error {
	if !x.answered || x.Done() {
		return protocolError("the end of a SCRAM exchange that is not under way")
	}
	if strings.HasPrefix(final, "e=") {
		return fmt.Errorf("server ended SCRAM with the error %s", quote([]byte(final[2:])))
	}
	if _, err := x.Step(final); err != nil || !x.Valid() {
		return errors.New("server does not know the password: its SCRAM signature is wrong")
	}
	x.proven = true
	return nil
}
