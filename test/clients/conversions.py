"""Converts models as their libraries save them: `python conversions.py <the trainers' folder>`.

Needs XGBoost, scikit-learn, LightGBM, skl2onnx and skops, as the job of a conversion.
"""

import json
import pickle
import sys
import unittest

import lightgbm
import numpy as np
import pandas as pd
import skops.io
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# Last, because the folders of trainers have the names of libraries.
sys.path.append(sys.argv[1])
from convert.test_convert import TRAINER, ConversionTest  # noqa: E402
from runtime.run import run_job  # noqa: E402

REGRESSION = {"task": "regression"}
CLASSES = {"task": "multiclass", "classes": ["0", "1", "2"]}


class Conversions(ConversionTest):
    def setUp(self):
        super().setUp()
        self.rows = pd.DataFrame(self.matrix, columns=["wind", "gust"])
        self.classes = np.digitize(self.matrix[:, 0], [-0.5, 0.5])

    def converted(self, body: bytes, format: str, **context) -> dict[str, object]:
        ended = run_job(TRAINER, self.job(body, format, **context))
        error = self.directory / "error.json"
        self.assertEqual(ended, 0, error.read_text() if error.exists() else "")
        facts = json.loads((self.directory / "result.json").read_text())["facts"]
        self.assertEqual(facts["parity"]["share"], 1.0)
        return facts

    def boosted(self, label: np.ndarray, **params: object) -> xgboost.Booster:
        data = xgboost.DMatrix(self.rows, label)
        return xgboost.train({"nthread": 1, **params}, data, num_boost_round=5)


class XGBoost(Conversions):
    def test_json(self):
        booster = self.boosted(self.label, objective="binary:logistic")
        self.converted(bytes(booster.save_raw("json")), "xgboost")

    def test_ubjson(self):
        booster = self.boosted(self.label, objective="binary:logistic")
        self.converted(bytes(booster.save_raw("ubj")), "xgboost")

    def test_multiclass(self):
        booster = self.boosted(self.classes, objective="multi:softprob", num_class=3)
        self.converted(bytes(booster.save_raw("ubj")), "xgboost", **CLASSES)

    def test_regression(self):
        booster = self.boosted(self.matrix[:, 0], objective="reg:squarederror")
        self.converted(bytes(booster.save_raw("json")), "xgboost", **REGRESSION)

    def test_other_boosting_is_refused(self):
        for boosting in ("dart", "gblinear"):
            with self.subTest(boosting):
                self.setUp()
                booster = self.boosted(
                    self.label, objective="binary:logistic", booster=boosting
                )
                self.assertEqual(
                    self.refusal(bytes(booster.save_raw("json")), "xgboost"),
                    f"the boosting {boosting} of XGBoost is not supported; gbtree is",
                )


class LightGBM(Conversions):
    def fitted(self, estimator, label):
        return estimator.set_params(n_estimators=5, verbosity=-1, n_jobs=1).fit(self.rows, label)

    def test_pickle(self):
        model = self.fitted(lightgbm.LGBMClassifier(), self.label)
        self.converted(pickle.dumps(model), "lightgbm")

    def test_skops(self):
        model = self.fitted(lightgbm.LGBMClassifier(), self.label)
        self.converted(skops.io.dumps(model), "lightgbm")

    def test_text_of_a_multiclass_model(self):
        model = self.fitted(lightgbm.LGBMClassifier(), self.classes)
        self.converted(model.booster_.model_to_string().encode(), "lightgbm", **CLASSES)

    def test_pickle_of_a_multiclass_model_in_another_order(self):
        model = self.fitted(lightgbm.LGBMClassifier(), np.array(["a", "b", "c"])[self.classes])
        context = {"task": "multiclass", "classes": ["c", "a", "b"]}
        self.converted(pickle.dumps(model), "lightgbm", **context)

    def test_text_of_a_regression(self):
        model = self.fitted(lightgbm.LGBMRegressor(), self.matrix[:, 0])
        self.converted(model.booster_.model_to_string().encode(), "lightgbm", **REGRESSION)

    def test_dart(self):
        model = self.fitted(lightgbm.LGBMClassifier(boosting_type="dart"), self.label)
        self.converted(model.booster_.model_to_string().encode(), "lightgbm")


class ScikitLearn(Conversions):
    def test_pickle(self):
        self.converted(pickle.dumps(LogisticRegression().fit(self.rows, self.label)), "sklearn")

    def test_skops(self):
        self.converted(skops.io.dumps(LogisticRegression().fit(self.rows, self.label)), "sklearn")

    def test_pipeline_with_text(self):
        rows = self.rows.assign(origin="JFK")
        columns = ColumnTransformer(
            [
                ("numbers", StandardScaler(), ["wind", "gust"]),
                ("texts", OneHotEncoder(handle_unknown="ignore"), ["origin"]),
            ]
        )
        model = make_pipeline(columns, LogisticRegression()).fit(rows, self.label)
        self.converted(pickle.dumps(model), "sklearn")

    def test_multiclass(self):
        model = LogisticRegression().fit(self.rows, np.array(["a", "b", "c"])[self.classes])
        context = {"task": "multiclass", "classes": ["c", "a", "b"]}
        self.converted(pickle.dumps(model), "sklearn", **context)

    def test_regression(self):
        model = LinearRegression().fit(self.rows, self.matrix[:, 0] - self.matrix[:, 1])
        self.converted(pickle.dumps(model), "sklearn", **REGRESSION)

    def test_forest(self):
        model = RandomForestClassifier(5, random_state=1).fit(self.rows, self.label)
        self.converted(pickle.dumps(model), "sklearn")

    def test_histogram_gradient_boosting_is_refused(self):
        model = HistGradientBoostingClassifier(max_iter=5).fit(self.rows, self.label)
        message = self.refusal(pickle.dumps(model), "sklearn")
        self.assertIn("skl2onnx cannot convert the model: ", message)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
