import io
import json
import unittest
from typing import Any, ClassVar

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
HYPERBAND = {"pruner": "hyperband", "min": 2, "max": 60, "factor": 3}
KNOWS_NONE = {"key": "a", "known": 0}


def suggest(question: dict[str, Any]) -> dict[str, Any]:
    return suggested(question)["params"]


def study(**changes: Any) -> dict[str, Any]:
    return {
        "name": "tune",
        "directions": ["minimize"],
        "seed": 17,
        "sampler": "tpe",
        "space": SPACE,
        "pruning": HYPERBAND,
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
                    "study": study(pruning=None),
                    "number": 1,
                    "trials": [trial(0, "complete", 0.1), running],
                }
            )
        )

    def test_decides_like_a_running_optuna_at_every_step(self):
        """Compares a running optuna with a study that is rebuilt at every question."""
        pruners = {
            "hyperband": lambda: optuna.pruners.HyperbandPruner(2, 60, 3),
            "asha": lambda: optuna.pruners.SuccessiveHalvingPruner(2, 3),
            "median": optuna.pruners.MedianPruner,
        }
        for kind, pruner in pruners.items():
            for direction in ("minimize", "maximize"):
                with self.subTest(pruner=kind, direction=direction):
                    self.compare(HYPERBAND | {"pruner": kind}, pruner(), direction)

    def compare(self, pruning: dict[str, Any], pruner: Any, direction: str):
        live = optuna.create_study(
            direction=direction,
            study_name="tune-17",
            pruner=pruner,
            sampler=optuna.samplers.RandomSampler(1),
        )
        asked_of = study(directions=[direction], pruning=pruning)
        recorded: list[dict[str, Any]] = []
        decisions = []
        for number in range(40):
            asked = live.ask()
            params = {"leaves": 4, "rate": 0.1, "bins": 16, "kind": "a"}
            mine = trial(number, "running", params=params)
            recorded.append(mine)
            for step in [2, 6, 18, 54]:
                value = ((number * 37) % 101) / 100 + 1 / step
                asked.report(value, step)
                mine["intermediate"].append({"step": step, "value": value})
                expected = asked.should_prune()
                question = {"study": asked_of, "number": number, "trials": recorded}
                answer = json.loads(json.dumps(should_prune(question)))
                self.assertIs(answer, bool(expected), f"trial {number} at {step}")
                decisions.append(expected)
                if expected:
                    break
            state = optuna.trial.TrialState
            if decisions[-1]:
                live.tell(asked, state=state.PRUNED)
            else:
                live.tell(asked, value)
            mine |= {
                "status": "pruned" if decisions[-1] else "complete",
                "value": mine["intermediate"][-1]["value"],
            }
        self.assertGreater(sum(decisions), 5)
        self.assertGreater(len(decisions) - sum(decisions), 5)


