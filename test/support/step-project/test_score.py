"""Tests of the steps, without a platform."""

import unittest

import pyarrow as pa
from perennial.step import Context, Table
from steps.score import Score, score_shop


class ScoreTest(unittest.TestCase):
    def test_only_the_orders_of_the_shop_count(self):
        orders = Table.of(pa.table({"shop": ["A", "B", "A"], "amount": [10.0, 5.0, 2.0]}))
        ctx = Context()
        self.assertEqual(score_shop("A", orders, ctx), Score("A", 2, 12.0))
        self.assertEqual(ctx.metrics, {"revenue": 12.0})
