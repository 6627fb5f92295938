import json
import os
import tempfile
import unittest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from perennial.step import Context, File, StepError, Table, step
from runtime.step.run import run_step


class StepTest(unittest.TestCase):
    """A step in its job directory."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name).resolve()
        (self.directory / "files" / "steps").mkdir(parents=True)

    def run_step(self, body: str, value: object = None) -> int:
        head = "from perennial.step import *\nfrom pathlib import Path\n\n"
        (self.directory / "files" / "steps" / "mine.py").write_text(head + body)
        job = {
            "id": "run_test/mine/step/1",
            "resources": {"cpus": 1},
            "inputs": {"sha256-one": [{"path": "inputs/one.parquet"}]},
            "step": {"name": "mine", "file": "steps/mine.py", "function": "mine"},
            "value": value or {},
        }
        (self.directory / "job.json").write_text(json.dumps(job))
        # A fork, as the host runs it.
        pid = os.fork()
        if pid == 0:
            log = os.open(self.directory / "log.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os._exit(run_step(self.directory))
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)

    def log(self) -> str:
        return (self.directory / "log.txt").read_text()

    def written(self, name: str):
        return json.loads((self.directory / name).read_text())

    def message(self) -> str:
        self.assertFalse((self.directory / "result.json").exists())
        return self.written("error.json")["message"]

    def test_files_and_tables_are_written_as_outputs_with_their_place(self):
        ran = self.run_step(
            "import pyarrow as pa\n@step\ndef mine(ctx: Context) -> dict[str, list[Table | File]]:\n"
            "    path = ctx.folder / 'a.csv'\n    path.write_text('a,b')\n"
            "    return {'both': [pa.table({'a': [1]}), File(path)]}\n"
        )
        self.assertEqual(ran, 0, self.log())
        facts = self.written("result.json")["facts"]
        self.assertEqual(facts["output"], {"both": [None, None]})
        self.assertEqual(
            facts["references"],
            [
                {"pointer": "/both/0", "name": "0.parquet"},
                {"pointer": "/both/1", "name": "1.csv"},
            ],
        )
        rows = pq.read_table(self.directory / "outputs" / "0.parquet")
        self.assertEqual(rows.to_pydict(), {"a": [1]})

    def test_an_input_that_is_returned_stays_the_same_reference(self):
        (self.directory / "inputs").mkdir()
        pq.write_table(pa.table({"a": [1, 2]}), self.directory / "inputs" / "one.parquet")
        reference = {"digest": "sha256:one", "uri": "s3://b/one"}
        ran = self.run_step(
            "@step\ndef mine(rows: Table) -> Table:\n    assert rows.arrow().num_rows == 2\n"
            "    return rows\n",
            {"rows": reference},
        )
        self.assertEqual(ran, 0, self.log())
        self.assertEqual(
            self.written("result.json")["facts"], {"output": reference, "references": []}
        )
        self.assertFalse((self.directory / "outputs").exists())

    def test_helpers_of_the_project_are_imported_from_its_root(self):
        (self.directory / "files" / "words.py").write_text("WORD = 'mine'\n")
        ran = self.run_step("from words import WORD\n@step\ndef mine() -> str:\n    return WORD\n")
        self.assertEqual(ran, 0, self.log())

    def test_the_folders_of_trainers_do_not_stand_in_for_packages(self):
        self.run_step("import baseline\n@step\ndef mine() -> None: ...\n")
        self.assertIn("the package baseline is not installed", self.message())

    def test_every_failure_names_the_file_the_function_and_the_next_step(self):
        for body, message in (
            ("def other(): ...\n", "steps/mine.py: there is no function mine with @step"),
            (
                "@step\ndef mine() -> None:\n    Path('../../../x').write_text('')\n",
                "wrote to ../../../x, outside of its folder at steps/mine.py:6. Write below ctx.fold",
            ),
            (
                "@step\ndef mine() -> None:\n    import os\n    os.mkdir('/tmp/perennial-x')\n",
                "wrote to /tmp/perennial-x, outside of its folder at steps/mine.py:7",
            ),
            (
                "@step\ndef mine() -> File:\n    return Path('none.csv')\n",
                "returned the file none.csv, which does not exist. Write the file before",
            ),
            (
                "@step\ndef mine() -> Table:\n    Path('a').write_text('x')\n    return Table.of('a')\n",
                "a is not a Parquet file",
            ),
            ("@step\ndef mine() -> Table:\n    return 'a'\n", "use Table.of(path)"),
            ("@step\ndef mine(: ...\n", "SyntaxError at mine.py:5"),
            ("import sys\nsys.exit('bye')\n", "ended the process with exit code bye"),
        ):
            with self.subTest(message):
                self.assertEqual(self.run_step(body), 1)
                self.assertIn(message, self.message())
                self.assertIn("steps/mine.py", self.message())
                self.assertRegex(self.message(), r"\(mine\)|function mine")


class UnitTest(unittest.TestCase):
    """A step as its author tests it."""

    def test_a_step_is_called_like_a_function(self):
        @step
        def add(a: int, ctx: Context, b: int = 2) -> int:
            ctx.progress(1, 4)
            return a + b

        ctx = Context()
        self.assertEqual(add(1, ctx), 3)
        self.assertEqual(ctx.metrics, {"progress": 0.25})
        with self.assertRaises(StepError):
            ctx.report("loss", float("nan"))

    def test_a_context_keeps_a_checkpoint(self):
        ctx = Context()
        self.assertIsNone(ctx.restore_checkpoint())
        ctx.save_checkpoint(1, {"a": b"1"})
        ctx.save_checkpoint(12, {"a": b"12"})
        self.assertEqual(ctx.restore_checkpoint(), (12, {"a": b"12"}))

    def test_tables_come_from_frames_and_files(self):
        rows = pa.table({"a": [1, 2], "b": ["x", "y"]})
        ctx = Context()
        Table.of(rows).write(ctx.folder / "rows.parquet")
        read = Table.of(ctx.folder / "rows.parquet")
        self.assertEqual(read.arrow(["b"]).to_pydict(), {"b": ["x", "y"]})
        self.assertEqual(read.dataset().count_rows(), 2)
        self.assertEqual(Table([read.paths[0]] * 2).arrow().num_rows, 4)
        self.assertEqual(Table([]).arrow().num_rows, 0)
        with self.assertRaises(TypeError):
            Table.of([1, 2])
        self.assertEqual(File(read.paths[0]).read_bytes()[:4], b"PAR1")
