# SPDX-License-Identifier: Apache-2.0
"""`hallmark tuf`, the plain TUF client, on a repository that someone else wrote."""
import server as httpd
import story


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
