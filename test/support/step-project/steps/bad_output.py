"""Steps whose result or end is wrong."""

import os
import socket
import sys
from pathlib import Path

from perennial.step import Context, File, step


@step
def prints_binary(ctx: Context) -> int:
    print("before")
    sys.stdout.buffer.write(bytes(range(256)) * 64)
    os.write(1, b'\xff\xfe{"metrics": 1}\n')
    return 7


@step
def exits_quietly() -> int:
    sys.exit(0)


@step
def ends_process() -> int:
    os._exit(0)


@step
def raises(customer: str) -> int:
    raise ValueError(f"customer {customer} has no orders")


@step
def returns_text() -> int:
    return "7"


@step
def returns_much() -> list[int]:
    return list(range(20_000))


@step
def returns_nothing() -> int:
    pass


@step
def writes_outside() -> int:
    Path("/etc/perennial-step").write_text("here")
    return 1


@step
def returns_foreign_file() -> File:
    return File("/etc/hostname")


@step
def reports_nan(ctx: Context) -> int:
    ctx.report("loss", float("nan"), 3)
    return 1


@step
def needs_package() -> int:
    import package_that_is_not_there

    return package_that_is_not_there.number


@step
def allocates() -> int:
    return len(bytearray(1 << 31))


@step
def connects() -> str:
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=5)
    except OSError as error:
        return "no network" if error.errno == 101 else f"{error}"
    return "network"
