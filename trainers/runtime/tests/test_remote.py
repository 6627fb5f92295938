from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

from runtime.remote import transfer
from runtime.remote.mirror import Mirror
from runtime.remote.transfer import TransferFailed, Uploads, download


class Store(http.server.ThreadingHTTPServer):
    """Keeps what is uploaded by forms, and can fail first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[bytes] = []
        self.failures: list[int] = []
        self.content = b"rows"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Store

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.failures.pop(0) if self.server.failures else 204
        if status == 204:
            self.server.bodies.append(body)
        self._answer(status, b"<Error><Code>Slow</Code></Error>" if status != 204 else b"")

    def do_GET(self) -> None:
        status = self.server.failures.pop(0) if self.server.failures else 200
        self._answer(status, self.server.content)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # a client may stop in mid-request
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class RemoteTransfers(unittest.TestCase):
    def setUp(self) -> None:
        self.store = Store()
        threading.Thread(target=self.store.serve_forever, daemon=True).start()
        self.addCleanup(self.store.server_close)
        self.addCleanup(self.store.shutdown)
        self.url = f"http://127.0.0.1:{self.store.server_address[1]}/bucket"
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        fast = mock.patch.object(transfer, "PAUSES", (0.01, 0.01))
        fast.start()
        self.addCleanup(fast.stop)
        self.uploads = Uploads({"url": self.url, "fields": {"Policy": "p"}, "prefix": "t/x/"})

    def test_an_upload_names_its_key_and_digest(self) -> None:
        self.uploads.bytes("log.txt", b"hello")
        (body,) = self.store.bodies
        self.assertIn(b'name="key"\r\n\r\nt/x/log.txt\r\n', body)
        self.assertIn(b"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", body)
        self.assertIn(b"\r\n\r\nhello\r\n--", body)

    def test_a_busy_store_is_asked_again_and_a_refusal_is_final(self) -> None:
        self.store.failures = [503, 500]
        self.uploads.bytes("a", b"1")
        self.assertEqual(len(self.store.bodies), 1)
        self.store.failures = [403]
        with self.assertRaisesRegex(TransferFailed, "could not write b: status 403 Slow"):
            self.uploads.bytes("b", b"1")
        self.assertEqual(self.store.failures, [])

    def test_a_file_that_is_gone_or_shorter_is_not_tried_for_minutes(self) -> None:
        with self.assertRaises(FileNotFoundError):
            self.uploads.file("a", self.folder / "none", "sha256:" + "0" * 64, 4)
        short = self.folder / "short"
        short.write_bytes(b"1")
        began = time.monotonic()
        with self.assertRaisesRegex(TransferFailed, "the file changed"):
            self.uploads.file("a", short, "sha256:" + "0" * 64, 4)
        self.assertLess(time.monotonic() - began, 5)

    def test_a_download_that_does_not_match_its_digest_leaves_no_file(self) -> None:
        path = self.folder / "inputs" / "0.parquet"
        with self.assertRaisesRegex(TransferFailed, "do not match the digest"):
            download(self.url, path, "sha256:" + "0" * 64)
        self.assertFalse(path.exists())
        download(self.url, path, "sha256:" + hashlib.sha256(b"rows").hexdigest())
        self.assertEqual(path.read_bytes(), b"rows")

    def test_a_checkpoint_uploads_only_what_the_store_does_not_have(self) -> None:
        known = "sha256:" + hashlib.sha256(b"old").hexdigest()
        step = self.folder / "checkpoint" / "7"
        step.mkdir(parents=True)
        (step / "old").write_bytes(b"old")
        (step / "new").write_bytes(b"new")
        (self.folder / "checkpoint" / "8.partial").mkdir()
        mirror = Mirror(self.folder, self.uploads, 2, {known})
        mirror.checkpoint()
        mirror.checkpoint()
        keys = [
            body.partition(b"t/x/")[2].partition(b"\r")[0].decode() for body in self.store.bodies
        ]
        new = hashlib.sha256(b"new").hexdigest()
        self.assertEqual(keys, [f"blobs/{new}", "attempts/2/checkpoint.json"])
        self.assertIn(b'"path": "7/old"', self.store.bodies[-1])

    def test_a_node_that_is_not_the_first_uploads_its_log_and_its_end_alone(self) -> None:
        (self.folder / "log.txt").write_bytes(b"a line\n")
        (self.folder / "metrics.ndjson").write_bytes(b"{}\n")
        (self.folder / "checkpoint" / "1").mkdir(parents=True)
        (self.folder / "checkpoint" / "1" / "state").write_bytes(b"1")
        mirror = Mirror(self.folder, self.uploads, 1, set(), 1)
        mirror.begin()
        mirror.news()
        mirror.checkpoint()
        mirror.exit({})
        keys = [
            body.partition(b"t/x/")[2].partition(b"\r")[0].decode() for body in self.store.bodies
        ]
        self.assertEqual(
            keys, ["attempts/1/nodes/1/log.txt", "attempts/1/nodes/1/exit.json"]
        )

    def test_a_checkpoint_names_the_files_that_the_last_two_do_not_need(self) -> None:
        mirror = Mirror(self.folder, self.uploads, 1, set())
        for step in (1, 2, 3):
            folder = self.folder / "checkpoint" / str(step)
            folder.mkdir(parents=True)
            (folder / "same").write_bytes(b"same")
            (folder / "state").write_bytes(f"{step}".encode())
            mirror.checkpoint()
        lists = [
            json.loads(body.partition(b"octet-stream\r\n\r\n")[2].partition(b"\r\n--")[0])
            for body in self.store.bodies
            if b"checkpoint.json" in body
        ]
        first = "sha256:" + hashlib.sha256(b"1").hexdigest()
        self.assertEqual([each["superseded"] for each in lists], [[], [], [first]])
        paths = [file["path"] for file in lists[-1]["before"]]
        self.assertEqual(paths, ["2/same", "2/state"])
