# SPDX-License-Identifier: Apache-2.0
"""The map of releases in Python (docs/formats.md 11): what the entries of a log add up to, its files, its proofs.

A second reading of the format that shares nothing with the program under test; log.py uses it, and the vectors of evidence.
"""
import functools
import hashlib
import re


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


EMPTY = sha256()


# --- the Merkle Patricia tree; items: sorted pairs of key and value ---


def bit_of(key, bit):
    return key[bit // 8] >> (7 - bit % 8) & 1


def node(items, key=None):
    """(root, steps for key from the leaf up, the leaf where a search for key ends)."""
    if len(items) == 1:
        return sha256(*items[0]), [], items[0]
    first, last = (int.from_bytes(items[i][0], "big") for i in (0, -1))
    bit = 256 - (first ^ last).bit_length()
    middle = next(i for i, (k, _) in enumerate(items) if bit_of(k, bit))
    side = bit_of(key, bit) if key is not None else 0
    sides = items[:middle], items[middle:]
    hashed, steps, leaf = node(sides[side], key)
    other = node(sides[1 - side])[0]
    pair = (hashed, other) if side == 0 else (other, hashed)
    return sha256(*pair, bytes([bit])), steps + [(bit, other)], leaf


def map_root(items):
    return node(items)[0] if items else EMPTY


def map_proof(items, key):
    if not items:
        return b"mptproof\0"
    _, steps, leaf = node(items, key)
    head = b"mptproof\1" + leaf[1] if leaf[0] == key else b"mptproof\0" + leaf[0] + leaf[1]
    return head + b"".join(bytes([b]) + h for b, h in steps)


# --- lists of versions ---


def compare_versions(a, b):
    """Runs of digits as numbers, all else by bytes, ties by bytes."""
    left, right = (re.findall(rb"\d+|\D", text.encode()) for text in (a, b))
    for x, y in zip(left, right):
        if x.isdigit() and y.isdigit():
            x, y = int(x), int(y)
        if x != y:
            return -1 if x < y else 1
    if len(left) != len(right):
        return -1 if len(left) < len(right) else 1
    return (a.encode() > b.encode()) - (a.encode() < b.encode())


def leaf_hash(entry):
    return sha256(b"\0", entry)


def tree_root(leaves):
    """RFC 6962."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\1", tree_root(leaves[:k]), tree_root(leaves[k:]))


def product_key(product):
    return sha256(f"hallmark/v1 product\n{product}\n".encode())


def maker_key(maker):
    return sha256(f"hallmark/v1 maker\n{maker}\n".encode())


def list_value(rows):
    root = tree_root([leaf_hash(row.encode()) for row in rows])
    return sha256(f"hallmark/v1 versions\n{len(rows)} {root.hex()}\n".encode())


def lines_of(entry, word):
    return [line.split(" ", 1)[1] for line in entry.decode().splitlines() if line.startswith(word + " ")]


class ReleaseMap:
    """Rows of all products and lines of all makers after some entries."""

    def __init__(self, entries=(), voids=()):
        """entries: texts in the order of the log; those that count are in the batch of a snapshot's entry and not in voids."""
        self.rows, self.makers = {}, {}
        for closing, entry in enumerate(entries):
            if not entry.startswith(b"hallmark/snapshot v1\n"):
                continue
            first, count = map(int, lines_of(entry, "entries")[0].split(" "))
            for index in range(first, first + count):
                if index < closing and not any(f <= index < f + c for f, c in voids):
                    self.apply(index, entries[index])

    def apply(self, index, entry):
        if entry.startswith(b"hallmark/release v1\n"):
            product, _, version = lines_of(entry, "path")[0].rpartition("/")
            kept = [line for line in entry.decode().splitlines() if line.startswith(("label ", "image "))]
            row = "".join(line + "\n" for line in [f"version {version}", f"entry {index}", *kept])
            self.rows.setdefault(product, {}).setdefault(version, row)
        elif entry.startswith(b"hallmark/recall v1\n"):
            _, maker, name = lines_of(entry, "path")[0].split("/")
            digests = set(lines_of(entry, "digest"))
            for product, rows in self.rows.items():
                if maker not in ("vendor", product.split("/")[0]):
                    continue
                for version, row in rows.items():
                    if any(line.split(" ")[2] in digests for line in row.splitlines() if line.startswith("image ")):
                        rows[version] += f"recall {index} {name}\n"
        elif entry.startswith(b"hallmark/maker v1\n"):
            text = entry.decode()
            self.makers[lines_of(entry, "maker")[0]] = text[text.index("\nmaker ") + 1:]

    def list_of(self, product):
        rows = self.rows.get(product)
        if rows is None:
            return None
        return [rows[version] for version in sorted(rows, key=functools.cmp_to_key(compare_versions))]

    def list_text(self, product):
        rows = self.list_of(product)
        return None if rows is None else "".join(row + "\n" for row in rows)

    def items(self):
        return sorted([(product_key(p), list_value(self.list_of(p))) for p in self.rows] +
                      [(maker_key(m), sha256(lines.encode())) for m, lines in self.makers.items()])

    def head(self):
        """Root and count, as a snapshot's entry names them."""
        items = self.items()
        return map_root(items), len(items)

    def prove(self, product):
        return map_proof(self.items(), product_key(product))

    def files(self):
        """{path below log/: bytes}."""
        items = self.items()
        found = {f"versions/{p}": self.list_text(p).encode() for p in self.rows}
        found.update({f"makers/{m}": lines.encode() for m, lines in self.makers.items()})
        top = b""
        for byte in range(256):
            part = [item for item in items if item[0][0] == byte]
            top += map_root(part) if part else bytes(32)
            if part:
                found[f"map/{byte:02x}"] = b"".join(k + v for k, v in part)
        found["map/top"] = top
        return found
