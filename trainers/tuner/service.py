"""Answers questions about studies, one per line of JSON, until standard input ends.

in:  { "id", "ask": "suggest" | "prune", "key", "known", … the question of study.py }
out: { "type": "ready" } | { "id", "answer" } | { "id", "error", "again"?: true }

`key` identifies the study. Its first `known` trials have ended and were in earlier questions, and
`trials` are those after them. An answer depends only on all these trials. `again` means that this
process does not have the first trials, and that a question with all of them has an answer.
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

from tuner.study import remember, should_prune, suggest

ANSWERS = {"suggest": suggest, "prune": should_prune}
#: Most studies in memory, more than a worker counts on (activities/tuning/optuna.ts).
MOST = 16


def serve(questions: TextIO, answers: TextIO) -> None:
    def tell(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message, allow_nan=False) + "\n")
        answers.flush()

    # Objects of the imports stay; collecting them each time would take half of an answer's time.
    gc.freeze()
    tell({"type": "ready"})
    studies: dict[str, list[Any]] = {}
    for line in questions:
        question = json.loads(line)
        try:
            key = question["key"]
            question["remembered"] = studies.pop(key, [])[: question["known"]]
            if len(question["remembered"]) < question["known"]:
                tell({"id": question["id"], "error": "the first trials are missing", "again": True})
                continue
            studies[key] = remember(question)
            if len(studies) > MOST:
                del studies[next(iter(studies))]
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
