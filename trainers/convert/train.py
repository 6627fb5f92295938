"""Converts a model that was trained elsewhere to a graph over the lifecycle's feature columns.

Loading a pickle runs its code, so this happens in a confined job and never in the platform.
"""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path

from runtime.job import Job, Trained
from runtime.refusal import Refused

from .boosters import from_lightgbm, from_xgboost
from .from_sklearn import from_sklearn


def train(job: Job) -> Trained:
    path = job.file("model")
    kind = job.params["format"]
    if kind == "xgboost":
        trained = from_xgboost(job, path)
    elif _is_text(path):
        if kind != "lightgbm":
            raise Refused("the file of the flavour sklearn is neither a pickle nor of skops")
        trained = from_lightgbm(job, _booster(path))
    else:
        trained = _of_object(job, load_object(path))
    job.log("model read", format=kind, **trained.facts)
    return trained


def _of_object(job: Job, model: object) -> Trained:
    library = type(model).__module__.partition(".")[0]
    if library == "lightgbm":
        return from_lightgbm(job, model)
    if library == "xgboost":
        raise Refused("a pickled model of XGBoost is not supported. Save it with mlflow.xgboost")
    return from_sklearn(job, model)


def load_object(path: Path) -> object:
    """Unpickles, or reads a file of skops. The environment has the versions that saved it."""
    is_skops = path.read_bytes()[:2] == b"PK"
    # Files of cloudpickle are read in the same way; the package must only be installed.
    try:
        return _read_skops(path) if is_skops else _unpickle(path)
    except ModuleNotFoundError as error:
        raise Refused(
            f"the model needs the package {error.name}, which is not installed. Only models of "
            "scikit-learn, LightGBM and XGBoost without own code can be converted"
        ) from error
    except Exception as error:
        what = "the file of skops cannot be read" if is_skops else "the file cannot be unpickled"
        raise _unreadable(what, error) from error


def _unpickle(path: Path) -> object:
    with path.open("rb") as file:
        return pickle.load(file)


def _read_skops(path: Path) -> object:
    import skops.io

    return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))


def _booster(path: Path) -> object:
    import lightgbm

    try:
        return lightgbm.Booster(model_file=str(path))
    except Exception as error:
        raise _unreadable("the file is no model in LightGBM's text format", error) from error


def _unreadable(what: str, error: Exception) -> Refused:
    traceback.print_exc()
    return Refused(
        f"{what}: {type(error).__name__}. Its message is in the log; perennial run logs shows it"
    )


def _is_text(path: Path) -> bool:
    """LightGBM's own format begins with the word `tree`."""
    return path.read_bytes()[:5] == b"tree\n"
