# SPDX-License-Identifier: Apache-2.0
"""A served tree in an intruder's hands.

Loads, edits and re-signs the metadata of a site's public folder with whatever private keys the caller holds, by
code that shares nothing with the program under test: canonical JSON, key ids and signatures are made here
with Python and its cryptography module. Tests and the demo use it to play the intruder.
"""
import hashlib
import json
import os
import shutil
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

FAR = "2099-01-01T00:00:00Z"


def canonical(value):
    """OLPC canonical JSON of a value that holds integers, strings, lists, objects and literals."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(canonical(k) + ":" + canonical(value[k]) for k in sorted(value)) + "}"
    raise TypeError(f"no canonical form for {type(value)}")


class Key:
    """A private Ed25519 key, from a PKCS#8 file or fresh."""

    def __init__(self, path=None):
        if path is None:
            self.private = ed25519.Ed25519PrivateKey.generate()
        else:
            self.private = serialization.load_pem_private_key(Path(path).read_bytes(), None)
        raw = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public = raw.hex()
        self.tuf = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": self.public}}
        self.keyid = hashlib.sha256(canonical(self.tuf).encode()).hexdigest()

    def sign(self, signed):
        return {"keyid": self.keyid, "sig": self.private.sign(canonical(signed).encode()).hex()}

    def save(self, path):
        pem = self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption())
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, pem)
        os.close(fd)


class Tree:
    """The public folder of a site."""

    def __init__(self, public):
        self.public = Path(public)
        self.metadata = self.public / "metadata"
        self.log = None  # log.Log: where the caller holds the log's key, snapshots are logged as they are made

    @classmethod
    def copy(cls, public, to):
        """An independent copy: hard links would let an intruder's write reach the original."""
        shutil.copytree(public, to, symlinks=True)
        return cls(to)

    def path(self, role, version=None):
        if role == "timestamp":
            return self.metadata / "timestamp.json"
        if version is None:
            version = self.version(role)
        return self.metadata / f"{version}.{role}.json"

    def version(self, role):
        if role == "root":
            return max(int(p.name.split(".")[0]) for p in self.metadata.glob("*.root.json"))
        if role == "snapshot":
            return self.load("timestamp")["signed"]["meta"]["snapshot.json"]["version"]
        return self.load("snapshot")["signed"]["meta"][f"{role}.json"]["version"]

    def load(self, role, version=None):
        return json.loads(self.path(role, version).read_bytes())

    def store(self, role, signed, keys, extra_signatures=()):
        """Signs and writes a document; says nothing of it in the snapshot. Returns its bytes."""
        envelope = {"signatures": [k.sign(signed) for k in keys] + list(extra_signatures), "signed": signed}
        raw = json.dumps(envelope, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        self.path(role, signed["version"]).write_bytes(raw)
        return raw

    def put(self, role, signed, keys, online):
        """A new version of a role, with snapshot and timestamp re-signed by the (stolen) online key."""
        raw = self.store(role, signed, keys)
        self.reference({role: raw}, online)

    def reference(self, documents, online, drop=()):
        """A new snapshot that names these documents, and a timestamp that names the snapshot."""
        snapshot = self.load("snapshot")["signed"]
        for role, raw in documents.items():
            snapshot["meta"][f"{role}.json"] = facts(raw)
        for role in drop:
            snapshot["meta"].pop(f"{role}.json", None)
        snapshot["version"] += 1
        raw = self.store("snapshot", snapshot, [online])
        timestamp = self.load("timestamp")["signed"]
        timestamp["version"] += 1
        timestamp["meta"] = {"snapshot.json": facts(raw)}
        self.store("timestamp", timestamp, [online])
        if self.log is not None:
            self.log.publish()

    def add_target(self, signed, path, data, custom=None):
        """Lists an image in a role's content and puts its bytes where the role says."""
        digest = hashlib.sha256(data).hexdigest()
        target = {"length": len(data), "hashes": {"sha256": digest}}
        if custom is not None:
            target["custom"] = custom
        signed["targets"][path] = target
        self.place(path, digest, data)
        return target

    def place(self, path, digest, data):
        folder, _, name = path.rpartition("/")
        where = self.public / "targets" / folder
        if ".." in path.split("/") or path.startswith("/"):
            return  # the name is the attack; no client gets as far as the bytes
        where.mkdir(parents=True, exist_ok=True)
        (where / f"{digest}.{name}").write_bytes(data)

    def image(self, path):
        """The file that is served for a target path."""
        folder, _, name = path.rpartition("/")
        found = sorted((self.public / "targets" / folder).glob(f"*.{name}"))
        if len(found) != 1:
            raise AssertionError(f"{path}: {len(found)} files")
        return found[0]


def facts(raw):
    signed = json.loads(raw)["signed"]
    return {"version": signed["version"], "length": len(raw), "hashes": {"sha256": hashlib.sha256(raw).hexdigest()}}


def next_version(signed, expires=FAR):
    signed = json.loads(json.dumps(signed))
    signed["version"] += 1
    signed["expires"] = expires
    return signed
