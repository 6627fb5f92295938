import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from perennial.contract import contract_of
from perennial.step import StepError
from runtime.step.modules import load_module

HEAD = """
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict
from perennial.step import Context, File, Table, step

"""


class NoFiles:
    def paths_of(self, reference):
        return [Path("inputs") / reference["digest"]]


class ContractTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        before = list(sys.path)
        self.addCleanup(lambda: sys.path.__setitem__(slice(None), before))

    def contract(self, code: str, name: str = "work"):
        module = f"mine_{self.id().rpartition('.')[2]}"
        (self.root / f"{module}.py").write_text(HEAD + textwrap.dedent(code))
        self.addCleanup(lambda: sys.modules.pop(module, None))
        sys.modules.pop(module, None)
        return contract_of(getattr(load_module(self.root, f"{module}.py"), name), self.root)

    def test_schemas_follow_the_annotations(self):
        contract = self.contract(
            """
            class Shop(TypedDict):
                name: str
                size: NotRequired[int]

            @dataclass
            class Score:
                value: float
                notes: list[str] = field(default_factory=list)

            @step
            def work(shop: Shop, mode: Literal["fast", "slow"], ctx: Context,
                     limit: int | None = None, more: dict = {}) -> dict[str, Score]:
                ...
            """
        )
        self.assertEqual(
            contract.input_schema(),
            {
                "type": "object",
                "properties": {
                    "shop": {
                        "title": "Shop",
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
                        "required": ["name"],
                        "additionalProperties": False,
                    },
                    "mode": {"enum": ["fast", "slow"]},
                    "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    "more": {"type": "object"},
                },
                "required": ["mode", "shop"],
                "additionalProperties": False,
            },
        )
        self.assertEqual(contract.context, "ctx")
        score = contract.output.schema["additionalProperties"]
        self.assertEqual(score["required"], ["value"])
        self.assertEqual(
            score["properties"]["notes"], {"type": "array", "items": {"type": "string"}}
        )

    def test_input_becomes_the_annotated_types_and_output_becomes_json(self):
        contract = self.contract(
            """
            @dataclass
            class Score:
                value: float
                best: "Score2 | None" = None

            @dataclass
            class Score2:
                value: int

            @step
            def work(scores: list[Score], table: Table, file: File) -> list[Score]:
                ...
            """
        )
        got = contract.arguments(
            {
                "scores": [{"value": 1}, {"value": 2.5, "best": {"value": 3}}],
                "table": {"digest": "one"},
                "file": {"digest": "two"},
            },
            NoFiles(),
        )
        self.assertEqual(got["scores"][1].best.value, 3)
        self.assertIsInstance(got["scores"][0].value, float)
        self.assertEqual(got["table"].paths, [Path("inputs/one")])
        self.assertEqual(got["file"].path, Path("inputs/two"))
        self.assertEqual(
            contract.result(got["scores"], NoFiles()),
            [{"value": 1.0, "best": None}, {"value": 2.5, "best": {"value": 3}}],
        )

    def test_numbers_of_numpy_are_numbers(self):
        import numpy as np

        contract = self.contract("@step\ndef work() -> list[float | int]:\n    ...\n")
        got = contract.result([np.float32(0.5), np.int64(3)], NoFiles())
        self.assertEqual((got, [type(each) for each in got]), ([0.5, 3.0], [float, float]))

    def test_a_mismatch_names_the_place_in_the_value(self):
        contract = self.contract(
            """
            @dataclass
            class Score:
                values: list[int]

            @step
            def work(rows: dict[str, Score]) -> list[float]:
                ...
            """
        )
        for value, message in (
            ({"rows": {"a": {"values": [1, "2"]}}}, "/rows/a/values/1 must be int, not str"),
            ({"rows": {"a": {"values": [True]}}}, "/rows/a/values/0 must be int, not bool"),
            ({"rows": {"a": {}}}, "/rows/a/values must be list[int] (Score), not None"),
            ({"rows": {"a": {"values": [], "x": 1}}}, "/rows/a/x must be absent"),
            ({"rows": []}, "/rows must be a dict with str keys, not list"),
            ({}, "rows is missing"),
            ([], "must be an object with the parameters rows, not a list"),
        ):
            with self.subTest(message), self.assertRaises(StepError) as caught:
                contract.arguments(value, NoFiles())
            self.assertIn(message, str(caught.exception))
        with self.assertRaises(StepError) as caught:
            contract.result([1.0, float("nan")], NoFiles())
        self.assertIn("/1 must be a finite float, not float", str(caught.exception))

    def test_integers_that_json_numbers_cannot_hold_are_refused(self):
        contract = self.contract("@step\ndef work() -> dict[str, int]:\n    ...\n")
        with self.assertRaises(StepError) as caught:
            contract.result({"a/b": 1 << 60}, NoFiles())
        self.assertIn("/a~1b must be of at most 53 bits, or a str", str(caught.exception))

    def test_every_problem_of_the_annotations_is_in_one_message_with_file_and_line(self):
        for code, message in (
            (
                "def work(a, b: Any) -> set[int]: ...",
                ":8: step work: parameter a has no annotation",
            ),
            ("def work(a, b: Any) -> set[int]: ...", "parameter b: typing.Any is not supported"),
            ("def work(a, b: Any) -> set[int]: ...", "the result: set[int] is not supported"),
            ("def work(*rows: int) -> int: ...", "parameter rows must have a name"),
            ("def work(a: Missing) -> int: ...", "name 'Missing' is not defined"),
            ("def work(a: dict[int, str]) -> int: ...", "keys must be str"),
            ("async def work() -> int: ...", "must be a plain function"),
        ):
            # Strings are read late, as with `from __future__ import annotations`.
            late = code.replace("Missing", "'Missing'")
            with self.subTest(code), self.assertRaises(StepError) as caught:
                self.contract(f"\n@step\n{late}\n")
            self.assertIn(message, str(caught.exception))

    def test_a_type_that_contains_itself_is_refused(self):
        with self.assertRaises(StepError) as caught:
            self.contract(
                """
                @dataclass
                class Tree:
                    children: "list[Tree]"

                @step
                def work(tree: Tree) -> int: ...
                """
            )
        self.assertIn("contains itself", str(caught.exception))
