# SPDX-License-Identifier: Apache-2.0
"""The server asked by its own document, docs/openapi.json: values of each parameter's form and of none, and every answer is one that it names."""
import json
import random
import re
import string
import sys
import unittest
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import receiver  # noqa: E402
import serving  # noqa: E402

DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "docs/openapi.json").read_text())
ROUNDS = 40  # of each operation
SEED = 20261124


def members(spec):
    """Characters of a class such as [a-z0-9._-]."""
    found, i = "", 0
    while i < len(spec):
        if i + 2 < len(spec) and spec[i + 1] == "-":
            found += "".join(map(chr, range(ord(spec[i]), ord(spec[i + 2]) + 1)))
            i += 3
        else:
            found += spec[i]
            i += 1
    return found


def example(pattern, rng):
    """A text of a pattern: classes, groups with alternatives, ?, + and {m,n}, which is all that the document uses."""
    pattern = pattern.removeprefix("^").removesuffix("$")

    def split(text):
        parts, depth, begin, klass = [], 0, 0, False
        for i, c in enumerate(text):
            if c == "[" and text[i - 1:i] != "\\":
                klass = True
            elif c == "]":
                klass = False
            elif c == "(" and not klass:
                depth += 1
            elif c == ")" and not klass:
                depth -= 1
            elif c == "|" and not depth and not klass:
                parts.append(text[begin:i])
                begin = i + 1
        return parts + [text[begin:]]

    alternatives = split(pattern)
    if len(alternatives) > 1:
        return example(rng.choice(alternatives), rng)
    out, i = "", 0
    while i < len(pattern):
        if pattern[i] == "[":
            end = pattern.index("]", i)
            chars = members(pattern[i + 1:end])
            one, i = (lambda chars=chars: rng.choice(chars)), end + 1
        elif pattern[i] == "(":
            depth, end = 1, i + 1
            while depth:
                depth += {"(": 1, ")": -1}.get(pattern[end], 0)
                end += 1
            inner = pattern[i + 1:end - 1]
            one, i = (lambda inner=inner: example(inner, rng)), end
        elif pattern[i] == "\\":
            one, i = (lambda c=pattern[i + 1]: c), i + 2
        else:
            one, i = (lambda c=pattern[i]: c), i + 1
        count = 1
        if i < len(pattern) and pattern[i] in "?+":
            count, i = rng.randint(0, 1) if pattern[i] == "?" else rng.randint(1, 4), i + 1
        elif i < len(pattern) and pattern[i] == "{":
            end = pattern.index("}", i)
            low, _, high = pattern[i + 1:end].partition(",")
            count, i = rng.randint(int(low), min(int(high or low), int(low) + 40)), end + 1
        out += "".join(one() for _ in range(count))
    return out


def noise(rng):
    kind = rng.randrange(7)
    if kind == 0:
        return ""
    if kind == 1:
        return "".join(rng.choice(string.printable) for _ in range(rng.randrange(1, 60)))
    if kind == 2:
        return rng.choice(["..", ".", "../../private/format", "%2e%2e", "a/../b", "\0", "\r\n", "'", '"', "{}", "$uri", "-1", "~", "a" * 3000])
    if kind == 3:
        return "".join(chr(rng.randrange(0x80, 0x2000)) for _ in range(rng.randrange(1, 20)))
    return "".join(rng.choice(string.ascii_lowercase + string.digits + "./%-") for _ in range(rng.randrange(1, 80)))


