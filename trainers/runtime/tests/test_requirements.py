import unittest

from runtime.environment.requirements import InvalidRequirements, read_requirements


class RequirementsTest(unittest.TestCase):
    def test_each_requirement_has_its_line(self):
        text = (
            "# mine\ncachetools>=5  # small\n\nnumpy \\\n  --hash=sha256:aa \\\n  --hash=sha256:bb\n"
            "Py_Arrow[all]>=1; python_version > '3'\n"
        )
        found = read_requirements("requirements.txt", text)
        self.assertEqual(
            [(each.line, each.package) for each in found],
            [(2, "cachetools"), (4, "numpy"), (7, "py-arrow")],
        )

    def test_pyproject_lists_its_dependencies(self):
        text = '[project]\nname = "mine"\ndependencies = [\n  "cachetools>=5",\n  "numpy",\n]\n'
        found = read_requirements("pyproject.toml", text)
        self.assertEqual(
            [(each.line, each.text) for each in found], [(4, "cachetools>=5"), (5, "numpy")]
        )

    def test_what_is_not_a_package_of_the_index_is_refused_with_its_line(self):
        for file, text, message in (
            ("requirements.txt", "numpy\n-r other.txt", ":2: the option -r is not supported"),
            ("requirements.txt", "--index-url x", ":1: the option --index-url is not supported"),
            ("requirements.txt", "-e .", ":1: the option -e is not supported"),
            ("requirements.txt", "a @ git+https://x/y", ":1: a @ git+https://x/y is a path or URL"),
            ("requirements.txt", "./local", ":1: ./local is a path or URL"),
            ("requirements.txt", "numpy --no-binary :all:", ":1: numpy --no-binary :all: has an"),
            ("requirements.txt", "!", ":1: ! is not a requirement"),
            ("pyproject.toml", '[project]\ndynamic = ["dependencies"]', "dynamic dependencies"),
            ("pyproject.toml", "[tool]", "there is no [project]"),
            ("pyproject.toml", "[project", "pyproject.toml: Expected"),
            ("pyproject.toml", "[project]\ndependencies = 1", "must be a list of strings"),
        ):
            with self.subTest(text), self.assertRaises(InvalidRequirements) as caught:
                read_requirements(file, text)
            self.assertIn(message, str(caught.exception))
            self.assertTrue(str(caught.exception).startswith(file))
