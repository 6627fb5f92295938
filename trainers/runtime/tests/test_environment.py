import json
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

BUILD = Path(__file__).parents[1] / "environment" / "build.py"

#: Stands in for uv: makes a folder, slowly, and counts how often.
UV = """#!{python}
import os, sys, time
log = open({log!r}, "a")
log.write(sys.argv[1] + "\\n")
log.close()
if sys.argv[1] == "venv":
    os.makedirs(sys.argv[-1] + "/bin")
    os.symlink(sys.executable, sys.argv[-1] + "/bin/python")
    time.sleep({seconds})
if {failure!r} and sys.argv[1] == "pip":
    sys.exit({failure!r})
"""


class EnvironmentTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.log = self.folder / "log"

    def start(self, seconds: float = 0.0, failure: str = "") -> subprocess.Popen:
        uv = self.folder / f"uv{seconds}{len(failure)}"
        uv.write_text(
            UV.format(python=sys.executable, log=str(self.log), seconds=seconds, failure=failure)
        )
        uv.chmod(0o755)
        order = {"uv": str(uv), "folder": str(self.folder / "environments"), "lock": "a==1\n"}
        build = subprocess.Popen(
            [sys.executable, "-I", str(BUILD), "build"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        build.stdin.write(json.dumps(order))
        build.stdin.close()
        self.addCleanup(build.wait)
        self.addCleanup(build.stdout.close)
        return build

    def answer(self, build: subprocess.Popen) -> dict:
        return json.loads(build.stdout.read())

    def calls(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []

    def test_two_at_once_build_it_once(self):
        first, second = self.start(0.5), self.start(0.5)
        answers = [self.answer(first), self.answer(second)]
        self.assertEqual(answers[0], answers[1])
        self.assertTrue(Path(answers[0]["python"]).exists())
        self.assertEqual(self.calls(), ["venv", "pip"])

    def test_half_of_one_is_removed_and_built_again(self):
        killed = self.start(30.0)
        while not list((self.folder / "environments").glob(".*unfinished/bin")):
            time.sleep(0.01)
        # Its uv goes on and holds the lock, until it is killed too.
        children = Path(f"/proc/{killed.pid}/task/{killed.pid}/children")
        uv = int(children.read_text().split()[0]) if children.exists() else None
        killed.kill()
        if uv is not None:
            subprocess.run(["kill", "-9", str(uv)], check=True)
        python = Path(self.answer(self.start())["python"])
        self.assertTrue(python.exists())
        left = [path.name for path in (self.folder / "environments").iterdir()]
        self.assertEqual(sorted(left), sorted([python.parents[1].name, "locks"]))

    def test_a_failed_build_leaves_nothing_and_says_why(self):
        answer = self.answer(self.start(failure="error: disk is full\n"))
        self.assertEqual(
            answer,
            {"unavailable": "the locked packages cannot be installed: error: disk is full"},
        )
        left = [path.name for path in (self.folder / "environments").iterdir()]
        self.assertEqual(left, ["locks"])

    def test_without_uv_the_message_says_where_it_should_be(self):
        order = {"uv": "/nowhere/uv", "folder": str(self.folder), "lock": ""}
        ran = subprocess.run(
            [sys.executable, "-I", str(BUILD), "build"],
            input=json.dumps(order),
            capture_output=True,
            text=True,
        )
        self.assertEqual(json.loads(ran.stdout), {"unavailable": "uv was not found at /nowhere/uv"})
