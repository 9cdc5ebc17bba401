# SPDX-License-Identifier: Apache-2.0
"""Between Hallmark and the TUF implementations of others: a site for their clients, and `hallmark tuf` on their repositories."""
import attacks
import server as httpd
import story


class SiteCase(story.Case):
    """A Hallmark site with one maker and two releases, served on loopback."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, cls.images = attacks.build(cls.root / "world")
        cls.server = httpd.Server(cls.cast.public)
        cls.addClassCleanup(cls.server.__exit__)
        cls.anchor = cls.cast.public / "metadata" / "1.root.json"
        cls.image = cls.images["efi-e1000.rom"].read_bytes()

    def swap_bytes(self):
        """The image is answered by as many other bytes."""
        self.server.rules = {".efi-e1000.rom": httpd.body(b"\0" * len(self.image))}
        self.addCleanup(self.server.rules.clear)


def lengthen(path, length):
    """Alters one target's length in a signed document, whatever its layout."""
    before = path.read_bytes()
    after = before
    for space in (b"", b" "):
        after = after.replace(b'"length":%s%d' % (space, length), b'"length":%s%d' % (space, length + 1))
    if after == before:
        raise AssertionError(f"{path}: no length of {length}")
    path.write_bytes(after)


def download(repository, scratch, *names, root="1.root.json", metadata="metadata", targets="targets", faketime=None):
    """Trusts repository/METADATA/ROOT and downloads the names. Returns the result and the files that were stored."""
    common = ["--metadata-dir", scratch / "metadata"]
    out = scratch / "downloads"
    out.mkdir()
    story.must("tuf", *common, "init", repository / metadata / root)
    with httpd.Server(repository) as server:
        common += ["--metadata-url", f"{server.url}{metadata}/"]
        command = [*common, "--target-base-url", f"{server.url}{targets}/", "--target-dir", out, *story.flag("--target-name", names), "download"]
        result = story.hallmark("tuf", *(command if names else [*common, "refresh"]), faketime=faketime)
    return result, sorted(p for p in out.rglob("*") if p.is_file())
