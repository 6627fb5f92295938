import json
import os
import tempfile
import unittest
from pathlib import Path

from runtime.step.command import run_command


class CommandTest(unittest.TestCase):
    """A command in its job directory."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name).resolve()

    def run_command(self, *arguments: str) -> int:
        command = {
            "arguments": arguments,
            "environment": {},
            "outputs": [],
        }
        job = {
            "id": "run_test/one/command/1",
            "resources": {"cpus": 1},
            "inputs": {},
            "command": command,
        }
        (self.directory / "job.json").write_text(json.dumps(job))
        # A fork, as the host runs it.
        pid = os.fork()
        if pid == 0:
            log = os.open(self.directory / "log.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os._exit(run_command(self.directory, "/usr/bin/python3"))
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)

    def message(self) -> str:
        self.assertFalse((self.directory / "result.json").exists())
        return json.loads((self.directory / "error.json").read_text())["message"]

    def test_a_signal_is_named(self):
        self.assertEqual(self.run_command("sh", "-c", "kill -KILL $$"), 1)
        self.assertEqual(self.message(), "sh ended with signal SIGKILL")

    def test_a_real_time_signal_has_its_number(self):
        self.assertEqual(self.run_command("sh", "-c", "kill -40 $$"), 1)
        self.assertEqual(self.message(), "sh ended with signal 40")

    def test_any_other_error_is_the_error_of_the_job(self):
        self.assertEqual(self.run_command("a\0b"), 1)
        self.assertEqual(
            self.message(), "the command could not be run: ValueError. Its message is in the log"
        )
        self.assertIn("null byte", (self.directory / "log.txt").read_text())


if __name__ == "__main__":
    unittest.main()
