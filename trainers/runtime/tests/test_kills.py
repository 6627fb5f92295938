"""What every trainer promises of a training that is killed; see kills.py."""

import importlib
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pyarrow as pa

from runtime.tests.kills import Folder, survive
from runtime.tests.support import make_job_directory

# As in the warm parent of jobs, so that an attempt does not import them again.
for warm in ("lightgbm", "pyarrow.parquet", "scipy.sparse", "sklearn.linear_model"):
    importlib.import_module(warm)

TRAINERS = Path(__file__).resolve().parents[2]
KILLS, SEED = 30, 7


def flights(rows: int, seed: int) -> pa.Table:
    draw = np.random.default_rng(seed)
    wind, hour = draw.normal(size=rows), draw.uniform(0, 24, rows)
    carrier = draw.choice(["AA", "B6", "DL"], rows)
    noise = draw.normal(size=rows)
    label = wind * np.sin(hour / 4) + (carrier == "B6") + noise > 0.5
    wind[draw.random(rows) < 0.05] = np.nan
    return pa.table({"wind": wind, "hour": hour, "carrier": carrier, "__label": label})


#: Draws rows and features, and watches the loss on the tuning rows without stopping.
SAMPLING = {
    "bagging_fraction": 0.8,
    "bagging_freq": 2,
    "feature_fraction": 0.7,
    "early_stopping_rounds": 20_000,
    "learning_rate": 0.01,
}
FEATURES = [("wind", "float"), ("hour", "float"), ("carrier", "string")]


class WithJob(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def job(self, rows=4_000, **params):
        given = self.folder / "given"
        given.mkdir()
        inputs = {"train": [flights(rows, 1)], "tuning": [flights(rows // 4, 2)]}
        return make_job_directory(given, inputs, FEATURES, params=params)


class Lightgbm(WithJob):
    trainer = TRAINERS / "lightgbm"

    def test_survives_random_kills(self):
        job = self.job(num_iterations=1_200, **SAMPLING)
        report = survive(self.trainer, job, KILLS, SEED)
        print(f"{report.kills}, iterations lost: {report.lost}, {report.seconds:.1f} s")
        self.assertEqual(sum(report.kills.values()), KILLS)
        self.assertTrue(all(count >= 5 for count in report.kills.values()), report.kills)
        self.assertGreater(max(report.lost), 0)
        self.assertEqual(report.too_much, [])
        self.assertEqual(report.killed, report.whole)
        self.assertTrue(report.has_same_outputs)
        self.assertTrue(report.has_same_progress)

    def test_passes_over_a_checkpoint_that_was_half_written(self):
        whole = self._whole(num_iterations=150, **SAMPLING)
        killed = self._killed_between_checkpoints()
        before, newest = killed.checkpoints()[-2:]
        state = killed.path / "checkpoint" / str(newest) / "state.json"
        state.write_bytes(state.read_bytes()[:10])
        self.assertEqual(killed.start().wait(), 0, killed.log())
        self.assertIn(
            f"the checkpoint of iteration {newest} is not used: "
            "state.json has 10 bytes that were not saved",
            killed.log(),
        )
        self.assertIn(f"resumes at iteration {before}", killed.log())
        self.assertEqual(killed.digests(), whole.digests())

    def test_starts_again_when_the_only_checkpoint_was_half_written(self):
        whole = self._whole(num_iterations=150, **SAMPLING)
        killed = self._killed_between_checkpoints()
        *others, newest = killed.checkpoints()
        for step in others:
            shutil.rmtree(killed.path / "checkpoint" / str(step))
        (killed.path / "checkpoint" / str(newest) / "digests.json").unlink()
        self.assertEqual(killed.start().wait(), 0, killed.log())
        self.assertIn("digests.json is missing", killed.log())
        self.assertIn(
            "starts again at iteration 0, because there is no complete checkpoint", killed.log()
        )
        self.assertEqual(killed.digests(), whole.digests())
        self.assertEqual(killed.reported(), whole.reported())

    def _whole(self, **params):
        job = self.job(**params, checkpoint_seconds=0)
        whole = self.folder / "whole"
        shutil.copytree(job, whole)
        folder = Folder(self.trainer, whole)
        self.assertEqual(folder.start().wait(), 0, folder.log())
        return folder

    def _killed_between_checkpoints(self):
        shutil.copytree(self.folder / "given", self.folder / "killed")
        folder = Folder(self.trainer, self.folder / "killed")
        run = folder.start()
        while len(folder.checkpoints()) < 2:
            run.follow(0.01)
        run.kill(9)
        return folder


class Restarting(WithJob):
    """They train in a moment, so they save nothing and start again."""

    def test_logistic_and_baseline_give_the_same_model(self):
        for trainer in ("logistic", "baseline"):
            with self.subTest(trainer):
                job = self.job(rows=20_000)
                report = survive(TRAINERS / trainer, job, KILLS, SEED, checkpoints=False)
                self.assertEqual(sum(report.kills.values()), KILLS)
                self.assertEqual(report.killed, report.whole)
                self.assertTrue(report.has_same_outputs)
                # Less than the interval after which a trainer should save.
                self.assertLess(report.seconds, 10)
                shutil.rmtree(job)


if __name__ == "__main__":
    unittest.main()
