# SPDX-License-Identifier: Apache-2.0
"""Release logs in Python: keys of notes, checkpoints, cosignatures, Merkle trees, tiles, proofs, entries, witnesses.

A second reading of C2SP, RFC 6962 and docs/formats.md 11 that shares nothing with the program under test but the cryptography
module. Tests use it to give a served tree a log, to play the intruder who holds the log's key, and to stand up witnesses on
loopback that cosign, refuse or lie.
"""
import base64
import hashlib
import http.server
import json
import os
import re
import shutil
import threading
import time
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import release_map

DASH = "\u2014"
LOG_KEY, COSIGNER = 1, 4
WIDTH = 256
EMPTY = hashlib.sha256(b"").digest()


def b64(data):
    return base64.b64encode(data).decode()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# --- notes ---


class NoteKey:
    """A key of notes: name, type of signature (1: a log's, 4: a cosigner's), and the private half."""

    def __init__(self, name, kind=LOG_KEY, private=None):
        self.name, self.kind = name, kind
        self.private = private or ed25519.Ed25519PrivateKey.generate()
        self.public = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = sha256(name.encode(), b"\n", bytes([kind]), self.public)[:4]
        self.vkey = f"{name}+{self.id.hex()}+{b64(bytes([kind]) + self.public)}"

    @classmethod
    def load(cls, name, path, kind=LOG_KEY):
        return cls(name, kind, serialization.load_pem_private_key(Path(path).read_bytes(), None))

    def line(self, text, when=None):
        if self.kind == LOG_KEY:
            signature = self.private.sign(text.encode())
        else:
            when = int(time.time()) if when is None else when
            signature = when.to_bytes(8, "big") + self.private.sign(f"cosignature/v1\ntime {when}\n{text}".encode())
        return f"{DASH} {self.name} {b64(self.id + signature)}\n"


def parse_vkey(vkey):
    name, ident, key = vkey.split("+", 2)
    raw = base64.b64decode(key)
    if sha256(name.encode(), b"\n", raw)[:4].hex() != ident:
        raise ValueError("the id is not the key's")
    return name, bytes.fromhex(ident), raw[0], raw[1:]


def split_note(note):
    """Text and signature lines."""
    text, _, lines = note.rpartition("\n\n")
    return text + "\n", [line + "\n" for line in lines.splitlines()]


def is_signed(note, vkey):
    """The time of a valid signature (0: a log's), or None."""
    name, ident, kind, public = parse_vkey(vkey)
    text, lines = split_note(note)
    for line in lines:
        _, who, blob = line.rstrip("\n").split(" ")
        raw = base64.b64decode(blob)
        if who != name or raw[:4] != ident:
            continue
        when = 0 if kind == LOG_KEY else int.from_bytes(raw[4:12], "big")
        message = text.encode() if kind == LOG_KEY else f"cosignature/v1\ntime {when}\n{text}".encode()
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(public).verify(raw[4 if kind == LOG_KEY else 12:], message)
        except InvalidSignature:
            return None
        return when
    return None


def checkpoint_text(origin, size, root):
    return f"{origin}\n{size}\n{b64(root)}\n"


def read_checkpoint(note):
    origin, size, root = split_note(note)[0].splitlines()[:3]
    return origin, int(size), base64.b64decode(root)


# --- trees ---


def leaf_hash(entry):
    return sha256(b"\0", entry)


def node_hash(left, right):
    return sha256(b"\1", left, right)


def split_at(count):
    """The largest power of two below count."""
    return 1 << ((count - 1).bit_length() - 1)


