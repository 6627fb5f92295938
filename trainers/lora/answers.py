"""Measures a model's answers and loss on held-out rows."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from transformers import LlamaForCausalLM

from .examples import Example, padded
from .lengths import batches


@torch.inference_mode()
def measure(
    model: LlamaForCausalLM,
    examples: list[Example],
    completions: dict[str, tuple[int, ...]] | None,
    padding: int,
    after_rows: Callable[[], None],
) -> tuple[float, list[str] | None]:
    """Returns nats per token of the completions, and answers limited to `completions`.

    Answers are greedy, like those of a server with constrained output.
    """
    total, count, answers = 0.0, 0, []
    for batch in batches([example.tokens for example in examples]):
        rows = [examples[place] for place in batch]
        hidden, ids = _hidden(model, [row.prompt + row.completion for row in rows], padding)
        total += float(_loss(model, hidden, ids, rows))
        count += sum(len(row.completion) for row in rows)
        if completions is not None:
            ends = torch.tensor([len(row.prompt) - 1 for row in rows])
            answers.extend(
                _choices(
                    model,
                    rows,
                    completions,
                    model.lm_head(hidden[torch.arange(len(rows)), ends]).float(),
                    padding,
                )
            )
        after_rows()
    return total / count, None if completions is None else answers


def _choices(
    model: LlamaForCausalLM,
    rows: list[Example],
    completions: dict[str, tuple[int, ...]],
    logits: torch.Tensor,
    padding: int,
) -> list[str]:
    """Chooses completions from `logits`, the predictions after each prompt.

    The model runs again only where completions with the same start diverge.
    """
    found: dict[int, str] = {}
    left = {row: _narrowed(completions, 0, logits[row]) for row in range(len(rows))}
    while True:
        forks = {}
        for row, (depth, names) in left.items():
            while len(names) > 1 and len({tokens[depth] for tokens in names.values()}) == 1:
                depth += 1
            if len(names) == 1:
                found[row] = next(iter(names))
            else:
                forks[row] = (depth, names)
        if not forks:
            return [found[row] for row in range(len(rows))]
        sequences = [
            rows[row].prompt + next(iter(names.values()))[:depth]
            for row, (depth, names) in forks.items()
        ]
        hidden, _ = _hidden(model, sequences, padding)
        ends = torch.tensor([len(sequence) - 1 for sequence in sequences])
        read = model.lm_head(hidden[torch.arange(len(sequences)), ends]).float()
        left = {
            row: _narrowed(names, depth, read[index])
            for index, (row, (depth, names)) in enumerate(forks.items())
        }


def _narrowed(
    names: dict[str, tuple[int, ...]], depth: int, logits: torch.Tensor
) -> tuple[int, dict[str, tuple[int, ...]]]:
    allowed = sorted({tokens[depth] for tokens in names.values()})
    best = allowed[int(logits[allowed].argmax())]
    return depth + 1, {name: tokens for name, tokens in names.items() if tokens[depth] == best}


def completion_loss(model: LlamaForCausalLM, rows: list[Example], padding: int) -> torch.Tensor:
    """Loss summed over the completions' tokens."""
    hidden, ids = _hidden(model, [row.prompt + row.completion for row in rows], padding)
    return _loss(model, hidden, ids, rows)


def _hidden(
    model: LlamaForCausalLM, sequences: list[tuple[int, ...]], padding: int
) -> tuple[torch.Tensor, torch.Tensor]:
    ids, mask = padded(sequences, padding)
    return model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state, ids


def _loss(
    model: LlamaForCausalLM, hidden: torch.Tensor, ids: torch.Tensor, rows: list[Example]
) -> torch.Tensor:
    """Applies the vocabulary, the largest matrix of a small model, only to the completions."""
    places = [
        (row, place)
        for row, example in enumerate(rows)
        for place in range(
            len(example.prompt) - 1, len(example.prompt) + len(example.completion) - 1
        )
    ]
    at_rows, at_places = (torch.tensor(axis) for axis in zip(*places, strict=True))
    logits = model.lm_head(hidden[at_rows, at_places]).float()
    return F.cross_entropy(logits, ids[at_rows, at_places + 1], reduction="sum")
