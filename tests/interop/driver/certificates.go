package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates of one run, as files: an authority, a server on 127.0.0.1 and a client, both signed by it.
type Certificates struct {
	authority, server, serverKey, client, clientKey string
}

func makeCertificates(dir string) (Certificates, error) {
	in := func(name string) string { return filepath.Join(dir, name) }
	files := Certificates{in("ca.pem"), in("server.pem"), in("server.key"), in("client.pem"), in("client.key")}
	authority := template("burgee interop authority", 1)
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return files, err
	}
	server := template("burgee interop server", 2)
	server.IPAddresses, server.ExtKeyUsage = []net.IP{net.IPv4(127, 0, 0, 1)}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	client := template("burgee interop client", 3)
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return files, errors.Join(
		writeCertificate(authority, authority, key, key, files.authority, ""),
		signed(server, authority, key, files.server, files.serverKey),
		signed(client, authority, key, files.client, files.clientKey),
	)
}

func template(name string, serial int64) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

// signed makes a key for the certificate and has the authority sign it.
func signed(certificate, authority *x509.Certificate, authorityKey *ecdsa.PrivateKey, file, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return writeCertificate(certificate, authority, key, authorityKey, file, keyFile)
}

func writeCertificate(certificate, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey, file, keyFile string) error {
	der, err := x509.CreateCertificate(rand.Reader, certificate, parent, &key.PublicKey, parentKey)
	if err != nil {
		return err
	}
	if err := writePEM(file, "CERTIFICATE", der); err != nil || keyFile == "" {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(keyFile, "PRIVATE KEY", secret)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
