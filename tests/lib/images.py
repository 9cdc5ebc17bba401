# SPDX-License-Identifier: Apache-2.0
"""Firmware images made from nothing, large enough to be told apart, and what happens to them on the way to a dump."""
import importlib.util
import random
import struct
import uuid

import story

spec = importlib.util.spec_from_file_location("seeds", story.SOURCE / "fuzz" / "make-image-seeds.py")
seeds = importlib.util.module_from_spec(spec)
spec.loader.exec_module(seeds)

MODULES = 24
VARIABLES = 0x8000


def guid(number):
    return str(uuid.UUID(int=0xacce << 96 | number << 8 | 0x5a)).upper()


def code(seed, size=6000):
    """Bytes as of a compiler: not random (they shall compress), and unlike any others."""
    source = random.Random(seed)
    words = [source.randbytes(source.randrange(3, 9)) for _ in range(200)]
    return b"".join(source.choice(words) for _ in range(size // 5))[:size]


def modules(line="acme", changed=()):
    """The modules of a release: those whose numbers are in changed differ from the line's."""
    files = []
    for number in range(MODULES):
        seed = f"{line}-{number}" + ("-changed" if number in changed else "")
        files.append(seeds.ffs(seeds.sections(seeds.section(0x10, seeds.pe(code(seed))), seeds.name_section(f"Module{number}")), name=guid(number)))
    return files


def packed(files, dictionary=1 << 20):
    """A volume with all files in one LZMA section."""
    inner = seeds.sections(seeds.section(0x17, seeds.volume(files)))
    return seeds.volume([seeds.ffs(seeds.guided(seeds.LZMA, seeds.lzma_alone(inner, dictionary)), 11, name=guid(1000))])


def variables(content=b""):
    """A volume of variables of VARIABLES bytes."""
    return seeds.volume([content.ljust(VARIABLES - 0x48, b"\xff")], seeds.NVRAM, free=0)


def boot_block(seed):
    return seeds.volume([seeds.ffs(random.Random(seed).randbytes(30000), 3, name=guid(2000))])


def bios(line="acme", changed=(), nvram=b"", dictionary=1 << 20, boot=None):
    """Variables, a packed volume, padding, a boot block: 256 KiB."""
    head = variables(nvram) + packed(modules(line, changed), dictionary)
    tail = boot_block(boot or line)
    return head + b"\xff" * (0x40000 - len(head) - len(tail)) + tail


def dirty(image, seed=1, size=5000):
    """As a machine leaves it: other variables."""
    return image[:0x48] + random.Random(seed).randbytes(size) + image[0x48 + size:]


def option_rom(line="acme"):
    return seeds.rom_image(0, code(f"{line}-rom", 20000))


def flip(image, places):
    out = bytearray(image)
    for place in places:
        out[place] ^= 0x40
    return bytes(out)


def checked(rom):
    return struct.unpack("<H", rom[:2]) == (0xaa55,) and sum(rom) % 256 == 0
