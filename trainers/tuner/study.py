"""Suggests and prunes trials with optuna. Each question rebuilds the study from its trials.

A question is a JSON object:

    study:  { name, seed, sampler: tpe | random | grid | cmaes | nsga2, directions: [minimize |
              maximize], one per objective, space: { parameter: range }, where a range may have
              `when: { other parameter: [values] }`,
              pruning: { pruner: hyperband | asha | median, min, max, factor } | null }
    trials: [ { number, status: running | complete | pruned | failed, params, value, values,
              intermediate: [{ step, value }], samplerState } ], by number
    number: the trial of the question
    earlier: optional; complete trials of another study, from which the sampler learns
    remembered: optional; the ended trials before `trials`, as `remember` made them

The same question has the same answer in every process.
"""

from __future__ import annotations

import builtins
import datetime
import hashlib
import math
import warnings
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GridSampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)
from optuna.trial import FrozenTrial, TrialState

optuna.logging.disable_default_handler()
optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

#: optuna requires times; the samplers and pruners here do not use them.
BEGINNING = datetime.datetime(2000, 1, 1)
#: The check of a document has the same (domain/tuning/space.ts).
ROUNDING = 1e-12
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
    earlier = [_trial(trial, space) for trial in question.get("earlier") or []]
    # Without the pruner: optuna would show the sampler only the trials of one bracket. With two
    # dozen trials, no bracket would leave its random start.
    sampler = sampler_of(study, question["number"], earlier)
    shown = [] if study["sampler"] == "cmaes" else earlier
    rebuilt = _rebuilt(study, shown + _frozen(question), sampler, NopPruner())
    asked = rebuilt.ask()
    params: dict[str, Any] = {}
    for name in _in_order(study["space"]):
        if _applies(study["space"][name], params):
            params[name] = asked._suggest(name, space[name])
    state = rebuilt.get_trials(deepcopy=False)[asked.number].system_attrs
    return {"params": params, "samplerState": dict(state)}


def _in_order(space: dict[str, Any]) -> list[str]:
    """The parameters as written, but each after those that decide whether it applies."""
    ordered: dict[str, None] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"the conditions of {name} lead back to {name}")
        for other in space[name].get("when") or {}:
            add(other, (*above, name))
        ordered[name] = None

    for name in space:
        add(name, ())
    return list(ordered)


def _applies(range: dict[str, Any], params: dict[str, Any]) -> bool:
    """Whether a parameter has a value in a trial with these values of the others."""
    return all(
        name in params and any(_is_same(params[name], value) for value in values)
        for name, values in (range.get("when") or {}).items()
    )


def _is_same(a: Any, b: Any) -> bool:
    """Compares numbers up to rounding, because optuna adds steps to the lowest value."""
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=ROUNDING, abs_tol=ROUNDING)
    return bool(a == b)


def should_prune(question: dict[str, Any]) -> bool:
    """Whether to stop the trial at its newest intermediate value.

    A trial that passed a rung is not judged there again.
    """
    study, number = question["study"], question["number"]
    pruning = study["pruning"]
    if pruning is None:
        return False
    pruner = _pruner(pruning)
    rebuilt = _rebuilt(study, _frozen(question), RandomSampler(), pruner)
    frozen = rebuilt.get_trials(deepcopy=False)
    if isinstance(pruner, MedianPruner):
        return bool(pruner.prune(rebuilt, frozen[number]))
    if isinstance(pruner, HyperbandPruner):
        # It creates its brackets at the first question; before, all trials are in bracket 0.
        pruner._try_initialization(rebuilt)
    for trial in frozen:
        if trial.judged:
            continue
        seen = list(trial.intermediate_values.items())
        judged = seen[:-1] if trial.number == number else seen
        bracket = (
            pruner._get_bracket_id(rebuilt, trial) if isinstance(pruner, HyperbandPruner) else 0
        )
        trial.system_attrs.update(_rungs(judged, pruning, bracket))
        trial.judged = trial.state.is_finished()
    return bool(pruner.prune(rebuilt, frozen[number]))


def _pruner(pruning: dict[str, Any]) -> BasePruner:
    lowest, factor = pruning["min"], pruning["factor"]
    if pruning["pruner"] == "median":
        # Its other defaults suit: five complete trials first, then judged at each reported step.
        return MedianPruner()
    if pruning["pruner"] == "asha":
        return SuccessiveHalvingPruner(lowest, factor)
    return HyperbandPruner(lowest, pruning["max"], factor)


def remember(question: dict[str, Any]) -> list[_Recorded]:
    """Returns the ended trials before the first running one, for later questions."""
    trials = _frozen(question)
    running = (place for place, trial in enumerate(trials) if not trial.state.is_finished())
    return trials[: next(running, len(trials))]


def sampler_of(
    study: dict[str, Any], number: int, earlier: list[FrozenTrial] | None = None
) -> BaseSampler:
    # One sampler per trial: a generator that continues from trial to trial would need a process.
    seed = int.from_bytes(hashlib.sha256(f"{study['seed']}/{number}".encode()).digest()[:4], "big")
    match study["sampler"]:
        case "random":
            return RandomSampler(seed=seed)
        case "grid":
            # The seed of the study shuffles the grid, of which each trial takes its number.
            return GridSampler(_grid(study["space"]), seed=study["seed"])
        case "cmaes":
            return CmaEsSampler(
                seed=seed, source_trials=earlier or None, warn_independent_sampling=False
            )
        case "nsga2":
            return NSGAIISampler(seed=seed)
        case _:
            return TPESampler(seed=seed, constant_liar=True)


def _grid(space: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: _values(range) for name, range in space.items()}


def _values(range: dict[str, Any]) -> list[Any]:
    if range["kind"] == "categorical":
        return range["choices"]
    # As optuna counts: the values low, low + step, … that are not above high.
    count = int((range["high"] - range["low"]) / range["step"] + 1e-8) + 1
    values = (range["low"] + place * range["step"] for place in builtins.range(count))
    # A rounding error must not leave the range.
    return [min(value, range["high"]) for value in values]


def _rebuilt(
    study: dict[str, Any], trials: list[_Recorded], sampler: BaseSampler, pruner: Any
) -> optuna.Study:
    # Hyperband derives a trial's bracket from its number and this name.
    rebuilt = optuna.create_study(
        directions=study["directions"],
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
    several = trial.get("values") if state is TrialState.COMPLETE else None
    return _Recorded(
        number=-1,
        trial_id=-1,
        state=state,
        value=trial["value"] if state is TrialState.COMPLETE and several is None else None,
        values=several,
        datetime_start=BEGINNING,
        datetime_complete=BEGINNING if state.is_finished() else None,
        params=trial["params"],
        distributions={name: space[name] for name in trial["params"]},
        user_attrs={},
        system_attrs=dict(trial.get("samplerState", {})),
        intermediate_values={seen["step"]: seen["value"] for seen in trial["intermediate"]},
    )


def _rungs(
    values: list[tuple[int, float]], pruning: dict[str, Any], bracket: int
) -> dict[str, float]:
    """What optuna's successive halving records: the value at each rung, or the first after it."""
    passed: dict[str, float] = {}
    for rung in range(64):
        needed = pruning["min"] * pruning["factor"] ** (bracket + rung)
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
