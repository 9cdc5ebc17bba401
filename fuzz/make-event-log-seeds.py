#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Logs of measured boots made from nothing, for tests and fuzzing.

usage: fuzz/make-event-log-seeds.py     writes fuzz/corpus/event_log
"""
import hashlib
import struct
from pathlib import Path

SHA1, SHA256, SHA384 = (4, "sha1"), (11, "sha256"), (12, "sha384")
NO_ACTION, SEPARATOR, DRIVER, RUNTIME = 3, 4, 0x80000004, 0x80000005


def first(banks, vendor=b""):
    data = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(banks))
    data += b"".join(struct.pack("<HH", number, hashlib.new(name).digest_size) for number, name in banks)
    data += bytes([len(vendor)]) + vendor
    return struct.pack("<II20sI", 0, NO_ACTION, b"", len(data)) + data


def event(pcr, kind, data, banks, sha256=None):
    """Its digests are of the data, unless the SHA-256 is given (a measured executable's is not of the data)."""
    out = struct.pack("<III", pcr, kind, len(banks))
    for number, name in banks:
        digest = sha256 if name == "sha256" and sha256 else hashlib.new(name, data).digest()
        out += struct.pack("<H", number) + digest
    return out + struct.pack("<I", len(data)) + data


def boot(drivers, banks=(SHA1, SHA256, SHA384), locality=None):
    """A log with these SHA-256 digests of option ROMs in PCR 2."""
    log = first(banks)
    if locality is not None:
        log += event(0, NO_ACTION, b"StartupLocality\0" + bytes([locality]), banks)
    log += event(0, 8, b"firmware version", banks)
    for digest in drivers:
        log += event(2, DRIVER, struct.pack("<QQQQ", 0x7e000000, 0x1000, 0, 0), banks, digest)
    return log + b"".join(event(pcr, SEPARATOR, b"\0\0\0\0", banks) for pcr in range(8))


def replay(digests, value=b"\0" * 32):
    for digest in digests:
        value = hashlib.sha256(value + digest).digest()
    return value


def main():
    into = Path(__file__).resolve().parent / "corpus/event_log"
    into.mkdir(parents=True, exist_ok=True)
    (into / "boot").write_bytes(boot([hashlib.sha256(b"driver").digest(), hashlib.sha256(b"other").digest()]))
    (into / "locality").write_bytes(boot([], locality=3))
    (into / "one-bank").write_bytes(boot([hashlib.sha256(b"driver").digest()], (SHA256,)))
    (into / "vendor").write_bytes(first((SHA256,), b"acme") + event(2, RUNTIME, b"", (SHA256,)))


if __name__ == "__main__":
    main()
