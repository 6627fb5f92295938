"""Answers questions about studies, one JSON line each, until its standard input ends. It keeps nothing between two of them.

in:  { "id", "ask": "suggest" | "prune", … the question of study.py }
out: { "type": "ready" } | { "id", "answer" } | { "id", "error" }
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    import pathlib

    # The trainers' folder comes last: folders in it are called after the libraries they use.
    sys.path[0:1] = []
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

import gc
import json
import signal
import traceback
from typing import Any, TextIO

from tuner.study import should_prune, suggest

ANSWERS = {"suggest": suggest, "prune": should_prune}


def serve(questions: TextIO, answers: TextIO) -> None:
    def tell(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message, allow_nan=False) + "\n")
        answers.flush()

    # What the imports made stays; looking through it again and again would be half the time of an
    # answer.
    gc.freeze()
    tell({"type": "ready"})
    for line in questions:
        question = json.loads(line)
        try:
            tell({"id": question["id"], "answer": ANSWERS[question["ask"]](question)})
        except Exception as error:
            traceback.print_exc()
            tell(
                {
                    "id": question["id"],
                    "error": "".join(traceback.format_exception_only(error)).strip()[:2_000],
                }
            )


if __name__ == "__main__":
    # Ctrl-C in a terminal reaches every process of its group; the worker decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin, sys.stdout)
