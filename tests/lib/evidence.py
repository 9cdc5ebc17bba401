# SPDX-License-Identifier: Apache-2.0
"""Evidence files in Python (docs/formats.md 14): what they say and how they are written, true or not.

A second reading of the format that shares nothing with the program under test. Tests use it to make evidence, and to alter it.
"""
import base64

import log


def quoted(text):
    return "".join(("| " + line if line else "|") + "\n" for line in text.removesuffix("\n").split("\n"))


def binary(data):
    text = base64.b64encode(data).decode()
    return "".join(f"={text[i:i + 76]}\n" for i in range(0, len(text), 76))


class Part:
    """A checkpoint and what stands under it. entries: (index, text, hashes)."""

    def __init__(self, note, entries=(), proof=None, versions=None):
        self.note, self.entries, self.proof, self.versions = note, list(entries), proof, versions
        self.origin, self.size, self.root = log.read_checkpoint(note)

    def text(self):
        out = "checkpoint\n" + quoted(self.note)
        for index, entry, hashes in self.entries:
            out += f"entry {index}\n" + quoted(entry.decode()) + binary(b"".join(hashes))
        if self.proof is not None:
            out += "map\n" + binary(self.proof)
        if self.versions is not None:
            out += "list\n" + quoted(self.versions)
        return out


def claim(kind, site, path, parts):
    """The statement in words. TEXT of a path may not need escapes here."""
    part = parts[0]
    product = "/".join(path.split("/", 2)[:2]) if path else None
    text = path.split("/", 2)[2] if path and path.count("/") >= 2 else None
    as_of = f", as of the first {part.size} entries of its release log '{part.origin}'"
    if kind == "published":
        return f"site '{site}' published '{path}': it is entry {part.entries[0][0]} of the release log '{part.origin}'"
    if kind == "absent":
        return f"site '{site}' never published a release of '{product}' with version or label '{text}'" + as_of
    if kind == "history":
        return (f"site '{site}' never published a release of '{product}'" if part.versions is None else
                f"site '{site}' published these releases of '{product}', and no others") + as_of
    if kind == "contradiction":
        return (f"site '{site}' published '{path}' as entry {part.entries[0][0]} of the release log '{part.origin}', and denies it "
                f"as of the log's first {parts[1].size} entries")
    if kind == "fork":
        return (f"the release log '{part.origin}' of site '{site}' signed two histories that contradict each other, of {part.size} "
                f"and of {parts[1].size} entries")
    return (f"a witness of the release log '{part.origin}' of site '{site}' cosigned its first {part.size} entries after it had "
            f"cosigned {parts[1].size}")


def write(kind, site, parts, path=None, roots=(), earlier=None, hashes=(), words=None):
    """roots: (version, bytes); earlier: the root of a fork's second tree at the first's size, with the hashes that show it."""
    out = f"hallmark/evidence v1\nkind {kind}\nsite {site}\n" + (f"path {path}\n" if path else "")
    out += f"claim {words or claim(kind, site, path, parts)}\n"
    for version, raw in roots:
        out += f"root {version}\n" + binary(raw)
    out += "".join(part.text() for part in parts)
    if earlier is not None:
        out += f"earlier {log.b64(earlier)}\n" + binary(b"".join(hashes))
    return out


# --- of a log in memory: anything with entries, merkle and release_map (log.Log) ---


def entry(merkle, entries, index, size):
    return index, entries[index], merkle.inclusion(index, size)


def closing(entries, index):
    """The snapshot's entry that lists the entry at index."""
    for at, text in enumerate(entries):
        if text.startswith(b"hallmark/snapshot v1\n"):
            first, count = map(int, log.lines_of(text, "entries")[0])
            if first <= index < first + count:
                return at
    raise LookupError(index)


def index_of(entries, path):
    return next(i for i, e in enumerate(entries) if e.startswith(b"hallmark/release v1\n") and log.lines_of(e, "path")[0][0] == path)


def published(merkle, entries, note, path):
    size = log.read_checkpoint(note)[1]
    index = index_of(entries, path)
    return Part(note, [entry(merkle, entries, i, size) for i in (index, closing(entries, index))])


def absent(merkle, entries, note, found, product):
    """found: the release_map.ReleaseMap of the tree that the note signs."""
    size = log.read_checkpoint(note)[1]
    return Part(note, [entry(merkle, entries, size - 1, size)], found.prove(product), found.list_text(product))
