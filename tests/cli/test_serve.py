# SPDX-License-Identifier: Apache-2.0
"""hallmark serve: customers get and sync through it, by grant; what dies is started again; what is changed is in force."""
import json
import os
import pwd
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import serving  # noqa: E402
import story  # noqa: E402


def alive(pid):
    """Runs, and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Serve(serving.Case):
    def trust(self, server, token, *options):
        home = self.scratch / "home"
        extra = [] if server.trial else ["--cacert", server.ca]
        story.must("trust", "add", "globex", server.url, "--trust", self.site / "public/hallmark.trust", *extra,
                   "--token-file", self.token_file(token), *options, home=home)
        return home

    def test_a_customer_gets_and_syncs_what_was_granted(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            home = self.trust(server, token)
            kept = next(home.rglob("token"))
            self.assertEqual((kept.stat().st_mode & 0o777, kept.read_text()), (0o600, token + "\n"))
            out = self.scratch / "out"
            story.must("get", "acme/nic/1.0", "-d", out, home=home)
            self.assertEqual(next(out.rglob("acme.bin")).read_bytes(), (self.images / "acme.bin").read_bytes())
            refused = story.hallmark("get", "initech/nic/1.0", "-d", out, home=home)
            self.assertRefused(refused, story.CANNOT_TELL, "does not grant this (403)")
            self.must("grant", "dc1", "initech/nic")  # in force when the command ends
            story.must("sync", "*", "-d", self.scratch / "all", home=home)
            self.assertEqual(len(list((self.scratch / "all").rglob("*.bin"))), 2)
            self.must("token", "revoke", "dc1", "1")
            for command in (("sync", "*", "-d", self.scratch / "all"), ("list",)):
                self.assertRefused(story.hallmark(*command, home=home), story.CANNOT_TELL, "401", "--token-file")
            fresh = self.must("token", "add", "dc1", "--json").json()["token"]
            story.must("trust", "policy", "globex", "--token-file", self.token_file(fresh), home=home)
            story.must("list", home=home)
            story.must("trust", "policy", "globex", "--no-token", home=home)
            self.assertEqual(list(home.rglob("token")), [])
            self.assertRefused(story.hallmark("list", home=home), story.CANNOT_TELL, "401")
            self.assertEqual(server.stop(), 0)

    def test_trial_serves_the_same_by_plain_http(self):
        token = self.customer("dc1", "acme")
        with self.serve("--user", "no-such-user", trial=True) as server:  # there are no others on trial
            home = self.trust(server, token)
            story.must("get", "acme/nic/1.0", "-d", self.scratch / "out", home=home)
            self.assertRefused(story.hallmark("get", "initech/nic/1.0", "-d", self.scratch / "out", home=home), story.CANNOT_TELL, "403")
            self.must("token", "revoke", "dc1", "1")
            self.assertEqual(server.status("/hallmark.trust", token), 401)
            self.assertEqual(server.stop(), 0)

    def test_a_token_file_that_others_may_read_is_refused(self):
        path = self.token_file("dc1.1.hm1_x")
        path.chmod(0o644)
        result = story.hallmark("trust", "add", "globex", "https://127.0.0.1:1/", "--trust", self.site / "public/hallmark.trust",
                                "--token-file", path, home=self.scratch / "home")
        self.assertStatus(result, story.NO)
        path.chmod(0o600)
        for text in ("", "two words.x\n", "one\n", "a.b\nc.d\n", "x" * 300 + ".y"):
            path.write_text(text)
            result = story.hallmark("trust", "add", "globex", "https://127.0.0.1:1/", "--trust", self.site / "public/hallmark.trust",
                                    "--token-file", path, home=self.scratch / "home")
            self.assertStatus(result, story.NO)
            self.assertFalse(text.strip() and text.strip() in result.err.split("token'")[1].replace("on one line", ""), result.err)

    def test_curl_with_basic_bearer_and_conditions(self):
        token = self.customer("dc1", "acme")
        path, image = self.path_of("acme"), (self.images / "acme.bin").read_bytes()
        for trial in (False, True):
            with self.subTest(trial=trial), self.serve(trial=trial) as server:
                for scheme in ("basic", "bearer"):
                    self.assertEqual(server.ask(path, token, scheme=scheme)[2], image)
                    self.assertEqual(server.status("/metadata/1.root.json", token, scheme=scheme), 200)
                    self.assertEqual(server.status("/metadata/999.root.json", token, scheme=scheme), 404)
                status, headers, body = server.ask(path, token, method="HEAD")
                self.assertEqual((status, headers["content-length"], body), (200, str(len(image)), b""))
                etag = headers["etag"]
                status, headers, body = server.ask(path, token, headers={"Range": "bytes=1000-1999"})
                self.assertEqual((status, headers["content-range"], body), (206, f"bytes 1000-1999/{len(image)}", image[1000:2000]))
                self.assertEqual(server.ask(path, token, headers={"Range": "bytes=-10"})[2], image[-10:])
                self.assertEqual(server.ask(path, token, headers={"Range": f"bytes={len(image)}-"})[0], 416)
                self.assertEqual(server.ask(path, token, headers={"Range": "bytes=5-", "If-Range": etag})[0], 206)
                self.assertEqual(server.ask(path, token, headers={"Range": "bytes=5-", "If-Range": '"other"'})[0], 200)
                status, headers, body = server.ask(path, token, headers={"If-None-Match": etag})
                self.assertEqual((status, body), (304, b""))
                # What may not be had may not be had in part either.
                for extra in ({"Range": "bytes=0-9"}, {"If-None-Match": "*"}, {"If-None-Match": etag}):
                    self.assertEqual(server.status(self.path_of("initech"), token, headers=extra), 403)
                    self.assertEqual(server.status(path, headers=extra), 401)
                target = [f"{server.url.rstrip('/')}{path}", "-o", str(self.scratch / "curl.bin"), "-s", "-f", "-u",
                          ":".join(token.rsplit(".", 1))] + ([] if trial else ["--cacert", server.ca])
                subprocess.run(["curl", *target], check=True, timeout=30)
                self.assertEqual((self.scratch / "curl.bin").read_bytes(), image)
                self.assertEqual(server.stop(), 0)

    def test_open_metadata_and_granted_images(self):
        token = self.customer("dc1", "acme")
        with self.serve("--open") as server:
            for path in ("/hallmark.trust", "/metadata/1.root.json", "/metadata/timestamp.json"):
                self.assertEqual(server.status(path), 200)
            self.assertEqual(server.status(self.path_of("acme")), 401)
            self.assertEqual(server.status(self.path_of("acme"), token), 200)
            self.assertIn("immutable", server.ask("/metadata/2.targets.json")[1]["cache-control"])
            self.assertEqual(server.ask("/metadata/timestamp.json")[1]["cache-control"], "no-cache")
            self.assertEqual(server.ask("/metadata/1.root.json")[1]["cache-control"], "no-cache")
            # A user name is a claim: nobody is named in the log for it.
            server.status("/hallmark.trust", token)
            self.assertEqual({line["customer"] for line in server.access() if not line["path"].startswith("/targets")}, {""})

    def test_what_dies_is_started_again_and_nobody_is_refused(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            for word, name in (("--worker", "a worker"), ("nginx", "nginx"), ("--admin-process", "the process of metrics")):
                pid = server.child(word)
                front = serving.children_of(server.child("nginx"))
                self.assertGreater(len(front), 0)
                os.kill(pid, signal.SIGKILL)
                self.assertEqual(server.event("died")["process"], name)
                self.assertEqual(server.status(self.path_of("acme"), token), 200)
                self.assertEqual(server.event("started-again")["process"], name)
                self.assertEqual(server.status("/hallmark.trust", token), 200)
                if word == "nginx":
                    self.assertEqual([p for p in front if alive(p)], [], "nginx's processes outlive it")
            metrics = server.metrics()
            self.assertEqual((metrics["hallmark_worker_restarts_total"], metrics["hallmark_front_restarts_total"],
                              metrics["hallmark_workers_up"], metrics["hallmark_front_up"]), (1, 1, 2, 1))
            self.assertEqual(server.stop(), 0)

    def test_nothing_outlives_a_killed_supervisor(self):
        with self.serve() as server:
            pids = list(server.children())
            front = server.child("nginx")
            pids += serving.children_of(front)
            server.kill()
            end = time.monotonic() + 10
            while any(alive(p) for p in pids) and time.monotonic() < end:
                time.sleep(0.05)
            self.assertEqual([p for p in pids if alive(p)], [])
        with self.serve() as server:  # and the next one has all it needs
            self.assertEqual(server.status("/hallmark.trust"), 401)

    def test_a_stop_lets_transfers_finish(self):
        token = self.customer("dc1", "acme")
        with self.serve("--bytes-per-second", "150000") as server:
            connection = server.connection()
            connection.request("GET", self.path_of("acme"), headers={"Authorization": serving.authorization(token)})
            answer = connection.getresponse()
            self.addCleanup(connection.close)
            got = answer.read(1000)
            server.process.send_signal(signal.SIGTERM)
            self.assertIsNotNone(server.event("stopping"))
            with self.assertRaises(OSError):
                for _ in range(50):  # nobody is let in any more
                    socket.create_connection(("127.0.0.1", server.port), timeout=2).close()
                    time.sleep(0.1)
            self.assertEqual(got + answer.read(), (self.images / "acme.bin").read_bytes())
            self.assertEqual(server.wait(), 0)

    def test_a_second_signal_stops_at_once(self):
        token = self.customer("dc1", "acme")
        with self.serve("--bytes-per-second", "1000") as server:
            connection = server.connection()
            connection.request("GET", self.path_of("acme"), headers={"Authorization": serving.authorization(token)})
            connection.getresponse().read(10)
            self.addCleanup(connection.close)
            begin = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            self.assertIsNotNone(server.event("stopping"))
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)
            self.assertLess(time.monotonic() - begin, 20)

    def test_reload_takes_a_new_certificate_and_refuses_a_bad_one(self):
        names = []
        for i in (1, 2):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                            "-keyout", self.scratch / f"{i}.key", "-out", self.scratch / f"{i}.pem", "-subj", f"/CN=server {i}",
                            "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        pem, key = self.scratch / "tls.pem", self.scratch / "tls.key"
        (pem.write_bytes((self.scratch / "1.pem").read_bytes()), key.write_bytes((self.scratch / "1.key").read_bytes()))

        def served():
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                with context.wrap_socket(plain) as tls:
                    return tls.getpeercert(binary_form=True)

        with self.serve("--certificate", pem, "--certificate-key", key) as server:
            names.append(served())
            pem.write_text("nonsense")
            server.process.send_signal(signal.SIGHUP)
            self.assertIn("tls.pem", server.event("reload-refused")["why"])
            self.assertEqual(served(), names[0])
            pem.write_bytes((self.scratch / "2.pem").read_bytes())  # with the key of the other one
            server.process.send_signal(signal.SIGHUP)
            self.assertIn("nginx refuses", server.event("reload-refused")["why"])
            self.assertEqual(served(), names[0])
            key.write_bytes((self.scratch / "2.key").read_bytes())
            server.process.send_signal(signal.SIGHUP)
            self.assertIsNotNone(server.event("reloaded"))
            end = time.monotonic() + 10
            while served() == names[0] and time.monotonic() < end:
                time.sleep(0.05)
            self.assertNotEqual(served(), names[0])
            self.assertEqual(server.metrics()["hallmark_reloads_total"], 1)

    def test_the_first_start_makes_a_certificate_and_tells_its_fingerprint(self):
        with self.serve() as server:
            shown = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", server.ca], capture_output=True,
                                   text=True, check=True).stdout
            self.assertEqual(shown.split("=")[1].strip().replace(":", "").lower(), server.started["certificate-sha256"])
            self.assertEqual((self.site / "private/serve/tls.key").stat().st_mode & 0o777, 0o600)
            self.assertEqual(server.stop(), 0)
        with self.serve() as server:
            self.assertEqual(server.started["certificate-sha256"], shown.split("=")[1].strip().replace(":", "").lower())

    def test_the_access_log_is_opened_anew(self):
        token = self.customer("dc1", "acme")
        log = self.site / "private/serve/access.log"
        with self.serve() as server:
            server.status(self.path_of("acme"), token)
            lines = server.access()
            last = lines[-1]
            self.assertEqual((last["customer"], last["token"], last["status"], last["bytes"], last["complete"]), ("dc1", "1", 200, 300_000, "OK"))
            self.assertNotIn("hm1_", log.read_text())
            log.rename(log.with_suffix(".1"))
            server.process.send_signal(signal.SIGUSR1)
            end = time.monotonic() + 10
            while not log.exists() and time.monotonic() < end:
                time.sleep(0.05)
            server.status("/hallmark.trust", token)
            self.assertEqual(server.access()[-1]["customer"], "dc1")

    def test_the_access_log_names_who_was_checked_however_he_asks(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            for scheme in ("basic", "bearer"):
                for path in ("/hallmark.trust", self.path_of("acme")):
                    self.assertEqual(server.status(path, token, scheme=scheme), 200)
                    self.assertEqual(server.status(path, token[:-1] + ("A" if token[-1] != "A" else "B"), scheme=scheme), 401)
            self.assertEqual(sorted((line["status"], line["customer"]) for line in server.access()), [(200, "dc1")] * 4 + [(401, "")] * 4)

    def test_an_access_log_of_a_relative_path_is_in_the_working_folder(self):
        log = self.scratch / "here.log"
        with self.serve("--access-log", os.path.relpath(log)) as server:
            server.status("/hallmark.trust")
            self.assertTrue(log.exists())
            self.assertEqual(server.stop(), 0)
        self.assertEqual(json.loads(log.read_text())["status"], 401)

    def test_monitoring(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            self.assertEqual(server.admin("/health"), (200, "ok\n"))
            server.status(self.path_of("acme"), token)
            server.status(self.path_of("initech"), token)
            server.status(self.path_of("acme"))
            metrics = server.metrics()
            self.assertEqual([metrics[f'hallmark_decisions_total{{status="{s}"}}'] for s in (200, 403, 401)], [1, 1, 1])
            self.assertGreaterEqual(metrics["hallmark_front_requests_total"], 3)
            generation = metrics["hallmark_accounts_generation"]
            self.must("grant", "dc1", "initech")
            self.assertEqual(server.metrics()["hallmark_accounts_generation"], generation + 1)
            self.assertEqual(server.admin("/nothing")[0], 404)

    def test_wrong_use_is_told_in_one_sentence(self):
        for options, status, words in (
            (("--listen", "nonsense"), story.USAGE, "no address"),
            (("--listen", "127.0.0.1:99999"), story.USAGE, "no address"),
            (("--rate", "-1"), story.USAGE, "--rate"),
            (("--workers", "0"), story.USAGE, "--workers"),
            (("--certificate", "x"), story.USAGE, "belong together"),
            (("--certificate", "/none", "--certificate-key", "/none"), story.CANNOT_TELL, "/none"),
            (("--trial", "--listen", "0.0.0.0:0"), story.USAGE, "this machine alone"),
            (("--nginx", "/no/nginx"), story.CANNOT_TELL, "install the package nginx"),
            (("--nginx", "/bin/false"), story.NO, "nginx refuses its configuration"),
            (("--user", "no-such-user"), story.USAGE, "no user"),
            (("--stop-time", "never"), story.USAGE, ""),
            (("--no-such",), story.USAGE, ""),
            (("a", "b"), story.USAGE, "one folder"),
        ):
            with self.subTest(options=options):
                folder = () if options[0] == "a" else (self.site,)
                defaults = () if "--listen" in options or "--user" in options else ("--listen", "127.0.0.1:0")
                user = () if "--user" in options else ("--user", "root")
                result = story.hallmark("serve", *folder, *options, *defaults, *user, "--run", self.run_folder)
                self.assertRefused(result, status, words)
                self.assertLessEqual(len([line for line in result.err.splitlines() if line.startswith("hallmark:")]), 1)
        self.assertStatus(story.hallmark("serve", self.scratch, "--run", self.run_folder), story.CANNOT_TELL)

    def test_a_lock_that_cannot_be_taken_is_no_other_server(self):
        lock = self.site / "private/serve/lock"
        lock.parent.mkdir(exist_ok=True)
        lock.unlink(missing_ok=True)
        lock.mkdir()
        try:
            result = story.hallmark("serve", self.site, "--listen", "127.0.0.1:0", "--user", "root", "--run", self.run_folder)
        finally:
            lock.rmdir()
        self.assertIn("serve/lock", result.err)
        self.assertNotIn("another server", result.err)

    def test_one_server_a_site_and_one_an_address(self):
        with self.serve() as server:
            again = story.hallmark("serve", self.site, "--listen", "127.0.0.1:0", "--user", "root", "--run", self.scratch / "run2")
            self.assertRefused(again, story.CANNOT_TELL, "another server serves")
        other = self.scratch / "other"
        story.must("site", "init", "--dir", other, "--name", "other", "--url", "https://x.example/", "--trial")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            result = story.hallmark("serve", other, "--listen", f"127.0.0.1:{port}", "--user", "root", "--run", self.scratch / "run2")
            self.assertRefused(result, story.CANNOT_TELL, "another program listens there")

    def customer_of_another_user(self):
        """A token, where the processes that face the network can be another user."""
        if os.geteuid() != 0:
            self.skipTest("only root can start other users' processes")
        for path in (self.cast.root, self.site, self.site / "public"):
            path.chmod(0o755)
        return self.customer("dc1", "acme")

    def test_another_user_may_put_nothing_where_root_gives_files_away(self):
        self.customer_of_another_user()
        with self.serve(user="www-data"):
            owner = pwd.getpwnam("www-data")
            for folder in (self.run_folder, *(path for path in self.run_folder.rglob("*") if path.is_dir())):
                state = folder.stat()
                if state.st_uid == owner.pw_uid:
                    # nginx's own, and nobody goes in there as root: nothing stands in it.
                    self.assertEqual((folder.parent, list(folder.iterdir())), (self.run_folder / "tmp", []))
                else:
                    self.assertEqual((state.st_uid, state.st_mode & 0o022), (0, 0), folder)

    def test_the_access_log_of_another_user_is_opened_anew(self):
        token = self.customer_of_another_user()
        log = self.site / "private/serve/access.log"
        with self.serve(user="www-data") as server:
            server.status("/hallmark.trust", token)
            self.assertEqual(len(server.access()), 1)
            log.rename(log.with_suffix(".1"))
            server.process.send_signal(signal.SIGUSR1)
            end = time.monotonic() + 20
            while not (log.exists() and log.read_text()) and time.monotonic() < end:
                self.assertEqual(server.status("/hallmark.trust", token), 200)
                time.sleep(0.2)
            self.assertEqual(server.access()[-1]["customer"], "dc1")
            self.assertEqual(server.stop(), 0)

    def test_another_user_faces_the_network(self):
        token = self.customer_of_another_user()
        with self.serve(user="www-data") as server:
            self.assertEqual(server.status(self.path_of("acme"), token), 200)
            self.assertEqual(server.status("/hallmark.trust", token), 200)
            for word in ("--worker", "--admin-process"):
                status = Path(f"/proc/{server.child(word)}/status").read_text()
                self.assertNotIn("0", re.search(r"^Uid:\s+(.*)", status, re.M)[1].split())
                self.assertEqual(re.search(r"^CapEff:\s+(\w+)", status, re.M)[1], "0" * 16)
                self.assertEqual(re.search(r"^NoNewPrivs:\s+(\d)", status, re.M)[1], "1")
                self.assertEqual(re.search(r"^Groups:[ \t]*(.*)$", status, re.M)[1].strip(), "")
                limits = Path(f"/proc/{server.child(word)}/limits").read_text()
                self.assertRegex(limits, r"Max file size\s+0\s+0")
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
