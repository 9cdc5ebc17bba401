// SPDX-License-Identifier: Apache-2.0

// Stock transparency-log packages, for tests/interop/test_tlog.py: golang.org/x/mod/sumdb, transparency-dev's formats,
// merkle and tessera. What is read comes on standard input, what is made goes to standard output.
//
//	note-open VKEY...                       x/mod/sumdb/note: the names that signed, then the text
//	note-sign SKEY                          a text: the note
//	cosign SKEY                             formats/note: a checkpoint's note with one more line; 0x01 or 0x06 keys
//	ml-dsa-key NAME                         formats/note: skey and vkey, a line each
//	cosignature-vkey VKEY                   formats/note: a key of type 0x01 as one of type 0x04
//	checkpoint VKEY COSIGNER...             formats/log: origin, size, root, number of signatures that count
//	record FOLDER SIZE INDEX                x/mod/sumdb/tlog over a folder of tiles: hashes in base64
//	tree FOLDER SIZE OLD                    likewise, consistency
//	root FOLDER SIZE                        likewise, the root in hexadecimal
//	check-record ROOT SIZE INDEX LEAF       hashes: x/mod/sumdb/tlog and transparency-dev/merkle, both
//	check-tree OLDROOT OLD ROOT SIZE        likewise
//	proof-make FOLDER INDEX                 formats/proof: the tlog-proof of an entry under FOLDER/checkpoint
//	proof-check VKEY POLICY ENTRY           formats/proof and formats/witness: index and size
//	write FOLDER SKEY COUNT [POLICY]        Tessera's POSIX driver: a log of COUNT entries ("entry 0"...) more; with
//	                                        a policy, published only when its witnesses cosigned
//	fsck FOLDER VKEY                        Tessera's fsck
//	entries FOLDER VKEY                     Tessera's client: SHA-256 of each entry in hexadecimal
//
// Exit status: 0 good, 1 refused, 2 wrong usage.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	fproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/formats/witness"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var errUsage = errors.New("wrong usage: see main.go")

func input() ([]byte, error) { return io.ReadAll(os.Stdin) }

func verifiers(vkeys []string) ([]note.Verifier, error) {
	var list []note.Verifier
	for _, vkey := range vkeys {
		v, err := fnote.NewVerifier(vkey)
		if err != nil {
			if v, err = fnote.NewVerifierForCosignatureV1(vkey); err != nil {
				return nil, err
			}
		}
		list = append(list, v)
	}
	return list, nil
}

func noteOpen(args []string) error {
	raw, err := input()
	if err != nil {
		return err
	}
	list, err := verifiers(args)
	if err != nil {
		return err
	}
	opened, err := note.Open(raw, note.VerifierList(list...))
	if err != nil {
		return err
	}
	for _, s := range opened.Sigs {
		fmt.Printf("signed %s\n", s.Name)
	}
	for _, s := range opened.UnverifiedSigs {
		fmt.Printf("unknown %s\n", s.Name)
	}
	fmt.Print(opened.Text)
	return nil
}

func noteSign(args []string) error {
	text, err := input()
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(args[0])
	if err != nil {
		return err
	}
	raw, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(raw)
	return err
}

func cosign(args []string) error {
	raw, err := input()
	if err != nil {
		return err
	}
	signer, err := fnote.NewSignerForCosignatureV1(args[0])
	if err != nil {
		return err
	}
	at := bytes.LastIndex(raw, []byte("\n\n"))
	if at < 0 {
		return errors.New("not a note")
	}
	line, err := note.Sign(&note.Note{Text: string(raw[:at+1])}, signer)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(raw, line[at+2:]...))
	return err
}

func mlDSAKey(args []string) error {
	skey, vkey, err := fnote.GenerateMLDSAKey(args[0])
	fmt.Printf("%s\n%s\n", skey, vkey)
	return err
}

func cosignatureVkey(args []string) error {
	vkey, err := fnote.VKeyToCosignatureV1(args[0])
	fmt.Println(vkey)
	return err
}

func checkpoint(args []string) error {
	raw, err := input()
	if err != nil {
		return err
	}
	list, err := verifiers(args)
	if err != nil {
		return err
	}
	cp, _, opened, err := log.ParseCheckpoint(raw, list[0].Name(), list[0], list[1:]...)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%d\n%x\n%d\n", cp.Origin, cp.Size, cp.Hash, len(opened.Sigs))
	return nil
}

// A folder of C2SP tiles, as x/mod's reader wants them: it has the height in its paths, and C2SP has not.
type folder string

