# SPDX-License-Identifier: Apache-2.0
"""Do --help, the manuals and the completions say the same? Every command, every option, every exit code."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "completions"))
import story  # noqa: E402

make_completions = __import__("make-completions")

MAN = story.SOURCE / "man"
COMPLETIONS = story.SOURCE / "completions"
LONG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
SHORT = re.compile(r"(?<![\w-])-[a-z](?![\w-])")


def help_text(command):
    result = story.hallmark(*command.split(), "--help")
    if result.status != 0:
        raise AssertionError(f"hallmark {command} --help: exit {result.status}\n{result.err}")
    return result.out


def subcommands(command):
    """Those that a group's --help lists; none for a command that takes options itself."""
    text = help_text(command)
    if not re.search(r"^usage: hallmark.* COMMAND \[OPTION", text):
        return []
    return [word for word in re.findall(r"^  (\S+) ", text, re.M) if not word.startswith("-")]


def leaf_commands():
    """Every command that does something, such as "list" and "site init"."""
    found = []
    for name in subcommands(""):
        below = subcommands(name)
        found += [f"{name} {word}" for word in below] or [name]
    return found


def help_options(command):
    text = re.sub(r"'hallmark [^']*'", "", help_text(command))
    return set(LONG.findall(text)) | set(SHORT.findall(text)) | {"--help"}  # a group's help says so, for all below it


def page_of(name):
    return (MAN / f"hallmark-{name}.1").read_text()


def page_options(text):
    text = re.sub(r'^\.\\".*$', "", text, flags=re.M)
    # --output is -o in full.
    return {f"-{word}" for word in re.findall(r"\bFl (-?[a-z][a-z-]*)", text)} - {"--output"} | {"--help"}


class Manuals(unittest.TestCase):
    def test_each_command_has_a_page_and_each_page_a_command(self):
        pages = {path.stem[len("hallmark-"):] for path in MAN.glob("hallmark-*.1")}
        self.assertEqual(pages, set(subcommands("")))

    def test_the_overview_names_each_command(self):
        text = (MAN / "hallmark.1").read_text()
        listed = re.findall(r"^\.It Cm (\S+)\n(?:.*\n)+?\.Xr hallmark-(\S+) 1", text, re.M)
        self.assertEqual({name for name, _ in listed}, set(subcommands("")))
        self.assertTrue(all(name == page for name, page in listed), listed)

    def test_pages_have_the_options_of_help_and_no_others(self):
        for name in subcommands(""):
            with self.subTest(page=name):
                options = set()
                for command in leaf_commands():
                    if command.split()[0] == name:
                        options |= help_options(command)
                self.assertEqual(page_options(page_of(name)), options)

    def test_pages_have_the_subcommands_and_no_others(self):
        for name in subcommands(""):
            below = subcommands(name)
            if not below:
                continue
            with self.subTest(page=name):
                synopsis = page_of(name).split(".Sh SYNOPSIS", 1)[1].split(".Sh", 1)[0]
                self.assertEqual(set(re.findall(rf"^\.Nm hallmark {name} (\w+)", synopsis, re.M)), set(below))

    def test_every_page_is_installed(self):
        installed = set(re.findall(r"'(hallmark[\w-]*\.1)'", (MAN / "meson.build").read_text()))
        self.assertEqual(installed, {path.name for path in MAN.glob("*.1")})

    def test_pages_are_clean(self):
        if shutil.which("mandoc") is None:
            self.skipTest("mandoc is not installed")
        for page in MAN.glob("*.1"):
            run = subprocess.run(["mandoc", "-Tlint", "-Wstyle", page], capture_output=True, text=True)
            lines = [line for line in run.stdout.splitlines()
                     if "referenced manual not found" not in line and "operating system" not in line.lower()]
            self.assertEqual(lines, [])

    def test_every_code_and_its_exit_status_is_in_the_overview(self):
        wanted, status = {"HM_OK": "0"}, None
        enum = (story.SOURCE / "src/base/error.h").read_text().split("enum hm_rc {", 1)[1].split("};", 1)[0]
        for line in enum.splitlines():
            status = (re.search(r"Exit status (\d)", line) or re.search(r"Internal\. Exit status (\d)", line) or [None, status])[1]
            code = re.match(r"\s+(HM_E\w+)", line)
            if code:
                wanted[code[1]] = status
        self.assertGreater(len(wanted), 15)
        text = (MAN / "hallmark.1").read_text()
        self.assertEqual(dict(re.findall(r"^\.It Dv (HM_\w+) Ta (\d) Ta", text, re.M)), wanted)


class Completions(unittest.TestCase):
    def test_the_files_are_what_the_table_makes(self):
        for name, make in make_completions.FILES.items():
            self.assertEqual((COMPLETIONS / name).read_text(), make(), f"run completions/make-completions.py ({name})")

    def test_the_table_has_the_commands_of_help_and_no_others(self):
        self.assertEqual(set(make_completions.leaves()), set(leaf_commands()))
        self.assertEqual(set(make_completions.groups()) - {"", "tuf"}, {name for name in subcommands("") if subcommands(name)})

    def test_the_table_has_the_options_of_help_and_no_others(self):
        for command in leaf_commands():
            with self.subTest(command=command):
                self.assertEqual({name for name, _, _ in make_completions.options_of(command)}, help_options(command))

    def test_options_take_a_value_where_the_table_says_so(self):
        """An option without value leaves --help to be understood; one with a value swallows it."""
        for command in leaf_commands():
            # Of its own: some commands make a folder of that name.
            with tempfile.TemporaryDirectory() as scratch:
                for name, kind, _ in make_completions.options_of(command):
                    run = subprocess.run([story.HALLMARK, *command.split(), name, "--help"], cwd=scratch, capture_output=True,
                                         text=True, stdin=subprocess.DEVNULL, timeout=20,
                                         env={"HALLMARK_HOME": f"{scratch}/home", "PATH": os.environ["PATH"]})
                    with self.subTest(command=command, option=name):
                        self.assertEqual(kind is None, run.stdout.startswith("usage: "), run.stderr)

    def bash(self, *words):
        """What bash would offer for the last of these words."""
        script = f"source '{COMPLETIONS / 'hallmark.bash'}'; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _hallmark; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        run = subprocess.run(["bash", "-c", script, "bash", "hallmark", *words], capture_output=True, text=True, timeout=20, check=True)
        self.assertEqual(run.stderr, "")
        return set(run.stdout.split())

    def test_bash_offers_commands_options_and_values(self):
        self.assertEqual(self.bash(""), set(subcommands("")))
        self.assertEqual(self.bash("site", ""), set(subcommands("site")))
        for command in leaf_commands():
            with self.subTest(command=command):
                self.assertEqual(self.bash(*command.split(), "-"), help_options(command))
        self.assertEqual(self.bash("trust", "add", "x", "--floor", ""), {"maker", "attested"})
        self.assertEqual(self.bash("trust", "add", "--floor", "=", "m"), {"maker"})
        self.assertEqual(self.bash("tuf", "--metadata-dir", "x", "re"), {"refresh"})
        self.assertEqual(self.bash("nonsense", "-"), {"--help", "--version"})

    def test_the_other_shells_can_read_theirs(self):
        for shell, name in (("zsh", "_hallmark"), ("fish", "hallmark.fish")):
            if shutil.which(shell):
                run = subprocess.run([shell, "-n", COMPLETIONS / name], capture_output=True, text=True, timeout=20)
                self.assertEqual((run.returncode, run.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
