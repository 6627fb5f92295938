"""Downloads and uploads by signed URLs, with retries."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

#: Pauses between attempts, in seconds: about four minutes in all.
PAUSES = (0.5, 1, 2, 4, 8, 15, 30, 30, 60, 60)
CHUNK = 1 << 20


class TransferFailed(Exception):
    """The store refused a transfer, or could not be reached for minutes."""


class _Refused(Exception):
    pass


def digest_of(path: Path) -> str:
    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def download(url: str, path: Path, digest: str) -> None:
    """Writes the file completely or not at all. @raises TransferFailed"""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")

    def once() -> None:
        found = hashlib.sha256()
        with urllib.request.urlopen(url, timeout=60) as answer, open(partial, "wb") as file:
            while chunk := answer.read(CHUNK):
                found.update(chunk)
                file.write(chunk)
        if "sha256:" + found.hexdigest() != digest:
            raise OSError("the bytes do not match the digest")
        os.replace(partial, path)

    _with_retries(f"read {path.name}", once)


def age_of(url: str) -> float:
    """Seconds since the object was written, by the clock of the store. @raises OSError"""
    request = urllib.request.Request(url)
    with urllib.request.urlopen(request, timeout=20) as answer:
        answer.read()
        now, written = answer.headers["Date"], answer.headers["Last-Modified"]
    from email.utils import parsedate_to_datetime

    return (parsedate_to_datetime(now) - parsedate_to_datetime(written)).total_seconds()


class Uploads:
    """Uploads below the prefix of the job, by an S3 POST policy."""

    def __init__(self, given: dict[str, Any]):
        self._url: str = given["url"]
        self._fields: dict[str, str] = given["fields"]
        self._prefix: str = given["prefix"]

    def file(self, name: str, path: Path, digest: str, size: int) -> None:
        """
        The store checks the digest. A file that is removed meanwhile is uploaded, and one that
        shrinks is not.

        @raises TransferFailed, FileNotFoundError
        """
        with open(path, "rb") as file:

            def content() -> Iterator[bytes]:
                file.seek(0)
                left = size
                while left > 0:
                    chunk = file.read(min(CHUNK, left))
                    if not chunk:
                        raise _Refused("the file changed")
                    left -= len(chunk)
                    yield chunk

            self._send(name, content, digest, size)

    def bytes(self, name: str, content: bytes) -> None:
        """@raises TransferFailed"""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self._send(name, lambda: iter([content]), digest, len(content))

    def _send(
        self, name: str, content: Callable[[], Iterator[bytes]], digest: str, size: int
    ) -> None:
        boundary = uuid.uuid4().hex
        checksum = base64.b64encode(bytes.fromhex(digest.removeprefix("sha256:"))).decode()
        fields = self._fields | {"key": self._prefix + name, "x-amz-checksum-sha256": checksum}
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in fields.items()
        )
        head += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        tail = f"\r\n--{boundary}--\r\n".encode()

        def body() -> Iterator[bytes]:
            yield head.encode()
            yield from content()
            yield tail

        def once() -> None:
            to = urlsplit(self._url)
            connect = (
                http.client.HTTPSConnection if to.scheme == "https" else http.client.HTTPConnection
            )
            connection = connect(to.hostname or "", to.port, timeout=60)
            try:
                connection.request(
                    "POST",
                    to.path or "/",
                    body=body(),
                    headers={
                        "Content-Type": f"multipart/form-data; boundary={boundary}",
                        "Content-Length": str(len(head.encode()) + size + len(tail)),
                    },
                )
                answer = connection.getresponse()
                text = answer.read(2_000).decode(errors="replace")
            finally:
                connection.close()
            if answer.status in (200, 201, 204):
                return
            if answer.status in (400, 401, 403, 404) and "SlowDown" not in text:
                raise _Refused(f"status {answer.status} {_code_of(text)}")
            raise OSError(f"status {answer.status} {_code_of(text)}")

        _with_retries(f"write {name}", once)


def _code_of(text: str) -> str:
    """The error code of S3's XML, which has no secrets."""
    return text.partition("<Code>")[2].partition("</Code>")[0]


def _with_retries(what: str, once: Callable[[], None]) -> None:
    for pause in (*PAUSES, None):
        try:
            return once()
        except _Refused as error:
            raise TransferFailed(f"could not {what}: {error}") from None
        except urllib.error.HTTPError as error:
            if error.code in (401, 403, 404) or pause is None:
                raise TransferFailed(f"could not {what}: status {error.code}") from None
        except (OSError, http.client.HTTPException) as error:
            if pause is None:
                raise TransferFailed(f"could not {what}: {error}") from None
        time.sleep(pause)
