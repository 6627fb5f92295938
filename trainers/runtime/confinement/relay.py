"""Carries the connections of a confined job to the tracking API.

A confined job has a network of its own, with only loopback. It opens a listening socket there and
sends it to this process, which stays in the machine's network. Each connection to that socket
becomes a connection to the API, and to no other address.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable

from runtime import processes

#: Connections of one job at once. A further one waits.
MOST_CONNECTIONS = 16
CONNECT_SECONDS = 10.0

Address = tuple[str, int]


class Relay:
    """The process that carries the connections of one job. It ends with the host."""

    def __init__(self, api: Address, leave: Callable[[], None]):
        """`leave` closes the host's pipes in the fork."""
        ours, self._end = socket.socketpair()
        parent = os.getpid()
        self.pid = os.fork()
        self._has_ended = False
        if self.pid == 0:
            try:
                self._end.close()
                # Ctrl-C in a terminal must not end it before the job.
                os.setsid()
                processes.die_with_parent(parent)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                leave()
                processes.call_me("relay")
                _serve(ours, api)
            finally:
                os._exit(0)
        ours.close()

    def listen(self) -> int:
        """Called by the job in its own network. Returns the port on which the API answers."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.send_fds(self._end, [b"1"], [server.fileno()])
            port: int = server.getsockname()[1]
        self.close()
        return port

    def close(self) -> None:
        """Closes this process's end; the relay continues."""
        self._end.close()

    def end(self) -> None:
        if self._has_ended:
            return
        processes.kill_tree(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        """Returns when it has ended."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self._has_ended = True


def _serve(ours: socket.socket, api: Address) -> None:
    _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    if not descriptors:
        return  # the job ended before it listened
    server = socket.socket(fileno=descriptors[0])
    free = threading.Semaphore(MOST_CONNECTIONS)
    while True:
        free.acquire()
        try:
            connection, _ = server.accept()
        except OSError:  # the client has given up, or there are too many open files
            free.release()
            time.sleep(0.1)
            continue
        work = threading.Thread(target=_carry, args=(connection, api, free.release), daemon=True)
        try:
            work.start()
        except RuntimeError:  # too many threads
            connection.close()
            free.release()


def _carry(connection: socket.socket, api: Address, done: Callable[[], None]) -> None:
    try:
        with connection, socket.create_connection(api, CONNECT_SECONDS) as other:
            other.settimeout(None)
            back = threading.Thread(target=_answer, args=(other, connection), daemon=True)
            back.start()
            _copy(connection, other)
            back.join()
    except (OSError, RuntimeError):
        pass  # the client sees that the connection closed, as it would without a relay
    finally:
        done()


def _answer(api: socket.socket, client: socket.socket) -> None:
    _copy(api, client)
    # The API has closed the connection, so an idle client must not keep its place.
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while received := source.recv(1 << 16):
            target.sendall(received)
    # The other direction may still have data.
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
