import unittest
from pathlib import Path

import pyarrow as pa

from runtime.place import place_of


def caught(action) -> BaseException:
    try:
        action()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


HERE = Path(__file__).parent


class Place(unittest.TestCase):
    def test_has_type_and_line_but_not_the_message(self):
        place = place_of(caught(lambda: float("Ada Lovelace")), HERE)
        self.assertRegex(place, r"^ValueError in test_place\.py, line \d+ \(<lambda>\)$")

    def test_is_the_line_of_the_trainer_when_a_library_raised(self):
        place = place_of(caught(lambda: pa.array(["Ada Lovelace"]).cast(pa.int32())), HERE)
        self.assertRegex(
            place, r"^pyarrow\.lib\.ArrowInvalid in test_place\.py, line \d+ \(<lambda>\)$"
        )

    def test_names_a_missing_module(self):
        def missing():
            import nowhere.to.be.found  # noqa: F401

        self.assertRegex(
            place_of(caught(missing), HERE),
            r"^ModuleNotFoundError of nowhere in test_place\.py, line \d+ \(missing\)$",
        )

    def test_is_the_file_with_the_syntax_error(self):
        place = place_of(caught(lambda: compile("x = (", "/somewhere/train.py", "exec")), HERE)
        self.assertEqual(place, "SyntaxError in train.py, line 1")
