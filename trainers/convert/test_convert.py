import json
import pickle
import tempfile
import unittest
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression

from convert.columns_of_model import class_order, columns_of_model, number_columns
from runtime.job import Job
from runtime.manifest import Manifest
from runtime.refusal import Refused
from runtime.run import run_job
from runtime.tests.support import make_job_directory

TRAINER = Path(__file__).parent
FEATURES = [("wind", "float"), ("gust", "float"), ("origin", "string")]


class ConversionTest(unittest.TestCase):
    """A model file in its job directory."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name)
        random = np.random.default_rng(3)
        self.matrix = random.normal(size=(300, 2)).astype(np.float32)
        self.label = (self.matrix[:, 0] > self.matrix[:, 1]).astype(int)

    def job(self, body: bytes, format: str = "lightgbm", **context) -> Path:
        rows = pa.table(
            {
                "wind": self.matrix[:, 0],
                "gust": self.matrix[:, 1],
                "origin": ["JFK"] * len(self.label),
                "__label": self.label,
            }
        )
        make_job_directory(
            self.directory,
            {"train": [rows]},
            FEATURES,
            params={"format": format, "modelClass": None},
            context=context,
        )
        file = self.directory / "job.json"
        job = json.loads(file.read_text())
        (self.directory / "inputs" / "model").mkdir()
        (self.directory / "inputs" / "model" / "0").write_bytes(body)
        job["inputs"]["model"] = [{"path": "inputs/model/0"}]
        file.write_text(json.dumps(job))
        return self.directory

    def refusal(self, body: bytes, format: str = "lightgbm", **context) -> str:
        self.assertEqual(run_job(TRAINER, self.job(body, format, **context)), 1)
        return json.loads((self.directory / "error.json").read_text())["message"]


class Convert(ConversionTest):
    def boosted(self, names=("wind", "gust"), **params) -> lightgbm.Booster:
        settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, **params}
        data = lightgbm.Dataset(self.matrix, self.label, feature_name=list(names))
        return lightgbm.train(settings, data, num_boost_round=5)

    def test_a_text_file_of_lightgbm_becomes_a_graph_that_agrees_with_it(self):
        booster = self.boosted(names=("gust", "wind"))
        self.assertEqual(run_job(TRAINER, self.job(booster.model_to_string().encode())), 0)
        facts = json.loads((self.directory / "result.json").read_text())["facts"]
        self.assertEqual(facts["columns"], ["gust", "wind"])
        self.assertEqual(facts["parity"]["share"], 1.0)
        self.assertTrue((self.directory / "outputs" / "model.onnx").is_file())

    def test_a_model_without_names_of_columns_is_refused(self):
        data = lightgbm.Dataset(self.matrix, self.label)
        booster = lightgbm.train({"objective": "binary", "verbosity": -1}, data, 3)
        self.assertIn("without names", self.refusal(booster.model_to_string().encode()))

    def test_a_model_for_another_task_is_refused(self):
        booster = self.boosted(objective="regression")
        self.assertIn(
            "the model is for regression (regression), and the lifecycle for classification",
            self.refusal(booster.model_to_string().encode()),
        )

    def test_a_random_forest_of_lightgbm_is_refused(self):
        booster = self.boosted(boosting="rf", bagging_freq=1, bagging_fraction=0.5)
        self.assertIn("boosting: rf", self.refusal(booster.model_to_string().encode()))

    def test_a_pickle_of_another_object_is_refused(self):
        self.assertEqual(
            self.refusal(pickle.dumps({"a": 1}), "sklearn"),
            "the file contains an object of type dict, which has no predict",
        )

    def test_an_estimator_without_names_of_columns_is_refused(self):
        estimator = LogisticRegression().fit(self.matrix, self.label)
        self.assertIn("without names", self.refusal(pickle.dumps(estimator), "sklearn"))

    def test_a_file_that_is_no_pickle_is_refused(self):
        self.assertIn("cannot be unpickled", self.refusal(b"\x00\x01", "sklearn"))

    def test_a_damaged_text_file_of_lightgbm_is_refused(self):
        self.assertEqual(
            self.refusal(b"tree\nversion=v4\n"),
            "the file is no model in LightGBM's text format: LightGBMError. "
            "Its message is in the log; perennial run logs shows it",
        )

    def test_a_file_of_skops_without_the_package_is_refused(self):
        self.assertIn(
            "the model needs the package skops, which is not installed",
            self.refusal(b"PK\x03\x04", "sklearn"),
        )


class Columns(unittest.TestCase):
    def opened(self, task: str, classes=()) -> Job:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        rows = pa.table({"wind": [1.0], "gust": [1.0], "origin": ["JFK"], "__label": [0]})
        directory = make_job_directory(
            Path(folder.name),
            {"train": [rows]},
            FEATURES,
            context={"task": task, "classes": list(classes)},
        )
        tasks = ("classification", "multiclass", "regression")
        return Job(directory, Manifest("test", tasks, {"type": "object"}, None))

    def test_a_column_that_the_lifecycle_lacks_is_named(self):
        with self.assertRaisesRegex(Refused, "no column rain, .*; its columns are gust, origin"):
            columns_of_model(self.opened("regression"), ["wind", "rain"], 2)

    def test_text_for_a_number_is_named(self):
        with self.assertRaisesRegex(Refused, "takes the numbers origin"):
            number_columns(self.opened("regression"), ["wind", "origin"])

    def test_the_positive_class_is_found_by_its_name(self):
        job = self.opened("classification")
        self.assertEqual(class_order(job, [0, 1]), [1])
        self.assertEqual(class_order(job, [False, True]), [1])
        self.assertEqual(class_order(job, [0.0, 1.0]), [1])
        for wrong in (["no", "yes"], [1, 2, 3], [0]):
            with self.assertRaisesRegex(Refused, "a classification needs 0 and 1"):
                class_order(job, wrong)

    def test_classes_are_put_in_the_order_of_the_lifecycle(self):
        job = self.opened("multiclass", ["low", "mid", "high"])
        self.assertEqual(class_order(job, ["high", "low", "mid"]), [1, 2, 0])
        with self.assertRaisesRegex(Refused, "those of the lifecycle are low, mid, high"):
            class_order(job, ["high", "low"])


if __name__ == "__main__":
    unittest.main()
