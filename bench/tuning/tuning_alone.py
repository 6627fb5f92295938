"""The same study by optuna alone in one process: `python bench/tuning/tuning_alone.py <question.json>` prints { seconds, cpu, trials }.

    { trainers, study (as in trainers/tuner/study.py), job (as in job.json), trials, parallel, sharedBins }

The same trainer's function on the same rows with the same draws and the same pruner; rows are read once, nothing is written, and a bad trial is ended at the
very iteration: the least that such a study can cost.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

QUESTION = json.loads(Path(sys.argv[1]).read_text())
TRAINERS = Path(QUESTION["trainers"])
sys.path[0:1] = []
sys.path.append(str(TRAINERS))

import optuna
from optuna.pruners import HyperbandPruner, NopPruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState
from runtime.columns import Feature
from runtime.job import Job
from runtime.manifest import complete_params, read_manifest
from runtime.run import _load
from tuner.study import sampler_of, space_of

STUDY, JOB = QUESTION["study"], QUESTION["job"]
FOLDER = TRAINERS / JOB["trainer"]
MANIFEST, TRAIN = read_manifest(FOLDER), _load(FOLDER).train
READ: dict[str, Any] = {}


class InProcess(Job):
    def __init__(self, params: dict[str, Any], trial: optuna.Trial):
        self.directory = Path(JOB["directory"])
        self.id, self.trace_id, self.seed, self.cpus = JOB["id"], None, JOB["seed"], 1
        self.params = complete_params(MANIFEST, params)
        self.context, self.task = JOB["context"], JOB["context"]["task"]
        self.classes = (
            self.context.get("classes", []) if self.task == "multiclass" else []
        )
        self.features = [
            Feature(feature["name"], feature["type"])
            for feature in self.context["features"]
        ]
        self._inputs = JOB["inputs"]
        self.reached = {}
        self._trial = trial
        # What the trainer makes of the rows is then kept for the trials that follow, as a zygote
        # keeps it for its jobs.
        self._ahead = QUESTION["sharedBins"]
        self._stopping = self._stops_when_saved = False

    def examples(self, name: str) -> Any:
        if name not in READ:
            READ[name] = super().examples(name)
        return READ[name]

    def report(self, step: int, name: str, value: float) -> None:
        self._trial.report(value, step)
        if self._trial.should_prune():
            raise optuna.TrialPruned()

    def restore_checkpoint(self) -> None:
        return None

    def save_checkpoint(self, step: int, files: dict[str, bytes]) -> None:
        pass

    def log(self, message: str, **facts: Any) -> None:
        pass


class DrawnAlike(BaseSampler):
    """The product's draws:

    a sampler of its own for every trial, which sees the trials of all brackets.
    """

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        own[trial.number] = sampler_of(STUDY, trial.number)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, Any]:
        return own[trial.number].infer_relative_search_space(whole[0], trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        return own[trial.number].sample_relative(whole[0], trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, name: str, distribution: Any
    ) -> Any:
        return own[trial.number].sample_independent(whole[0], trial, name, distribution)


own: dict[int, BaseSampler] = {}
whole: list[optuna.Study] = []
SPACE = space_of(STUDY)


def objective(trial: optuna.Trial) -> float:
    drawn = {
        name: trial._suggest(name, distribution) for name, distribution in SPACE.items()
    }
    job = InProcess({**JOB["params"], **drawn}, trial)
    trained = TRAIN(job)
    value = job.reached.get(trained.step) if trained.step is not None else None
    return (
        value
        if value is not None
        else job.objective.value(trained.predict(job.objective.columns))
    )


def main() -> None:
    pruning = STUDY["pruning"]
    pruner = (
        NopPruner()
        if pruning is None
        else HyperbandPruner(pruning["min"], pruning["max"], pruning["factor"])
    )
    name = f"{STUDY['name']}-{STUDY['seed']}"
    study = optuna.create_study(
        directions=STUDY["directions"],
        study_name=name,
        sampler=DrawnAlike(),
        pruner=pruner,
    )
    whole.append(study)
    began, busy = time.monotonic(), time.process_time()
    study.optimize(objective, n_trials=QUESTION["trials"], n_jobs=QUESTION["parallel"])
    seconds, cpu = time.monotonic() - began, time.process_time() - busy
    trials = [
        {
            "number": each.number,
            "params": each.params,
            "pruned": each.state is TrialState.PRUNED,
            "value": each.value,
        }
        for each in study.trials
    ]
    print(json.dumps({"seconds": seconds, "cpu": {"alone": cpu}, "trials": trials}))


# As the product's jobs, which may wait where others may not; on a machine that does nothing else it
# makes no difference.
os.nice(5)
main()
