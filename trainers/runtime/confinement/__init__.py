"""Confines a job: another user, no access to the platform's files, and no network.

As root on Linux, a job gets its own user, a mount namespace in which the state folder has only
Python and the jobs' folders (file permissions separate jobs), and a network namespace with only
loopback. For other users it gets a user namespace with its own network where the kernel allows it;
that hides `/proc/<worker>/environ`, but not the files. The start tests what works and reports it to
the worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime import processes

NEWNS, NEWIPC, NEWUSER, NEWNET = 0x00020000, 0x08000000, 0x10000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS = 38
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

#: First user id and count. Systems do not assign ids of the first range; many containers map only
#: 65,536 ids.
RANGES = ((0x70000000, 1 << 24), (40_000, 20_000))

_libc = ctypes.CDLL(None, use_errno=True) if processes.LINUX else None


@dataclass(frozen=True)
class Confinement:
    """How jobs are confined on this machine."""

    #: First user id and count for jobs; None when they run as the platform's user.
    users: tuple[int, int] | None = None
    #: Whether a mount namespace limits the visible folders.
    mounts: bool = False
    #: Whether a network namespace separates them from the network.
    network: bool = False
    #: Whether they run in a user namespace that hides other processes.
    namespace: bool = False
    #: Why the confinement is not stricter.
    reason: str | None = None

    def described(self) -> dict[str, Any]:
        return {
            "users": list(self.users) if self.users else None,
            "network": self.network,
            "processes": self.namespace,
            "reason": self.reason,
        }

    def enter(
        self, user: int | None, network: bool, hidden: Iterable[str], needed: Iterable[str]
    ) -> None:
        """Confines the calling process, which must have one thread.

        With `network` it keeps the machine's network.
        """
        closed = self.network and not network
        if self.users is not None and user is not None:
            flags = NEWIPC * (closed or self.mounts) | NEWNET * closed | NEWNS * self.mounts
            if flags:
                _unshare(flags)
            if closed:
                _bring_up_loopback()
            if self.mounts:
                _show_only(list(hidden), list(needed))
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        elif self.namespace:
            _enter_user_namespace(NEWNET * closed)
            if closed:
                _bring_up_loopback()
            _drop_capabilities()
        if processes.LINUX:
            _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def find(hidden: list[str], needed: list[str]) -> Confinement:
    """Finds the strictest confinement in which a process can still read what jobs need."""
    if not processes.LINUX:
        return Confinement(reason=f"{sys.platform} has no namespaces")
    ways: list[Confinement] = []
    if os.geteuid() == 0:
        for network in (True, False):
            ways += [
                Confinement(users=users, mounts=mounts, network=network)
                for mounts in (True, False)
                for users in RANGES
            ]
    else:
        ways.append(Confinement(network=True, namespace=True))
    first_refusal: str | None = None
    for way in ways:
        refusal = _tried(way, hidden, needed)
        if refusal is None:
            return Confinement(way.users, way.mounts, way.network, way.namespace, first_refusal)
        first_refusal = first_refusal or refusal
    return Confinement(reason=first_refusal)


def needed_by_python(*more: str) -> list[str]:
    """Folders of Python and the trainers, including the targets of links."""
    llm = os.environ.get("PERENNIAL_PYTHON_LLM", "")
    found = [sys.prefix, sys.base_prefix, *(path for path in sys.path if path), *more]
    if os.path.exists(llm):
        found += [str(Path(llm).parent.parent), str(Path(os.path.realpath(llm)).parent.parent)]
    paths = {each for path in found for each in (os.path.abspath(path), os.path.realpath(path))}
    return sorted(path for path in paths if os.path.isdir(path))


def _tried(way: Confinement, hidden: list[str], needed: list[str]) -> str | None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        message = ""
        try:
            way.enter(way.users[0] if way.users else None, False, hidden, needed)
            for path in needed:
                if not os.access(path, os.X_OK):
                    raise PermissionError(f"the user of jobs has no access to {path}")
            if not os.access(__file__, os.R_OK):
                raise PermissionError(f"the user of jobs cannot read {__file__}")
        except BaseException as error:
            message = str(error) or type(error).__name__
        finally:
            os.write(write, message.encode()[:1000])
            os._exit(1 if message else 0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        said = answer.read().decode(errors="replace")
    _, status = os.waitpid(pid, 0)
    return None if status == 0 else said or "the process of the test ended without a message"


def _show_only(hidden: list[str], needed: list[str]) -> None:
    """Covers hidden and inaccessible folders with empty ones and mounts the needed ones again."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE, None)
    covered: list[str] = []
    for folder in sorted(
        {os.path.realpath(path) for path in hidden} | _closed_on_the_way(needed), key=len
    ):
        if any(_is_below(folder, each) for each in covered) or not os.path.isdir(folder):
            continue
        inside = [path for path in needed if _is_below(path, folder)]
        inside = [path for path in inside if not any(_is_below(path, each) for each in inside)]
        held = [(path, os.open(path, os.O_PATH | os.O_DIRECTORY)) for path in inside]
        _mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
        for path, descriptor in held:
            os.makedirs(path, exist_ok=True)
            _mount(f"/proc/self/fd/{descriptor}", path, None, MS_BIND | MS_REC, None)
            os.close(descriptor)
        covered.append(folder)


def _closed_on_the_way(paths: list[str]) -> set[str]:
    parents = {str(parent) for path in paths for parent in Path(path).parents}
    return {
        parent for parent in parents if parent != "/" and not os.stat(parent).st_mode & stat.S_IXOTH
    }


def _is_below(path: str, folder: str) -> bool:
    return path != folder and path.startswith(folder.rstrip("/") + "/")


def _enter_user_namespace(more: int) -> None:
    user, group = os.geteuid(), os.getegid()
    _unshare(NEWUSER | more)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _drop_capabilities() -> None:
    """Drops the capabilities that the first process of a user namespace has inside of it."""
    header = struct.pack("=Ii", 0x20080522, 0)
    if _libc.syscall(_CAPSET[os.uname().machine], header, struct.pack("=6I", *[0] * 6)) != 0:
        raise _refused("capset")


_CAPSET = {"x86_64": 126, "aarch64": 91}


def _bring_up_loopback() -> None:
    """Provides 127.0.0.1 for libraries that connect to themselves."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as end:
        flags = struct.unpack(
            "16sH14s", fcntl.ioctl(end, SIOCGIFFLAGS, struct.pack("16sH14s", b"lo", 0, b""))
        )[1]
        fcntl.ioctl(end, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | IFF_UP, b""))


def _unshare(flags: int) -> None:
    if _libc.unshare(flags) != 0:
        raise _refused("unshare")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None) -> None:
    given = [text.encode() if text is not None else None for text in (source, target, kind)]
    if _libc.mount(*given, ctypes.c_ulong(flags), data.encode() if data is not None else None) != 0:
        raise _refused(f"mount {target}")


def _refused(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
