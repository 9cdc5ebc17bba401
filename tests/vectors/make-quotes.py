#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Quotes of a TPM over a boot log, made by swtpm and tpm2-tools (Debian: swtpm, tpm2-tools, libtss2-tcti-swtpm0).

usage: tests/vectors/make-quotes.py     writes tests/data/quote

The log is one of fuzz/make-event-log-seeds.py; its digests are extended into a fresh TPM, which then quotes PCR 0, 1, 2 and 7 (or others) by
keys of three schemes. The TPM is gone afterwards: its keys sign nothing else.
"""
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "fuzz"))
logs = __import__("make-event-log-seeds")

INTO = SOURCE / "tests/data/quote"
NONCE = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
SHA256 = ((11, "sha256"),)
KEYS = {"ecdsa": ("ecc:ecdsa-sha256:null", "ecc"), "rsassa": ("rsa2048:rsassa-sha256:null", "rsa2048"), "rsapss": ("rsa2048:rsapss-sha256:null", "rsa2048")}
ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign"


def events(log):
    """(PCR, SHA-256) of each event that was measured, of a log with that bank alone."""
    at = 32 + struct.unpack_from("<I", log, 28)[0]
    while at < len(log):
        pcr, kind = struct.unpack_from("<II", log, at)
        digest = log[at + 14:at + 46]
        at += 50 + struct.unpack_from("<I", log, at + 46)[0]
        if kind != logs.NO_ACTION:
            yield pcr, digest


def main():
    log = logs.boot([logs.hashlib.sha256(b"driver").digest(), logs.hashlib.sha256(b"other").digest()], SHA256)
    INTO.mkdir(parents=True, exist_ok=True)
    (INTO / "log").write_bytes(log)
    with tempfile.TemporaryDirectory() as folder:
        swtpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}", "--server", f"type=unixio,path={folder}/sock",
                                  "--ctrl", f"type=unixio,path={folder}/sock.ctrl", "--flags", "not-need-init,startup-clear"])
        try:
            for _ in range(100):
                if os.path.exists(f"{folder}/sock.ctrl"):
                    break
                time.sleep(0.05)
            environment = dict(os.environ, TPM2TOOLS_TCTI=f"swtpm:path={folder}/sock")

            def tpm(*args):
                subprocess.run(args, cwd=folder, env=environment, check=True, timeout=60, stdout=subprocess.DEVNULL)
                if args[0] != "tpm2_pcrextend":
                    subprocess.run(["tpm2_flushcontext", "-t"], cwd=folder, env=environment, check=True, timeout=60)

            for pcr, digest in events(log):
                tpm("tpm2_pcrextend", f"{pcr}:sha256={digest.hex()}")
            for name, (scheme, parent) in KEYS.items():
                tpm("tpm2_createprimary", "-C", "e", "-G", parent, "-c", "parent.ctx", "-Q")
                tpm("tpm2_create", "-C", "parent.ctx", "-G", scheme, "-a", ATTRIBUTES, "-u", "key.pub", "-r", "key.priv", "-Q")
                tpm("tpm2_load", "-C", "parent.ctx", "-u", "key.pub", "-r", "key.priv", "-c", "key.ctx", "-Q")
                tpm("tpm2_readpublic", "-c", "key.ctx", "-f", "pem", "-o", INTO / f"{name}.pem", "-Q")
                for quote, pcrs in ((name, "sha256:0,1,2,7"), (f"{name}-all", "sha256:all")) if name == "ecdsa" else ((name, "sha256:0,1,2,7"),):
                    tpm("tpm2_quote", "-c", "key.ctx", "-l", pcrs, "-q", NONCE, "-m", INTO / f"{quote}.quote", "-s", INTO / f"{quote}.sig",
                        "-g", "sha256", "-Q",
                        *(("--scheme", "rsapss") if name == "rsapss" else ()))
                if name == "ecdsa":
                    for quote, pcrs in (("without-2", "sha256:0,7"), ("two-banks", "sha1:2+sha256:2")):
                        tpm("tpm2_quote", "-c", "key.ctx", "-l", pcrs, "-q", NONCE, "-m", INTO / f"{quote}.quote", "-s", INTO / f"{quote}.sig",
                            "-g", "sha256", "-Q")
        finally:
            swtpm.terminate()
            swtpm.wait(timeout=10)
    for path in INTO.iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    main()
