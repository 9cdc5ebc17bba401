// SPDX-License-Identifier: Apache-2.0

// transparency-dev's witness with its SQLite storage, for bench/witness_peers.py. One connection to the database: with more they wait for one
// another, and it makes a tenth.
//
//	SKEY FILE VKEYS    cosigns the checkpoints of the logs whose keys are the lines of VKEYS, until it is killed; its address on
//	                   127.0.0.1 is the first line of standard output
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/witness/persistence/sqlite"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
)

func serve(skey, file, vkeys string) error {
	ctx := context.Background()
	signer, err := fnote.NewSignerForCosignatureV1(skey)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(vkeys)
	if err != nil {
		return err
	}
	logs := map[string]note.Verifier{}
	for _, vkey := range strings.Fields(string(raw)) {
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			return err
		}
		logs[verifier.Name()] = verifier
	}
	storage, shutdown, err := sqlite.New(ctx, sqlite.Opts{Path: file, MaxOpenConns: 1})
	if err != nil {
		return err
	}
	defer shutdown()
	w, err := witness.New(ctx, witness.Opts{
		Persistence: storage,
		Signers:     []note.Signer{signer},
		VerifierForLog: func(_ context.Context, origin string) (note.Verifier, bool, error) {
			verifier, ok := logs[origin]
			return verifier, ok, nil
		},
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", witness.NewHTTPHandler(w).AddCheckpoint)
	return http.Serve(listener, mux)
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "wrong usage: see main.go")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "peer-go-witness:", err)
		os.Exit(1)
	}
}
