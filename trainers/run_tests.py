"""Runs the trainers' unit tests: `python trainers/run_tests.py [part of a file's path]`.

A part that begins with a minus leaves out the files with it.

Tests are loaded by path, because a trainer's folder is not a package.
"""

import importlib.util
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The trainers' folder comes last, because its subfolders have the names of libraries.
sys.path[0:1] = []
sys.path += [str(HERE), str(HERE.parent / "python")]


def main(wanted: str) -> bool:
    suite = unittest.TestSuite()
    for path in sorted(HERE.rglob("test_*.py")):
        name = str(path.relative_to(HERE))
        if wanted[1:] not in name if wanted.startswith("-") else wanted in name:
            spec = importlib.util.spec_from_file_location(
                f"perennial_tests.{path.parent.name}.{path.stem}", path
            )
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(module))
    if suite.countTestCases() == 0:
        print(f"no test matches {wanted}", file=sys.stderr)
        return False
    return unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1] if len(sys.argv) > 1 else "") else 1)
