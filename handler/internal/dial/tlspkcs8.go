package dial

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // reads keys that openssl wrote; nothing is encrypted with it
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // PBKDF2's default PRF (RFC 8018)
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
)

// The encrypted form of PKCS #8 (RFC 5958) with PBES2 (RFC 8018), which is what openssl 3 writes by default and
// crypto/x509 does not read.
type (
	encryptedKeyInfo struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2Params struct {
		KDF    pkix.AlgorithmIdentifier
		Cipher pkix.AlgorithmIdentifier
	}
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}

	prfs = map[string]func() hash.Hash{
		"":                    sha1.New, // absent: hmacWithSHA1
		"1.2.840.113549.2.7":  sha1.New,
		"1.2.840.113549.2.9":  sha256.New,
		"1.2.840.113549.2.10": sha512.New384,
		"1.2.840.113549.2.11": sha512.New,
	}
	keyCiphers = map[string]struct {
		keyLen int
		block  func([]byte) (cipher.Block, error)
	}{
		"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
		"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
		"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
		"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
	}
)

// decryptPKCS8 returns the DER of the PrivateKeyInfo inside an EncryptedPrivateKeyInfo.
func decryptPKCS8(der []byte, password string) ([]byte, error) {
	if password == "" {
		return nil, errNoKeyPassword
	}
	var info encryptedKeyInfo
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) != 0 {
		return nil, errors.New("malformed encrypted key")
	}
	if !info.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, fmt.Errorf("encryption scheme %v is not supported, only PBES2 is", info.Algorithm.Algorithm)
	}
	var scheme pbes2Params
	if _, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, errors.New("malformed encryption parameters")
	}
	if !scheme.KDF.Algorithm.Equal(oidPBKDF2) {
		return nil, fmt.Errorf("key derivation %v is not supported, only PBKDF2 is", scheme.KDF.Algorithm)
	}
	var kdf pbkdf2Params
	if _, err := asn1.Unmarshal(scheme.KDF.Parameters.FullBytes, &kdf); err != nil {
		return nil, errors.New("malformed key derivation parameters")
	}
	const maxIterations = 10_000_000
	prf, known := prfs[kdf.PRF.Algorithm.String()]
	if !known || kdf.Iterations < 1 || kdf.Iterations > maxIterations {
		return nil, errors.New("unsupported key derivation parameters")
	}
	spec, known := keyCiphers[scheme.Cipher.Algorithm.String()]
	if !known {
		return nil, fmt.Errorf("cipher %v is not supported", scheme.Cipher.Algorithm)
	}
	key, err := pbkdf2.Key(prf, password, kdf.Salt, kdf.Iterations, spec.keyLen)
	if err != nil {
		return nil, err
	}
	block, err := spec.block(key)
	if err != nil {
		return nil, err
	}
	var iv []byte
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil || len(iv) != block.BlockSize() {
		return nil, errors.New("malformed cipher parameters")
	}
	n := len(info.Data)
	if n == 0 || n%block.BlockSize() != 0 {
		return nil, errors.New("malformed encrypted key")
	}
	plain := make([]byte, n)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, info.Data)
	return unpad(plain, block.BlockSize())
}

// unpad removes PKCS #7 padding; a wrong one means a wrong password.
func unpad(p []byte, size int) ([]byte, error) {
	pad := int(p[len(p)-1])
	if pad < 1 || pad > size {
		return nil, errors.New("wrong password")
	}
	for _, b := range p[len(p)-pad:] {
		if int(b) != pad {
			return nil, errors.New("wrong password")
		}
	}
	return p[:len(p)-pad], nil
}
