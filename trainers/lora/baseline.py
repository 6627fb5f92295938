"""A simple competitor on the same rows: bag of words and a linear model.

Where it is better, no language model is needed.
"""

from __future__ import annotations

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def baseline_answers(train: list[tuple[str, str]], prompts: list[str], seed: int) -> list[str]:
    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)),
        LogisticRegression(C=10, max_iter=1000, random_state=seed),
    )
    model.fit([prompt for prompt, _ in train], [completion for _, completion in train])
    return [str(label) for label in model.predict(prompts)]
