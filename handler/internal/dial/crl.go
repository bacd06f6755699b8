package dial

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// Revocation as OpenSSL's X509_V_FLAG_CRL_CHECK_ALL has it, which libpq sets: for every certificate of the chain, the
// self-signed one too, there must be a list of its issuer, valid now, complete, and signed by it. Of several the one
// that fits best counts, then the newest; what only an older one names is not revoked any more.

var (
	oidIssuingPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidDelta        = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidCertIssuer   = asn1.ObjectIdentifier{2, 5, 29, 29}
)

// parseLists reads revocation lists in PEM, or one in DER (which OpenSSL does not read there).
func parseLists(text []byte) ([]*x509.RevocationList, error) {
	blocks, err := pemBlocks(text)
	if err != nil {
		return nil, err
	}
	var lists []*x509.RevocationList
	for _, block := range blocks {
		if block.Type != "X509 CRL" {
			continue
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, errors.New("holds a malformed revocation list")
		}
		lists = append(lists, list)
	}
	if len(blocks) == 0 && looksDER(text) {
		if list, err := x509.ParseRevocationList(text); err == nil {
			return append(lists, list), nil
		}
	}
	if len(lists) == 0 {
		return nil, errors.New("holds no revocation list")
	}
	return lists, nil
}

// loadDirectory reads from an sslcrldir the lists of the issuers of a chain. As for OpenSSL their files are called by
// the hash of the issuer's name, HASH.r0, HASH.r1 and so on, which `openssl rehash` sees to.
func loadDirectory(dir string, chain []*x509.Certificate) (lists []*x509.RevocationList) {
	budget := maxDirectory
	for i, c := range chain {
		if i > 0 && sameName(c.RawIssuer, chain[i-1].RawIssuer) {
			continue
		}
		for n := 0; budget > 0; n++ {
			text, _, err := readFile(filepath.Join(dir, fmt.Sprintf("%s.r%d", nameHash(c.RawIssuer), n)))
			if err != nil {
				break
			}
			budget -= max(len(text), 1)
			found, err := parseLists(text)
			if err != nil {
				break
			}
			lists = append(lists, found...)
		}
	}
	return lists
}

// checkRevocation judges a chain that has been verified.
func checkRevocation(chain []*x509.Certificate, lists []*x509.RevocationList, now time.Time) error {
	for i, c := range chain {
		issuer := chain[min(i+1, len(chain)-1)]
		list := bestList(c, issuer, lists, now)
		if list == nil {
			return fmt.Errorf("there is no revocation list of %s, which certificate %s needs", title(issuer), title(c))
		}
		if err := usable(list, c, issuer, now); err != nil {
			return err
		}
		for _, entry := range list.RevokedCertificateEntries {
			const removed = 8 // removeFromCRL
			if entry.SerialNumber.Cmp(c.SerialNumber) == 0 && entry.ReasonCode != removed {
				return fmt.Errorf("certificate %s is revoked by %s", title(c), title(issuer))
			}
		}
	}
	return nil
}

// bestList picks the list that counts for c; what is wrong with it is usable's.
func bestList(c, issuer *x509.Certificate, lists []*x509.RevocationList, now time.Time) (best *x509.RevocationList) {
	bestScore := 0
	for _, list := range lists {
		score := scoreOf(list, c, issuer, now)
		if score > bestScore || score > 0 && score == bestScore && list.ThisUpdate.After(best.ThisUpdate) {
			best, bestScore = list, score
		}
	}
	return best
}

// scoreOf is 0 for a list that is not c's issuer's, or not a complete one; else the more the fewer faults it has, graver
// ones counting more than lesser ones together.
func scoreOf(list *x509.RevocationList, c, issuer *x509.Certificate, now time.Time) int {
	point, ok := issuingPoint(list)
	if !ok || point.Indirect || point.Reasons.BitLength > 0 || extension(list.Extensions, oidDelta) != nil ||
		!sameName(list.RawIssuer, c.RawIssuer) || !fitsKeyID(issuer, extension(list.Extensions, oidAuthorityKeyID)) {
		return 0
	}
	score := 1
	if timely(list, now) == nil {
		score += 2
	}
	if point.covers(c) {
		score += 4
	}
	if criticalOf(list) == "" {
		score += 8
	}
	return score
}