func (f folder) Height() int                                { return 8 }
func (f folder) SaveTiles(tiles []tlog.Tile, data [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		path := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// Nodes straight from the tiles: the tree's hash is computed from them, so it is no anchor for a TileHashReader.
func (f folder) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, index := range indexes {
		tile := tlog.TileForIndex(8, index)
		var data []byte
		for w := tile.W; w <= 256; w++ {
			t := tile
			t.W = w
			if read, err := f.ReadTiles([]tlog.Tile{t}); err == nil {
				data, tile = read[0], t
				break
			}
		}
		hash, err := tlog.HashFromTile(tile, data, index)
		if err != nil {
			return nil, fmt.Errorf("node %d: %w", index, err)
		}
		all = append(all, hash)
	}
	return all, nil
}

func numbers(args ...string) ([]int64, error) {
	var all []int64
	for _, arg := range args {
		n, err := strconv.ParseInt(arg, 10, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

func printHashes[H ~[32]byte](hashes []H) {
	for _, h := range hashes {
		b := [32]byte(h)
		fmt.Println(base64.StdEncoding.EncodeToString(b[:]))
	}
}

// What a verifying reader sees: every tile is compared with the tree's hash.
func reader(f folder, size int64) (tlog.HashReader, error) {
	root, err := tlog.TreeHash(size, f)
	if err != nil {
		return nil, err
	}
	return tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, f), nil
}

func record(args []string) error {
	n, err := numbers(args[1], args[2])
	if err != nil {
		return err
	}
	r, err := reader(folder(args[0]), n[0])
	if err != nil {
		return err
	}
	p, err := tlog.ProveRecord(n[0], n[1], r)
	printHashes(p)
	return err
}

func tree(args []string) error {
	n, err := numbers(args[1], args[2])
	if err != nil {
		return err
	}
	r, err := reader(folder(args[0]), n[0])
	if err != nil {
		return err
	}
	p, err := tlog.ProveTree(n[0], n[1], r)
	printHashes(p)
	return err
}

func root(args []string) error {
	n, err := numbers(args[1])
	if err != nil {
		return err
	}
	hash, err := tlog.TreeHash(n[0], folder(args[0]))
	if err != nil {
		return err
	}
	fmt.Printf("%x\n", hash[:])
	return nil
}

func readHashes() ([]tlog.Hash, [][]byte, error) {
	text, err := input()
	if err != nil {
		return nil, nil, err
	}
	var list []tlog.Hash
	var raw [][]byte
	for _, line := range strings.Fields(string(text)) {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, hash)
		raw = append(raw, hash[:])
	}
	return list, raw, nil
}

func unhex(texts ...string) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, text := range texts {
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) != 32 {
			return nil, fmt.Errorf("%q is no hash", text)
		}
		all = append(all, tlog.Hash(raw))
	}
	return all, nil
}

// Both of them, or none: packages that disagree are a finding of their own.
func both(a, b error) error {
	if (a == nil) != (b == nil) {
		return fmt.Errorf("x/mod and merkle disagree: %v; %v", a, b)
	}
	return a
}

func checkRecord(args []string) error {
	h, err := unhex(args[0], args[3])
	if err != nil {
		return err
	}
	n, err := numbers(args[1], args[2])
	if err != nil {
		return err
	}
	list, raw, err := readHashes()
	if err != nil {
		return err
	}
	return both(tlog.CheckRecord(list, n[0], h[0], n[1], h[1]),
		proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(n[1]), uint64(n[0]), h[1][:], raw, h[0][:]))
}

func checkTree(args []string) error {
	h, err := unhex(args[0], args[2])
	if err != nil {
		return err
	}
	n, err := numbers(args[1], args[3])
	if err != nil {
		return err
	}
	list, raw, err := readHashes()
	if err != nil {
		return err
	}
	return both(tlog.CheckTree(list, n[1], h[1], n[0], h[0]),
		proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(n[0]), uint64(n[1]), raw, h[0][:], h[1][:]))
}

func proofMake(args []string) error {
	raw, err := os.ReadFile(filepath.Join(args[0], "checkpoint"))
	if err != nil {
		return err
	}
	var cp log.Checkpoint
	if _, err := cp.Unmarshal(raw); err != nil {
		return err
	}
	n, err := numbers(args[1])
	if err != nil {
		return err
	}
	builder, err := client.NewProofBuilder(context.Background(), cp.Size, client.FileFetcher{Root: args[0]}.ReadTile)
	if err != nil {
		return err
	}
	path, err := builder.InclusionProof(context.Background(), uint64(n[0]))
	if err != nil {
		return err
	}
	made := fproof.TLogProof{Index: uint64(n[0]), Checkpoint: raw}
	for _, h := range path {
		made.Hashes = append(made.Hashes, [32]byte(h))
	}
	_, err = os.Stdout.Write(made.Marshal())
	return err
}

