import unittest

from lora.compute import compute_used


class Compute(unittest.TestCase):
    def test_training_all_weights_takes_six_operations_per_parameter_and_token(self):
        used = compute_used(
            parameters=1_000, adapter_parameters=0, layers=10, adapted_layers=10, tokens=50
        )
        self.assertEqual(used["flopsAllWeightsSameTokens"], 6 * 1_000 * 50)

    def test_an_adapter_saves_weight_gradients_and_the_layers_below_it(self):
        everywhere = compute_used(
            parameters=1_000, adapter_parameters=0, layers=10, adapted_layers=10, tokens=50
        )
        self.assertAlmostEqual(everywhere["shareOfAllWeightsSameTokens"], 4 / 6)
        upper = compute_used(
            parameters=1_000, adapter_parameters=0, layers=10, adapted_layers=1, tokens=50
        )
        self.assertAlmostEqual(upper["shareOfAllWeightsSameTokens"], (2 + 0.2) / 6)

    def test_the_weights_of_the_adapter_count_in_full(self):
        without = compute_used(
            parameters=1_000, adapter_parameters=0, layers=10, adapted_layers=5, tokens=1
        )
        with_it = compute_used(
            parameters=1_000, adapter_parameters=10, layers=10, adapted_layers=5, tokens=1
        )
        self.assertEqual(with_it["flops"] - without["flops"], 6 * 10)

    def test_training_from_scratch_takes_twenty_tokens_per_parameter(self):
        used = compute_used(
            parameters=1_000, adapter_parameters=0, layers=1, adapted_layers=1, tokens=1
        )
        self.assertEqual(used["flopsFromScratch"], 6 * 1_000 * 20_000)


if __name__ == "__main__":
    unittest.main()
