import unittest

import numpy as np
from sklearn import metrics as reference

from runtime.objective import METRICS, Objective
from runtime.refusal import Refused


class Metrics(unittest.TestCase):
    def setUp(self):
        random = np.random.default_rng(3)
        self.label = (random.random(500) < 0.3).astype(float)
        # Coarse scores, so that there are ties.
        self.scores = np.round(np.clip(random.random(500) * 0.6 + 0.3 * self.label, 0.01, 0.99), 2)

    def value(self, metric: str) -> float:
        return Objective(metric, dict, self.label).value(self.scores)

    def test_equal_the_reference_values(self):
        label, scores = self.label, self.scores
        for metric, expected in (
            ("logloss", reference.log_loss(label, scores)),
            ("auc", reference.roc_auc_score(label, scores)),
            ("brier", reference.brier_score_loss(label, scores)),
            ("accuracy", reference.accuracy_score(label, scores >= 0.5)),
            ("rmse", reference.root_mean_squared_error(label, scores)),
            ("mae", reference.mean_absolute_error(label, scores)),
            ("r2", reference.r2_score(label, scores)),
        ):
            with self.subTest(metric):
                self.assertAlmostEqual(self.value(metric), expected, places=12)

    def test_of_several_classes_equal_the_reference_values(self):
        random = np.random.default_rng(4)
        label = random.integers(0, 4, 300).astype(float)
        # A fifth class that no row has, but some predictions do.
        scores = random.dirichlet(np.ones(5), 300) + np.eye(5)[label.astype(int)] * 0.3
        scores /= scores.sum(axis=1, keepdims=True)
        guess = scores.argmax(axis=1)
        for metric, expected in (
            ("logloss", reference.log_loss(label, scores, labels=range(5))),
            ("accuracy", reference.accuracy_score(label, guess)),
            ("f1_macro", reference.f1_score(label, guess, average="macro")),
            ("f1_weighted", reference.f1_score(label, guess, average="weighted")),
        ):
            with self.subTest(metric):
                self.assertAlmostEqual(
                    Objective(metric, dict, label, "multiclass").value(scores), expected, places=12
                )
                self.assertTrue(
                    np.isnan(
                        Objective(metric, dict, label, "multiclass").value(
                            np.full((300, 5), np.nan)
                        )
                    )
                )
        with self.assertRaisesRegex(
            Refused, "unknown metric auc; the metrics are logloss, accuracy"
        ):
            Objective("auc", dict, label, "multiclass")

    def test_the_loss_of_one_confident_error_is_bounded(self):
        self.assertAlmostEqual(
            Objective("logloss", dict, np.array([1.0])).value(np.array([0.0])), -np.log(0.001)
        )

    def test_are_nan_where_they_are_undefined(self):
        for metric in METRICS:
            with self.subTest(metric):
                self.assertTrue(
                    np.isnan(Objective(metric, dict, self.label).value(np.full(500, np.nan)))
                )
        for metric in ("auc", "r2"):
            with self.subTest(metric):
                self.assertTrue(
                    np.isnan(Objective(metric, dict, np.ones(3)).value(np.array([0.1, 0.2, 0.3])))
                )

    def test_an_unknown_metric_is_refused_with_the_known_ones(self):
        with self.assertRaisesRegex(Refused, "unknown metric gini; the metrics are logloss, auc"):
            Objective("gini", dict, np.zeros(1))


if __name__ == "__main__":
    unittest.main()
