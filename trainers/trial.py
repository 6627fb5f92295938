"""Trains like a job and predicts the rows of the input `unseen` with the native model.

`perennial trainer test` runs `python trainers/trial.py <trainer's folder> <job's directory>`.
Writes model.onnx and result.json like a job, and predictions.json with the scores.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The trainers' folder comes last, because its subfolders have the names of libraries.
    sys.path[0:1] = []
    sys.path.append(str(Path(__file__).resolve().parent))

import numpy as np

from runtime.columns import columns_of
from runtime.job import Job
from runtime.json_files import write_json
from runtime.manifest import read_manifest
from runtime.run import _conclude, _load


def main(folder: Path, directory: Path) -> None:
    job = Job(directory, read_manifest(folder))
    unseen = columns_of(job.table("unseen"), job.features)
    trained = _load(folder).train(job)
    write_json(directory / "result.json", _conclude(job, trained))
    write_json(
        directory / "predictions.json",
        [float(score) for score in np.ravel(trained.predict(unseen))],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
