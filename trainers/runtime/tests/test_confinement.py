import encodings.idna  # noqa: F401  before a user without access to Python's folder looks a name up
import errno
import json
import os
import socket
import sys
import traceback
import unittest
from pathlib import Path

from runtime import confinement


class AJob(unittest.TestCase):
    def test_of_any_user_has_no_network_where_that_can_be_enforced(self):
        for user in (None, 65534) if os.geteuid() == 0 else (None,):
            seen = self.seen_by_job(user)
            with self.subTest(**seen):
                if not seen["network"]:
                    self.assertTrue(seen["reason"], "a missing confinement has a reason")
                    continue
                self.assertEqual(seen["connect"], errno.ENETUNREACH)
                self.assertEqual(seen["loopback"], errno.ECONNREFUSED)
                self.assertEqual(seen["environment"], errno.EACCES)
                self.assertEqual(int(seen["capabilities"], 16), 0)

    def test_of_a_trainer_that_needs_the_network_keeps_it(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            seen = self.seen_by_job(None, network=True, port=server.getsockname()[1])
        self.assertIsNone(seen["loopback"])

    def seen_by_job(self, user, network=False, port=9):
        """What a process that is confined as `user` (None: the current user) can access."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                if user is not None:
                    os.setgroups([])
                    os.setresgid(user, user, user)
                    os.setresuid(user, user, user)
                needed = confinement.needed_by_python() if user is None else []
                found = confinement.find([], needed)
                parent = os.getpid()
                inner = os.fork()
                if inner == 0:
                    found.enter(found.users[0] if found.users else None, network, [], needed)
                    os.write(
                        write, json.dumps(found.described() | self.look(parent, port)).encode()
                    )
                    os._exit(0)
                os.waitpid(inner, 0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as said:
            answer = json.loads(said.read())
        os.waitpid(pid, 0)
        return answer

    def look(self, parent, port):
        return {
            "connect": self.error_of(lambda: socket.create_connection(("192.0.2.1", 80), 0.1)),
            "loopback": self.error_of(lambda: socket.create_connection(("127.0.0.1", port), 1)),
            "environment": self.error_of(Path(f"/proc/{parent}/environ").read_bytes),
            "capabilities": self.capabilities(),
        }

    @staticmethod
    def error_of(attempt):
        try:
            attempt()
            return None
        except OSError as error:
            return error.errno or -1

    @staticmethod
    def capabilities():
        if sys.platform != "linux":
            return "0"
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(line.split()[1] for line in lines if line.startswith("CapEff:"))