class Api(serving.Case):
    log = True

    def value(self, schema, rng, is_good):
        if not is_good:
            return noise(rng)
        if "pattern" in schema:
            return example(schema["pattern"], rng)
        return "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randrange(1, 30)))

    def known(self, path):
        """Values that name something that is there."""
        release = self.release
        maker, product, version, _ = release.path.split("/")
        names = {"maker": maker, "product": product, "version": version, "file": release.file.name, "hash": receiver.hash_of(self.offer),
                 "client": self.key.name}
        if path.startswith("/metadata"):
            names["name"] = rng_choice(self.rng, [p.name for p in (self.site / "public/metadata").glob("*.json")])
        elif path.startswith(("/log/", "/deliveries/")):
            names["name"] = "checkpoint"
        elif path.startswith("/proofs"):
            names["name"] = "latest.tlog-proof"
        elif path.startswith("/makers"):
            names["name"] = "1.identity"
        return names

    def body(self, what):
        """Statements that are good, in part, or none."""
        kind = self.rng.randrange(6)
        good = {"key": self.key.key_note(), "request": self.key.request(self.release), "answer": self.key.ack(self.offer)}[what]
        if kind == 0:
            self.key.take(good) if what != "key" else None
            return good
        if kind == 1:
            at = self.rng.randrange(len(good))
            return good[:at] + chr(self.rng.randrange(1, 0x250)) + good[at + 1:]
        if kind == 2:
            return good[:self.rng.randrange(len(good))]
        if kind == 3:
            return self.key.sign("".join(self.rng.sample(receiver.text_of(good).splitlines(True), self.rng.randrange(1, 6))))
        if kind == 4:
            return noise(self.rng)
        return "x" * self.rng.choice([0, 1, 16383, 16384, 16385, 40000])

    def ask_once(self, client, path, method, operation, number):
        is_good = number % 3 != 0
        known = self.known(path)
        target, query, headers = path, {}, {}
        for parameter in operation.get("parameters", []):
            name, where = parameter["name"], parameter["in"]
            value = known[name] if number % 3 == 1 and name in known else self.value(parameter["schema"], self.rng, is_good)
            if where == "path":
                target = target.replace("{" + name + "}", urllib.parse.quote(value, safe="/" if is_good else "/%."))
            elif where == "query":
                query[name] = value
            elif self.rng.randrange(3) == 0:
                headers[name] = value.encode("latin-1", "replace").decode("latin-1").translate({c: "" for c in range(32)})
        if query:
            target += "?" + urllib.parse.urlencode(query)
        body = self.body(path.rpartition("/")[2]) if "requestBody" in operation else None
        status, answer_headers, text = client.ask(method.upper(), target, body, headers)
        where = f"{method} {target[:200]!r} {headers} {str(body)[:80]!r}: {status} {text[:200]!r}"
        # A path that means another one is answered as that one, or as nothing.
        self.assertIn(str(status), operation["responses"] if is_good else {**operation["responses"], "404": 1, "400": 1, "403": 1, "301": 1}, where)
        if status >= 400 and method != "head" and status not in (400, 412, 414, 416, 405) and status != 409:
            self.assertEqual(text.count("\n"), 1, where)
        self.assertNotIn("<html", text if status in (401, 403, 404, 409, 410, 413, 429, 503) else "", where)
        return status

    def test_every_answer_is_one_that_the_document_names(self):
        token = self.customer("dc1", "acme")
        self.rng = random.Random(SEED)
        seen = {}
        with self.serve() as server:
            client, self.key = receiver.Client(server, token), receiver.Key("dc1")
            nobody = receiver.Client(server, None)
            self.release = receiver.Release(self.site, "acme")
            client.enrol(self.key)
            _, self.offer = client.offer(self.key, self.release)
            for path, methods in DOCUMENT["paths"].items():
                for method, operation in methods.items():
                    for number in range(ROUNDS):
                        status = self.ask_once(client, path, method, operation, number)
                        seen.setdefault((method, path), set()).add(status)
                    status, _, _ = nobody.ask(method.upper(), re.sub(r"{.*?}", "x", path), "x" if "requestBody" in operation else None)
                    self.assertIn(status, (401, 404), path)
            # It was more than refusals: what is there was had.
            for method, path in (("get", "/hallmark.trust"), ("get", "/metadata/{name}"), ("get", "/log/{name}"), ("post", "/delivery/key"),
                                 ("get", "/targets/{maker}/{product}/{version}/{file}"), ("get", "/delivery/head"), ("post", "/delivery/request")):
                self.assertIn(200, seen[(method, path)], (method, path, seen[(method, path)]))
            # And after all of it everything still runs, and answers.
            self.assertEqual(server.admin("/health"), (200, "ok\n"))
            metrics = server.metrics()
            self.assertEqual([value for name, value in metrics.items() if name.endswith("restarts_total")], [0] * 4)
            self.assertEqual(metrics['hallmark_deliveries_answers_total{status="500"}'], 0)
            client.close()
            nobody.close()
            self.assertEqual(server.stop(), 0)

    def test_methods_that_the_document_does_not_name_are_refused(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            client = receiver.Client(server, token)
            for path, methods in DOCUMENT["paths"].items():
                for method in ("post", "put", "delete", "patch", "options", "trace", "propfind"):
                    if method not in methods:
                        status, _, _ = client.ask(method.upper(), re.sub(r"{.*?}", "x", path), "x" if method in ("post", "put", "patch") else None)
                        self.assertIn(status, (405, 404), (method, path))
            client.close()


def rng_choice(rng, values):
    return rng.choice(sorted(values))


if __name__ == "__main__":
    unittest.main(verbosity=2)
