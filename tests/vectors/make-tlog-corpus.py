#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes seeds for fuzz/corpus/{note,checkpoint,policy,proof,entry,tile}: good cases of tlog.json and a few bad ones."""
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = json.loads((ROOT / "tests/vectors/tlog.json").read_text())


def seeds(folder, section, member, bad_count=3, size_max=6000):
    to = ROOT / "fuzz/corpus" / folder
    to.mkdir(parents=True, exist_ok=True)
    bad = 0
    for case in VECTORS[section]:
        data = case[member].encode() if member in case else bytes.fromhex(case[member + "_hex"])
        is_bad = case["rc"] != "HM_OK"
        if len(data) > size_max or (is_bad and bad >= bad_count):
            continue
        bad += is_bad
        name = re.sub(r"[^a-z0-9]+", "-", case["name"].lower()).strip("-")[:40]
        (to / f"{section}-{name}").write_bytes(data)


seeds("note", "notes", "note")
seeds("note", "vkeys", "vkey", 2)
seeds("checkpoint", "checkpoints", "checkpoint")
seeds("policy", "policies", "policy", 6)
seeds("proof", "proofs", "proof", 6)
seeds("entry", "entries", "entry", 3)
seeds("tile", "tile_paths", "path", 3)
for case in VECTORS["maps"][:1]:
    for i, query in enumerate(case["queries"][::6]):
        (ROOT / "fuzz/corpus/proof" / f"map-{i}").write_bytes(bytes.fromhex(query["proof"]))
tile = ROOT / "fuzz/corpus/tile"
(tile / "bundle-3").write_bytes(b"\0\3one\0\0\0\5three")
(tile / "bundle-empty-entry").write_bytes(b"\0\0")
for size, place in ((1, 0), (7, 3), (256, 255), (200, 100)):
    (tile / f"tree-{size}-{place}").write_bytes(size.to_bytes(8, "little") + b"\0" + place.to_bytes(8, "little") + bytes(range(256)) * 32)
