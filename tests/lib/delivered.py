# SPDX-License-Identifier: Apache-2.0
"""Deliveries made without Hallmark's code, and what is asked of a judge about them."""
import importlib.util
import io
import json
import tarfile

import story

spec = importlib.util.spec_from_file_location("make_judge", story.SOURCE / "tests" / "vectors" / "make-judge.py")
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)

VECTORS = json.loads((story.SOURCE / "tests" / "vectors" / "judge.json").read_text())


def suffix(text):
    return "delivery" if text.startswith("hallmark/delivery-file") else "evidence" if text.startswith("hallmark/evidence") else "note"


def tar(*members, **options):
    """A plain ustar of (name, bytes), as any program writes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            for option, value in options.items():
                setattr(info, option, value)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def members(raw):
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        return [(member.name, archive.extractfile(member).read()) for member in archive]


class Case(story.Case):
    """A court with a trust file and a folder of files."""

    def setUp(self):
        super().setUp()
        root = json.loads(VECTORS["trusted"])
        self.trust = self.scratch / "site.trust"
        self.trust.write_text(json.dumps({"schema": "hallmark/trust/1", "site": root["signed"]["x-hallmark"]["site"], "root": root}))

    def put(self, *texts):
        paths = []
        for text in texts:
            path = self.scratch / f"{len(list(self.scratch.iterdir()))}.{suffix(text)}"
            path.write_text(text)
            paths.append(path)
        return paths

    def judge(self, files, *options, customer=made.ACCOUNT, release="acme/nic/2.4", command="judge"):
        about = ("--release", release) if release else ()
        return story.hallmark(command, "--customer", customer, *about, "--trust", self.trust, "--json", *options, *files, home=self.scratch / "home")

    def assertFinds(self, files, finding, verdict, *words, options=(), **about):
        result = self.judge(files, *options, **about)
        self.assertStatus(result, {"proved": story.GOOD, "refuted": story.NO, "cannot tell": story.CANNOT_TELL}[verdict])
        answer = json.loads(result.out)
        self.assertEqual((answer["finding"], answer["verdict"]), (finding, verdict), result.out)
        said = answer["text"] + "\n" + "\n".join(step["text"] for step in answer["steps"])
        for word in words:
            self.assertIn(word, said)
        return answer
