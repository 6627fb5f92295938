import unittest

import lightgbm as lgb
import numpy as np
import onnx
import onnxruntime

from runtime.categories import Categories
from runtime.columns import Feature
from runtime.graph import GraphBuilder, check_signature, graph_bytes
from runtime.parity import check_parity
from runtime.refusal import Refused
from runtime.trees import lightgbm_trees, tree_ensemble


def run(model: onnx.ModelProto, **columns):
    session = onnxruntime.InferenceSession(graph_bytes(model), providers=["CPUExecutionProvider"])
    return session.run(
        ["score"], {name: np.asarray(values).reshape(-1, 1) for name, values in columns.items()}
    )[0][:, 0]


def grow(matrix, label, **params):
    settings = {
        "objective": "regression",
        "num_threads": 1,
        "verbosity": -1,
        "min_data_in_leaf": 1,
        "min_data_in_bin": 1,
        **params,
    }
    return lgb.train(
        settings, lgb.Dataset(matrix, label), num_boost_round=params.pop("num_boost_round", 20)
    )


def forest_graph(booster, width):
    builder = GraphBuilder([Feature(f"f{index}", "float") for index in range(width)])
    return builder.finish(
        tree_ensemble(
            builder,
            builder.concatenate([f"f{index}" for index in range(width)]),
            lightgbm_trees([booster]),
        )
    )


class Trees(unittest.TestCase):
    def test_decide_like_lightgbm_around_each_threshold(self):
        random = np.random.default_rng(1)
        # Neighbouring float32 values, so the thresholds between them are not float32.
        values = np.float32(1000) + np.arange(400, dtype=np.float32) * np.spacing(np.float32(1000))
        label = random.normal(size=400)
        booster = grow(values.reshape(-1, 1), label, max_bin=1000, num_leaves=200)
        np.testing.assert_allclose(
            run(forest_graph(booster, 1), f0=values),
            booster.predict(values.reshape(-1, 1)),
            atol=1e-6,
        )

    def test_treat_missing_numbers_like_lightgbm_with_and_without_missing_training_values(self):
        random = np.random.default_rng(2)
        matrix = random.normal(size=(500, 2)).astype(np.float32)
        matrix[::7, 1] = np.nan
        label = np.nan_to_num(matrix[:, 0] * 2 + np.where(np.isnan(matrix[:, 1]), 5, matrix[:, 1]))
        booster = grow(matrix, label)
        odd = np.array(
            [
                [np.nan, np.nan],
                [np.nan, 1],
                [1, np.nan],
                [np.inf, -np.inf],
                [-0.0, 0.0],
                [3e38, -3e38],
            ],
            dtype=np.float32,
        )
        np.testing.assert_allclose(
            run(forest_graph(booster, 2), f0=odd[:, 0], f1=odd[:, 1]),
            booster.predict(odd),
            atol=1e-5,
        )

    def test_may_be_a_single_leaf(self):
        booster = grow(np.zeros((50, 1), dtype=np.float32), np.full(50, 3.0))
        np.testing.assert_allclose(
            run(forest_graph(booster, 1), f0=np.float32([0, np.nan])), [3.0, 3.0]
        )


class Texts(unittest.TestCase):
    def test_rare_and_unseen_categories_share_a_code(self):
        values = np.array(["AA"] * 5 + ["B6"] * 4 + ["ZZ"], dtype=object)
        categories = Categories.learn(values, min_rows=2, most=10)
        self.assertEqual(categories.known, ("AA", "B6"))
        self.assertEqual(
            list(categories.codes(np.array(["B6", "ZZ", "AA", "new"], dtype=object))), [2, 0, 1, 0]
        )

    def test_the_rarest_categories_beyond_the_limit_are_dropped(self):
        values = np.array(["a", "b", "b", "c", "c", "c"], dtype=object)
        self.assertEqual(Categories.learn(values, 1, 2).known, ("b", "c"))

    def test_become_numbers_in_the_graph_even_without_known_categories(self):
        for known, expected in ((("AA", "ünï"), [1, 2, 0, 0]), ((), [0, 0, 0, 0])):
            builder = GraphBuilder([Feature("carrier", "string")])
            categories = Categories(known)
            score = builder.category_values(
                "carrier", categories, np.arange(len(known) + 1, dtype=np.float32)
            )
            texts = np.array(["AA", "ünï", "", "other"], dtype=object)
            self.assertEqual(list(run(builder.finish(score), carrier=texts)), expected)


class Graphs(unittest.TestCase):
    def constant(self, value, *names):
        builder = GraphBuilder([Feature(name, "float") for name in names])
        zero = builder.node("Mul", [names[0], builder.constant(0.0, np.float32)])
        finite = builder.node(
            "Where", [builder.node("IsNaN", [zero]), builder.constant(0.0, np.float32), zero]
        )
        return builder.finish(builder.node("Add", [finite, builder.constant(value, np.float32)]))

    def test_accept_columns_that_they_do_not_use(self):
        self.assertEqual(
            list(run(self.constant(0.5, "a", "b"), a=np.float32([1]), b=np.float32([2]))), [0.5]
        )

    def test_have_the_same_bytes_each_time(self):
        self.assertEqual(graph_bytes(self.constant(0.5, "a")), graph_bytes(self.constant(0.5, "a")))

    def test_require_features_that_are_not_named_score(self):
        with self.assertRaisesRegex(Refused, "no feature columns"):
            GraphBuilder([])
        with self.assertRaisesRegex(Refused, "cannot be named score"):
            GraphBuilder([Feature("score", "float")])

    def test_with_other_inputs_or_outputs_are_refused(self):
        graph = self.constant(0.5, "a")
        for features, message in [
            ([Feature("b", "float")], r"missing \['b'\], unexpected \['a'\]"),
            ([Feature("a", "string")], r"of another type \['a'\]"),
        ]:
            with self.assertRaisesRegex(Refused, message):
                check_signature(graph, features)
        graph.graph.output[0].name = "probabilities"
        with self.assertRaisesRegex(Refused, "exactly one output score"):
            check_signature(graph, [Feature("a", "float")])


class Parity(unittest.TestCase):
    features = (Feature("a", "float"),)
    columns = {"a": np.arange(10_000, dtype=np.float32)}  # noqa: RUF012

    def graph(self, value=0.5):
        return graph_bytes(Graphs().constant(value, "a"))

    def test_counts_the_rows_that_agree(self):
        facts = check_parity(
            self.graph(),
            lambda columns: np.full(len(columns["a"]), 0.50001),
            self.columns,
            list(self.features),
        )
        self.assertEqual((facts["rows"], facts["share"]), (5_000, 1.0))
        self.assertAlmostEqual(facts["maxDifference"], 1e-5, places=7)

    def test_refuses_a_graph_that_differs(self):
        def native(columns):
            return np.where(np.arange(len(columns["a"])) % 100 == 0, 0.6, 0.5)

        with self.assertRaisesRegex(Refused, r"on training rows only 99\.0000% agree"):
            check_parity(self.graph(), native, self.columns, list(self.features))

    def test_refuses_a_graph_that_differs_only_on_missing_values(self):
        def native(columns):
            return np.where(np.isnan(columns["a"]), 0.9, 0.5)

        with self.assertRaisesRegex(Refused, "unseen or missing values only"):
            check_parity(self.graph(), native, self.columns, list(self.features))

    def test_refuses_scores_that_are_not_finite(self):
        with self.assertRaisesRegex(Refused, "NaN or infinite"):
            check_parity(
                self.graph(float("nan")),
                lambda columns: np.zeros(len(columns["a"])),
                self.columns,
                list(self.features),
            )
