import io
import json
import unittest
from typing import Any

import optuna

from tuner.service import serve
from tuner.study import should_prune
from tuner.study import suggest as suggested

SPACE = {
    "leaves": {"kind": "int", "low": 4, "high": 256, "step": 1, "log": True},
    "rate": {"kind": "float", "low": 0.01, "high": 0.3, "step": None, "log": True},
    "bins": {"kind": "int", "low": 16, "high": 256, "step": 16, "log": False},
    "kind": {"kind": "categorical", "choices": ["a", "b", True]},
}
HYPERBAND = {"min": 2, "max": 60, "factor": 3}
KNOWS_NONE = {"key": "a", "known": 0}


def suggest(question: dict[str, Any]) -> dict[str, Any]:
    return suggested(question)["params"]


def study(**changes: Any) -> dict[str, Any]:
    return {
        "name": "tune",
        "direction": "minimize",
        "seed": 17,
        "sampler": "tpe",
        "space": SPACE,
        "hyperband": HYPERBAND,
    } | changes


def trial(
    number: int, status: str, value: float | None = None, intermediate: Any = (), params: Any = None
) -> dict[str, Any]:
    asked = params or suggest({"study": study(sampler="random"), "number": number, "trials": []})
    return {
        "number": number,
        "status": status,
        "params": asked,
        "value": value,
        "intermediate": [{"step": step, "value": seen} for step, seen in intermediate],
    }


def finished(count: int) -> list[dict[str, Any]]:
    trials = [trial(number, "complete") for number in range(count)]
    return [
        made | {"value": abs(made["params"]["rate"] - 0.05) + made["params"]["leaves"] / 1000}
        for made in trials
    ]


class Suggest(unittest.TestCase):
    def test_stays_in_the_space_with_its_types(self):
        for number in range(40):
            params = suggest({"study": study(), "number": number, "trials": finished(number)[:12]})
            self.assertIsInstance(params["leaves"], int)
            self.assertTrue(4 <= params["leaves"] <= 256)
            self.assertTrue(0.01 <= params["rate"] <= 0.3)
            self.assertEqual(params["bins"] % 16, 0)
            self.assertIn(params["kind"], ["a", "b", True])

    def test_depends_only_on_seed_number_and_recorded_trials(self):
        asked = {"study": study(), "number": 20, "trials": finished(20)}
        first = suggest(asked)
        self.assertEqual(suggest(json.loads(json.dumps(asked))), first)
        self.assertNotEqual(suggest(asked | {"number": 21}), first)
        self.assertNotEqual(suggest(asked | {"study": study(seed=18)}), first)
        self.assertNotEqual(
            suggest(
                asked | {"trials": [done | {"value": -done["value"]} for done in asked["trials"]]}
            ),
            first,
        )

    def test_accepts_trials_of_every_status(self):
        mixed = [
            *finished(12),
            trial(12, "failed"),
            trial(13, "pruned", 0.4, [(2, 0.6), (6, 0.4)]),
            trial(14, "pruned", None),
            trial(15, "running", None, [(2, 0.6)]),
        ]
        self.assertEqual(
            set(suggest({"study": study(), "number": 16, "trials": mixed})), set(SPACE)
        )

    def test_is_better_than_random(self):
        """TPE beats random search over forty trials on a function with one minimum, on average
        over ten seeds each.
        """

        def best(sampler: str, seed: int) -> float:
            trials: list[dict[str, Any]] = []
            for number in range(40):
                params = suggest(
                    {"study": study(sampler=sampler, seed=seed), "number": number, "trials": trials}
                )
                value = abs(params["rate"] - 0.05) * 10 + abs(params["leaves"] - 40) / 100
                trials.append(trial(number, "complete", value, (), params))
            return min(made["value"] for made in trials)

        seeds = range(10)
        self.assertLess(
            sum(best("tpe", seed) for seed in seeds),
            0.8 * sum(best("random", seed) for seed in seeds),
        )

    def test_avoids_the_parameters_of_running_trials(self):
        done = finished(20)
        alone = suggest({"study": study(), "number": 24, "trials": done})
        beside = [*done, *(trial(20 + place, "running", params=alone) for place in range(4))]
        self.assertNotEqual(suggest({"study": study(), "number": 24, "trials": beside}), alone)


