"""Lengths of examples in tokens: which are used, and which are batched together."""

from __future__ import annotations

from runtime.refusal import Refused

#: Largest batch. It bounds the memory and the time until a stop takes effect. Long prompts with
#: passages give fewer rows.
ROWS = 8
TOKENS = 4_096


def fitting(lengths: list[int], most: int, what: str, remedy: str) -> list[int]:
    """Returns the indices of rows within `most`.

    Longer rows are left out, not cut: a cut completion would teach the model to stop there.
    """
    kept = [place for place, length in enumerate(lengths) if length <= most]
    if not kept:
        raise Refused(
            f"all {len(lengths)} {what} rows are longer than {most} tokens; "
            f"the shortest has {min(lengths)}: {remedy}"
        )
    return kept


def batches(lengths: list[int]) -> list[list[int]]:
    """Batches of indices in order, of at most `ROWS` rows and `TOKENS` tokens after padding.

    A row that is longer than `TOKENS` is a batch by itself.
    """
    made: list[list[int]] = []
    width = 0
    for place, length in enumerate(lengths):
        width = max(width, length)
        if not made or len(made[-1]) == ROWS or width * (len(made[-1]) + 1) > TOKENS:
            made.append([])
            width = length
        made[-1].append(place)
    return made
