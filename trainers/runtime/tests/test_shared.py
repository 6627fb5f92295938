import tempfile
import unittest
from pathlib import Path
from typing import Any

import pyarrow as pa

from runtime import job as job_module
from runtime.job import Job
from runtime.manifest import read_manifest
from runtime.run import _conclude, _load
from runtime.tests.support import make_job_directory

TRAINER = Path(__file__).resolve().parents[2] / "lightgbm"


def rows(count: int) -> pa.Table:
    noise = [(row * 7_919) % 1_009 / 1_009 for row in range(count)]
    label = [(row % 5) / 5 + value > 0.9 for row, value in enumerate(noise)]
    return pa.table({"x": noise, "kind": [str(row % 5) for row in range(count)], "__label": label})


class Shared(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(job_module._shared.clear)
        self.folder = Path(folder.name)
        self.jobs = 0

    def job(self, params: dict[str, Any], ahead: bool = False) -> Job:
        self.jobs += 1
        directory = self.folder / str(self.jobs)
        directory.mkdir()
        objective = {"objective": {"metric": "logloss", "input": "tuning", "rungs": []}}
        inputs, features = (
            {"train": [rows(900)], "tuning": [rows(300)]},
            [("x", "float"), ("kind", "string")],
        )
        make_job_directory(
            directory, inputs, features, context=objective, params={"num_iterations": 9} | params
        )
        return Job(directory, read_manifest(TRAINER), ahead=ahead)

    def value(self, params: dict[str, Any]) -> float:
        job = self.job(params)
        return _conclude(job, _load(TRAINER).train(job))["metrics"]["tuning_logloss"]

    def test_a_trial_has_the_same_result_with_and_without_shared_rows(self):
        trials = [
            {},
            {"num_leaves": 7, "learning_rate": 0.3},
            {"max_bin": 8},
            {"min_data_in_leaf": 200},
            {"min_category_rows": 200},
        ]
        alone = [self.value(params) for params in trials]
        self.assertEqual(len(set(alone)), len(trials))
        _load(TRAINER).prepare(self.job({}, ahead=True))
        self.assertEqual([self.value(params) for params in trials], alone)

    def test_is_made_once_ahead_of_the_jobs_and_never_by_them(self):
        made = []
        for ahead in (False, True, False, False):
            self.job({}, ahead).shared("bins", lambda: made.append(1))
        self.assertEqual(len(made), 2)


if __name__ == "__main__":
    unittest.main()
