# SPDX-License-Identifier: Apache-2.0
"""One release on a large site: maker, approvers and site, each command with all it flushes.

usage: bench/publish.py BUILD

The sites are bench/make_site's, 20 makers of 50 products, with 100,000 and 1,000,000 files; what a release costs must not depend on that.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import QUICK, ROUNDS, Run, figure, median

BUILD = Path(sys.argv[1]).resolve()
HALLMARK = BUILD / "cmd" / "hallmark"


def one(site, number, runs):
    """Releases one file, and adds what each command cost to runs."""
    image = site["dir"] / "fw.bin"
    image.write_text(f"firmware {number}\n")
    submission = site["dir"] / "one.submission"
    folder = ["--dir", site["site"]]
    for name, command in (
            ("maker release", ["maker", "release", "--dir", site["maker"], "--for", "large", "p0007", f"9.{number}", image, "--key", site["key"], "-o", submission]),
            ("site intake", ["site", "intake", *folder, submission]),
            ("site approve", ["site", "approve", *folder, "--all"]),
            ("site publish", ["site", "publish", *folder])):
        runs.setdefault(name, []).append(Run([HALLMARK, *command]))


def main():
    for files in [100] if QUICK else [100, 1000]:
        with tempfile.TemporaryDirectory(prefix="hallmark-bench.") as work:
            made = subprocess.run([BUILD / "bench" / "make_site", work, "20", "50", str(files)], capture_output=True, text=True, check=True)
            site = {**json.loads(made.stdout), "dir": Path(work)}
            runs = {}
            for number in range(ROUNDS):
                one(site, number, runs)
            for name, list_of in runs.items():
                wall = median(list_of, "wall")
                goal = name == "site publish"
                figure(f"{name}, one file, {20 * 50 * files:,} files at the site", wall, "s", "< 2" if goal else "-", wall < 2 if goal else None, "-")
            figure(f"site publish, {20 * 50 * files:,} files, peak memory", median(runs["site publish"], "rss"), "MiB", "<= 64", median(runs["site publish"], "rss") <= 64, "-")


main()
