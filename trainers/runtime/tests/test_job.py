import contextlib
import io
import json
import os
import shutil
import signal
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pyarrow as pa

from runtime.json_files import first_not_finite, read_json, write_json
from runtime.manifest import Manifest, complete_params
from runtime.refusal import Refused, Stopped
from runtime.tests.support import make_job_directory, open_job

FEATURES = [("wind", "float"), ("carrier", "string")]


def table(**columns):
    return pa.table(columns)


class WithDirectory(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.folder = Path(self._folder.name)

    def job(self, *tables, **body):
        return open_job(
            make_job_directory(
                self.folder, {"train": list(tables)} if tables else {}, FEATURES, **body
            )
        )


class Examples(WithDirectory):
    def test_joins_all_parts_in_order_and_marks_missing_values(self):
        job = self.job(
            table(wind=[1.5, None], carrier=["AA", None], __label=[True, False]),
            table(wind=pa.array([3], pa.int32()), carrier=["__missing__"], __label=[True]),
        )
        # Parts with different types are joined in the wider type.
        columns, label = job.examples("train")
        np.testing.assert_array_equal(
            columns["wind"], np.array([1.5, np.nan, 3.0], dtype=np.float32)
        )
        self.assertEqual(list(columns["carrier"]), ["AA", "__missing__", "__missing__"])
        self.assertEqual(list(label), [1.0, 0.0, 1.0])

    def test_refuses_unusable_labels_and_features(self):
        good = {"wind": [1.0], "carrier": ["AA"], "__label": [1.0]}
        for change, message in [
            ({"__label": [None]}, "the label has 1 missing"),
            ({"__label": [0.5]}, "must be true and false, or 0 and 1"),
            ({"__label": [float("inf")]}, "NaN or infinite"),
            ({"__label": ["late"]}, "the label has the type string"),
            ({"wind": ["strong"]}, "feature wind is declared as a number"),
            ({"carrier": [1.0]}, "feature carrier is declared as text"),
        ]:
            with self.subTest(message), self.assertRaisesRegex(Refused, message):
                self.job(table(**(good | change))).examples("train")

    def test_names_the_missing_column_or_input(self):
        with self.assertRaisesRegex(Refused, "column wind is missing from input train"):
            self.job(table(carrier=["AA"], __label=[1.0])).examples("train")
        with self.assertRaisesRegex(Refused, "no input tuning; it has train"):
            self.job(table(wind=[1.0], carrier=["AA"], __label=[1.0])).examples("tuning")
        with self.assertRaisesRegex(Refused, "input train has no rows"):
            self.job(
                table(
                    wind=pa.array([], pa.float64()),
                    carrier=pa.array([], pa.string()),
                    __label=pa.array([], pa.float64()),
                )
            ).examples("train")

    def test_refuses_a_task_that_the_trainer_does_not_support(self):
        directory = make_job_directory(self.folder, {}, FEATURES, context={"task": "ranking"})
        with self.assertRaisesRegex(
            Refused, "does not support ranking; it supports classification"
        ):
            open_job(directory)


class Metrics(WithDirectory):
    def test_are_readable_line_by_line_at_once(self):
        job = self.job()
        job.report(1, "loss", np.float32(0.5))
        self.assertEqual(
            (self.folder / "metrics.ndjson").read_text(),
            '{"step": 1, "name": "loss", "value": 0.5}\n',
        )

    def test_that_are_not_finite_end_the_training(self):
        job = self.job()
        for value in (float("nan"), float("inf")):
            with self.assertRaisesRegex(Refused, "loss became"):
                job.report(3, "loss", value)

    def test_after_the_checkpoint_are_removed_when_it_is_restored(self):
        job = self.job()
        for step in (1, 2, 3):
            job.report(step, "loss", step)
            if step == 2:
                job.save_checkpoint(step, {"state": b"two"})
        with open(self.folder / "metrics.ndjson", "a") as file:
            file.write('{"step": 4, "na')
        resumed = open_job(self.folder)
        self.assertEqual(resumed.restore_checkpoint(), (2, {"state": b"two"}))
        resumed.report(3, "loss", 33)
        steps = [
            json.loads(line) for line in (self.folder / "metrics.ndjson").read_text().splitlines()
        ]
        self.assertEqual(
            [(line["step"], line["value"]) for line in steps], [(1, 1.0), (2, 2.0), (3, 33.0)]
        )


class Checkpoints(WithDirectory):
    def test_are_replaced_atomically(self):
        job = self.job()
        self.assertIsNone(job.restore_checkpoint())
        job.save_checkpoint(9, {"a": b"1", "b": b"2"})
        job.save_checkpoint(10, {"a": b"3"})
        self.assertEqual(open_job(self.folder).restore_checkpoint(), (10, {"a": b"3"}))

    def test_keep_the_newest_two(self):
        job = self.job()
        for step in (1, 2, 10):
            job.save_checkpoint(step, {"a": b"1"})
        kept = {path.name for path in (self.folder / "checkpoint").iterdir()}
        self.assertEqual(kept, {"2", "10"})

    def test_write_a_file_that_is_the_same_object_only_once(self):
        job = self.job()
        old = b"old"
        job.save_checkpoint(1, {"old": old, "new": b"1"})
        job.save_checkpoint(2, {"old": old, "new": b"2"})
        numbers = [(self.folder / "checkpoint" / step / "old").stat().st_ino for step in ("1", "2")]
        self.assertEqual(numbers[0], numbers[1])
        restored = open_job(self.folder).restore_checkpoint()
        self.assertEqual(restored, (2, {"old": b"old", "new": b"2"}))

    def test_that_were_damaged_are_passed_over_for_the_one_before(self):
        def shorten(folder):
            (folder / "a").write_bytes(b"")

        def remove(folder):
            (folder / "a").unlink()

        def tear(folder):
            (folder / "digests.json").write_text('{"a": "0')

        for damage, reason in (
            (shorten, "a has 0 bytes that were not saved"),
            (remove, "a is missing"),
            (tear, "it cannot be read"),
        ):
            with self.subTest(reason):
                job = self.job()
                job.save_checkpoint(1, {"a": b"1"})
                job.save_checkpoint(2, {"a": b"2"})
                damage(self.folder / "checkpoint" / "2")
                log = io.StringIO()
                with contextlib.redirect_stdout(log):
                    restored = open_job(self.folder).restore_checkpoint()
                self.assertEqual(restored, (1, {"a": b"1"}))
                self.assertIn(
                    f"the checkpoint of iteration 2 is not used: {reason}", log.getvalue()
                )
                self.assertIn("resumes at iteration 1", log.getvalue())
                shutil.rmtree(self.folder / "checkpoint")

    def test_that_are_all_damaged_let_the_job_start_again(self):
        job = self.job()
        job.report(1, "loss", 1)
        job.save_checkpoint(1, {"a": b"1"})
        (self.folder / "checkpoint" / "1" / "a").write_bytes(b"")
        log = io.StringIO()
        with contextlib.redirect_stdout(log):
            self.assertIsNone(open_job(self.folder).restore_checkpoint())
        self.assertIn("starts again at iteration 0", log.getvalue())
        self.assertEqual((self.folder / "metrics.ndjson").read_text(), "")

    def test_that_are_incomplete_are_not_restored(self):
        job = self.job()
        job.save_checkpoint(1, {"a": b"1"})
        (self.folder / "checkpoint" / "2.partial").mkdir()
        (self.folder / "checkpoint" / "2.partial" / "a").write_bytes(b"ha")
        self.assertEqual(open_job(self.folder).restore_checkpoint(), (1, {"a": b"1"}))


class Stopping(WithDirectory):
    def setUp(self):
        super().setUp()
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))

    def test_waits_for_the_next_report_of_a_trainer_that_keeps_checkpoints(self):
        job = self.job()
        job.obey_signals()
        job.restore_checkpoint()
        os.kill(os.getpid(), signal.SIGTERM)
        with self.assertRaises(Stopped):
            job.save_checkpoint(1, {"a": b"1"})
        self.assertEqual(open_job(self.folder).restore_checkpoint(), (1, {"a": b"1"}))

    def test_also_works_between_a_checkpoint_and_the_next_step(self):
        job = self.job()
        job.obey_signals()
        job.restore_checkpoint()
        job.save_checkpoint(1, {"a": b"1"})
        os.kill(os.getpid(), signal.SIGTERM)
        with self.assertRaises(Stopped):
            job.save_checkpoint(1, {"a": b"1"})
        self.assertEqual(open_job(self.folder).restore_checkpoint(), (1, {"a": b"1"}))

    def test_waits_for_the_next_checkpoint_where_the_trainer_looks_for_it(self):
        job = self.job()
        job.obey_signals()
        job.stop_when_saved()
        job.restore_checkpoint()
        os.kill(os.getpid(), signal.SIGTERM)
        job.report(1, "loss", 1)
        self.assertTrue(job.stopping)
        with self.assertRaises(Stopped):
            job.save_checkpoint(1, {"a": b"1"})

    def test_is_immediate_without_checkpoints(self):
        self.job().obey_signals()
        with self.assertRaises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()


