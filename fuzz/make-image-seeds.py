#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Firmware images made from nothing, for tests and fuzzing: no foreign byte in them.

usage: fuzz/make-image-seeds.py [FOLDER]     writes fuzz/corpus/image, efi_compress and tests/data/image; or the images into FOLDER

Each file of corpus/image has one byte in front (fuzz_image.c): bit 7 asks for repaired checksums, the
others choose the format (0: search). Brotli needs the program brotli; without it those seeds are left as they are.
"""
import hashlib
import lzma
import shutil
import struct
import subprocess
import sys
import uuid
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent
FFS2 = "8C8CE578-8A3D-4F1C-9935-896185C32DD3"
FFS3 = "5473C07A-3DCB-4DCA-BD6F-1E9689E7349A"
NVRAM = "FFF12B8D-7696-4C8B-A985-2747075B4F50"
LZMA = "EE4E5898-3914-4259-9D6E-DC7BD79403CF"
LZMA_X86 = "D42AE6BD-1352-4BFB-909A-CA72A6EAE889"
BROTLI = "3D532050-5CDA-4FD0-879E-0F7F630D5AFB"
TIANO = "A31280AD-481E-41B6-95E8-127F4C984779"
CRC32 = "FC1BCDB0-7D31-49AA-936A-A4600D9DD083"
MODULE = "0A1B2C3D-4E5F-4071-8293-A4B5C6D7E8F9"


def guid(text):
    return uuid.UUID(text).bytes_le


def align(data, size, fill=b"\0"):
    return data + fill * (-len(data) % size)


class Bits:
    def __init__(self):
        self.text = []

    def put(self, value, count):
        if count:
            self.text.append(f"{value:0{count}b}")

    def bytes(self):
        text = "".join(self.text)
        text += "0" * (-len(text) % 8)
        return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))


def efi_compress(data, position_bits=4, match=0):
    """Literals of 8 bits each; then, with match, that many matches of 256 bytes at distance 1."""
    bits = Bits()
    for start in range(0, len(data), 65535):
        block = data[start:start + 65535]
        bits.put(len(block), 16)
        bits.put(0, 5), bits.put(10, 5)  # lengths of the char set: all 8
        bits.put(256, 9)
        bits.put(0, position_bits), bits.put(0, position_bits)
        for byte in block:
            bits.put(byte, 8)
    left = match
    while left:
        count = min(left, 65535)
        bits.put(count, 16)
        bits.put(0, 5), bits.put(0, 5)
        bits.put(0, 9), bits.put(509, 9)  # one symbol, of no bits
        bits.put(0, position_bits), bits.put(0, position_bits)
        left -= count
    stream = bits.bytes() + b"\0"
    return struct.pack("<II", len(stream), len(data) + 256 * match) + stream


def pe(text=b"firmware", machine=0x8664, certificate=b""):
    headers = bytearray(0x200)
    headers[0:2] = b"MZ"
    struct.pack_into("<I", headers, 0x3c, 0x80)
    headers[0x80:0x84] = b"PE\0\0"
    struct.pack_into("<HHIIIHH", headers, 0x84, machine, 1, 0x65000000, 0, 0, 240, 0x22)
    optional = 0x98
    struct.pack_into("<H", headers, optional, 0x20b)
    struct.pack_into("<I", headers, optional + 0x10, 0x1000)
    struct.pack_into("<II", headers, optional + 0x38, 0x2000, 0x200)
    struct.pack_into("<H", headers, optional + 0x44, 11)
    struct.pack_into("<I", headers, optional + 0x6c, 16)
    body = align(text, 0x200)
    if certificate:
        struct.pack_into("<II", headers, optional + 0x70 + 32, 0x200 + len(body), len(certificate))
    struct.pack_into("<8sIIII", headers, optional + 240, b".text", len(body), 0x1000, len(body), 0x200)
    return bytes(headers) + body + certificate


def te(text=b"firmware"):
    header = struct.pack("<2sHBBHIIQIIII", b"VZ", 0x8664, 1, 11, 0x100, 0x1000, 0x1000, 0, 0, 0, 0, 0)
    return header + struct.pack("<8sIIIIIIHHI", b".text", len(text), 0x1000, len(text), 0x200, 0, 0, 0, 0, 0) + text


def section(kind, body):
    size = len(body) + 4
    if size >= 0xffffff:
        return b"\xff\xff\xff" + bytes([kind]) + struct.pack("<I", size + 4) + body
    return size.to_bytes(3, "little") + bytes([kind]) + body


def sections(*parts):
    data = b""
    for part in parts:
        data = align(data, 4) + part
    return data


def guided(name, body, extra=b"", attributes=1):
    return section(2, guid(name) + struct.pack("<HH", 24 + len(extra), attributes) + extra + body)


def name_section(text):
    return section(0x15, (text + "\0").encode("utf-16le"))


def version_section(text):
    return section(0x14, struct.pack("<H", 1) + (text + "\0").encode("utf-16le"))


def ffs(body, kind=7, name=MODULE, attributes=0x40, large=False):
    header = bytearray(guid(name) + bytes([0, 0, kind, attributes | large]))
    size = len(body) + (32 if large else 24)
    header += b"\0\0\0\xf8" + struct.pack("<Q", size) if large else size.to_bytes(3, "little") + b"\xf8"
    header[0x10] = -(sum(header) - 0xf8) & 0xff
    header[0x11] = -sum(body) & 0xff if attributes & 0x40 else 0xaa
    return bytes(header) + body


def volume(files, system=FFS2, free=256, extended=None, size=None):
    header = 0x48
    data = b""
    if extended:
        data = align(guid(extended) + struct.pack("<I", 20), 8)
    for each in files:
        data = align(data, 8, b"\xff") + each
    data = align(data, 8, b"\xff") + b"\xff" * free
    total = header + len(data) if size is None else size
    head = bytearray(16) + guid(system) + struct.pack("<Q", total) + b"_FVH"
    head += struct.pack("<IHHHBB", 0x4feff, header, 0, header if extended else 0, 0, 2)
    head += struct.pack("<IIII", total // 8 or 1, 8, 0, 0)
    struct.pack_into("<H", head, 0x32, -sum(struct.unpack(f"<{header // 2}H", head)) & 0xffff)
    return bytes(head) + data


def lzma_alone(data, dictionary=1 << 20):
    packed = lzma.compress(data, lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": dictionary}])
    return packed[:5] + struct.pack("<Q", len(data)) + packed[13:]


def lzma_x86(data):
    filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20, "lc": 3, "lp": 0, "pb": 2}]
    return struct.pack("<BIQ", 0x5d, 1 << 20, len(data)) + lzma.compress(data, lzma.FORMAT_RAW, filters=filters)


def brotli(data):
    if not shutil.which("brotli"):
        return None
    packed = subprocess.run(["brotli", "-c", "-q", "11", "-w", "24"], input=data, capture_output=True, check=True).stdout
    return struct.pack("<QQ", len(data), 1 << 24) + packed


def rom_image(code_type, body=b"", compressed=False, last=True, devices=()):
    """One image of a chain; vendor 1AF4, device 1000."""
    efi = code_type == 3
    pcir_at, data = 0x1c, bytearray(0x1c)
    data += b"PCIR" + struct.pack("<HHHHB", 0x1af4, 0x1000, 0x1c if devices else 0, 0x1c, 3) + b"\0\0\2"
    data += struct.pack("<HHBBHHH", 0, 1, code_type, 0x80 if last else 0, 0, 0, 0)
    for device in [*devices, 0] if devices else []:
        data += struct.pack("<H", device)
    data = bytearray(align(bytes(data), 8))
    offset = len(data)
    data += body
    data = bytearray(align(bytes(data) + b"\0", 512))
    units = len(data) // 512
    struct.pack_into("<H", data, pcir_at + 0x10, units)
    data[0:2] = b"\x55\xaa"
    struct.pack_into("<H", data, 0x18, pcir_at)
    if efi:
        struct.pack_into("<HIHHH", data, 2, units, 0xef1, 11, 0x8664, 1 if compressed else 0)
        struct.pack_into("<H", data, 0x16, offset)
    else:
        data[2:6] = bytes([units, 0xe9, 0, 0])
    data[-1] = -sum(data[:-1]) & 0xff
    return bytes(data)


def isa_rom():
    data = bytearray(b"\x55\xaa\x01\xe9\0\0".ljust(512, b"\x90"))
    data[0x18:0x1a] = b"\0\0"
    data[-1] = -sum(data[:-1]) & 0xff
    return bytes(data)


def module(name="Acme"):
    return ffs(sections(section(0x13, b"\x06\x08"), section(0x10, pe(name.encode())), name_section(name + "Dxe"), version_section("1.2")))


def inner_stream():
    return sections(section(0x19, b"\0" * 12), section(0x17, volume([module(), ffs(section(0x12, te()), 6)])))


def flash(bios):
    """A descriptor, a network card's region of two copies, a BIOS region."""
    head = bytearray(b"\xff" * 4096)
    head[0x10:0x14] = b"\x5a\xa5\xf0\x0f"
    struct.pack_into("<II", head, 0x14, 0x40000, 0x80)
    regions = [0, 4 << 16 | 3, 0x7fff, 2 << 16 | 1]
    for i in range(16):
        struct.pack_into("<I", head, 0x40 + 4 * i, regions[i] if i < 4 else 0x7fff)
    card = bytearray(b"\x02\0\0\0\0\x07" + b"\0" * 120)
    card += struct.pack("<H", 0xbaba - sum(struct.unpack("<63H", card)) & 0xffff)
    return bytes(head) + bytes(card).ljust(4096, b"\xff") + b"\xff" * 4096 + bios.ljust(8192, b"\xff")