class Samplers(unittest.TestCase):
    space: ClassVar = {
        "x": {"kind": "float", "low": -5, "high": 5, "step": None, "log": False},
        "y": {"kind": "float", "low": -5, "high": 5, "step": None, "log": False},
    }

    def best(self, sampler: str, count: int, **changes: Any) -> list[dict[str, Any]]:
        """Rebuilds a study from JSON before each trial."""
        trials: list[dict[str, Any]] = []
        asked = study(sampler=sampler, space=self.space, pruning=None) | changes
        for number in range(count):
            question = {"study": asked, "number": number, "trials": trials}
            made = suggested(json.loads(json.dumps(question)))
            x, y = (made["params"].get(name, 0) for name in ("x", "y"))
            values = [(x - 2) ** 2 + y**2, x**2 + (y - 2) ** 2]
            recorded = trial(number, "complete", values[0], (), made["params"])
            several = values if len(asked["directions"]) > 1 else None
            trials.append(recorded | {"samplerState": made["samplerState"], "values": several})
        return trials

    def test_cmaes_continues_from_the_state_of_its_trials(self):
        found = self.best("cmaes", 80)
        generations = [made["samplerState"].get("cma:generation", 0) for made in found]
        self.assertGreater(max(generations), 5)
        self.assertLess(min(made["value"] for made in found[60:]), 0.05)

    def test_nsga2_breeds_a_front(self):
        found = self.best("nsga2", 150, directions=["minimize", "minimize"])
        sums = [sum(made["values"]) for made in found]
        self.assertLess(sum(sums[100:]), 0.7 * sum(sums[:50]))

    def test_tpe_searches_for_several_objectives(self):
        found = self.best("tpe", 60, directions=["minimize", "minimize"])
        sums = [sum(made["values"]) for made in found]
        self.assertLess(sum(sums[40:]), 0.7 * sum(sums[:20]))

    def test_a_grid_has_each_combination_once(self):
        space = {
            "x": {"kind": "int", "low": 1, "high": 6, "step": 2, "log": False},
            "y": {"kind": "float", "low": 0, "high": 0.3, "step": 0.1, "log": False},
            "kind": {"kind": "categorical", "choices": ["a", "b"]},
        }
        found = self.best("grid", 24, space=space)
        seen = {
            (made["params"]["x"], round(made["params"]["y"], 6), made["params"]["kind"])
            for made in found
        }
        expected = {(x, y / 10, kind) for x in (1, 3, 5) for y in range(4) for kind in "ab"}
        self.assertEqual(seen, expected)

    def test_a_conditional_parameter_has_a_value_only_where_it_applies(self):
        space = {
            "x": {
                **{"kind": "float", "low": -5, "high": 5, "step": None, "log": False},
                "when": {"shape": ["round", "oval"]},
            },
            "shape": {"kind": "categorical", "choices": ["round", "oval", "none"]},
            "y": {
                **{"kind": "float", "low": -5, "high": 5, "step": None, "log": False},
                "when": {"shape": ["oval"]},
            },
        }
        for sampler in ("tpe", "random", "cmaes", "nsga2"):
            shapes = set()
            for made in self.best(sampler, 60, space=space):
                shape = made["params"]["shape"]
                shapes.add(shape)
                names = {"round": {"shape", "x"}, "oval": {"shape", "x", "y"}, "none": {"shape"}}
                self.assertEqual(set(made["params"]), names[shape])
            self.assertEqual(shapes, {"round", "oval", "none"})

    def test_suggests_a_parameter_whose_condition_holds_up_to_rounding(self):
        space = {
            "rate": {"kind": "float", "low": 0.1, "high": 0.5, "step": 0.1, "log": False},
            "x": {**self.space["x"], "when": {"rate": [0.3]}},
        }
        made = self.best("random", 40, space=space)
        with_x = [trial["params"] for trial in made if "x" in trial["params"]]
        self.assertGreater(len(with_x), 0)
        self.assertEqual({round(params["rate"], 9) for params in with_x}, {0.3})

    def test_refuses_conditions_in_a_circle(self):
        space = {
            "x": {"kind": "categorical", "choices": [1, 2], "when": {"y": [1]}},
            "y": {"kind": "categorical", "choices": [1, 2], "when": {"x": [1]}},
        }
        with self.assertRaisesRegex(ValueError, "lead back to x"):
            self.best("tpe", 1, space=space)

    def test_learns_from_the_trials_of_an_earlier_study(self):
        for sampler in ("tpe", "cmaes"):
            earlier = self.best(sampler, 60)
            cold = sum(made["value"] for made in self.best(sampler, 10))
            trials: list[dict[str, Any]] = []
            for number in range(10):
                question = {
                    "study": study(sampler=sampler, space=self.space, pruning=None),
                    **{"number": number, "trials": trials, "earlier": earlier},
                }
                made = suggested(question)
                value = (made["params"]["x"] - 2) ** 2 + made["params"]["y"] ** 2
                recorded = trial(number, "complete", value, (), made["params"])
                trials.append(recorded | {"samplerState": made["samplerState"]})
            self.assertLess(sum(made["value"] for made in trials), 0.5 * cold)


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