class Params(unittest.TestCase):
    manifest = Manifest(
        "test",
        ("classification",),
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "depth": {"type": "integer", "minimum": 1, "default": 3},
                "names": {"type": "array", "items": {"type": "string"}},
            },
        },
        None,
    )

    def test_get_their_defaults(self):
        self.assertEqual(complete_params(self.manifest, {"names": []}), {"depth": 3, "names": []})

    def test_that_are_invalid_are_all_reported_by_pointer(self):
        with self.assertRaises(Refused) as caught:
            complete_params(self.manifest, {"depth": 0, "names": ["a", 1], "colour": "red"})
        for place in (
            "/params/depth: 0 is less",
            "/params/names/1: 1 is not",
            "'colour' was unexpected",
        ):
            self.assertIn(place, str(caught.exception))


class JsonFiles(WithDirectory):
    def test_have_no_nan(self):
        with self.assertRaises(ValueError):
            write_json(self.folder / "x.json", {"a": float("nan")})
        self.assertFalse((self.folder / "x.json").exists())

    def test_appear_complete_and_leave_no_other_file(self):
        write_json(self.folder / "x.json", {"ü": [1, 2.5, None]})
        self.assertEqual(read_json(self.folder / "x.json"), {"ü": [1, 2.5, None]})
        self.assertEqual([path.name for path in self.folder.iterdir()], ["x.json"])

    def test_the_pointer_of_a_nan_is_found(self):
        self.assertEqual(first_not_finite({"a": [1.0, {"b": float("inf")}]}), "/a/1/b")
        self.assertIsNone(first_not_finite({"a": [1.0, {"b": 2}], "c": None}))