FMP = "6DCBD5ED-E82D-4C44-BDA1-7194199AD92A"
APTIO = "14EEBB90-890A-43DB-AED1-5D3C4588A418"
PKCS7 = "4AAFD29D-68DF-49EE-8AA9-347D375665A7"
PLDM = bytes.fromhex("f018878ccb7d49439800a02f059aca02")


def capsule(name, body, flags=0, header=b""):
    size = 28 + len(header)
    return guid(name) + struct.pack("<III", size, flags, size + len(body)) + header + body


def fmp(image, driver=b"", signed=False, version=3):
    """One driver and one payload, signed and with a version where asked."""
    if signed:
        certificate = struct.pack("<IHH", 24 + 12, 0x200, 0xef1) + guid(PKCS7) + b"certificate!"
        image = struct.pack("<Q", 1) + certificate + b"MSS1" + struct.pack("<III", 16, 0x10203, 1) + image
    payload = struct.pack("<I", version) + guid(MODULE) + b"\x01\0\0\0" + struct.pack("<II", len(image), 4) + b"\0" * 8 * (version - 1)
    payload += image + b"data"
    start = 8 + 8 * (2 if driver else 1)
    offsets = [start, start + len(driver)] if driver else [start]
    return struct.pack("<IHH", 1, len(offsets) - 1, 1) + struct.pack(f"<{len(offsets)}Q", *offsets) + driver + payload