// issuingPointExt is the extension issuingDistributionPoint.
type issuingPointExt struct {
	Point    asn1.RawValue  `asn1:"optional,tag:0"`
	OnlyUser bool           `asn1:"optional,tag:1"`
	OnlyCA   bool           `asn1:"optional,tag:2"`
	Reasons  asn1.BitString `asn1:"optional,tag:3"`
	Indirect bool           `asn1:"optional,tag:4"`
	OnlyAttr bool           `asn1:"optional,tag:5"`
}

func issuingPoint(list *x509.RevocationList) (point issuingPointExt, ok bool) {
	value := extension(list.Extensions, oidIssuingPoint)
	if value == nil {
		return point, true
	}
	rest, err := asn1.Unmarshal(value, &point)
	only := 0
	for _, set := range []bool{point.OnlyUser, point.OnlyCA, point.OnlyAttr} {
		if set {
			only++
		}
	}
	return point, err == nil && len(rest) == 0 && only <= 1
}

// covers reports whether the list is about certificates such as c.
func (p issuingPointExt) covers(c *x509.Certificate) bool {
	if p.OnlyAttr || p.OnlyUser && isAuthority(c) || p.OnlyCA && !isAuthority(c) {
		return false
	}
	if len(p.Point.Bytes) == 0 {
		return true
	}
	// fullName [0] GeneralNames; c must name one of its URIs as the place of its list
	var full asn1.RawValue
	if _, err := asn1.Unmarshal(p.Point.Bytes, &full); err != nil || full.Tag != 0 {
		return false
	}
	for rest := full.Bytes; len(rest) > 0; {
		var name asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &name); err != nil {
			return false
		}
		if name.Tag == sanURI && slices.Contains(c.CRLDistributionPoints, string(name.Bytes)) {
			return true
		}
	}
	return false
}

// criticalOf names a critical extension of the list or of one of its entries that is not understood.
func criticalOf(list *x509.RevocationList) string {
	find := func(exts []pkix.Extension, known ...asn1.ObjectIdentifier) string {
		for _, ext := range exts {
			if ext.Critical && !slices.ContainsFunc(known, ext.Id.Equal) {
				return extensionName(ext.Id)
			}
		}
		return ""
	}
	if name := find(list.Extensions, oidIssuingPoint, oidAuthorityKeyID, oidDelta); name != "" {
		return name
	}
	for _, entry := range list.RevokedCertificateEntries {
		if name := find(entry.Extensions, oidCertIssuer); name != "" {
			return name
		}
	}
	return ""
}

func timely(list *x509.RevocationList, now time.Time) error {
	switch {
	case now.Before(list.ThisUpdate):
		return fmt.Errorf("is not valid before %s", list.ThisUpdate.UTC().Format(time.DateTime))
	case !list.NextUpdate.IsZero() && now.After(list.NextUpdate):
		return fmt.Errorf("has expired on %s", list.NextUpdate.UTC().Format(time.DateTime))
	}
	return nil
}

func usable(list *x509.RevocationList, c, issuer *x509.Certificate, now time.Time) error {
	owner := title(issuer)
	if err := timely(list, now); err != nil {
		return fmt.Errorf("the revocation list of %s %w", owner, err)
	}
	if point, _ := issuingPoint(list); !point.covers(c) {
		return fmt.Errorf("the revocation list of %s is not about certificate %s: its issuing distribution point says so", owner, title(c))
	}
	if name := criticalOf(list); name != "" {
		return fmt.Errorf("the revocation list of %s has a critical extension that is not supported (%s)", owner, name)
	}
	if has(issuer, oidKeyUsage) && issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
		return fmt.Errorf("%s may not sign revocation lists: its key usage says so", owner)
	}
	if err := issuer.CheckSignature(list.SignatureAlgorithm, list.RawTBSRevocationList, list.Signature); err != nil {
		return fmt.Errorf("the revocation list of %s is not signed by it, or too weakly (%s)", owner, list.SignatureAlgorithm)
	}
	return nil
}
