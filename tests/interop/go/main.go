// SPDX-License-Identifier: Apache-2.0

// Stock go-tuf, in two small roles:
//
//	stock-go-tuf get ROOT URL TARGET FOLDER   downloads one target of the site at URL
//	stock-go-tuf write FOLDER                 writes a repository with go-tuf's metadata API
//
// Exit status: 0 good, 1 refused, 3 no such target, 2 wrong usage.
package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

var errNoSuchTarget = errors.New("no such target")

func get(root, url, target, folder string) error {
	anchor, err := os.ReadFile(root)
	if err != nil {
		return err
	}
	settings, err := config.New(url+"metadata", anchor)
	if err != nil {
		return err
	}
	settings.LocalMetadataDir = filepath.Join(folder, "metadata")
	settings.LocalTargetsDir = filepath.Join(folder, "targets")
	settings.RemoteTargetsURL = url + "targets"
	client, err := updater.New(settings)
	if err != nil {
		return err
	}
	if err := client.Refresh(); err != nil {
		return err
	}
	info, err := client.GetTargetInfo(target)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoSuchTarget, err)
	}
	path, _, err := client.DownloadTarget(info, "", "")
	if err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// identity is a key pair as go-tuf sees it.
type identity struct {
	signer signature.Signer
	key    *metadata.Key
	id     string
}

func newIdentity(private crypto.Signer, load func() (signature.Signer, error)) (*identity, error) {
	key, err := metadata.KeyFromPublicKey(private.Public())
	if err != nil {
		return nil, err
	}
	id, err := key.ID()
	if err != nil {
		return nil, err
	}
	signer, err := load()
	if err != nil {
		return nil, err
	}
	return &identity{signer, key, id}, nil
}

// identities makes one of each kind that go-tuf knows.
func identities() (ed, ec, pss *identity, err error) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return
	}
	if ed, err = newIdentity(edKey, func() (signature.Signer, error) { return signature.LoadED25519Signer(edKey) }); err != nil {
		return
	}
	if ec, err = newIdentity(ecKey, func() (signature.Signer, error) { return signature.LoadECDSASigner(ecKey, crypto.SHA256) }); err != nil {
		return
	}
	pss, err = newIdentity(rsaKey, func() (signature.Signer, error) {
		return signature.LoadRSAPSSSigner(rsaKey, crypto.SHA256, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	})
	return
}

// store signs a document and writes it under the name that clients ask for; returns what others say of it.
func store[T metadata.Roles](folder, name string, document *metadata.Metadata[T], signers ...*identity) (*metadata.MetaFiles, error) {
	for _, one := range signers {
		if _, err := document.Sign(one.signer); err != nil {
			return nil, err
		}
	}
	raw, err := document.ToBytes(false)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(raw)
	facts := metadata.MetaFile(1)
	facts.Length = int64(len(raw))
	facts.Hashes = metadata.Hashes{"sha256": digest[:]}
	return facts, os.WriteFile(filepath.Join(folder, "metadata", name), raw, 0o644)
}

// list puts an image's bytes where clients look for them and its facts into a role.
func list(folder string, role *metadata.Metadata[metadata.TargetsType], path string, data []byte) error {
	facts, err := metadata.TargetFile().FromBytes(path, data, "sha256", "sha512")
	if err != nil {
		return err
	}
	role.Signed.Targets[path] = facts
	// Clients may put either hash before the name.
	for _, hash := range facts.Hashes {
		where := filepath.Join(folder, "targets", filepath.Dir(path), hex.EncodeToString(hash)+"."+filepath.Base(path))
		if err := os.MkdirAll(filepath.Dir(where), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(where, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// write makes "top.bin" (Ed25519), "nic/1.0/rom.bin" in the delegated role "nic" that an ECDSA and an RSA key must both
// sign, and "bins/deep.bin" in one of four hash bins below the role "bins".
func write(folder string) error {
	if err := os.MkdirAll(filepath.Join(folder, "metadata"), 0o755); err != nil {
		return err
	}
	ed, ec, pss, err := identities()
	if err != nil {
		return err
	}
	expires := time.Now().UTC().Truncate(time.Second).AddDate(0, 0, 30)
	snapshot := metadata.Snapshot(expires)

	root := metadata.Root(expires)
	for _, name := range []string{metadata.ROOT, metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS} {
		if err := root.Signed.AddKey(ed.key, name); err != nil {
			return err
		}
	}
	if _, err := store(folder, "1.root.json", root, ed); err != nil {
		return err
	}

	put := func(name string, document *metadata.Metadata[metadata.TargetsType], signers ...*identity) error {
		facts, err := store(folder, "1."+name+".json", document, signers...)
		snapshot.Signed.Meta[name+".json"] = facts
		return err
	}
	nic := metadata.Targets(expires)
	if err := list(folder, nic, "nic/1.0/rom.bin", bytes.Repeat([]byte("nic"), 5000)); err != nil {
		return err
	}
	if err := put("nic", nic, ec, pss); err != nil {
		return err
	}

	succinct := &metadata.SuccinctRoles{KeyIDs: []string{ed.id}, Threshold: 1, BitLength: 2, NamePrefix: "bin"}
	wanted := succinct.GetRolesForTarget("bins/deep.bin")
	for _, name := range succinct.GetRoles() {
		bin := metadata.Targets(expires)
		if wanted[0].Name == name {
			if err := list(folder, bin, "bins/deep.bin", bytes.Repeat([]byte("bin"), 7000)); err != nil {
				return err
			}
		}
		if err := put(name, bin, ed); err != nil {
			return err
		}
	}
	bins := metadata.Targets(expires)
	bins.Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{ed.id: ed.key}, SuccinctRoles: succinct}
	if err := put("bins", bins, ed); err != nil {
		return err
	}

	targets := metadata.Targets(expires)
	if err := list(folder, targets, "top.bin", bytes.Repeat([]byte("top"), 1000)); err != nil {
		return err
	}
	targets.Signed.Delegations = &metadata.Delegations{
		Keys: map[string]*metadata.Key{ec.id: ec.key, pss.id: pss.key, ed.id: ed.key},
		Roles: []metadata.DelegatedRole{
			{Name: "nic", KeyIDs: []string{ec.id, pss.id}, Threshold: 2, Terminating: true, Paths: []string{"nic/*/*"}},
			{Name: "bins", KeyIDs: []string{ed.id}, Threshold: 1, Paths: []string{"bins/*"}},
		},
	}
	if err := put("targets", targets, ed); err != nil {
		return err
	}
	facts, err := store(folder, "1.snapshot.json", snapshot, ed)
	if err != nil {
		return err
	}
	timestamp := metadata.Timestamp(expires)
	timestamp.Signed.Meta["snapshot.json"] = facts
	_, err = store(folder, "timestamp.json", timestamp, ed)
	return err
}

func main() {
	var err error
	switch {
	case len(os.Args) == 6 && os.Args[1] == "get":
		err = get(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	case len(os.Args) == 3 && os.Args[1] == "write":
		err = write(os.Args[2])
	default:
		fmt.Fprintln(os.Stderr, "usage: stock-go-tuf get ROOT URL TARGET FOLDER | write FOLDER")
		os.Exit(2)
	}
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	if errors.Is(err, errNoSuchTarget) && strings.Contains(err.Error(), "not found") {
		os.Exit(3)
	}
	os.Exit(1)
}
