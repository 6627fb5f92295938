"""What a model answers on held-out rows, and how well it knows them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from transformers import LlamaForCausalLM

from .examples import Example, padded

#: Rows at once; memory for 8 x 256 tokens is small, and a stop is obeyed after each.
ROWS = 8


@torch.inference_mode()
def choices(
    model: LlamaForCausalLM,
    prompts: list[tuple[int, ...]],
    completions: dict[str, tuple[int, ...]],
    padding: int,
    after_rows: Callable[[], None],
) -> list[str]:
    """The answer under a grammar that allows these completions alone, greedily: as a server with constrained output gives it. Reads the model
    only where the completions part ways."""
    answers = []
    for start in range(0, len(prompts), ROWS):
        rows = prompts[start : start + ROWS]
        open_rows = {row: (0, completions) for row in range(len(rows))}
        found: dict[int, str] = {}
        while open_rows:
            reading = {}
            for row, (depth, left) in open_rows.items():
                shared = depth
                while len(left) > 1 and len({tokens[shared] for tokens in left.values()}) == 1:
                    shared += 1
                reading[row] = (shared, left)
            for row, (_, left) in reading.items():
                if len(left) == 1:
                    found[row] = next(iter(left))
            reading = {row: state for row, state in reading.items() if row not in found}
            open_rows = {}
            if reading:
                sequences = [rows[row] + next(iter(left.values()))[:depth] for row, (depth, left) in reading.items()]
                for (row, (depth, left)), logits in zip(reading.items(), _last_logits(model, sequences, padding), strict=True):
                    allowed = sorted({tokens[depth] for tokens in left.values()})
                    best = allowed[int(logits[allowed].argmax())]
                    open_rows[row] = (depth + 1, {name: tokens for name, tokens in left.items() if tokens[depth] == best})
        answers.extend(found[row] for row in range(len(rows)))
        after_rows()
    return answers


@torch.inference_mode()
def loss_on(model: LlamaForCausalLM, examples: list[Example], padding: int, after_rows: Callable[[], None]) -> float:
    """Nats a token of the completions."""
    total, count = 0.0, 0
    for start in range(0, len(examples), ROWS):
        rows = examples[start : start + ROWS]
        total += float(completion_loss(model, rows, padding))
        count += sum(len(row.completion) for row in rows)
        after_rows()
    return total / count


def completion_loss(model: LlamaForCausalLM, rows: list[Example], padding: int) -> torch.Tensor:
    """Summed over the completions' tokens. The vocabulary is the widest matrix of a small model: it is applied to those tokens alone."""
    ids, mask = padded([row.prompt + row.completion for row in rows], padding)
    hidden = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    places = [
        (row, place)
        for row, example in enumerate(rows)
        for place in range(len(example.prompt) - 1, len(example.prompt) + len(example.completion) - 1)
    ]
    at_rows, at_places = (torch.tensor(axis) for axis in zip(*places, strict=True))
    logits = model.lm_head(hidden[at_rows, at_places]).float()
    return F.cross_entropy(logits, ids[at_rows, at_places + 1], reduction="sum")


def _last_logits(model: LlamaForCausalLM, sequences: list[tuple[int, ...]], padding: int) -> torch.Tensor:
    ids, mask = padded(sequences, padding)
    hidden = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    return model.lm_head(hidden[torch.arange(len(sequences)), mask.sum(1) - 1]).float()
