"""The rows in batches give the same model as the rows in one matrix."""

import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa

from runtime.job import Job
from runtime.manifest import read_manifest
from runtime.refusal import Refused
from runtime.run import _load
from runtime.tests.support import make_job_directory

TRAINER = Path(__file__).resolve().parent
FEATURES = [("x", "float"), ("kind", "string")]


def rows(count: int, seed: int) -> pa.Table:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=count)
    kind = draw.integers(0, 6, count)
    label = x + 0.3 * kind + draw.normal(size=count) > 0.5
    texts = [None if code == 5 else f"kind {code}" for code in kind]
    x[::17] = np.nan
    return pa.table({"__label": label, "class": kind % 3, "kind": texts, "x": x})


class StoredRows(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        # A part is read at once, because it has fewer rows than a batch.
        parts = [rows(count, seed) for seed, count in enumerate((301, 700, 500, 700))]
        inputs = {"train": parts, "tuning": [rows(400, 9)]}
        params = {"num_iterations": 12, "early_stopping_rounds": 5}
        make_job_directory(Path(folder.name), inputs, FEATURES, params=params)
        self.job = Job(Path(folder.name), read_manifest(TRAINER))
        self.trainer = _load(TRAINER)
        self.rows = sys.modules[f"{self.trainer.__name__}.rows"]

    def test_have_the_bins_and_trees_of_a_matrix(self):
        scored = self.job.sample("train", 500)
        expected = self.trainer.train(self.job)
        with (
            mock.patch.object(self.rows, "MATRIX_BYTES", 0),
            mock.patch.object(self.rows.StoredRows, "batch_size", 400),
        ):
            streamed = self.trainer.train(self.job)
        self.assertEqual(streamed.facts, expected.facts)
        self.assertEqual(streamed.metrics, expected.metrics)
        np.testing.assert_array_equal(streamed.predict(scored), expected.predict(scored))

    def test_continue_a_saved_training_batch_by_batch(self):
        for task in (
            {"task": "classification"},
            {"task": "multiclass", "label": "class", "classes": ["a", "b", "c"]},
        ):
            with self.subTest(task["task"]), tempfile.TemporaryDirectory() as folder:
                self._resumed_as_whole(Path(folder), task)

    def _resumed_as_whole(self, folder: Path, task: dict) -> None:
        inputs = {"train": [rows(count, seed) for seed, count in enumerate((301, 700))]}
        every_round = {"num_iterations": 6, "checkpoint_seconds": 0}
        make_job_directory(folder, inputs, FEATURES, params=every_round, context=task)
        manifest = read_manifest(TRAINER)
        whole = self.trainer.train(Job(folder, manifest))
        # The newest checkpoint has all trees; without it, the one before is continued.
        shutil.rmtree(max((folder / "checkpoint").iterdir()))
        singles = []
        read = self.rows.StoredRows.__getitem__

        def counted(stored, wanted):
            if not isinstance(wanted, slice):
                singles.append(wanted)
            return read(stored, wanted)

        with (
            mock.patch.object(self.rows, "MATRIX_BYTES", 0),
            mock.patch.object(self.rows.StoredRows, "batch_size", 400),
            mock.patch.object(self.rows.StoredRows, "__getitem__", counted),
        ):
            resumed = self.trainer.train(Job(folder, manifest))
        # Once each, for the sample from which the bins are made.
        self.assertEqual(len(singles), 1_001)
        self.assertEqual(resumed.facts["trees"], 6)
        scored = Job(folder, manifest).sample("train", 300)
        np.testing.assert_array_equal(resumed.predict(scored), whole.predict(scored))

    def test_hold_one_batch_and_begin_again(self):
        encoding = self.rows.Encoding.learn(self.job)
        whole = encoding.matrix(self.job.examples("train")[0])
        stored = self.rows.StoredRows(self.job, "train", encoding)
        self.assertEqual(len(stored), 2_201)
        for wanted in (slice(200, 1_600), slice(2_200, 2_201), slice(0, 3)):
            np.testing.assert_array_equal(stored[wanted], whole[wanted].astype(np.float64))
        for row in (2_200, 5, 1_500, 1_501):
            np.testing.assert_array_equal(stored[row], whole[row].astype(np.float64))
            self.assertLessEqual(len(stored._batch), 700)


class Sample(unittest.TestCase):
    def test_is_spread_evenly_over_the_parts(self):
        with tempfile.TemporaryDirectory() as folder:
            parts = [
                pa.table(
                    {
                        "__label": [True] * 10,
                        "class": [0] * 10,
                        "kind": ["a"] * 10,
                        "x": range(at, at + 10),
                    }
                )
                for at in (0, 10, 20)
            ]
            make_job_directory(Path(folder), {"train": parts}, FEATURES)
            job = Job(Path(folder), read_manifest(TRAINER))
            self.assertEqual(job.sample("train", 4)["x"].tolist(), [0, 9, 19, 29])
            self.assertEqual(len(job.sample("train", 100)["kind"]), 30)

    def test_an_input_without_rows_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            make_job_directory(Path(folder), {"train": [rows(0, 1)]}, FEATURES)
            job = Job(Path(folder), read_manifest(TRAINER))
            for read in (job.label, job.examples, lambda name: job.sample(name, 5)):
                with self.assertRaisesRegex(Refused, "input train has no rows"):
                    read("train")


if __name__ == "__main__":
    unittest.main()
