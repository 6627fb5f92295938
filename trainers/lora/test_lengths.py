import unittest

from lora.lengths import ROWS, TOKENS, batches, fitting
from runtime.refusal import Refused


class Lengths(unittest.TestCase):
    def test_rows_that_are_too_long_are_left_out(self):
        self.assertEqual(fitting([10, 30, 20], 20, "training", "raise it"), [0, 2])

    def test_no_remaining_row_is_refused_with_the_shortest_length(self):
        with self.assertRaisesRegex(
            Refused, "all 2 training rows are longer than 5 tokens; the shortest has 10: raise it"
        ):
            fitting([10, 30], 5, "training", "raise it")

    def test_batches_keep_the_order_and_are_small_after_padding(self):
        lengths = [*([100] * 20), 3_000, 3_000, 9_000, 100, 100]
        made = batches(lengths)
        self.assertEqual([place for batch in made for place in batch], list(range(len(lengths))))
        for batch in made:
            self.assertLessEqual(len(batch), ROWS)
            self.assertTrue(
                len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= TOKENS
            )
        self.assertEqual([len(batch) for batch in made], [8, 8, 4, 1, 1, 1, 2])
        self.assertEqual(batches([]), [])


if __name__ == "__main__":
    unittest.main()
