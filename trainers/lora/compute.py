"""Estimates the compute of the training, and of training such a model from scratch.

Forward 2 N operations per token, backward 4 N, together 6 N D (Kaplan et al. 2020, section 2.1; N
without embeddings). Half of the backward pass is for gradients of activations, half for those of
weights. An adapter needs the first only down to its lowest layer, and the second only for its own
weights.
"""

from __future__ import annotations

#: About twenty tokens per parameter is compute-optimal (Hoffmann et al. 2022, table 3). Fewer would
#: flatter the adapter less, the real number (2e12 tokens for SmolLM2-135M) far more.
TOKENS_PER_PARAMETER = 20


def compute_used(
    parameters: int, adapter_parameters: int, layers: int, adapted_layers: int, tokens: int
) -> dict[str, float]:
    """`parameters` is without embeddings; `tokens` are all trained tokens, including repeats."""
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
