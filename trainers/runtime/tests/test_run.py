import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import pyarrow as pa

from runtime.tests.support import make_job_directory

RUN = Path(__file__).parents[1] / "run.py"


class Run(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.trainer = Path(folder.name) / "mine"
        self.directory = Path(folder.name) / "job"
        self.trainer.mkdir()
        rows = pa.table({"wind": [1.0, 2.0], "__label": [True, False]})
        self.directory.mkdir()
        make_job_directory(self.directory, {"train": [rows]}, [("wind", "float")])

    def run_with(self, code: str, manifest: str = "") -> subprocess.CompletedProcess:
        (self.trainer / "trainer.yaml").write_text(
            f"name: mine\ntasks: [classification]\nparams: {{ type: object }}\n{manifest}"
        )
        (self.trainer / "train.py").write_text(code)
        return subprocess.run(
            [sys.executable, str(RUN), str(self.trainer), str(self.directory)],
            capture_output=True,
            text=True,
        )

    def error(self) -> str:
        return json.loads((self.directory / "error.json").read_text())["message"]

    def test_a_program_beside_the_manifest_gets_the_job_directory(self):
        (self.trainer / "program").write_text(
            '#!/bin/sh\necho "$1" > where.txt\npwd -P >> where.txt\n'
        )
        (self.trainer / "program").chmod(0o755)
        self.assertEqual(self.run_with("", "command: [./program]\n").returncode, 0)
        self.assertEqual(
            (self.directory / "where.txt").read_text().split(), [str(self.directory.resolve())] * 2
        )

    def test_files_beside_train_py_can_be_imported_without_hiding_libraries(self):
        (self.trainer / "numpy.py").write_text("raise AssertionError('not this one')\n")
        (self.trainer / "other.py").write_text("WORDS = 'from the other file'\n")
        code = "import numpy\nfrom runtime.refusal import Refused\nfrom .other import WORDS\n\ndef train(job):\n    raise Refused(WORDS)\n"
        self.assertEqual(self.run_with(code).returncode, 1)
        self.assertEqual(self.error(), "from the other file")

    def test_an_invalid_trainer_is_refused_with_the_reason(self):
        for code, message in (
            ("", "train.py has no function train(job)"),
            ("def train(job):\n    return {}\n", "must return Trained"),
        ):
            with self.subTest(message):
                self.assertEqual(self.run_with(code).returncode, 1)
                self.assertIn(message, self.error())
                self.assertFalse((self.directory / "result.json").exists())

    def test_metrics_and_facts_that_are_not_finite_are_refused(self):
        code = (
            "import numpy as np\nfrom runtime.graph import GraphBuilder\nfrom runtime.job import Trained\n\n"
            "def train(job):\n    builder = GraphBuilder(job.features)\n"
            "    known = builder.node('Where', [builder.node('IsNaN', ['wind']), builder.constant(0.0, np.float32), 'wind'])\n"
            "    return Trained(builder.finish(known), lambda c: np.nan_to_num(c['wind']), {}, {'deep': [1.0, float('inf')]})\n"
        )
        self.assertEqual(self.run_with(code).returncode, 1)
        self.assertEqual(self.error(), "the result is not a number at /facts/deep/1")
        self.assertFalse((self.directory / "outputs").exists())
