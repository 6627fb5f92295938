import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import pyarrow as pa

from runtime.job_process import JobProcess, exit_as_told
from runtime.tests.support import make_job_directory

HOST = Path(__file__).parents[1] / "host.py"
TRAINERS = HOST.parents[1]


class Host(unittest.TestCase):
    def setUp(self):
        self.host = subprocess.Popen(
            [
                sys.executable,
                str(HOST),
                json.dumps(
                    {
                        "hidden": [],
                        "trainers": str(TRAINERS),
                        "environments": "",
                        "confine": False,
                    }
                ),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(TRAINERS.parent / "python")},
        )
        self.addCleanup(self.host.stdout.close)
        self.ready = json.loads(self.host.stdout.readline())

    def test_forks_without_threads_and_ends_with_its_input(self):
        self.assertEqual(self.ready["threads"], 1)
        self.host.stdin.close()
        self.assertEqual(self.host.wait(10), 0)

    def test_a_job_that_a_signal_without_a_name_ended_has_its_number(self):
        pid = os.fork()
        if pid == 0:
            os.kill(os.getpid(), 40)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        with tempfile.TemporaryDirectory() as folder:
            job = JobProcess(pid, Path(folder), 1, 1 << 30, 9, -1)
            exit = job.exit(status, 0)
        self.assertEqual((exit["code"], exit["signal"]), (None, "40"))
        self.assertEqual(exit_as_told(1, exit)["signal"], "40")

    def test_refuses_a_job_without_a_directory_and_continues(self):
        with tempfile.TemporaryDirectory() as folder:
            for directory, event in ((f"{folder}/none", "refused"), (folder, "started")):
                order = {
                    "type": "run",
                    "attempt": 1,
                    "trainer": folder,
                    "directory": directory,
                    "memoryBytes": 1 << 30,
                    "timeoutSeconds": 9,
                }
                self.host.stdin.write(json.dumps(order) + "\n")
                self.host.stdin.flush()
                self.assertEqual(json.loads(self.host.stdout.readline())["type"], event)
            self.assertEqual(json.loads(self.host.stdout.readline())["type"], "ended")
            self.assertIn("there is no trainer.yaml", (Path(folder) / "log.txt").read_text())
            self.assertEqual(json.loads((Path(folder) / "exit.json").read_text())["code"], 1)
            self.host.stdin.close()
            self.host.wait(10)

    def test_runs_a_step_here_or_in_the_python_of_its_environment(self):
        for python in (None, sys.executable):
            with self.subTest(python), tempfile.TemporaryDirectory() as folder:
                directory = Path(folder).resolve()
                (directory / "files").mkdir()
                (directory / "files" / "mine.py").write_text(
                    "from perennial.step import step\n@step\ndef mine() -> int:\n    return 7\n"
                )
                job = {
                    "id": "run_test/mine/step/1",
                    "resources": {"cpus": 1},
                    "inputs": {},
                    "step": {"name": "mine", "file": "mine.py", "function": "mine"},
                    "value": {},
                }
                (directory / "job.json").write_text(json.dumps(job))
                order = {
                    "type": "run",
                    "attempt": 1,
                    "trainer": None,
                    "python": python,
                    "directory": str(directory),
                    "memoryBytes": 1 << 30,
                    "timeoutSeconds": 60,
                }
                self.host.stdin.write(json.dumps(order) + "\n")
                self.host.stdin.flush()
                for event in ("started", "ended"):
                    self.assertEqual(json.loads(self.host.stdout.readline())["type"], event)
                log = (directory / "log.txt").read_text()
                self.assertEqual(json.loads((directory / "exit.json").read_text())["code"], 0, log)
                result = json.loads((directory / "result.json").read_text())
                self.assertEqual(result["facts"]["output"], 7)
        self.host.stdin.close()
        self.host.wait(10)

    def test_forks_the_jobs_of_a_study_from_a_zygote_and_outlives_it(self):
        with tempfile.TemporaryDirectory() as folder:
            for number in range(100):
                self.assertEqual(self.run_to_end(self.job(Path(folder) / str(number))), "ended")
                zygote = self.read(Path(folder) / str(number), "process.json")["parent"]
                # Until the zygote has read the rows, jobs start without it.
                if zygote != self.host.pid:
                    break
            else:
                self.fail("a hundred jobs of one study started no zygote that read its rows")
            self.assertGreater(number, 1)
            first, shared = (
                self.read(Path(folder) / str(job), "result.json") for job in (0, number)
            )
            self.assertEqual(shared, first)

            last, next_one = self.job(Path(folder) / "last"), self.job(Path(folder) / "next")
            self.order(last, {"num_iterations": 20_000})
            self.assertEqual(self.event(), "started")
            os.kill(zygote, signal.SIGKILL)
            self.assertEqual(self.event(but="rung"), "ended")
            self.assertEqual(self.read(last, "exit.json")["signal"], "SIGKILL")

            self.assertEqual(self.run_to_end(next_one), "ended")
            self.assertEqual(self.read(next_one, "result.json"), first)
            self.host.stdin.write(json.dumps({"type": "forget", "siblings": "study"}) + "\n")
            self.host.stdin.close()
            self.assertEqual(self.host.wait(10), 0)

    def job(self, directory: Path) -> Path:
        def rows(count: int) -> pa.Table:
            kinds = [str(row % 3) for row in range(count)]
            return pa.table(
                {
                    "x": [row % 17 / 17 for row in range(count)],
                    "kind": kinds,
                    "__label": [row % 17 > 8 for row in range(count)],
                }
            )

        directory.mkdir()
        context = {"objective": {"metric": "logloss", "input": "tuning", "rungs": [1]}}
        features = [("x", "float"), ("kind", "string")]
        return make_job_directory(
            directory, {"train": [rows(600)], "tuning": [rows(200)]}, features, context=context
        )

    def order(self, directory: Path, params: dict[str, int]) -> None:
        body = self.read(directory, "job.json")
        (directory / "job.json").write_text(json.dumps(body | {"params": params}))
        limits = {"memoryBytes": 1 << 30, "timeoutSeconds": 60}
        where = {
            "trainer": str(TRAINERS / "lightgbm"),
            "directory": str(directory),
            "siblings": "study",
        }
        self.host.stdin.write(json.dumps({"type": "run", "attempt": 1} | where | limits) + "\n")
        self.host.stdin.flush()

    def run_to_end(self, directory: Path) -> str:
        self.order(directory, {"num_iterations": 10})
        self.assertEqual(self.event(), "started")
        return self.event(but="rung")

    def event(self, but: str = "") -> str:
        while (said := json.loads(self.host.stdout.readline())["type"]) == but:
            pass
        return said

    @staticmethod
    def read(directory: Path, name: str) -> Any:
        return json.loads((directory / name).read_text())
