"""Gradient-boosted trees on numbers and category codes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from scipy.special import softmax

from runtime.categories import Categories
from runtime.columns import Columns, Feature
from runtime.graph import GraphBuilder
from runtime.job import Job, Trained
from runtime.refusal import Refused
from runtime.trees import lightgbm_trees, tree_ensemble

from .forest import Forest, grow
from .rows import Encoding, Rows

#: By objective: names of the reported loss in LightGBM and Perennial, and the link from a sum of
#: trees to a score.
OBJECTIVES = {
    "binary": ("binary_logloss", "logloss", "Sigmoid"),
    "multiclass": ("multi_logloss", "logloss", "Softmax"),
    "regression": ("rmse", "rmse", "Identity"),
    "regression_l1": ("mae", "mae", "Identity"),
    "huber": ("huber", "huber", "Identity"),
    "quantile": ("quantile", "quantile", "Identity"),
    "poisson": ("poisson", "poisson", "Exp"),
}
LINKS = {
    "Sigmoid": lambda raw: 1.0 / (1.0 + np.exp(-raw)),
    "Softmax": lambda raw: softmax(raw, axis=1),
    "Identity": lambda raw: raw,
    "Exp": np.exp,
}
#: Default objective by task.
DEFAULTS = {"classification": "binary", "multiclass": "multiclass", "regression": "regression"}
#: Parameters that do not change the binned rows; trials that differ only in these share the rows.
FREE = {
    *(
        "num_iterations",
        "learning_rate",
        "num_leaves",
        "max_depth",
        "min_gain_to_split",
        "feature_fraction",
        "bagging_fraction",
    ),
    *("bagging_freq", "lambda_l1", "lambda_l2", "scale_pos_weight", "checkpoint_seconds"),
}
#: Perennial's parameters; all others are passed to LightGBM under the same name.
OURS = (
    "objective",
    "num_iterations",
    "early_stopping_rounds",
    "min_category_rows",
    "max_categories",
    "checkpoint_seconds",
)


def train(job: Job) -> Trained:
    objective = _objective(job)
    metric, loss, link = OBJECTIVES[objective]
    label = job.label("train")
    if job.task == "classification" and label.min() == label.max():
        raise Refused(
            f"the label is {'true' if label[0] else 'false'} in all {len(label):,} training rows, "
            "so a model cannot learn from it"
        )
    patience = job.params.get("early_stopping_rounds")
    encoding, training, tuning = _rows(job)
    forest = grow(job, _lightgbm_params(job, objective, metric), loss, training, tuning, patience)

    def predict(columns: Columns) -> np.ndarray:
        return LINKS[link](forest.raw_scores(encoding.matrix(columns)))

    return Trained(
        graph=lambda: _graph(job, encoding.categories, forest, link),
        predict=predict,
        metrics=forest.losses,
        facts={
            "objective": objective,
            "trees": forest.trees,
            "rows": len(label),
            **({"classes": job.classes} if job.classes else {}),
            "importance": _importance(forest, job.features),
            "categories": {name: len(found.known) for name, found in encoding.categories.items()},
        },
        step=forest.trees,
    )


def prepare(job: Job) -> None:
    """Bins the rows for all trials of a study with the same bins.

    That takes a third of the time of a pruned trial.
    """
    objective = _objective(job)
    _, training, tuning = _rows(job)
    # A process that forks must not have started threads.
    params = {**_lightgbm_params(job, objective, OBJECTIVES[objective][0]), "num_threads": 1}
    training.dataset(params).construct()
    if tuning:
        tuning.dataset(params, training).construct()


def _rows(job: Job) -> tuple[Encoding, Rows, Rows | None]:
    """Returns the encoding, the training rows and the tuning rows."""
    wanted = {name: value for name, value in job.params.items() if name not in FREE}
    watched = bool(job.params.get("early_stopping_rounds") or job.objective)

    def make() -> tuple[Encoding, Rows, Rows | None]:
        encoding = Encoding.learn(job)
        judged = job.context["objective"]["input"] if job.objective else "tuning"
        tuning = Rows(job, judged, encoding) if watched else None
        return encoding, Rows(job, "train", encoding), tuning

    return job.shared("lightgbm " + json.dumps([wanted, job.seed, watched], sort_keys=True), make)


def _objective(job: Job) -> str:
    objective = job.params.get("objective", DEFAULTS[job.task])
    fits = objective == DEFAULTS[job.task] or (
        job.task == "regression" and objective not in DEFAULTS.values()
    )
    if not fits:
        raise Refused(f"/params/objective: {objective} does not fit a {job.task}")
    return objective


def _lightgbm_params(job: Job, objective: str, metric: str) -> dict[str, Any]:
    given = {name: value for name, value in job.params.items() if name not in OURS}
    if objective != "binary":
        given.pop("scale_pos_weight")
    return {
        **given,
        "objective": objective,
        "metric": metric,
        **({"num_class": len(job.classes)} if objective == "multiclass" else {}),
        "seed": job.seed % 2**31,
        # Models are byte-identical for one seed and one number of threads only with these.
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": max(1, int(job.cpus)),
        "verbosity": -1,
    }


def _graph(job: Job, categories: dict[str, Categories], forest: Forest, link: str) -> Any:
    features, width = job.features, len(job.classes) or 1
    builder = GraphBuilder(features)
    codes = {
        name: np.arange(len(found.known) + 1, dtype=np.float32)
        for name, found in categories.items()
    }
    inputs = [
        feature.name
        if feature.type == "float"
        else builder.category_values(feature.name, categories[feature.name], codes[feature.name])
        for feature in features
    ]
    trees = lightgbm_trees([forest.booster], width)
    raw = tree_ensemble(builder, builder.concatenate(inputs), trees, width)
    # Softmax goes along the last axis, the classes.
    return builder.finish(builder.node(link, [raw]), width)


def _importance(forest: Forest, features: list[Feature]) -> dict[str, float]:
    """Share of each feature in the total gain."""
    gain = forest.booster.feature_importance("gain")
    return {
        feature.name: round(float(share), 6)
        for feature, share in zip(features, gain / max(gain.sum(), 1e-300), strict=True)
    }
