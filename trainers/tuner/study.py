"""What optuna says about a study that it sees for the first time: the study is rebuilt from its recorded trials at every question.

A question is a JSON object:

    study:  { name, direction: minimize | maximize, seed, sampler: tpe | random, space: { parameter: range }, hyperband: { min, max, factor } | null }
    trials: [ { number, status: running | complete | pruned | failed, params, value, intermediate: [{ step, value }] } ], by number
    number: the trial that is asked about

The same question has the same answer, in whichever process.
"""

from __future__ import annotations

import datetime
import hashlib
import warnings
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import HyperbandPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

optuna.logging.disable_default_handler()
optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

#: Asked for by optuna; nothing that is used here looks at times.
BEGINNING = datetime.datetime(2000, 1, 1)
STATES = {
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


def suggest(question: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the next trial.

    Trials that run count as bad for as long (`constant_liar`), so that those beside each other do
    not try the same.
    """
    study = question["study"]
    space = _space(study)
    # Without the pruner: optuna would show the sampler the trials of one bracket alone, and of two
    # dozen no bracket would leave its random start.
    rebuilt = _rebuilt(study, question["trials"], _sampler(study, question["number"]), NopPruner())
    return rebuilt.ask(space).params


def should_prune(question: dict[str, Any]) -> bool:
    """Whether the trial may end at the newest of its intermediate values.

    A trial that passed a rung is not judged there again.
    """
    study, number = question["study"], question["number"]
    hyperband = study["hyperband"]
    if hyperband is None:
        return False
    pruner = HyperbandPruner(
        min_resource=hyperband["min"],
        max_resource=hyperband["max"],
        reduction_factor=hyperband["factor"],
    )
    rebuilt = _rebuilt(study, question["trials"], RandomSampler(), pruner)
    # It finds its brackets at its first question; before, every trial is in bracket 0.
    pruner._try_initialization(rebuilt)
    frozen = rebuilt.get_trials(deepcopy=False)
    for trial, recorded in zip(frozen, question["trials"], strict=True):
        judged = (
            recorded["intermediate"][:-1]
            if recorded["number"] == number
            else recorded["intermediate"]
        )
        trial.system_attrs.update(_rungs(judged, hyperband, pruner._get_bracket_id(rebuilt, trial)))
    asked = next(
        trial
        for trial, recorded in zip(frozen, question["trials"], strict=True)
        if recorded["number"] == number
    )
    return pruner.prune(rebuilt, asked)


def _sampler(study: dict[str, Any], number: int) -> BaseSampler:
    # Of its own for every trial: a generator that went on from trial to trial would live in a
    # process.
    seed = int.from_bytes(hashlib.sha256(f"{study['seed']}/{number}".encode()).digest()[:4], "big")
    return (
        RandomSampler(seed=seed)
        if study["sampler"] == "random"
        else TPESampler(seed=seed, constant_liar=True)
    )


def _rebuilt(
    study: dict[str, Any], trials: list[dict[str, Any]], sampler: BaseSampler, pruner: Any
) -> optuna.Study:
    # Hyperband draws a trial's bracket from its number and this name.
    rebuilt = optuna.create_study(
        direction=study["direction"],
        study_name=f"{study['name']}-{study['seed']}",
        sampler=sampler,
        pruner=pruner,
    )
    space = _space(study)
    rebuilt.add_trials([_trial(trial, space) for trial in trials])
    return rebuilt


class _Recorded(FrozenTrial):
    """Made for one storage that lives for one question:

    the copy that the storage would take of each is four fifths of the time of an answer.
    """

    def __deepcopy__(self, _memo: dict[int, Any]) -> _Recorded:
        return self


def _trial(trial: dict[str, Any], space: dict[str, BaseDistribution]) -> FrozenTrial:
    state = STATES[trial["status"]]
    return _Recorded(
        number=-1,
        trial_id=-1,
        state=state,
        value=trial["value"] if state is TrialState.COMPLETE else None,
        datetime_start=BEGINNING,
        datetime_complete=BEGINNING if state.is_finished() else None,
        params=trial["params"],
        distributions=space,
        user_attrs={},
        system_attrs={},
        intermediate_values={seen["step"]: seen["value"] for seen in trial["intermediate"]},
    )


def _rungs(
    values: list[dict[str, Any]], hyperband: dict[str, int], bracket: int
) -> dict[str, float]:
    """What optuna's successive halving notes with a trial as it passes:

    its value at each rung, the first at or after it.
    """
    passed: dict[str, float] = {}
    for rung in range(64):
        needed = hyperband["min"] * hyperband["factor"] ** (bracket + rung)
        value = next((seen["value"] for seen in values if seen["step"] >= needed), None)
        if value is None:
            return passed
        passed[f"completed_rung_{rung}"] = value
    return passed


def _space(study: dict[str, Any]) -> dict[str, BaseDistribution]:
    return {name: _distribution(range) for name, range in study["space"].items()}


def _distribution(range: dict[str, Any]) -> BaseDistribution:
    if range["kind"] == "categorical":
        return CategoricalDistribution(range["choices"])
    if range["kind"] == "int":
        return IntDistribution(range["low"], range["high"], log=range["log"], step=range["step"])
    return FloatDistribution(range["low"], range["high"], log=range["log"], step=range["step"])
