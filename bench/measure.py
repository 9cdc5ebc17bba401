# SPDX-License-Identifier: Apache-2.0
"""Runs commands beside their peers, in turn, and prints figures: name, value, unit, goal, peer and version, "met" or "not met".

CPU is user + system of the whole process as the kernel accounts it; memory is its peak resident set.
"""
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

QUICK = "HALLMARK_QUICK" in os.environ
ROUNDS = 3 if QUICK else 7
RUN_COST = Path(sys.argv[1]).resolve() / "bench" / "run_cost"  # every benchmark takes BUILD first


class Run:
    """One command: wall and CPU in seconds, peak memory in MiB, all of the command alone (bench/run_cost.c)."""

    def __init__(self, command, env=None):
        with tempfile.NamedTemporaryFile() as cost:
            process = subprocess.run([str(RUN_COST), cost.name, *[str(c) for c in command]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                     env={**os.environ, **(env or {})})
            if process.returncode != 0:
                raise SystemExit(f"bench: {command} exited {process.returncode}: {process.stderr.decode()[-500:]}")
            wall_us, cpu_us, kib = map(int, Path(cost.name).read_text().split())
        self.wall, self.cpu, self.rss = wall_us / 1e6, cpu_us / 1e6, kib / 1024


def paired(ours, peer, rounds=ROUNDS, before=lambda: None):
    """Both in turn, one warm-up; lists of runs."""
    a, b = [], []
    for number in range(rounds + 1):
        before()
        one = ours()
        before()
        other = peer()
        if number:
            a.append(one)
            b.append(other)
    return a, b


def median(runs, what):
    return statistics.median(getattr(run, what) for run in runs)


def ratio(over, under, what):
    return statistics.median(getattr(o, what) / max(getattr(u, what), 1e-9) for o, u in zip(over, under))


VERDICTS = {True: "met", False: "not met", None: "-"}  # None: there is no goal


def figure(name, value, unit, goal, good, peer):
    print(f"{name:52} {value:9.3f} {unit:6} goal {goal:10} {peer:34} {VERDICTS[good]}", flush=True)


def version(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0].split("(")[0].strip()
