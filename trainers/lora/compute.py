"""What the training cost, by formula, beside what training such a model from nothing would cost.

Forward 2 N operations a token, backward 4 N, together 6 N D (Kaplan et al. 2020, section 2.1; N without embeddings). Of the backward half belongs to
the gradients of activations and half to those of weights: an adapter needs the first only down to its lowest layer, and the second only for itself.
"""

from __future__ import annotations

#: Hoffmann et al. 2022, table 3: about twenty tokens a parameter is where compute is spent best. A smaller comparison would flatter the adapter less,
#: the real one (SmolLM2-135M saw 2e12 tokens) far more.
TOKENS_PER_PARAMETER = 20


def compute_used(
    parameters: int, adapter_parameters: int, layers: int, adapted_layers: int, tokens: int
) -> dict[str, float]:
    """`parameters`: without embeddings. `tokens`: all that were trained on, repeats included."""
    backward = 2 * parameters * adapted_layers / layers
    used = (2 * parameters + 6 * adapter_parameters + backward) * tokens
    from_scratch = 6 * parameters * TOKENS_PER_PARAMETER * parameters
    all_weights = 6 * parameters * tokens
    return {
        "parameters": parameters,
        "adapterParameters": adapter_parameters,
        "tokens": tokens,
        "flops": used,
        "flopsAllWeightsSameTokens": all_weights,
        "shareOfAllWeightsSameTokens": used / all_weights,
        "flopsFromScratch": from_scratch,
        "shareOfFromScratch": used / from_scratch,
    }
