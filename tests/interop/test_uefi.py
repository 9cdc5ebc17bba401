# SPDX-License-Identifier: Apache-2.0
"""UEFIExtract and uefi-firmware-parser find the same modules in real firmware, and the same bytes in them.

The firmware is Debian's (ovmf, and whatever stands in the folders of HALLMARK_FIRMWARE, ':' between).
"""
import collections
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402

try:
    import uefi_firmware
    from uefi_firmware.utils import flatten_firmware_objects
except ImportError:  # told by the test that is skipped
    uefi_firmware = None

PAD = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"
EXECUTABLES = {0x10: "pe", 0x12: "te"}
UEFIEXTRACT = os.environ.get("HALLMARK_UEFIEXTRACT") or shutil.which("UEFIExtract")


def firmware():
    folders = ["/usr/share/OVMF", "/usr/share/AAVMF", *filter(None, os.environ.get("HALLMARK_FIRMWARE", "").split(":"))]
    found = {}
    for folder in folders:
        for path in sorted(Path(folder).rglob("*CODE*.fd")):
            found.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
    return list(found.values())


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Seen:
    """What a program found: modules by kind and SHA-256, files of volumes by GUID, names of modules."""

    def __init__(self):
        self.modules, self.files, self.names = collections.Counter(), collections.Counter(), collections.Counter()


def by_hallmark(path):
    seen = Seen()
    nodes = story.must("image", "show", "--json", path).json()["files"][0]["nodes"]
    for node in nodes:
        facts = {name: value for fact in node["facts"] for name, value in fact.items()}
        if node["kind"] in ("pe", "te"):
            seen.modules[node["kind"], node["sha256"]] += 1
        elif node["kind"] == "volume-file":
            seen.files[node["guid"]] += 1
            if "name" in facts:
                seen.names[facts["name"]] += 1
    return seen


def by_uefiextract(path, work):
    shutil.copy(path, work / "image")
    subprocess.run([UEFIEXTRACT, work / "image", "all"], cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    seen = Seen()
    for info in (work / "image.dump").rglob("info.txt"):
        fields = dict(re.findall(r"^([A-Za-z ]+): (.*)$", info.read_text(errors="replace"), re.M))
        kind = {"PE32 image": "pe", "TE image": "te"}.get(fields.get("Subtype"))
        if kind:
            seen.modules[kind, sha256((info.parent / "body.bin").read_bytes())] += 1
        if "File GUID" in fields:
            seen.files[fields["File GUID"]] += 1
            if fields.get("Text"):
                seen.names[fields["Text"]] += 1
    return seen


def by_uefi_firmware_parser(path):
    parser = uefi_firmware.AutoParser(path.read_bytes())
    seen = Seen()
    for item in flatten_firmware_objects(parser.parse().iterate_objects()):
        if item["type"] == "FirmwareFile":
            seen.files[item["guid"].upper()] += 1
        elif item["type"] == "FirmwareFileSystemSection" and item["_self"].type in EXECUTABLES:
            seen.modules[EXECUTABLES[item["_self"].type], sha256(bytes(item["_self"].data))] += 1
    return seen


class Uefi(unittest.TestCase):
    def setUp(self):
        self.paths = firmware()
        if not self.paths:
            self.skipTest("no firmware is installed (ovmf)")

    def test_uefiextract_finds_the_same_modules(self):
        if UEFIEXTRACT is None:
            self.skipTest("UEFIExtract is not installed (uefitool-cli)")
        for path in self.paths:
            with self.subTest(path=path), tempfile.TemporaryDirectory() as work:
                ours, theirs = by_hallmark(path), by_uefiextract(path, Path(work))
                self.assertGreater(sum(ours.modules.values()), 50)
                self.assertEqual(ours.modules, theirs.modules)
                self.assertEqual(ours.files, theirs.files)
                # It has names of its own for files that have none: apriori files, pads, volumes.
                self.assertEqual(ours.names - theirs.names, collections.Counter(), theirs.names - ours.names)

    def test_uefi_firmware_parser_finds_the_same_modules(self):
        if uefi_firmware is None:
            self.skipTest("uefi-firmware is not installed")
        for path in self.paths:
            with self.subTest(path=path):
                ours, theirs = by_hallmark(path), by_uefi_firmware_parser(path)
                self.assertGreater(sum(ours.modules.values()), 50)
                self.assertEqual(ours.modules, theirs.modules)
                # It counts the erased space at a volume's end as one more file, of the GUID that erased bytes are.
                self.assertEqual(set(theirs.files - ours.files) - {PAD}, set())
                self.assertEqual(ours.files - theirs.files, collections.Counter())


if __name__ == "__main__":
    unittest.main(verbosity=2)