def microcode_intel(data=b"\x5a" * 976, revision=0xf4):
    words = struct.pack("<IIIIIIIII12x", 1, revision, 0x06152024, 0x906ea, 0, 1, 2, len(data), len(data) + 48) + data
    checksum = -sum(struct.unpack(f"<{len(words) // 4}I", words)) & 0xffffffff
    return words[:16] + struct.pack("<I", checksum) + words[20:]


def microcode_amd(count=2):
    table = struct.pack("<IIIHH", 0x800f12, 0, 0, 0x8012, 0) + b"\0" * 16
    patch = struct.pack("<II", 0x06152024, 0x8001250) + b"\0" * 16 + struct.pack("<H", 0x8012) + b"\xa5" * 38
    return b"DMA\0" + struct.pack("<II", 0, len(table)) + table + (struct.pack("<II", 1, len(patch)) + patch) * count


def uimage(data, name=b"acme board"):
    head = struct.pack(">IIIIIIIBBBB32s", 0x27051956, 0, 0x65000000, len(data), 0x80000, 0x80040, zlib.crc32(data), 5, 2, 2, 0, name)
    return head[:4] + struct.pack(">I", zlib.crc32(head)) + head[8:] + data


def device_tree(root):
    """root: [(name, bytes)] are properties, [(name, [...])] nodes."""
    strings, words = b"", b""

    def node(name, items):
        nonlocal strings, words
        words += struct.pack(">I", 1) + align(name.encode() + b"\0", 4)
        for key, value in items:
            if isinstance(value, list):
                node(key, value)
                continue
            offset = strings.find(key.encode() + b"\0")
            if offset < 0:
                offset = len(strings)
                strings += key.encode() + b"\0"
            words += struct.pack(">III", 3, len(value), offset) + align(value, 4)
        words += struct.pack(">I", 2)

    node("", root)
    words += struct.pack(">I", 9)
    head = struct.pack(">10I", 0xd00dfeed, 56 + len(words) + len(strings), 56, 56 + len(words), 40, 17, 16, 0, len(strings), len(words))
    return head + b"\0" * 16 + words + strings


def fit(data, external=b""):
    def image(name, items, content):
        hashes = [("hash-1", [("algo", b"crc32\0"), ("value", struct.pack(">I", zlib.crc32(content)))]),
                  ("hash-2", [("algo", b"sha256\0"), ("value", hashlib.sha256(content).digest())])]
        return name, [("description", b"1.0\0"), ("type", b"kernel\0"), ("arch", b"arm64\0"), ("compression", b"none\0"), *items, *hashes]

    images = [image("kernel", [("data", data)], data)]
    if external:
        images.append(image("board", [("data-offset", struct.pack(">I", 0)), ("data-size", struct.pack(">I", len(external)))], external))
    tree = device_tree([("description", b"acme board\0"), ("images", images), ("configurations", [("default", b"one\0")])])
    return align(tree, 4) + external if external else tree


