"""How long examples are, in tokens: which are learnt from, and which are read together."""

from __future__ import annotations

from runtime.refusal import Refused

#: Read together, at most; memory for these is small, and a stop is obeyed after each batch. Prompts with passages are long: then fewer rows.
ROWS = 8
TOKENS = 4_096


def fitting(lengths: list[int], most: int, what: str, remedy: str) -> list[int]:
    """The places of those within `most`.

    The others are left out, never cut: a completion that is cut off would teach to stop there.
    """
    kept = [place for place, length in enumerate(lengths) if length <= most]
    if not kept:
        raise Refused(
            f"all {len(lengths)} {what} rows are longer than {most} tokens, the shortest has {min(lengths)}: {remedy}"
        )
    return kept


def batches(lengths: list[int]) -> list[list[int]]:
    """Places in their order; each batch at most `ROWS` of them and, once padded to its longest,
    `TOKENS` tokens, or one that is longer by itself.
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
