// SPDX-License-Identifier: Apache-2.0

// Stock go-tuf as a peer of bench/tuf_peers.py:
//
//	peer-go-tuf get ROOT URL TARGET FOLDER   refreshes and downloads one target of the repository at URL
//	peer-go-tuf load ROOT TARGETS            loads and verifies a targets.json from a file
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

const sizeMax = 1 << 30

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
	settings.SnapshotMaxLength = sizeMax
	settings.TargetsMaxLength = sizeMax
	client, err := updater.New(settings)
	if err != nil {
		return err
	}
	if err := client.Refresh(); err != nil {
		return err
	}
	info, err := client.GetTargetInfo(target)
	if err != nil {
		return err
	}
	_, _, err = client.DownloadTarget(info, "", "")
	return err
}

func load(rootFile, targetsFile string) error {
	root, err := metadata.Root().FromFile(rootFile)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(targetsFile)
	if err != nil {
		return err
	}
	targets, err := metadata.Targets().FromBytes(raw)
	if err != nil {
		return err
	}
	if err := root.VerifyDelegate(metadata.TARGETS, targets); err != nil {
		return err
	}
	fmt.Println(len(targets.Signed.Targets))
	return nil
}

func main() {
	var err error
	switch {
	case len(os.Args) == 6 && os.Args[1] == "get":
		err = get(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	case len(os.Args) == 4 && os.Args[1] == "load":
		err = load(os.Args[2], os.Args[3])
	default:
		err = fmt.Errorf("usage: peer-go-tuf get ROOT URL TARGET FOLDER | load ROOT TARGETS")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
