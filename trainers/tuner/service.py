"""Answers questions about studies, one per line of JSON, until standard input ends. Stateless.

in:  { "id", "ask": "suggest" | "prune", … the question of study.py }
out: { "type": "ready" } | { "id", "answer" } | { "id", "error" }
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    import pathlib

    # The trainers' folder comes last, because its subfolders have the names of libraries.
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

    # Objects of the imports stay; collecting them each time would take half of an answer's time.
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
    # Ctrl-C in a terminal reaches the whole process group; the worker decides how to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin, sys.stdout)
