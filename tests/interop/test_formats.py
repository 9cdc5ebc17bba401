# SPDX-License-Identifier: Apache-2.0
"""Other people's programs write images; Hallmark finds what they put in, where they put it, and their checksums good.

Each program is a package of Debian (tools/packages, group ci); what is not installed is skipped.
"""
import hashlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fuzz"))
import story  # noqa: E402

seeds = __import__("make-image-seeds")

ROM = seeds.rom_image(0, b"code" * 40, last=False) + seeds.rom_image(3, seeds.pe(b"driver" * 100))
KERNEL = bytes(range(256)) * 20
TREE = """/dts-v1/;
/ { description = "acme board"; #address-cells = <1>;
  images {
    kernel { description = "linux"; data = /incbin/("kernel"); type = "kernel"; arch = "arm64"; os = "linux"; compression = "none";
             load = <0x80000>; entry = <0x80000>; hash-1 { algo = "sha256"; }; hash-2 { algo = "crc32"; }; };
    rom { description = "rom"; data = /incbin/("rom"); type = "firmware"; arch = "arm64"; compression = "none"; hash-1 { algo = "sha256"; }; };
  };
  configurations { default = "one"; one { kernel = "kernel"; }; };
};
"""


def facts(node):
    return [pair for fact in node["facts"] for pair in fact.items()]


class Formats(unittest.TestCase):
    def setUp(self):
        self.work = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.work)
        (self.work / "kernel").write_bytes(KERNEL)
        (self.work / "rom").write_bytes(ROM)

    def run_tool(self, *command):
        if shutil.which(command[0]) is None:
            self.skipTest(f"{command[0]} is not installed")
        subprocess.run(command, cwd=self.work, check=True, capture_output=True, timeout=60)

    def nodes(self, name):
        file = story.must("image", "show", "--json", self.work / name).json()["files"][0]
        self.assertEqual((file["partial"], file["findings"]), (False, 0))
        return file["nodes"]

    def one(self, nodes, kind):
        found = [node for node in nodes if node["kind"] == kind]
        self.assertEqual(len(found), 1)
        return found[0]

    def assertHolds(self, nodes, *contents):
        digests = [node.get("sha256") for node in nodes]
        for content in contents:
            self.assertIn(hashlib.sha256(content).hexdigest(), digests)

    def test_mkimage_legacy(self):
        self.run_tool("mkimage", "-A", "arm64", "-O", "linux", "-T", "kernel", "-C", "none", "-a", "0x80000", "-e", "0x80040", "-n", "acme kernel",
                      "-d", "kernel", "image")
        nodes = self.nodes("image")
        told = dict(facts(self.one(nodes, "uimage")))
        self.assertEqual((told["name"], told["machine"], told["load-address"], told["checksum"]), ("acme kernel", "ARM64", 0x80000, "good"))
        self.assertHolds(nodes, KERNEL)

    def test_mkimage_fit(self):
        (self.work / "tree").write_text(TREE)
        for options in ((), ("-E",), ("-E", "-p", "0x2000")):
            with self.subTest(options=options):
                self.run_tool("mkimage", *options, "-f", "tree", "image")
                nodes = self.nodes("image")
                self.assertIn(("type", "FIT"), facts(self.one(nodes, "device-tree")))
                images = [node for node in nodes if node["kind"] == "payload"]
                self.assertEqual([facts(node).count(("checksum", "good")) for node in images], [2, 1])
                self.assertHolds(nodes, KERNEL, ROM)
                self.one(nodes, "option-rom")

    def test_mksquashfs_and_ubinize(self):
        (self.work / "folder").mkdir()
        shutil.copy(self.work / "kernel", self.work / "folder")
        self.run_tool("mksquashfs", "folder", "squash", "-noappend", "-comp", "xz")
        self.assertIn(("compression", "xz"), facts(self.one(self.nodes("squash"), "squashfs")))
        (self.work / "ini").write_text("[v]\nmode=ubi\nimage=squash\nvol_id=0\nvol_type=static\nvol_name=root\nvol_size=64KiB\n")
        self.run_tool("ubinize", "-o", "ubi", "-m", "2048", "-p", "128KiB", "ini")
        size = (self.work / "ubi").stat().st_size
        with (self.work / "ubi").open("ab") as file:
            file.write(b"behind it")
        node = self.one(self.nodes("ubi"), "ubi")
        self.assertEqual((node["size"], dict(facts(node))["block-size"]), (size, 128 * 1024))

    def test_gcab(self):
        self.run_tool("gcab", "-c", "image", "kernel", "rom")
        nodes = self.nodes("image")
        self.assertEqual([dict(facts(node))["name"] for node in nodes if node["kind"] == "payload"], ["kernel", "rom"])
        self.assertHolds(nodes, KERNEL, ROM)

    def test_cbfstool(self):
        self.run_tool("cbfstool", "image", "create", "-m", "x86", "-s", "1M")
        self.run_tool("cbfstool", "image", "add", "-f", "kernel", "-n", "fallback/kernel", "-t", "raw", "-c", "LZMA")
        self.run_tool("cbfstool", "image", "add", "-f", "rom", "-n", "pci1af4,1000.rom", "-t", "optionrom")
        nodes = self.nodes("image")
        self.assertEqual([dict(facts(node))["name"] for node in nodes if node["kind"] == "cbfs-file"], ["fallback/kernel", "pci1af4,1000.rom"])
        self.assertHolds(nodes, KERNEL, ROM)


if __name__ == "__main__":
    unittest.main(verbosity=2)
