"""Suggests and prunes trials with optuna. Each question rebuilds the study from its trials.

A question is a JSON object:

    study:  { name, direction: minimize | maximize, seed, sampler: tpe | random,
              space: { parameter: range }, hyperband: { min, max, factor } | null }
    trials: [ { number, status: running | complete | pruned | failed, params, value,
              intermediate: [{ step, value }], samplerState } ], by number
    number: the trial of the question
    remembered: optional; the ended trials before `trials`, as `remember` made them

The same question has the same answer in every process.
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

#: optuna requires times; the samplers and pruners here do not use them.
BEGINNING = datetime.datetime(2000, 1, 1)
STATES = {
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


def suggest(question: dict[str, Any]) -> dict[str, Any]:
    """Returns the parameters of the next trial, and what the sampler keeps with it.

    Running trials count as bad (`constant_liar`), so parallel trials try different parameters.
    """
    study = question["study"]
    space = space_of(study)
    # Without the pruner: optuna would show the sampler only the trials of one bracket. With two
    # dozen trials, no bracket would leave its random start.
    sampler = sampler_of(study, question["number"])
    rebuilt = _rebuilt(study, _frozen(question), sampler, NopPruner())
    asked = rebuilt.ask(space)
    state = rebuilt.get_trials(deepcopy=False)[asked.number].system_attrs
    # Optuna's `ask` keeps the fixed distributions there, which the space of the study has anyway.
    kept = {name: value for name, value in state.items() if name != "fixed_params"}
    return {"params": asked.params, "samplerState": kept}


def should_prune(question: dict[str, Any]) -> bool:
    """Whether to stop the trial at its newest intermediate value.

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
    rebuilt = _rebuilt(study, _frozen(question), RandomSampler(), pruner)
    # Hyperband creates its brackets at the first question; before, all trials are in bracket 0.
    pruner._try_initialization(rebuilt)
    frozen = rebuilt.get_trials(deepcopy=False)
    for trial in frozen:
        if trial.judged:
            continue
        seen = list(trial.intermediate_values.items())
        judged = seen[:-1] if trial.number == number else seen
        trial.system_attrs.update(_rungs(judged, hyperband, pruner._get_bracket_id(rebuilt, trial)))
        trial.judged = trial.state.is_finished()
    return pruner.prune(rebuilt, frozen[number])


def remember(question: dict[str, Any]) -> list[_Recorded]:
    """Returns the ended trials before the first running one, for later questions."""
    trials = _frozen(question)
    running = (place for place, trial in enumerate(trials) if not trial.state.is_finished())
    return trials[: next(running, len(trials))]


def sampler_of(study: dict[str, Any], number: int) -> BaseSampler:
    # One sampler per trial: a generator that continues from trial to trial would need a process.
    seed = int.from_bytes(hashlib.sha256(f"{study['seed']}/{number}".encode()).digest()[:4], "big")
    return (
        RandomSampler(seed=seed)
        if study["sampler"] == "random"
        else TPESampler(seed=seed, constant_liar=True)
    )


def _rebuilt(
    study: dict[str, Any], trials: list[_Recorded], sampler: BaseSampler, pruner: Any
) -> optuna.Study:
    # Hyperband derives a trial's bracket from its number and this name.
    rebuilt = optuna.create_study(
        direction=study["direction"],
        study_name=f"{study['name']}-{study['seed']}",
        sampler=sampler,
        pruner=pruner,
    )
    rebuilt.add_trials(trials)
    return rebuilt


def _frozen(question: dict[str, Any]) -> list[_Recorded]:
    """All trials of the question, by number."""
    space = space_of(question["study"])
    return question.get("remembered", []) + [_trial(trial, space) for trial in question["trials"]]


class _Recorded(FrozenTrial):
    """A trial for a storage that lives for one question.

    Without copies: the storage's copies would take four fifths of an answer's time.
    """

    #: Whether the rungs that it passed are in its attributes.
    judged = False

    def __deepcopy__(self, _memo: dict[int, Any]) -> _Recorded:
        return self


def _trial(trial: dict[str, Any], space: dict[str, BaseDistribution]) -> _Recorded:
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
        system_attrs=dict(trial.get("samplerState", {})),
        intermediate_values={seen["step"]: seen["value"] for seen in trial["intermediate"]},
    )


def _rungs(
    values: list[tuple[int, float]], hyperband: dict[str, int], bracket: int
) -> dict[str, float]:
    """What optuna's successive halving records: the value at each rung, or the first after it."""
    passed: dict[str, float] = {}
    for rung in range(64):
        needed = hyperband["min"] * hyperband["factor"] ** (bracket + rung)
        value = next((value for step, value in values if step >= needed), None)
        if value is None:
            return passed
        passed[f"completed_rung_{rung}"] = value
    return passed


def space_of(study: dict[str, Any]) -> dict[str, BaseDistribution]:
    return {name: _distribution(range) for name, range in study["space"].items()}


def _distribution(range: dict[str, Any]) -> BaseDistribution:
    if range["kind"] == "categorical":
        return CategoricalDistribution(range["choices"])
    if range["kind"] == "int":
        return IntDistribution(range["low"], range["high"], log=range["log"], step=range["step"])
    return FloatDistribution(range["low"], range["high"], log=range["log"], step=range["step"])
