# SPDX-License-Identifier: Apache-2.0
"""hallmark serve and deliveries: statements made without Hallmark's code, each refusal of the contract, and what dies under load."""
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import receiver  # noqa: E402
import serving  # noqa: E402
import story  # noqa: E402

OTHER = receiver.digest("other bytes")


class Deliveries(serving.Case):
    log = True

    def setUp(self):
        super().setUp()
        for folder in ("private/deliveries", "public/deliveries", "private/serve/transfers"):
            shutil.rmtree(self.site / folder, ignore_errors=True)
        root = json.loads(max((self.site / "public/metadata").glob("*.root.json"), key=lambda p: int(p.name.split(".")[0])).read_text())
        self.vkey = root["signed"]["x-hallmark"]["deliveries"]["key"]
        self.nic = receiver.Release(self.site, "acme")
        self.other = receiver.Release(self.site, "initech")

    def client(self, server, token):
        client = receiver.Client(server, token)
        self.addCleanup(client.close)
        return client

    def database(self):
        return sqlite3.connect(f"file:{self.site}/private/deliveries/deliveries.db?mode=ro", uri=True)

    def wait_for(self, what, seconds=15):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            time.sleep(0.1)
        return what()

    def states(self, server):
        return {re.search(r'state="(.*)"', name)[1]: value for name, value in server.metrics().items() if name.startswith("hallmark_deliveries{")}

    # --- the happy path ---

    def test_a_delivery_is_signed_by_both_sides_and_counted(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            self.assertEqual(server.started["deliveries"], "recorded")
            client, key = self.client(server, token), receiver.Key("dc1")
            note = client.enrol(key)
            self.assertTrue(receiver.is_signed(note, key.vkey) and receiver.is_signed(note, self.vkey))
            request, offer, ack, receipt = client.deliver(key, self.nic)
            self.assertTrue(receiver.is_signed(offer, self.vkey) and receiver.is_signed(receipt, self.vkey))
            kind, offered = receiver.read(offer)
            self.assertEqual((kind, offered["request"], offered["image"]), ("offer", receiver.hash_of(request), f"{self.nic.image} {self.nic.length}"))
            kind, kept = receiver.read(receipt)
            self.assertEqual((kind, kept["offer"], kept["answer"]), ("receipt", receiver.hash_of(offer), receiver.hash_of(ack)))
            self.assertEqual(kept["written"], str(self.nic.length))  # as nginx says it, by then
            status, head = client.head(key.name)
            self.assertEqual((status, receiver.read(head)[1]["event"]), (200, f"1 2 {receiver.hash_of(ack)}"))
            self.assertTrue(receiver.is_signed(head, self.vkey))
            self.assertEqual(self.wait_for(lambda: self.states(server)["acknowledged"]), 1)
            self.assertEqual(self.states(server)["served-unsigned"], 0)
            line = next(line for line in server.access() if line["path"] == self.nic.url)
            self.assertEqual((line["delivery"], line["customer"]), (receiver.hash_of(offer), "dc1"))
            self.assertEqual(server.admin("/health"), (200, "ok\n"))
            self.assertEqual(server.stop(), 0)

    def test_a_rejection_is_receipted_and_its_bytes_are_counted(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            client, key = self.client(server, token), receiver.Key("dc1")
            client.enrol(key)
            _, offer = client.offer(key, self.nic)
            client.fetch(self.nic, offer, {"Range": "bytes=0-999"})
            client.fetch(self.nic, offer, {"Range": "bytes=1000-1999"})
            reject = key.take(key.reject(offer, "digest", f"{OTHER} 2000"))
            status, receipt = client.post("answer", reject)
            self.assertEqual(status, 200, receipt)
            self.assertEqual(receiver.read(receipt)[1]["written"], "2000")
            self.assertEqual(self.wait_for(lambda: self.states(server)["rejected"]), 1)

    def test_the_same_again_has_the_same_answer(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            client, key = self.client(server, token), receiver.Key("dc1")
            note = key.key_note()
            self.assertEqual(client.post("key", note), client.post("key", note))
            request = key.take(key.request(self.nic))
            first = client.post("request", request)
            self.assertEqual((first[0], first), (200, client.post("request", request)))
            ack = key.take(key.ack(first[1]))
            receipt = client.post("answer", ack)
            self.assertEqual((receipt[0], receipt), (200, client.post("answer", ack)))
            self.assertEqual(first, client.post("request", request))
            os.kill(server.child("--deliver"), signal.SIGKILL)  # and after it died
            self.assertEqual(server.event("started-again")["process"], "the process of deliveries")
            self.assertEqual(receipt, client.post("answer", ack))
            self.assertEqual(self.wait_for(lambda: self.states(server)["acknowledged"]), 1)

    def test_trial_takes_statements_too(self):
        token = self.customer("dc1", "acme")
        with self.serve(trial=True) as server:
            client, key = self.client(server, token), receiver.Key("dc1")
            client.enrol(key)
            receipt = client.deliver(key, self.nic)[3]
            self.assertTrue(receiver.is_signed(receipt, self.vkey))
            self.assertEqual(self.client(server, None).post("key", key.key_note())[0], 401)
            self.assertEqual(server.stop(), 0)

    # --- refusals ---

    def test_who_is_not_known_gets_no_further(self):
        token = self.customer("dc1", "acme")
        self.customer("dc2", "acme")
        with self.serve() as server:
            key = receiver.Key("dc1")
            for bad in (None, token[:-1] + ("A" if token[-1] != "A" else "B")):
                client = self.client(server, bad)
                for status, _, text in (client.ask("POST", "/delivery/key", key.key_note()), client.ask("GET", "/delivery/head?client=x"),
                                        client.ask("POST", "/delivery/request", "x"), client.ask("GET", "/delivery/proof/" + OTHER)):
                    self.assertEqual((status, text), (401, "a token that counts is needed\n"))
            # Nor does a header make somebody known, or somebody else.
            client = self.client(server, token)
            for name in ("X-Hallmark-Customer", "x-hallmark-customer", "X-Hallmark-Token"):
                status, _, text = client.ask("POST", "/delivery/key", receiver.Key("dc2").key_note(), {name: "dc2"})
                self.assertEqual(status, 403, text)
                self.assertEqual(self.client(server, None).ask("POST", "/delivery/key", key.key_note(), {name: "dc1"})[0], 401)
            self.must("token", "revoke", "dc1", "1")
            self.assertEqual(client.post("key", key.key_note())[0], 401)

    def test_keys_that_are_not_taken(self):
        token, other = self.customer("dc1", "acme"), self.customer("dc2", "acme")
        with self.serve() as server:
            client, key = self.client(server, token), receiver.Key("dc1")
            self.assertEqual(client.post("key", receiver.Key("dc2").key_note())[0], 403)  # another account's
            self.assertEqual(client.post("key", key.key_note(site="other"))[0], 400)
            self.assertEqual(client.post("key", key.sign(receiver.statement("key", site="globex")))[0], 400)
            self.assertEqual(client.post("key", receiver.Key("dc1", name=key.name).sign(receiver.text_of(key.key_note())))[0], 400)  # not its own
            client.enrol(key)
            taken = receiver.Key("dc1", name=key.name)
            self.assertIn(client.post("key", taken.key_note())[0], (400, 409))  # a name has its key's hash
            self.assertEqual(self.client(server, other).head(key.name)[0], 404)
            self.assertEqual(client.head("dc1/nobody-01234567")[0], 404)

    def test_requests_that_are_not_taken(self):
        token, other = self.customer("dc1", "acme"), self.customer("dc2", "acme")
        with self.serve() as server:
            client, key = self.client(server, token), receiver.Key("dc1")
            status, text = client.post("request", key.request(self.nic))
            self.assertEqual((status, text[:11]), (401, "unknown key"))
            client.enrol(key)
            # Another customer cannot speak with this key, nor this one with a forged signature.
            self.assertEqual(self.client(server, other).post("request", key.request(self.nic))[0], 403)
            forged = receiver.Key("dc1", name=key.name)
            self.assertEqual(client.post("request", forged.request(self.nic))[0], 400)
            self.assertEqual(client.post("request", key.request(self.nic, site="other"))[0], 400)
            self.assertEqual(client.post("request", key.take(key.request(self.nic, account="dc2")))[0], 403)
            for body in ("", "x", "\n\n", "hallmark/delivery-request v1\n\n", key.request(self.nic)[:-20], key.request(self.nic) + "x", "\0" * 100,
                         b"\xff" * 50, key.key_note()):
                self.assertEqual(client.post("request", body)[0], 400, body)
            # In their order, and refused for what they ask: the place is taken all the same.
            refused = key.take(key.request(self.other))
            self.assertEqual(client.post("request", refused)[0], 403)
            self.assertEqual(client.post("request", refused)[0], 403)
            for changes in ({"entry": f"{self.nic.index} {OTHER}"}, {"entry": f"{self.nic.index + 1} {self.nic.entry.split()[1]}"},
                            {"path": "acme/nic/1.0/none.bin"}, {"path": "acme/nic/9.9/acme.bin"}, {"image": f"{OTHER} {self.nic.length}"},
                            {"image": f"{self.nic.image} 1"}):
                status, text = client.post("request", key.take(key.request(self.nic, **changes)))
                self.assertEqual((status, text.count("\n")), (404, 1), (changes, text))
            client.deliver(key, self.nic)
            self.assertEqual(self.client(server, token).ask("POST", "/delivery/request", "x" * 16385)[0], 413)

    def test_order_gaps_and_forks(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            client, key = self.client(server, token), receiver.Key("dc1")
            client.enrol(key)
            request, offer = client.offer(key, self.nic)

            def refused(what, note):
                status, head = client.post(what, note)
                self.assertEqual((status, receiver.read(head)[0]), (409, "head"), head)
                self.assertTrue(receiver.is_signed(head, self.vkey))
                self.assertEqual(receiver.read(head)[1]["event"], f"1 {key.counter} {key.last}")

            refused("request", key.request(self.nic, event=f"1 1 {receiver.ZERO}"))  # a fork
            refused("request", key.request(self.nic, event=f"1 3 {key.last}"))  # a gap
            refused("request", key.request(self.nic, event=f"1 2 {OTHER}"))  # another past
            refused("request", key.request(self.nic, event=f"3 1 {key.last}"))  # an epoch is left out
            refused("request", key.request(self.nic, event=f"2 1 {OTHER}"))  # a new epoch that forgets
            refused("request", key.request(self.nic, event=f"2 2 {key.last}"))
            refused("answer", key.ack(offer, event=f"1 3 {key.last}"))
            # A client that lost its state goes on from the head.
            key.epoch, key.counter = 2, 0
            ack = key.take(key.ack(offer))
            self.assertEqual(client.post("answer", ack)[0], 200)
            self.assertEqual(receiver.read(client.head(key.name)[1])[1]["event"], f"2 1 {receiver.hash_of(ack)}")
            self.assertEqual(client.post("request", request), (200, offer))  # what was answered stays so

    def test_answers_that_are_not_taken(self):
        token, other_token = self.customer("dc1", "acme"), self.customer("dc2", "acme")
        with self.serve() as server:
            client, key = self.client(server, token), receiver.Key("dc1")
            other, other_key = self.client(server, other_token), receiver.Key("dc2")
            client.enrol(key)
            other.enrol(other_key)
            _, offer = client.offer(key, self.nic)
            _, others = other.offer(other_key, self.nic)
            self.assertEqual(client.post("answer", key.take(key.ack(others)))[0], 404)  # another customer's offer
            self.assertEqual(client.post("answer", key.take(key.ack(offer, offer=OTHER)))[0], 404)
            self.assertNotEqual(client.post("answer", key.take(key.ack(offer, image=f"{OTHER} 5")))[0], 200)
            self.assertNotEqual(client.post("answer", key.take(key.reject(offer, "digest", f"{self.nic.image} {self.nic.length}")))[0], 200)
            self.assertEqual(client.post("answer", key.take(key.ack(offer, time=receiver.when(86400 * 2))))[0], 410)  # after its end
            status, receipt = client.post("answer", key.take(key.ack(offer)))
            self.assertEqual(status, 200, receipt)
            self.assertNotEqual(client.post("answer", key.take(key.ack(offer)))[0], 200)  # it has its answer
            # Proofs are of one's own statements.
            self.assertEqual(other.proof(receiver.hash_of(offer))[0], 404)
            status, headers, _ = client.proof(receiver.hash_of(offer))
            self.assertTrue(status == 200 or (status == 404 and int(headers["retry-after"]) > 0))
            self.assertNotIn("retry-after", other.proof(receiver.hash_of(offer))[1])

    def test_methods_and_paths(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            client = self.client(server, token)
            for method, path, statuses in (("GET", "/delivery/key", (405,)), ("PUT", "/delivery/key", (405,)), ("DELETE", "/delivery/request", (405,)),
                                           ("POST", "/delivery/head", (405,)), ("POST", "/metadata/1.root.json", (405,)), ("POST", "/delivery/", (405,)),
                                           ("GET", "/delivery/", (404,)), ("GET", "/delivery", (404,)), ("GET", "/delivery/../private/keys/delivery.pem", (404,)),
                                           ("GET", "/delivery/%2e%2e/x", (404,)), ("GET", "/delivery/proof/" + "g" * 64, (404,)), ("GET", "/delivery/head", (400,)),
                                           ("GET", "/delivery/head?client=" + "a" * 5000, (400, 414)), ("GET", "/delivery/head?client=%00", (400,)),
                                           ("GET", "/delivery/head?client=a&client=b", (400,)), ("GET", "/deliveries/../private/format", (404,))):
                status, _, text = client.ask(method, path, "x" if method in ("POST", "PUT") else None)
                self.assertIn(status, statuses, (method, path, text))
            for head in (b"POST /delivery/key HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                         b"POST /delivery/key HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                         b"POST /delivery/key HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                         b"POST /delivery/key HTTP/9.9\r\n\r\n", b"\x16\x03\x01" * 100):
                self.assertNotIn(b" 200 ", receiver.raw(server, head)[:20], head)
            self.assertEqual(server.status("/hallmark.trust", token), 200)

    def test_a_site_without_deliveries_says_so(self):
        other = self.scratch / "other"
        story.must("site", "init", "--dir", other, "--name", "other", "--url", "https://x.example/", "--trial", "--no-log")
        token = None
        for trial in (False, True):
            with serving.Process(other, run=self.run_folder, trial=trial) as server:
                self.assertEqual(server.started["deliveries"], "none")
                status, _, text = self.client(server, token).ask("POST", "/delivery/request", "x")
                self.assertEqual((status, text), (404, "this site records no deliveries\n"))
                if not trial:
                    self.assertNotIn("--deliver", " ".join(server.children().values()))
                    self.assertFalse([name for name in server.metrics() if "deliver" in name])
                self.assertEqual(server.stop(), 0)

    # --- what was transferred without a statement ---

    def test_transfers_without_a_statement_are_recorded_as_what_they_are(self):
        token, other_token = self.customer("dc1", "acme"), self.customer("dc2", "acme")
        with self.serve("--bytes-per-second", "150000") as server:
            client, other = self.client(server, token), self.client(server, other_token)
            key = receiver.Key("dc1")
            client.enrol(key)
            _, offer = client.offer(key, self.nic)
            other.fetch(self.nic, offer)  # not his offer
            client.fetch(self.nic, headers={"Hallmark-Delivery": "x" * 64, "User-Agent": "\u00ff\"\\"})
            client.fetch(self.nic, headers={"Range": "bytes=5-9"})
            connection = server.connection()  # cut short
            connection.request("GET", self.nic.url, headers={"Authorization": serving.authorization(token)})
            connection.getresponse().read(1000)
            connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()
            self.assertEqual(client.ask("HEAD", self.nic.url)[0], 200)  # no transfer
            self.assertEqual(client.ask("GET", self.other.url)[0], 403)
            self.assertEqual(self.wait_for(lambda: self.states(server)["served-unsigned"] == 4 and 4, 20), 4)
            status, receipt = client.post("answer", key.take(key.reject(offer, "broken", f"{receiver.digest('')} 0")))
            self.assertEqual((status, receiver.read(receipt)[1]["written"]), (200, "0"))
            self.assertEqual(server.metrics()["hallmark_deliveries_unread_total"], 0)

    def test_the_collector_counts_each_transfer_once(self):
        token = self.customer("dc1", "acme")
        log = self.site / "private/serve/transfers/transfers.log"
        with self.serve() as server:
            client = self.client(server, token)

            def fetched(count):
                return self.wait_for(lambda: self.states(server)["served-unsigned"] == count and count)

            client.fetch(self.nic)
            self.assertEqual(fetched(1), 1)
            os.kill(server.child("--collector"), signal.SIGKILL)
            client.fetch(self.nic)
            self.assertEqual(fetched(2), 2)
            log.rename(log.with_name("transfers.log.1"))  # moved away while it is written
            client.fetch(self.nic)
            server.process.send_signal(signal.SIGUSR1)
            self.assertTrue(self.wait_for(log.exists))
            client.fetch(self.nic)
            self.assertEqual(fetched(4), 4)
            for word in ("--collector", "--deliver"):
                os.kill(server.child(word), signal.SIGKILL)
            client.fetch(self.nic)
            self.assertEqual(fetched(5), 5)
            with log.open("a") as out:  # torn, and by nobody of ours
                out.write("nonsense\n")
            client.fetch(self.nic)
            self.assertEqual(fetched(6), 6)
            self.assertEqual(self.wait_for(lambda: server.metrics()["hallmark_deliveries_unread_total"]), 1)
            self.assertEqual(server.metrics()["hallmark_deliveries_gaps"], 0)
            self.assertEqual(server.stop(), 0)
        with self.serve() as server:  # and after a stop
            self.client(server, token).fetch(self.nic)
            self.assertEqual(self.wait_for(lambda: self.states(server)["served-unsigned"] == 7 and 7), 7)
            server.stop()
        log.unlink()
        log.with_name("transfers.log.1").unlink()
        with self.serve() as server:  # what cannot be seen any more is told
            self.assertEqual(self.wait_for(lambda: server.metrics()["hallmark_deliveries_gaps"]), 1)
            self.assertEqual(self.wait_for(lambda: self.states(server)["served-unsigned"] == 7 and 7), 7)

    def test_a_receipt_without_the_collector_says_less_and_not_more(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            client, key = self.client(server, token), receiver.Key("dc1")
            client.enrol(key)
            os.kill(server.child("--collector"), signal.SIGSTOP)
            try:
                receipt = client.deliver(key, self.nic)[3]
            finally:
                os.kill(server.child("--collector"), signal.SIGCONT)
            self.assertEqual(receiver.read(receipt)[1]["written"], "0")
            self.assertEqual(self.wait_for(lambda: server.metrics()["hallmark_deliveries_silences_total"]), 1)
            self.assertEqual(receiver.read(client.deliver(key, self.nic)[3])[1]["written"], str(self.nic.length))

    # --- faults ---

    def test_kill_under_load_loses_nothing_that_was_acknowledged(self):
        token = self.customer("dc1", "acme")
        kept, lock, ended = [], threading.Lock(), threading.Event()

        def deliver(server, number):
            client, key = receiver.Client(server, token), receiver.Key("dc1", f"host{number}")
            note = None
            while not ended.is_set():
                try:
                    if note is None:
                        note = client.enrol(key)
                    request = key.request(self.nic)
                    status, offer = self.until(client, "request", request, ended)
                    if status != 200:
                        break
                    key.take(request)
                    ack = key.ack(offer)
                    status, receipt = self.until(client, "answer", ack, ended)
                    if status != 200:
                        break
                    key.take(ack)
                    with lock:
                        kept.append((request, offer, ack, receipt))
                except (AssertionError, OSError):
                    continue
            client.close()

        with self.serve() as server:
            threads = [threading.Thread(target=deliver, args=(server, i)) for i in range(6)]
            for thread in threads:
                thread.start()
            for word in ("--deliver", "--collector", "--worker", "nginx", "--deliver"):
                time.sleep(0.7)
                os.kill(server.child(word), signal.SIGKILL)
                self.assertIsNotNone(server.event("started-again"))
            time.sleep(0.7)
            ended.set()
            for thread in threads:
                thread.join(30)
            client = self.client(server, token)
            self.assertGreater(len(kept), 20)
            for request, offer, ack, receipt in kept:  # each has the same answer still
                self.assertEqual(client.post("request", request), (200, offer))
                self.assertEqual(client.post("answer", ack), (200, receipt))
            # No delivery was invented: those in the ledger are those, and at most one more for each key whose answer was lost.
            count = self.wait_for(lambda: self.states(server)["acknowledged"] >= len(kept) and self.states(server)["acknowledged"])
            self.assertLessEqual(count, len(kept) + 6)
            self.assertEqual(server.stop(), 0)

    def until(self, client, what, note, ended):
        """The answer to a statement, asked again until it is one."""
        while True:
            try:
                status, text = client.post(what, note)
            except OSError:
                status, text = 503, ""
            if status not in (502, 503) or ended.is_set():
                return status, text
            time.sleep(0.05)

    def test_a_locked_database_is_busy_and_nothing_is_acknowledged(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            client, key = self.client(server, token), receiver.Key("dc1")
            client.enrol(key)
            request, offer = client.offer(key, self.nic)
            other = sqlite3.connect(self.site / "private/deliveries/deliveries.db", isolation_level=None, timeout=5)
            self.addCleanup(other.close)
            other.execute("BEGIN IMMEDIATE")
            ack = key.take(key.ack(offer))
            status, headers, text = client.ask("POST", "/delivery/answer", ack)
            self.assertEqual((status, text), (503, "deliveries cannot be recorded now\n"))
            self.assertGreater(int(headers["retry-after"]), 0)
            other.execute("ROLLBACK")
            self.assertEqual(client.post("answer", ack)[0], 200)
            self.assertEqual(self.wait_for(lambda: server.metrics()["hallmark_deliveries_failures_total"]), 1)

    def test_slow_and_half_closed_connections_hold_up_nobody(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            client, key = self.client(server, token), receiver.Key("dc1")
            client.enrol(key)
            body = key.request(self.nic).encode()
            head = (f"POST /delivery/request HTTP/1.1\r\nHost: x\r\nAuthorization: {serving.authorization(token)}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n").encode()
            held = []
            for part in (head[:30], head, head + body[:20]):
                connection = server.connection()
                connection.connect()
                connection.sock.sendall(part)
                held.append(connection)
            gone = server.connection()  # asks, and goes without waiting
            gone.connect()
            gone.sock.sendall(head + body)
            gone.sock.close()
            begin = time.monotonic()
            # What was asked may have been taken, and then has its answer.
            self.assertEqual(client.post("request", body.decode())[0], 200)
            self.assertLess(time.monotonic() - begin, 5)
            for connection in held:
                connection.close()

    def test_a_stop_ends_what_was_taken(self):
        token = self.customer("dc1", "acme")
        answers = []
        with self.serve() as server:
            clients = [(self.client(server, token), receiver.Key("dc1", f"h{i}")) for i in range(4)]
            for client, key in clients:
                client.enrol(key)

            def ask(client, key):
                try:
                    answers.append((key, *client.post("request", key.request(self.nic))))
                except OSError:
                    answers.append((key, 0, ""))

            threads = [threading.Thread(target=ask, args=pair) for pair in clients]
            for thread in threads:
                thread.start()
            self.assertEqual(server.stop(), 0)
            for thread in threads:
                thread.join(20)
        self.assertEqual(len(answers), 4)
        for _, status, text in answers:
            self.assertIn(status, (200, 0), text)

    def test_the_process_of_deliveries_can_do_no_more(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            self.assertEqual(self.client(server, token).head("dc1/none-01234567")[0], 404)  # by now it has what it needs
            pid = server.child("--deliver")
            status = Path(f"/proc/{pid}/status").read_text()
            self.assertEqual(re.search(r"^NoNewPrivs:\s+(\d)", status, re.M)[1], "1")
            sockets = subprocess.run(["ls", "-l", f"/proc/{pid}/fd"], capture_output=True, text=True, check=True).stdout
            self.assertNotIn("accounts.db", sockets)
            others = [p for p, command in server.children().items() if "--worker" in command or "--collector" in command or "--admin" in command]
            for other in others:
                self.assertNotIn("deliveries", subprocess.run(["ls", "-l", f"/proc/{other}/fd"], capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
