"""Fetches the order of a job and the code that runs it. The engine starts it as `python -c`."""

import base64
import gzip
import hashlib
import json
import os
import pathlib
import sys
import tempfile
import time
import urllib.error
import urllib.request


def fetch(url: str) -> bytes:
    for attempt in range(8):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            why = {403: ": its signed URL has expired", 404: ": its run has ended"}
            if error.code in why or attempt == 7:
                sys.exit(
                    f"perennial: the artifact store answers {error.code} to the job's order"
                    + why.get(error.code, "")
                )
        except OSError as error:
            if attempt == 7:
                sys.exit(f"perennial: the artifact store cannot be reached: {error}")
        time.sleep(min(30, 0.5 * 2**attempt))
    raise AssertionError


def main() -> None:
    # The program that continues must not have the URL in its environment.
    order = fetch(os.environ.pop("PERENNIAL_JOB_ORDER"))
    content = json.loads(order)
    if content.get("cancelled"):
        sys.exit("perennial: the job was cancelled before it began")
    runtime = content["runtime"]
    code = fetch(runtime["url"])
    found = "sha256:" + hashlib.sha256(code).hexdigest()
    if found != runtime["digest"]:
        sys.exit(f"perennial: the code of the job is {found}, not {runtime['digest']}")
    root = pathlib.Path(tempfile.mkdtemp(prefix="perennial-job-"))
    for path, content in json.loads(gzip.decompress(code)).items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(content))
    (root / "order.json").write_bytes(order)
    # The trainers' folder is not first on the path, because its subfolders are named as libraries.
    program = root / "trainers" / "runtime" / "remote" / "main.py"
    os.execv(sys.executable, [sys.executable, "-u", str(program), str(root)])


main()