def cbfs_file(name, data, kind=0x50, compression=None):
    attribute = b"" if compression is None else struct.pack(">IIII", 0x42435a4c, 16, compression, 0)
    start = 24 + len(align(name + b"\0", 16))
    head = b"LARCHIVE" + struct.pack(">IIII", len(data), kind, start if attribute else 0, start + len(attribute)) + align(name + b"\0", 16)
    return align(head + attribute + data, 64, b"\xff")


def cbfs(data):
    return (cbfs_file(b"cbfs master header", b"\0" * 32, 2) + cbfs_file(b"fallback/payload", lzma_alone(data), 0x20, 1) + cbfs_file(b"config", b"text") +
            cbfs_file(b"", b"\xff" * 100, 0xffffffff))


def squashfs(size=4096):
    head = struct.pack("<IIIIIHHHHHHQQ", 0x73717368, 1, 0x65000000, 131072, 0, 4, 17, 0, 1, 4, 0, 0, size)
    return head.ljust(size, b"\x11")


def ubi(count=3, block=4096):
    head = b"UBI#\x01\0\0\0" + struct.pack(">QIII", 7, 64, 128, 1) + b"\0" * 32
    head += struct.pack(">I", ~zlib.crc32(head) & 0xffffffff)
    return head.ljust(block, b"\xff") * count


def cabinet(files, compression=0, continued=0):
    body = b"".join(data for _, data in files)
    entries, offset = b"", 0
    for name, data in files:
        entries += struct.pack("<IIHHHH", len(data), offset, 0, 0x5800, 0, 0x20) + name + b"\0"
        offset += len(data)
    blocks = [body[i:i + 32768] for i in range(0, len(body), 32768)]
    files_at = 0x24 + 8
    data_at = files_at + len(entries)
    data = b"".join(struct.pack("<IHH", 0, len(block), len(block)) + block for block in blocks)
    head = b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, data_at + len(data), 0, files_at, 0, 3, 1, 1, len(files), continued, 1, 0)
    return head + struct.pack("<IHH", data_at, len(blocks), compression) + entries + data


def pldm(components, version=b"24.1.0"):
    device = struct.pack("<HBIBBH", 0, 1, 0, 1, len(version), 0) + b"\x01" + version + struct.pack("<HHH", 0, 2, 0x1af4)
    device = struct.pack("<H", len(device)) + device[2:]
    records = struct.pack("<H", len(components))
    head_size = 0x24 + len(version) + 1 + len(device) + 2 + sum(22 + len(v) for v, _ in components) + 4
    offset = head_size
    for i, (text, data) in enumerate(components):
        records += struct.pack("<HHIHHIIBB", 10, i + 1, 0, 0, 0, offset, len(data), 1, len(text)) + text
        offset += len(data)
    head = PLDM + struct.pack("<BH13sHBB", 1, head_size, b"\0" * 13, 8, 1, len(version)) + version + b"\x01" + device + records
    return head + struct.pack("<I", zlib.crc32(head)) + b"".join(data for _, data in components)


def pfs(*entries):
    body = b""
    for data in entries:
        body += guid(MODULE) + struct.pack("<II4H8x4I16x", 1, 0, 1, 2, 3, 4, len(data), 4, 0, 0) + data + b"sign"
    return b"PFS.HDR." + struct.pack("<II", 1, len(body)) + body + struct.pack("<II", len(body), ~zlib.crc32(body) & 0xffffffff) + b"PFS.FTR."


def bombs():
    """What expands without end, or asks for too much memory: tests/data/image."""
    zeros = bytes(100 << 20)
    packed = brotli(bytes(256 << 20))
    if packed:
        yield "bomb-brotli", volume([ffs(guided(BROTLI, packed), 11)])
    inner = lzma_alone(zeros)
    yield "bomb-lzma", volume([ffs(guided(LZMA, inner[:5] + b"\xff" * 8 + inner[13:]), 11)])
    yield "bomb-lzma-nested", volume([ffs(guided(LZMA, lzma_alone(guided(LZMA, inner[:5] + b"\xff" * 8 + inner[13:]))), 11)])
    yield "bomb-lzma-dictionary", volume([ffs(guided(LZMA, b"\x5d\xff\xff\xff\xff" + inner[5:200]), 11)])
    yield "bomb-efi11", volume([ffs(section(1, struct.pack("<IB", 0, 1) + efi_compress(b"x", match=1 << 22)), 11)])


