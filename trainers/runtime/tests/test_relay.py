import errno
import os
import socket
import struct
import threading
import time
import unittest
from collections.abc import Callable

from runtime import confinement
from runtime.confinement.relay import Relay


class RelayOfAJob(unittest.TestCase):
    def setUp(self):
        self.api = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.api.close)
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self):
        while True:
            try:
                connection, _ = self.api.accept()
            except OSError:
                return
            with connection:
                received = b""
                while part := connection.recv(1 << 16):
                    received += part
                connection.sendall(b"%d bytes" % len(received))

    def job(self, relay: Relay, work: Callable[[int], str]) -> str:
        """Runs `work` with the port of the relay in a process that is confined like a job."""
        place = confinement.find([], confinement.needed_by_python())
        if not place.network:
            self.skipTest(place.reason or "this machine cannot close the network of a job")
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                place.enter(
                    place.users[0] if place.users else None,
                    False,
                    [],
                    confinement.needed_by_python(),
                )
                os.write(write, work(relay.listen()).encode())
            except BaseException as error:
                os.write(write, repr(error).encode())
            finally:
                os._exit(0)
        os.close(write)
        relay.close()
        with os.fdopen(read, "rb") as said:
            answer = said.read().decode()
        os.waitpid(pid, 0)
        return answer

    def relay(self, port: int | None = None) -> Relay:
        relay = Relay(("127.0.0.1", port or self.api.getsockname()[1]), lambda: None)
        self.addCleanup(relay.end)
        return relay

    def test_carries_connections_of_a_job_without_a_network_to_the_api(self):
        def work(port: int) -> str:
            answers = []
            for size in (0, 10, 3_000_000):
                with socket.create_connection(("127.0.0.1", port), 10) as connection:
                    connection.sendall(b"x" * size)
                    connection.shutdown(socket.SHUT_WR)
                    answers.append(connection.recv(100).decode())
            return ", ".join(answers)

        self.assertEqual(self.job(self.relay(), work), "0 bytes, 10 bytes, 3000000 bytes")

    def test_opens_no_other_address_to_the_job(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            other.settimeout(0.2)
            address = f"127.0.0.1:{other.getsockname()[1]}"
            requests = [
                f"CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n",
                f"GET http://{address}/ HTTP/1.1\r\nHost: {address}\r\n\r\n",
            ]

            def work(port: int) -> str:
                answers = []
                for request in requests:
                    with socket.create_connection(("127.0.0.1", port), 10) as connection:
                        connection.sendall(request.encode())
                        connection.shutdown(socket.SHUT_WR)
                        answers.append(connection.recv(100).decode())
                with socket.socket() as direct:
                    direct.settimeout(5)
                    answers.append(str(direct.connect_ex(("127.0.0.1", other.getsockname()[1]))))
                return ", ".join(answers)

            answered = [f"{len(request)} bytes" for request in requests]
            refused = str(errno.ECONNREFUSED)
            self.assertEqual(self.job(self.relay(), work), ", ".join([*answered, refused]))
            with self.assertRaises(TimeoutError):
                other.accept()

    def test_frees_the_place_of_a_connection_that_the_api_has_closed(self):
        def greet_and_close(server):
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"hi")

        api = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(api.close)
        threading.Thread(target=greet_and_close, args=(api,), daemon=True).start()

        def work(port: int) -> str:
            kept = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(40)]
            answers = [connection.recv(100).decode() for connection in kept]
            return ",".join(sorted(set(answers)))

        self.assertEqual(self.job(self.relay(api.getsockname()[1]), work), "hi")

    def test_survives_the_signals_of_a_terminal(self):
        relay = self.relay()
        until = time.monotonic() + 10
        while os.getsid(relay.pid) != relay.pid and time.monotonic() < until:
            time.sleep(0.01)
        self.assertEqual(os.getsid(relay.pid), relay.pid)

    def test_goes_on_when_a_client_gives_up(self):
        def work(port: int) -> str:
            for _ in range(50):
                with socket.create_connection(("127.0.0.1", port), 10) as connection:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                connection.shutdown(socket.SHUT_WR)
                return connection.recv(100).decode()

        self.assertEqual(self.job(self.relay(), work), "0 bytes")

    def test_closes_the_connection_when_the_api_is_not_there(self):
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]

        def work(of_relay: int) -> str:
            with socket.create_connection(("127.0.0.1", of_relay), 10) as connection:
                return repr(connection.recv(100))

        self.assertEqual(self.job(self.relay(port), work), "b''")

    def test_ends_when_the_job_ended_before_it_listened(self):
        relay = self.relay()
        relay.close()
        relay.wait()


if __name__ == "__main__":
    unittest.main()
