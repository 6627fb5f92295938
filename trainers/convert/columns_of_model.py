"""Finds the feature columns that a model takes, in its order."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.job import Job
from runtime.refusal import Refused


def columns_of_model(job: Job, names: Sequence[str] | None, count: int) -> list[str]:
    """`names` are None when the model knows only the number of its columns."""
    if names is None:
        raise Refused(
            f"the model has {count} columns without names, so their order is unknown. "
            "Train it on a DataFrame whose columns have the names of features.sql"
        )
    known = {feature.name for feature in job.features}
    missing = [name for name in names if name not in known]
    if missing:
        raise Refused(
            f"features.sql has no column {', '.join(missing)}, which the model needs; "
            f"its columns are {', '.join(sorted(known))}"
        )
    return list(names)


def number_columns(job: Job, names: Sequence[str]) -> list[str]:
    texts = {feature.name for feature in job.features if feature.type == "string"}
    wrong = [name for name in names if name in texts]
    if wrong:
        raise Refused(
            f"the model takes the numbers {', '.join(wrong)}, but features.sql returns text"
        )
    return list(names)


def class_order(job: Job, classes: Sequence[object]) -> list[int]:
    """For each score of the lifecycle, the position of the class in the model.

    One position for a classification: that of the positive class.
    """
    found = [str(int(each)) if isinstance(each, bool) else str(each) for each in classes]
    if job.task == "classification":
        positive = {"1": 1, "1.0": 1, "True": 1}
        at = [index for index, name in enumerate(found) if name in positive]
        if len(found) != 2 or len(at) != 1:
            raise Refused(
                f"the classes of the model are {', '.join(found)}; "
                "a classification needs 0 and 1, or False and True"
            )
        return at
    if sorted(found) != sorted(job.classes):
        raise Refused(
            f"the classes of the model are {', '.join(found)}; "
            f"those of the lifecycle are {', '.join(job.classes)}"
        )
    return [found.index(name) for name in job.classes]
