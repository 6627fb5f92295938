"""Writes MLflow model folders of scikit-learn and LightGBM, as mlflow.<flavour>.save_model does.

`python make_models.py <csv> <folder>`; prints the native scores of the row kind=a, x=1, y=0.5.
"""

import csv
import json
import pickle
import sys
from pathlib import Path

import lightgbm
import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression

COLUMNS = ["x", "y", "xy"]


def main(data: str, folder: Path) -> None:
    with open(data, newline="") as file:
        rows = list(csv.DictReader(file))
    matrix = np.array([[float(r["x"]), float(r["y"]), float(r["x"]) * float(r["y"])] for r in rows])
    label = np.array([int(r["label"]) for r in rows])
    row = np.array([[1.0, 0.5, 0.5]])

    estimator = LogisticRegression().fit(matrix, label)
    # As after training on a DataFrame, without pandas, which the trainers do not have.
    estimator.feature_names_in_ = np.array(COLUMNS, dtype=object)
    write(
        folder / "sklearn",
        "model.pkl",
        pickle.dumps(estimator),
        f"sklearn: {{ pickled_model: model.pkl, sklearn_version: {sklearn.__version__} }}",
        f"scikit-learn=={sklearn.__version__}\nnumpy=={np.__version__}\n",
    )
    booster = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1},
        lightgbm.Dataset(matrix, label, feature_name=COLUMNS),
        num_boost_round=20,
    )
    write(
        folder / "lightgbm",
        "model.lgb",
        booster.model_to_string().encode(),
        f"lightgbm: {{ data: model.lgb, lgb_version: {lightgbm.__version__} }}",
        f"lightgbm=={lightgbm.__version__}\n",
    )
    del estimator.feature_names_in_
    print(
        json.dumps(
            {
                "sklearn": float(estimator.predict_proba(row)[0, 1]),
                "lightgbm": float(booster.predict(row)[0]),
            }
        )
    )


def write(folder: Path, file: str, body: bytes, flavour: str, requirements: str) -> None:
    folder.mkdir(parents=True)
    (folder / file).write_bytes(body)
    (folder / "MLmodel").write_text(f"flavors:\n  {flavour}\n  python_function: {{}}\n")
    (folder / "requirements.txt").write_text(requirements)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