class Merkle:
    """All hashes of a growing list of leaves; full subtrees are computed once."""

    def __init__(self):
        self.leaves, self.known = [], {}

    def add(self, entry):
        self.leaves.append(leaf_hash(entry))

    def range(self, start, end):
        if start == end:
            return EMPTY
        if end - start == 1:
            return self.leaves[start]
        if (start, end) not in self.known:
            middle = start + split_at(end - start)
            self.known[start, end] = node_hash(self.range(start, middle), self.range(middle, end))
        return self.known[start, end]

    def root(self, size=None):
        return self.range(0, len(self.leaves) if size is None else size)

    def inclusion(self, index, size=None, start=0):
        """PATH(index, D[start:start+size])."""
        size = len(self.leaves) if size is None else size
        if size == 1:
            return []
        k = split_at(size)
        if index < k:
            return self.inclusion(index, k, start) + [self.range(start + k, start + size)]
        return self.inclusion(index - k, size - k, start + k) + [self.range(start, start + k)]

    def consistency(self, old, size=None):
        size = len(self.leaves) if size is None else size
        if old in (0, size):
            return []
        return self.subproof(old, 0, size, True)

    def subproof(self, old, start, end, whole):
        if old == end - start:
            return [] if whole else [self.range(start, end)]
        k = split_at(end - start)
        if old <= k:
            return self.subproof(old, start, start + k, whole) + [self.range(start + k, end)]
        return self.subproof(old - k, start + k, end, False) + [self.range(start, start + k)]


def is_consistent(old, old_root, size, root, proof):
    """RFC 9162 2.1.4.2."""
    if old == 0:
        return not proof and old_root == EMPTY
    if old == size:
        return not proof and old_root == root
    if old > size or not proof:
        return False
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for hash_ in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(hash_, fr), node_hash(hash_, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, hash_)
        fn, sn = fn >> 1, sn >> 1
    return fr == old_root and sr == root and sn == 0


# --- tiles ---


def tile_path(level, index, width=WIDTH):
    """level: a number, or "entries"."""
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return f"tile/{level}/{'/'.join(groups)}" + (f".p/{width}" if width < WIDTH else "")


