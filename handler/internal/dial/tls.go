package dial

import (
	"crypto/tls"
	"errors"
	"strings"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// tlsSettings is what the ssl* options say. Files are read when a connection is made, not before: they may
// change in the life of a session.
type tlsSettings struct {
	mode                   string // disable, allow, prefer, require, verify-ca, verify-full
	rootCert               string // file, "system" or ""
	cert, key, keyPassword string
	crl, crlDir            string
	certMode               string // allow, disable, require
	sni                    bool
	direct                 bool // sslnegotiation=direct
	minVersion, maxVersion uint16
}

func parseTLSOptions(s *settings, p Params) *sqlerr.Error {
	o, t := p.Options, &s.tls
	t.rootCert, t.cert, t.key, t.keyPassword = o["sslrootcert"], o["sslcert"], o["sslkey"], o["sslpassword"]
	t.crl, t.crlDir = o["sslcrl"], o["sslcrldir"]
	normal := "prefer"
	if t.rootCert == "system" {
		normal = "verify-full"
	}
	var err *sqlerr.Error
	if t.mode, err = choice(o, "sslmode", normal, "disable", "allow", "prefer", "require", "verify-ca", "verify-full"); err != nil {
		return err
	}
	if t.rootCert == "system" && t.mode != "verify-full" {
		return badOption("sslmode", t.mode, "is too weak for \"sslrootcert\" = system, which needs verify-full")
	}
	negotiation, err := choice(o, "sslnegotiation", "postgres", "direct")
	if err != nil {
		return err
	}
	if t.direct = negotiation == "direct"; t.direct && (t.mode == "disable" || t.mode == "allow" || t.mode == "prefer") {
		return badOption("sslmode", t.mode, "is too weak for \"sslnegotiation\" = direct, which needs require, verify-ca or verify-full")
	}
	if t.certMode, err = choice(o, "sslcertmode", "allow", "disable", "require"); err != nil {
		return err
	}
	sni, err := choice(o, "sslsni", "1", "0")
	if err != nil {
		return err
	}
	t.sni = sni == "1"
	if t.minVersion, err = tlsVersion(o, "ssl_min_protocol_version", tls.VersionTLS12); err != nil {
		return err
	}
	if t.maxVersion, err = tlsVersion(o, "ssl_max_protocol_version", 0); err != nil {
		return err
	}
	if t.maxVersion != 0 && t.maxVersion < t.minVersion {
		return badOption("ssl_max_protocol_version", o["ssl_max_protocol_version"], "is lower than \"ssl_min_protocol_version\"")
	}
	if (t.cert == "") != (t.key == "") {
		return sqlerr.New(sqlstate.FDWInvalidAttributeValue, "options \"sslcert\" and \"sslkey\" must be given together")
	}
	return nil
}

func tlsVersion(o map[string]string, name string, normal uint16) (uint16, *sqlerr.Error) {
	switch strings.ToLower(o[name]) {
	case "":
		return normal, nil
	case "tlsv1":
		return tls.VersionTLS10, nil
	case "tlsv1.1":
		return tls.VersionTLS11, nil
	case "tlsv1.2":
		return tls.VersionTLS12, nil
	case "tlsv1.3":
		return tls.VersionTLS13, nil
	}
	return 0, badOption(name, o[name], "must be TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3")
}

// cipherSuites are those for TLS 1.2 that Go has and OpenSSL offers at its security level 2; Go by itself would leave out
// key exchange by RSA and CBC with SHA-256. Those of TLS 1.3 are not a matter of configuration.
var cipherSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
	tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA,
}

// config builds the tls.Config for one attempt at host (the name as the user wrote it, "" when only hostaddr is
// given). Verification is always ours (trust.go), because libpq's rules are not crypto/tls's.
func (t *tlsSettings) config(host string) (*tls.Config, *certUse, error) {
	if t.maxVersion != 0 && t.maxVersion < tls.VersionTLS12 {
		return nil, nil, errors.New("TLS 1.2 or later is needed, which ssl_max_protocol_version forbids")
	}
	c := &tls.Config{MinVersion: max(t.minVersion, tls.VersionTLS12), MaxVersion: t.maxVersion, CipherSuites: cipherSuites, InsecureSkipVerify: true} //nolint:gosec // see VerifyConnection
	if t.sni && host != "" && host[0] != '/' && host[0] != '@' {
		// RFC 6066: no literal addresses, as libpq recognizes them.
		if strings.Trim(host, "0123456789.") != "" && !strings.Contains(host, ":") {
			c.ServerName = host
		}
	}
	if t.direct {
		c.NextProtos = []string{"postgresql"}
	}
	use, err := t.clientCertificate(c)
	if err != nil {
		return nil, nil, err
	}
	trust, err := t.trust(host)
	if err != nil {
		return nil, nil, err
	}
	if trust != nil {
		c.VerifyConnection = func(state tls.ConnectionState) error {
			if err := trust.verify(state.PeerCertificates); err != nil {
				return untrusted{err}
			}
			return nil
		}
	}
	return c, use, nil
}