func proofCheck(args []string) error {
	raw, err := input()
	if err != nil {
		return err
	}
	var p fproof.TLogProof
	if err := p.Unmarshal(raw); err != nil {
		return err
	}
	if !bytes.Equal(p.Marshal(), raw) {
		return errors.New("the proof is written otherwise")
	}
	v, err := fnote.NewVerifier(args[0])
	if err != nil {
		return err
	}
	cp, _, _, err := log.ParseCheckpoint(p.Checkpoint, v.Name(), v)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	policy, err := witness.ParsePolicy(text)
	if err != nil {
		return err
	}
	if !policy.Satisfied(p.Checkpoint) {
		return errors.New("the policy is not satisfied")
	}
	entry, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	var path [][]byte
	for _, h := range p.Hashes {
		path = append(path, h[:])
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(entry)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, cp.Size, leaf, path, cp.Hash); err != nil {
		return err
	}
	fmt.Printf("%d of %d\n", p.Index, cp.Size)
	return nil
}

func write(args []string) error {
	ctx := context.Background()
	n, err := numbers(args[2])
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(args[1])
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: args[0]})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().WithCheckpointSigner(signer).WithBatching(uint(max(n[0], 1)), 100*time.Millisecond).
		WithCheckpointInterval(100 * time.Millisecond)
	if len(args) > 3 {
		policy, err := os.ReadFile(args[3])
		if err != nil {
			return err
		}
		group, err := tessera.NewWitnessGroupFromPolicy(policy)
		if err != nil {
			return err
		}
		options = options.WithWitnesses(group, nil)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
	}
	appender, shutdown, r, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	await := tessera.NewPublicationAwaiter(ctx, r.ReadCheckpoint, 50*time.Millisecond)
	var futures []tessera.IndexFuture
	for i := range n[0] {
		futures = append(futures, appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "entry %d", i))))
	}
	for _, future := range futures {
		if _, _, err := await.Await(ctx, future); err != nil {
			return err
		}
	}
	return shutdown(ctx)
}

func leafHashes(bundle []byte) ([][]byte, error) {
	var parsed api.EntryBundle
	if err := parsed.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var all [][]byte
	for _, entry := range parsed.Entries {
		all = append(all, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return all, nil
}

func runFsck(args []string) error {
	v, err := note.NewVerifier(args[1])
	if err != nil {
		return err
	}
	return fsck.New(v.Name(), v, client.FileFetcher{Root: args[0]}, leafHashes, fsck.Opts{N: 1}).Check(context.Background())
}

func entries(args []string) error {
	ctx := context.Background()
	v, err := note.NewVerifier(args[1])
	if err != nil {
		return err
	}
	source := client.FileFetcher{Root: args[0]}
	cp, _, _, err := client.FetchCheckpoint(ctx, source.ReadCheckpoint, v, v.Name())
	if err != nil {
		return err
	}
	for number := uint64(0); number*256 < cp.Size; number++ {
		bundle, err := client.GetEntryBundle(ctx, source.ReadEntryBundle, number, cp.Size)
		if err != nil {
			return err
		}
		for _, entry := range bundle.Entries {
			fmt.Printf("%x\n", sha256.Sum256(entry))
		}
	}
	return nil
}

func run(args []string) error {
	commands := map[string]struct {
		least int
		run   func([]string) error
	}{
		"note-open": {1, noteOpen}, "note-sign": {1, noteSign}, "cosign": {1, cosign}, "ml-dsa-key": {1, mlDSAKey},
		"cosignature-vkey": {1, cosignatureVkey}, "checkpoint": {1, checkpoint}, "record": {3, record}, "tree": {3, tree},
		"root": {2, root}, "check-record": {4, checkRecord}, "check-tree": {4, checkTree}, "proof-make": {2, proofMake},
		"proof-check": {3, proofCheck}, "write": {3, write}, "fsck": {2, runFsck}, "entries": {2, entries},
	}
	if len(args) < 1 {
		return errUsage
	}
	command, known := commands[args[0]]
	if !known || len(args)-1 < command.least {
		return errUsage
	}
	return command.run(args[1:])
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "stock-go-tlog: %v\n", err)
		if errors.Is(err, errUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}
