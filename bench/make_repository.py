# SPDX-License-Identifier: Apache-2.0
"""Writes a plain TUF repository for benchmarks: canonical JSON, Ed25519, one key.

usage: bench/make_repository.py FOLDER COUNT [BITS]     (needs the Python package cryptography)

Without BITS every target stands in targets.json; with it targets.json delegates to 2^BITS succinct hash bins (TAP 15).
Targets are named network-adapter-firmware-image-N.bin; only network-adapter-firmware-image-0.bin exists as a file, as no benchmark downloads another.
"""
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

EXPIRES = "2100-01-01T00:00:00Z"
FILE = b"an image\n" * 100
HEAD = f'"expires":"{EXPIRES}","spec_version":"1.0.31"'


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


class Writer:
    def __init__(self, folder):
        self.folder = folder / "metadata"
        self.folder.mkdir(parents=True)
        self.private = Ed25519PrivateKey.generate()
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        self.key = {"keytype": "ed25519", "keyval": {"public": public}, "scheme": "ed25519"}
        self.id = hashlib.sha256(canonical(self.key).encode()).hexdigest()
        self.role = {"keyids": [self.id], "threshold": 1}

    def write(self, name, signed):
        """signed is canonical JSON; returns what others say of the file."""
        signature = self.private.sign(signed.encode()).hex()
        raw = f'{{"signatures":[{{"keyid":"{self.id}","sig":"{signature}"}}],"signed":{signed}}}'.encode()
        (self.folder / name).write_bytes(raw)
        return {"hashes": {"sha256": hashlib.sha256(raw).hexdigest()}, "length": len(raw), "version": 1}


def targets_json(names, delegations=""):
    listed = ",".join(f'"{n}":{{"hashes":{{"sha256":"{h}"}},"length":{size}}}' for n, h, size in sorted(names))
    return f'{{"_type":"targets",{delegations}{HEAD},"targets":{{{listed}}},"version":1}}'


def main(folder, count, bits=0):
    writer = Writer(folder)
    names = [("network-adapter-firmware-image-0.bin", hashlib.sha256(FILE).hexdigest(), len(FILE))]
    names += [(f"network-adapter-firmware-image-{i}.bin", hashlib.sha256(b"%d" % i).hexdigest(), 1000 + i) for i in range(1, count)]
    roles = {name: writer.role for name in ("root", "snapshot", "targets", "timestamp")}
    writer.write("1.root.json", canonical({"_type": "root", "consistent_snapshot": True, "expires": EXPIRES, "keys": {writer.id: writer.key},
                                           "roles": roles, "spec_version": "1.0.31", "version": 1}))
    meta = {}
    if bits:
        bins = [[] for _ in range(1 << bits)]
        for name in names:
            bins[int(hashlib.sha256(name[0].encode()).hexdigest()[:8], 16) >> (32 - bits)].append(name)
        digits = (bits + 3) // 4
        for number, listed in enumerate(bins):
            writer.write(f"1.bin-{number:0{digits}x}.json", targets_json(listed))
            # No length and hash: so do the repositories that use bins, as their snapshots would be five times as long.
            meta[f"bin-{number:0{digits}x}.json"] = {"version": 1}
        succinct = {"bit_length": bits, "name_prefix": "bin", "keyids": [writer.id], "threshold": 1}
        delegations = canonical({"keys": {writer.id: writer.key}, "succinct_roles": succinct})
        meta["targets.json"] = writer.write("1.targets.json", targets_json([], f'"delegations":{delegations},'))
    else:
        meta["targets.json"] = writer.write("1.targets.json", targets_json(names))
    facts = writer.write("1.snapshot.json", canonical({"_type": "snapshot", "expires": EXPIRES, "meta": meta, "spec_version": "1.0.31", "version": 1}))
    writer.write("timestamp.json", canonical({"_type": "timestamp", "expires": EXPIRES, "meta": {"snapshot.json": facts}, "spec_version": "1.0.31",
                                              "version": 1}))
    served = folder / "targets"
    served.mkdir()
    (served / f"{names[0][1]}.network-adapter-firmware-image-0.bin").write_bytes(FILE)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
