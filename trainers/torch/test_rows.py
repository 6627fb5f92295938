import importlib.util
import json
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pyarrow as pa

from runtime.columns import columns_of
from runtime.job import Job
from runtime.manifest import read_manifest
from runtime.refusal import Refused
from runtime.tests.support import make_job_directory

FOLDER = Path(__file__).resolve().parent


def _module(name: str):
    """A file of this folder, which must not hide the library torch."""
    path = FOLDER / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"perennial_torch_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


rows, ranks = _module("rows"), _module("processes")


class RowsOfAJob(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)

    def _job(self, features, *tables, **params) -> Job:
        directory = Path(tempfile.mkdtemp(dir=self._folder.name))
        make_job_directory(directory, {"train": list(tables)}, features, params=params)
        return Job(directory, read_manifest(FOLDER))

    def _numbers(self, **params) -> Job:
        def part(first: int, last: int) -> pa.Table:
            values = np.arange(first, last)
            return pa.table({"a": values.astype(float), "__label": (values % 2).astype(float)})

        return self._job([("a", "float")], part(0, 37), part(37, 100), **params)

    def _order(self, job: Job, epoch: int, skip: int = 0) -> list[list[float]]:
        encoding = rows.Encoding.learn(job)
        (mean,), (scale,) = encoding.numbers.mean, encoding.numbers.scale
        return [
            [round(float(value / scale + mean)) for value in batch.numbers[:, 0]]
            for batch in rows.epoch_of(job, encoding, epoch, 8, skip)
        ]

    def test_an_epoch_has_each_row_at_most_once_and_only_full_batches(self):
        for buffer in (1, 20, 1_000):
            batches = self._order(self._numbers(shuffle_rows=buffer), 0)
            self.assertEqual([len(batch) for batch in batches], [8] * 12)
            seen = [value for batch in batches for value in batch]
            self.assertEqual(len(set(seen)), 96)

    def test_epochs_differ_and_the_same_epoch_does_not(self):
        job = self._numbers(shuffle_rows=20)
        self.assertEqual(self._order(job, 3), self._order(job, 3))
        self.assertNotEqual(self._order(job, 3), self._order(job, 4))

    def test_a_resumed_epoch_continues_with_the_batches_that_are_left(self):
        for buffer in (20, 1_000):
            job = self._numbers(shuffle_rows=buffer)
            whole = self._order(job, 1)
            for skip in (1, 5, 12):
                self.assertEqual(self._order(job, 1, skip), whole[skip:])

    def test_moments_of_parts_are_those_of_the_whole(self):
        encoding = rows.Encoding.learn(self._numbers())
        self.assertAlmostEqual(float(encoding.numbers.mean[0]), 49.5, places=4)
        self.assertAlmostEqual(1 / float(encoding.numbers.scale[0]), np.arange(100).std(), places=3)

    def test_missing_and_unseen_values_are_marked_and_finite(self):
        table = pa.table(
            {
                "a": [1.0, 2.0, 3.0, None],
                "b": [5.0, 5.0, 5.0, 5.0],
                "kind": ["x", "x", "y", "y"],
                "__label": [0.0, 1.0, 0.0, 1.0],
            }
        )
        features = [("a", "float"), ("b", "float"), ("kind", "string")]
        job = self._job(features, table, min_category_rows=1)
        encoding = rows.Encoding.learn(job)
        odd = pa.table({"a": [None, 1e300], "b": [None, float("inf")], "kind": ["z", None]})
        encoded = encoding.encode(columns_of(odd, job.features))
        np.testing.assert_array_equal(encoded.numbers[:, 2:], [[1, 1], [0, 0]])
        np.testing.assert_array_equal(encoded.numbers[:, :2], [[0, 0], [rows.FARTHEST, 0]])
        np.testing.assert_array_equal(encoded.codes, [[0], [0]])

    def test_pixels_become_an_image_with_one_scale(self):
        table = pa.table(
            {
                **{f"p{at}": [float(at), float(at)] for at in range(6)},
                "other": [1.0, 2.0],
                "__label": [0.0, 1.0],
            }
        )
        names = [(f"p{at}", "float") for at in range(6)]
        job = self._job(
            [*names, ("other", "float")], table, image={"prefix": "p", "height": 2, "width": 3}
        )
        encoding = rows.Encoding.learn(job)
        encoded = encoding.encode(columns_of(table, job.features))
        self.assertEqual(encoded.image.shape, (2, 1, 2, 3))
        steps = np.diff(encoded.image[0, 0].reshape(-1))
        np.testing.assert_allclose(steps, steps[0], rtol=1e-5)
        self.assertEqual(encoded.numbers.shape, (2, 2))

    def test_an_image_of_another_size_is_refused(self):
        with self.assertRaisesRegex(Refused, "need 4 number columns that begin with a; .* have 1"):
            rows.Encoding.learn(
                self._job(
                    [("a", "float")],
                    pa.table({"a": [1.0], "__label": [0.0]}),
                    image={"prefix": "a", "height": 2, "width": 2},
                )
            )


class PlaceOfAProcess(unittest.TestCase):
    def test_without_variables_there_is_one_process(self):
        self.assertEqual(ranks.ranks_of({}), ranks.Ranks())

    def test_torchrun_sets_the_place(self):
        found = ranks.ranks_of(
            {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
        )
        self.assertEqual(found, ranks.Ranks(5, 8, 1, 4, "env://"))

    def test_a_step_of_slurm_with_several_tasks_sets_the_place(self):
        slurm = {
            "SLURM_PROCID": "3",
            "SLURM_STEP_NUM_TASKS": "4",
            "SLURM_STEP_NUM_NODES": "2",
            "SLURM_LOCALID": "1",
            "SLURM_JOB_ID": "70123",
        }
        self.assertEqual(
            ranks.ranks_of({**slurm, "MASTER_ADDR": "node1"}),
            ranks.Ranks(3, 4, 1, 2, "tcp://node1:30123"),
        )
        with self.assertRaisesRegex(Refused, "MASTER_ADDR, the address of the first node"):
            ranks.ranks_of(slurm)

    def test_a_node_of_a_job_has_one_process_that_starts_the_others(self):
        place = {"NODE_RANK": "1", "NNODES": "2", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "21000"}
        slurm = {"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2", "SLURM_JOB_ID": "7"}
        found = ranks.ranks_of({**slurm, **place}, nodes=2, processes=3)
        self.assertEqual(found, ranks.Ranks(3, 6, 0, 3, "tcp://10.0.0.1:21000", starts=2))

    def test_a_batch_job_of_slurm_is_one_process(self):
        self.assertEqual(
            ranks.ranks_of({"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_JOB_ID": "7"}),
            ranks.Ranks(),
        )

    def test_a_missing_variable_is_named(self):
        with self.assertRaisesRegex(Refused, r"set WORLD_SIZE"):
            ranks.ranks_of({"RANK": "1", "WORLD_SIZE": "many"})


class Parameters(unittest.TestCase):
    def test_defaults_are_complete(self):
        params = read_manifest(FOLDER).params["properties"]
        given = {name for name, schema in params.items() if "default" in schema}
        self.assertEqual(set(params) - given, {"early_stopping_epochs", "image"})
        json.dumps(params)
