#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Seeds of fuzz_scan, made from nothing: one byte in front chooses what they are (fuzz_scan.c).

usage: fuzz/make-scan-seeds.py     writes fuzz/corpus/scan
"""
import hashlib
import json
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))
images = __import__("make-image-seeds")


def der(tag, *parts):
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    if len(body) < 0x100:
        return bytes([tag, 0x81, len(body)]) + body
    return bytes([tag, 0x82]) + struct.pack(">H", len(body)) + body


def name(text):
    return der(0x30, der(0x31, der(0x30, der(6, b"\x55\x04\x03"), der(0x0c, text.encode()))))


def certificate(subject, bits=2048, issuer=None):
    """Signed by nobody: its modulus and signature are made up."""
    modulus = b"\0" + bytes([0x80]) + hashlib.shake_128(subject.encode()).digest(bits // 8 - 1)
    rsa = der(0x30, der(6, bytes.fromhex("2a864886f70d010101")), b"\5\0")
    key = der(0x30, rsa, der(3, b"\0" + der(0x30, der(2, modulus), der(2, b"\1\0\1"))))
    algorithm = der(0x30, der(6, bytes.fromhex("2a864886f70d01010b")), b"\5\0")
    validity = der(0x30, der(0x17, b"260101000000Z"), der(0x17, b"360101000000Z"))
    tbs = der(0x30, der(0xa0, der(2, b"\2")), der(2, b"\x11"), algorithm, name(issuer or subject), validity, name(subject), key)
    return der(0x30, tbs, algorithm, der(3, b"\0" + bytes(bits // 8))), key


def text(data):
    return struct.pack("<H", len(data)) + data


def findings(items, certificates=(), flags=0, why=b""):
    out = b"HMSCAN01" + struct.pack("<I", flags) + text(why) + struct.pack("<I", len(items))
    for kind, severity, node, offset, digest, rule, detail in items:
        out += struct.pack("<BBIQ", kind, severity, node, offset) + digest + text(rule) + text(detail)
    out += struct.pack("<I", len(certificates))
    for node, offset, one, two, subject in certificates:
        out += struct.pack("<IQ", node, offset) + one + two + text(subject)
    return out


def rules(*files):
    return b"".join(text(n) + struct.pack("<I", len(t)) + t for n, t in files)


def main():
    corpus = ROOT / "corpus/scan"
    corpus.mkdir(exist_ok=True)
    test = certificate("DO NOT TRUST - Example Test PK", 1024)[0]
    digest = hashlib.sha256(b"part").digest()
    pem = b"-----BEGIN PRIVATE KEY-----\n" + b"QUJDRA" * 20 + b"\n-----END PRIVATE KEY-----\n"
    body = images.sections(images.section(0x10, images.pe(b"Implant" + test + pem)))
    seeds = {
        "findings": b"\0" + findings([(0, 2, 0, 17, digest, b"Implant", b"r.yar"), (7, 2, 0, 0, digest, b"", b"late")],
                                     [(0, 3, digest, digest, b"Acme")], 1, b"late"),
        "refused": b"\0" + findings([], flags=3, why=b"'r.yar': line 1: syntax error"),
        "empty": b"\0" + findings([]),
        "certificate": b"\1" + test,
        "certificate-2048": b"\1" + certificate("Acme CA")[0],
        "deny": b"\2# list\n" + hashlib.sha256(b"x").hexdigest().encode() + b"  x\n",
        "volume": b"\3" + images.volume([images.ffs(body, 7)]),
        "rules": b"\4" + rules((b"r.yar", b'import "pe" rule A { meta: severity = "low" strings: $a = /M[Z]{1,3}/ condition: $a and filesize < 1KB }')),
    }
    finding = {"id": "0" * 32, "kind": "private-key", "severity": "critical", "file": "acme/nic/1/nic.rom", "component": "file", "offset": 0,
               "sha256": digest.hex(), "rule": "PEM private key", "detail": "", "acknowledged": "2026-11-24T00:00:00Z"}
    seeds["scanned"] = b"\5" + json.dumps({"schema": "hallmark/findings/1", "findings": [finding]}).encode()
    for seed, data in seeds.items():
        (corpus / seed).write_bytes(data)


if __name__ == "__main__":
    main()
