import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HOST = Path(__file__).with_name("host.py")


class Host(unittest.TestCase):
    def setUp(self):
        self.host = subprocess.Popen(
            [sys.executable, str(HOST)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]}
        )
        self.addCleanup(self.host.stdout.close)
        self.ready = json.loads(self.host.stdout.readline())

    def test_has_no_thread_when_it_forks_and_ends_with_its_input(self):
        self.assertEqual(self.ready["threads"], 1)
        self.host.stdin.close()
        self.assertEqual(self.host.wait(10), 0)

    def test_refuses_a_job_whose_directory_is_not_there_and_goes_on(self):
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