def images():
    stream = inner_stream()
    yield "volume", 0, volume([module(), ffs(b"raw bytes of a file", 1, attributes=0), ffs(b"\xff" * 40, 0xf0)], extended=MODULE)
    yield "volume-repaired", 0x80, volume([module()])
    yield "volume-ffs3-large-file", 0, volume([ffs(sections(name_section("Large"), section(0x10, pe())), large=True)], FFS3)
    yield "volume-variables", 0, volume([b"variables", pe()], NVRAM)
    yield "volume-lzma", 0, volume([ffs(guided(LZMA, lzma_alone(stream)), 11)])
    yield "volume-lzma-x86", 0, volume([ffs(guided(LZMA_X86, lzma_x86(stream)), 11)])
    yield "volume-tiano", 0, volume([ffs(guided(TIANO, efi_compress(stream, 5)), 11)])
    yield "volume-efi11", 0, volume([ffs(section(1, struct.pack("<IB", len(stream), 1) + efi_compress(stream)), 11)])
    yield "volume-not-compressed", 0, volume([ffs(section(1, struct.pack("<IB", len(stream), 0) + stream), 11)])
    yield "volume-crc32", 0, volume([ffs(guided(CRC32, stream, struct.pack("<I", zlib.crc32(stream))), 11)])
    packed = brotli(stream)
    if packed:
        yield "volume-brotli", 0, volume([ffs(guided(BROTLI, packed), 11)])
    yield "volume-in-data", 0, b"\x12\x34" * 700 + volume([module()]) + b"\xff" * 64
    yield "rom-legacy", 0, rom_image(0, b"code" * 40)
    yield "rom-isa", 0, isa_rom()
    yield "rom-chain", 0, rom_image(0, b"code" * 40, last=False) + rom_image(3, pe(), devices=(0x1001, 0x1041)) + b"\xff" * 512
    yield "rom-efi-compressed", 0, rom_image(3, efi_compress(pe()), compressed=True)
    yield "flash", 0, flash(volume([module()]))
    yield "pe", 0, pe(b"module" * 100)
    yield "pe-signed", 0, pe(b"module" * 100, certificate=b"certificate!" * 4)
    yield "te", 5, te()
    yield "sections", 6, stream
    yield "capsule-fmp", 0x80, capsule(FMP, fmp(volume([module()]), driver=pe()), 0x50000)
    yield "capsule-fmp-signed", 0x80, capsule(FMP, fmp(b"acme firmware", signed=True, version=2))
    yield "capsule-aptio", 0x80, capsule(APTIO, volume([module()]), header=struct.pack("<HH", 32, 0))
    yield "microcode-intel", 0x80, microcode_intel() + microcode_intel(revision=0xf5)
    yield "microcode-amd", 0x80, microcode_amd()
    yield "uimage", 0x80, uimage(b"boot code" * 30)
    yield "device-tree", 0x80, device_tree([("model", b"acme board\0"), ("chosen", [("bootargs", b"quiet\0")])])
    yield "fit", 0x80, fit(b"kernel" * 40)
    yield "fit-external", 0x80, fit(b"kernel" * 40, b"board" * 20)
    yield "cbfs", 0x80, cbfs(b"payload " * 64)
    yield "squashfs", 0x80, b"\xff" * 512 + squashfs()
    yield "ubi", 0x80, ubi() + b"\0" * 100
    yield "cabinet", 0x80, cabinet([(b"firmware.bin", volume([module()])), (b"firmware.inf", b"[Version]")])
    yield "cabinet-packed", 0x80, cabinet([(b"firmware.bin", b"CKpacked")], compression=1)
    yield "pldm", 0x80, pldm([(b"1.0", rom_image(3, pe())), (b"2.0", b"second")])
    yield "pfs", 0x80, pfs(volume([module()]), b"model")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    into = folder or ROOT / "corpus/image"
    into.mkdir(parents=True, exist_ok=True)
    for name, mode, data in images():
        (into / name).write_bytes((b"" if folder else bytes([mode])) + data)
    if folder is None:
        for name, data in bombs():
            (ROOT.parent / "tests/data/image").mkdir(parents=True, exist_ok=True)
            (ROOT.parent / "tests/data/image" / name).write_bytes(data)
        for name, data in (("literals", efi_compress(b"hello, world" * 20)), ("matches", efi_compress(b"x", match=3)),
                           ("tiano", efi_compress(b"hello" * 9, 5)), ("empty", efi_compress(b""))):
            (ROOT / "corpus/efi_compress" / name).write_bytes(data)


if __name__ == "__main__":
    main()