class Prune(unittest.TestCase):
    def test_never_without_a_pruner(self):
        running = trial(1, "running", None, [(2, 9.0)])
        self.assertFalse(
            should_prune(
                {
                    "study": study(hyperband=None),
                    "number": 1,
                    "trials": [trial(0, "complete", 0.1), running],
                }
            )
        )

    def test_decides_like_a_running_optuna_at_every_rung(self):
        """Compares a running optuna with a study that is rebuilt at every question."""
        steps = [2, 6, 18, 54]
        for direction in ("minimize", "maximize"):
            live = optuna.create_study(
                direction=direction,
                study_name="tune-17",
                pruner=optuna.pruners.HyperbandPruner(2, 60, 3),
                sampler=optuna.samplers.RandomSampler(1),
            )
            recorded: list[dict[str, Any]] = []
            decisions = []
            for number in range(40):
                asked = live.ask()
                mine = trial(
                    number, "running", params={"leaves": 4, "rate": 0.1, "bins": 16, "kind": "a"}
                )
                recorded.append(mine)
                for step in steps:
                    value = ((number * 37) % 101) / 100 + 1 / step
                    asked.report(value, step)
                    mine["intermediate"].append({"step": step, "value": value})
                    expected = asked.should_prune()
                    actual = should_prune(
                        {"study": study(direction=direction), "number": number, "trials": recorded}
                    )
                    decisions.append(expected)
                    self.assertEqual(
                        actual, expected, f"trial {number} at step {step}, {direction}"
                    )
                    if expected:
                        break
                pruned = decisions[-1]
                live.tell(
                    asked,
                    None if pruned else value,
                    state=optuna.trial.TrialState.PRUNED
                    if pruned
                    else optuna.trial.TrialState.COMPLETE,
                )
                mine |= {
                    "status": "pruned" if pruned else "complete",
                    "value": mine["intermediate"][-1]["value"],
                }
            self.assertGreater(sum(decisions), 5)
            self.assertGreater(len(decisions) - sum(decisions), 5)


class Service(unittest.TestCase):
    def test_answers_every_line_and_continues_after_an_invalid_question(self):
        asked = [
            {"id": 1, "ask": "suggest", **KNOWS_NONE, "study": study(), "number": 0, "trials": []},
            {
                "id": 2,
                "ask": "suggest",
                **KNOWS_NONE,
                "study": study(
                    space={"x": {"kind": "int", "low": 5, "high": 1, "step": 1, "log": False}}
                ),
                "number": 0,
                "trials": [],
            },
            {
                "id": 3,
                "ask": "prune",
                **KNOWS_NONE,
                "study": study(),
                "number": 0,
                "trials": [trial(0, "running", None, [(2, 0.5)])],
            },
        ]
        said = io.StringIO()
        serve(io.StringIO("".join(json.dumps(line) + "\n" for line in asked)), said)
        ready, first, second, third = (json.loads(line) for line in said.getvalue().splitlines())
        self.assertEqual(ready, {"type": "ready"})
        self.assertEqual(set(first["answer"]["params"]), set(SPACE))
        self.assertIn("high", second["error"])
        self.assertEqual(third, {"id": 3, "answer": False})

    def test_a_study_in_parts_has_the_answers_of_the_whole_study(self):
        """A process that remembers ended trials, and one that gets all trials each time."""
        trials: list[dict[str, Any]] = []
        lines: list[dict[str, Any]] = []
        expected: list[Any] = []
        known = 0
        for number in range(30):
            asked = {"study": study(), "number": number}
            lines.append({"ask": "suggest", "trials": trials[known:], **asked, "known": known})
            expected.append(suggested(asked | {"trials": trials}))
            params = expected[-1]["params"]
            value = abs(params["rate"] - 0.05) + ((number * 37) % 11) / 10
            known = len(trials)
            running = trial(number, "running", None, [(2, value), (6, value / 2)], params)
            lines.append(
                {"ask": "prune", "trials": [*trials[known:], running], **asked, "known": known}
            )
            expected.append(should_prune(asked | {"trials": [*trials, running]}))
            status = "pruned" if expected[-1] else "complete"
            trials.append(running | {"status": status, "value": value / 2})
        numbered = [{"id": at, "key": "one"} | line for at, line in enumerate(lines)]
        said = io.StringIO()
        serve(io.StringIO("".join(json.dumps(line) + "\n" for line in numbered)), said)
        answers = [json.loads(line) for line in said.getvalue().splitlines()[1:]]
        self.assertEqual([made["answer"] for made in answers], expected)
        self.assertIn(True, expected)


if __name__ == "__main__":
    unittest.main()