def tiles_of(merkle, entries, old, size):
    """(path, bytes) of all tiles of the tree of size leaves that the tree of old leaves did not have whole."""
    found, level, nodes, before = [], 0, size, old
    while nodes:
        span = WIDTH ** level
        for index in range(before // WIDTH, -(-nodes // WIDTH)):
            width = min(WIDTH, nodes - index * WIDTH)
            first = index * WIDTH
            found.append((tile_path(level, index, width),
                          b"".join(merkle.range(n * span, (n + 1) * span) for n in range(first, first + width))))
            if level == 0:
                bundle = entries[first:first + width]
                found.append((tile_path("entries", index, width), b"".join(len(e).to_bytes(2, "big") + e for e in bundle)))
        nodes, before, level = nodes // WIDTH, before // WIDTH, level + 1
    return found


def read_entries(folder, size):
    """The entries of a log on disk, of its first size ones."""
    entries = []
    while len(entries) < size:
        index = len(entries) // WIDTH
        width = min(WIDTH, size - index * WIDTH)
        path = Path(folder) / tile_path("entries", index, width)
        raw = (path if path.exists() else Path(folder) / tile_path("entries", index)).read_bytes()
        for _ in range(width):
            count = int.from_bytes(raw[:2], "big")
            entries.append(raw[2:2 + count])
            raw = raw[2 + count:]
    return entries


# --- proofs and entries ---


def proof_text(index, path, note, extra=None):
    return ("c2sp.org/tlog-proof@v1\n" + (f"extra {b64(extra)}\n" if extra is not None else "") + f"index {index}\n" +
            "".join(b64(h) + "\n" for h in path) + "\n" + note)


def read_proof(text):
    """Index, path, note and extra."""
    head, _, note = text.partition("\n\n")
    lines = head.splitlines()[1:]
    extra = base64.b64decode(lines.pop(0)[6:]) if lines[0].startswith("extra ") else None
    return int(lines[0][6:]), [base64.b64decode(line) for line in lines[1:]], note, extra


def release_entry(site, path, images, roles, label=None):
    """images: {file: (sha256 in hexadecimal, length)}; roles: {name: version}."""
    lines = ["hallmark/release v1", f"site {site}", f"path {path}"]
    lines += [f"label {label}"] if label is not None else []
    lines += [f"image {name} {images[name][0]} {images[name][1]}" for name in sorted(images)]
    lines += [f"role {name} {roles[name]}" for name in sorted(roles)]
    return "".join(line + "\n" for line in lines).encode()


def root_entry(site, version, raw):
    return f"hallmark/root v1\nsite {site}\nroot {version} {sha256(raw).hex()} {len(raw)}\n".encode()


def snapshot_entry(site, snapshot, root, batch, voids=(), map_=(EMPTY, 0)):
    """snapshot, root: (version, bytes); batch and voids: (first, count)."""
    text = (f"hallmark/snapshot v1\nsite {site}\nsnapshot {snapshot[0]} {sha256(snapshot[1]).hex()} {len(snapshot[1])}\n"
            f"root {root[0]} {sha256(root[1]).hex()}\nmap {map_[0].hex()} {map_[1]}\nentries {batch[0]} {batch[1]}\n")
    return (text + "".join(f"void {first} {count}\n" for first, count in voids)).encode()


def read_entry(raw):
    """[(word, values...)] of each line."""
    return [tuple(line.split(" ")) for line in raw.decode().splitlines()]


def lines_of(raw, word):
    return [line[1:] for line in read_entry(raw) if line[0] == word]


# --- the map of releases ---


def version_key(version):
    """Runs of digits as numbers, ties by bytes (docs/formats.md 11)."""
    parts = [(0, int(run), b"") if run.isdigit() else (1, 0, run.encode()) for run in re.findall(r"[0-9]+|[^0-9]", version)]
    return parts, version.encode()


def tree_root(leaves):
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = split_at(len(leaves))
    return node_hash(tree_root(leaves[:k]), tree_root(leaves[k:]))


def patricia_root(pairs):
    """pairs: sorted (key, value)."""
    if not pairs:
        return EMPTY
    if len(pairs) == 1:
        return sha256(*pairs[0])
    bits = (int.from_bytes(pairs[0][0], "big") ^ int.from_bytes(pairs[-1][0], "big")).bit_length()
    bit = 256 - bits
    k = next(i for i, (key, _) in enumerate(pairs) if key[bit // 8] >> 7 - bit % 8 & 1)
    return sha256(patricia_root(pairs[:k]), patricia_root(pairs[k:]), bytes([bit]))


def where_text(release, snapshot, release_entry_, snapshot_entry_):
    return f"hallmark/where v1\nrelease {release}\nsnapshot {snapshot}\n\n".encode() + release_entry_ + b"\n" + snapshot_entry_


def policy_text(log=None, witnesses=(), quorum=None, urls=None):
    """quorum: how many of the witnesses (None: a majority; 0: none)."""
    lines = [f"log {log}"] if log else []
    names = [f"w{i + 1}" for i in range(len(witnesses))]
    for name, witness in zip(names, witnesses):
        url = (urls or {}).get(witness.vkey)
        lines.append(f"witness {name} {witness.vkey}" + (f" {url}" if url else ""))
    count = len(witnesses) // 2 + 1 if quorum is None and witnesses else quorum or 0
    if count:
        lines += [f"group core {count} {' '.join(names)}", "quorum core"]
    else:
        lines.append("quorum none")
    return "".join(line + "\n" for line in lines)


# --- witnesses ---


class Refusal(Exception):
    """What a witness answers: a status of HTTP, and its body."""

    def __init__(self, status, body=b"", kind="text/plain"):
        super().__init__(status)
        self.status, self.body, self.kind = status, body, kind


class Witness:
    """Cosigns what is consistent with all it saw before. lies: cosigns whatever it is asked."""

    def __init__(self, name, key=None, lies=False):
        self.key = key or NoteKey(name, COSIGNER)
        self.vkey, self.lies, self.is_down, self.seen, self.when = self.key.vkey, lies, False, {}, None
        self.heads = {}  # what it cosigned last, as monitors get it

    def copy(self):
        """The same key with a memory of its own, for a tree that goes another way."""
        other = Witness(self.key.name, self.key, self.lies)
        other.seen, other.heads = dict(self.seen), dict(self.heads)
        return other

    def cosign(self, old, proof, note, log_vkey):
        """The signature line; raises Refusal."""
        if self.is_down:
            raise Refusal(503)
        origin, size, root = read_checkpoint(note)
        if is_signed(note, log_vkey) is None:
            raise Refusal(403)
        if not self.lies:
            known, known_root = self.seen.get(origin, (0, EMPTY))
            if old > size:
                raise Refusal(400)
            if old != known:
                raise Refusal(409, f"{known}\n".encode(), "text/x.tlog.size")
            if not is_consistent(old, known_root, size, root, proof):
                raise Refusal(422)
            self.seen[origin] = (size, root)
        line = self.key.line(split_note(note)[0], self.when)
        self.heads[origin] = note + line
        return line

    def known_size(self, origin):
        return self.seen.get(origin, (0, EMPTY))[0]


class WitnessServer:
    """A witness on 127.0.0.1: POST /add-checkpoint, GET /HASH/checkpoint (C2SP tlog-witness). logs: the vkeys it knows, by origin.

    heads: what it shows of a log, by origin, in the place of what it cosigned."""

    def __init__(self, witness, logs):
        self.witness, self.logs, self.requests, self.heads = witness, dict(logs), [], {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20
            disable_nagle_algorithm = True

            def log_message(self, *_args):
                pass

            def do_POST(self):
                outer.answer(self)

            def do_GET(self):
                outer.show(self)

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_args: None
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(5)

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.requests.append((handler.path, body))
        status, kind = 200, "text/plain"
        try:
            if not handler.path.endswith("/add-checkpoint"):
                raise Refusal(404)
            out = self.add(body.decode()).encode()
        except Refusal as refusal:
            status, out, kind = refusal.status, refusal.body, refusal.kind
        except (ValueError, IndexError):
            status, out = 400, b""
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(out)))
        handler.end_headers()
        handler.wfile.write(out)

    def show(self, handler):
        out, status = b"", 404
        for origin in self.logs:
            if handler.path == f"/{sha256(origin.encode()).hex()}/checkpoint":
                head = self.heads.get(origin) or self.witness.heads.get(origin)
                out, status = (head.encode(), 200) if head else (b"", 404)
        handler.send_response(503 if self.witness.is_down else status)
        handler.send_header("Content-Length", str(len(out)))
        handler.end_headers()
        handler.wfile.write(out)

    def add(self, request):
        head, _, note = request.partition("\n\n")
        lines = head.splitlines()
        word, _, old = lines[0].partition(" ")
        if word != "old":
            raise Refusal(400)
        origin = read_checkpoint(note)[0]
        if origin not in self.logs:
            raise Refusal(404)
        with self.lock:
            return self.witness.cosign(int(old), [base64.b64decode(line) for line in lines[1:]], note, self.logs[origin])


# --- a site's log ---


class Log:
    """The release log of a served tree (tree.Tree), written by whoever holds its key.

    witnesses: Witness objects, asked in process. What they refuse, they do not sign; nothing is enforced here: an intruder
    publishes whatever he gets.
    """

    def __init__(self, tree, key, witnesses=()):
        self.tree, self.key, self.witnesses = tree, key, list(witnesses)
        self.folder, self.proofs = tree.public / "log", tree.public / "proofs"
        self.entries, self.merkle, self.note, self.written = [], Merkle(), None, 0
        self.refusals = {}
        self.map = None        # a false one for snapshots to name, in the place of the true one
        self.is_whole = False  # every change has its entry, as monitors demand
        if (self.folder / "checkpoint").exists():
            self.note = (self.folder / "checkpoint").read_text()
            self.written = read_checkpoint(self.note)[1]
            for entry in read_entries(self.folder, self.written):
                self.append(entry)

    @property
    def site(self):
        return self.tree.load("root")["signed"]["x-hallmark"]["site"]

    @property
    def size(self):
        return len(self.entries)

    def append(self, entry):
        self.entries.append(entry)
        self.merkle.add(entry)
        return self.size - 1

    def releases(self):
        """{ID/PRODUCT/VERSION: {file: (sha256, length)}} of all that the vendor's roles list, and the roles that say so."""
        found, roles = {}, {}
        meta = self.tree.load("snapshot")["signed"]["meta"]
        for name in (file[:-5] for file in meta if file.startswith("release~")):
            path = self.tree.path(name)
            if not path.exists():
                continue
            for target, facts in json.loads(path.read_bytes())["signed"].get("targets", {}).items():
                release, _, file = target.rpartition("/")
                if release.count("/") != 2 or ".." in target.split("/") or target.startswith("/"):
                    continue
                found.setdefault(release, {})[file] = (facts["hashes"]["sha256"], facts["length"])
                for role in (name, name.replace("release~", "maker~", 1)):
                    if f"{role}.json" in meta:
                        roles.setdefault(release, {})[role] = meta[f"{role}.json"]["version"]
        return found, roles

    def logged(self):
        return {lines_of(e, "path")[0][0] for e in self.entries if e.startswith(b"hallmark/release v1\n")}

    def documents(self):
        """Snapshot and root as the tree has them: (version, bytes)."""
        return tuple((self.tree.version(role), self.tree.path(role).read_bytes()) for role in ("snapshot", "root"))

    def batch(self, extra=(), voids=(), releases=True):
        """Appends what is new in the tree, then the snapshot's entry. Returns the batch: (first, count)."""
        first, known = self.size, self.logged()
        found, roles = self.releases()
        for entry in [*extra, *(self.changes() if self.is_whole else ())]:
            self.append(entry)
        for release in sorted(found if releases else ()):
            if release not in known:
                self.append(release_entry(self.site, release, found[release], roles[release]))
        return self.close((first, self.size - first), voids)

    def changes(self):
        """Entries of makers and recalls that the log does not have as they are now."""
        targets = self.tree.load("targets")["signed"]
        known = {lines_of(e, "maker")[0][0]: e for e in self.entries if e.startswith(b"hallmark/maker v1\n")}
        for name, maker in sorted(targets["x-hallmark"].get("makers", {}).items()):
            what = [f"grade {maker['grade']}"]
            if maker["grade"] == "maker":
                what.append("identity {version} {sha256} {length}".format(**maker["identity"]))
            if name not in known or [" ".join(line) for line in read_entry(known[name])][3:-1] != what:
                yield "".join(line + "\n" for line in ["hallmark/maker v1", f"site {self.site}", f"maker {name}", *what,
                                                       f"role targets {targets['version']}"]).encode()

    def release_map(self, batch=(0, 0), voids=()):
        """What the entries that count add up to, and those of a batch that is not closed yet."""
        closed = [entry for entry in self.entries if entry.startswith(b"hallmark/snapshot v1\n")]
        named = [tuple(map(int, void)) for entry in closed for void in lines_of(entry, "void")]
        found = release_map.ReleaseMap(self.entries, [*named, *voids])
        for index in range(batch[0], min(sum(batch), self.size)):
            found.apply(index, self.entries[index])
        return found

    def close(self, batch, voids=(), documents=None):
        snapshot, root = documents or self.documents()
        head = self.map if self.map and not self.is_whole else self.release_map(batch, voids).head()
        self.append(snapshot_entry(self.site, snapshot, root, batch, voids, head))
        return batch

    def sign(self, size=None, root=None):
        """A checkpoint with the cosignatures that are to be had; the witnesses' refusals are in refusals."""
        size = self.size if size is None else size
        text = checkpoint_text(self.key.name, size, self.merkle.root(size) if root is None else root)
        note = text + "\n" + self.key.line(text)
        self.refusals = {}
        lines = ""
        for witness in self.witnesses:
            old = witness.known_size(self.key.name)
            try:
                proof = self.merkle.consistency(old, size) if old <= size else []
                lines += witness.cosign(old, proof, note, self.key.vkey)
            except Refusal as refusal:
                self.refusals[witness.vkey] = refusal.status
        return note + lines

    def write(self, note=None):
        """Tiles, checkpoint, and the newest snapshot's proofs, as the tree is served."""
        self.note = note or self.sign()
        for path, data in tiles_of(self.merkle, self.entries, min(self.written, self.size), self.size):
            write(self.folder / path, data)
        self.written = self.size
        write(self.folder / "checkpoint", self.note.encode())
        self.write_map()
        self.write_proofs()

    def write_map(self):
        for name in ("map", "versions", "makers"):
            shutil.rmtree(self.folder / name, True)
        for path, data in self.release_map().files().items():
            write(self.folder / path, data)

    def write_proofs(self):
        index = self.size - 1
        if index < 0 or not self.entries[index].startswith(b"hallmark/snapshot"):
            return
        text = proof_text(index, self.merkle.inclusion(index), self.note, self.entries[index]).encode()
        write(self.proofs / "latest.tlog-proof", text)
        numbered = self.proofs / f"{lines_of(self.entries[index], 'snapshot')[0][0]}.tlog-proof"
        if not numbered.exists():
            write(numbered, text)
        self.write_where()

    def write_where(self):
        """Each release's place: the first entry of it that a snapshot's entry lists."""
        for closing, entry in enumerate(self.entries):
            if not entry.startswith(b"hallmark/snapshot"):
                continue
            first, count = map(int, lines_of(entry, "entries")[0])
            for index in range(first, first + count):
                if self.entries[index].startswith(b"hallmark/release"):
                    place = self.proofs / lines_of(self.entries[index], "path")[0][0]
                    if not place.exists():
                        write(place, where_text(index, closing, self.entries[index], entry))

    def publish(self, **options):
        """What the site does at each publish: entries, checkpoint and cosignatures, proofs."""
        self.batch(**options)
        self.write()

    def heartbeat(self):
        """The same size, cosigned again."""
        self.write()


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def begin(tree, name, root_keys, key=None, witnesses=(), quorum=None, origin=None, urls=None, extra=None, is_whole=False, deliveries=None):
    """Gives a tree that keeps no log one: a new root that names it, and all that was released before as its first entries.

    deliveries: what root is to say of them. name: of the site, for the origin. Returns the Log, which is also the tree's."""
    key = key or NoteKey(origin or f"firmware.example/{name}/log")
    root = json.loads(json.dumps(tree.load("root")["signed"]))
    root["version"] += 1
    root["x-hallmark"]["log"] = {"policy": policy_text(key.vkey, witnesses, quorum, urls), **(extra or {})}
    if deliveries is not None:
        root["x-hallmark"]["deliveries"] = deliveries
    raw = tree.store("root", root, root_keys)
    tree.log = Log(tree, key, witnesses)
    tree.log.is_whole = is_whole
    tree.log.publish(extra=[root_entry(tree.log.site, root["version"], raw)])
    return tree.log


def succeed(tree, root_keys, online, quorum=None, urls=None, size=None, root=None):
    """Root closes a tree's log with its first size entries (or all), and names another, which begins with these, in its place.

    root: that it is closed with, where that is another one. Returns the other Log, which is also the tree's."""
    old, key = tree.log, NoteKey(f"{tree.log.key.name}-2")
    other = Log(tree, key, old.witnesses)
    other.entries, other.merkle, other.written, other.is_whole = [], Merkle(), 0, old.is_whole
    for entry in old.entries[:size]:
        other.append(entry)
    shutil.rmtree(old.folder)
    shutil.rmtree(old.proofs)
    word = json.loads(json.dumps(tree.load("root")["signed"]))
    word["version"] += 1
    word["x-hallmark"]["log"] = {"policy": policy_text(key.vkey, old.witnesses, quorum, urls),
                                 "closed": [{"vkey": old.key.vkey, "size": other.size, "root": (root or other.merkle.root()).hex()}]}
    raw = tree.store("root", word, root_keys)
    tree.log = None
    tree.reference({}, online)
    tree.log = other
    other.publish(extra=[root_entry(other.site, word["version"], raw)])
    return other


def save_key(key, path):
    pem = key.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(fd, pem)
    os.close(fd)


def drop(tree):
    """No log in the folder at all."""
    shutil.rmtree(tree.public / "log", True)
    shutil.rmtree(tree.public / "proofs", True)
