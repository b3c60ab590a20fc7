"""A proxy on loopback that makes a server slow, or lets it stand still: it accepts connections and never answers.

A server whose process is stopped (SIGSTOP), or whose disk is dead, does the same: its kernel goes on accepting.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

CHUNK_BYTES = 65_536


class SlowProxy:
    """Passes everything on between its own `port` and that of a server, from its construction to `close`.

    Args:
        target: port of the server; 0 for none: then it stands still for ever.

    Attributes:
        port: where it listens.
        answers: is set while answers pass; cleared, nothing passes in either direction, and connections stay open.
        delay_seconds: how long each answer is held back.
        bytes_per_second: how much passes, in each direction of each connection.
        accepted: how many connections there were.
    """

    def __init__(self, target: int = 0) -> None:
        self._target = target
        self.answers = threading.Event()
        if target:
            self.answers.set()
        self.delay_seconds, self.bytes_per_second = 0.0, float("inf")
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self._listener.getsockname()[1])
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End it with all its connections."""
        self._target = 0
        self.answers.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for connection in [self._listener, *self._connections]:
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                self.accepted += 1
                self._connections.append(client)
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self.answers.wait()
        if not self._target:
            return
        with suppress(OSError):
            server = socket.create_connection(("127.0.0.1", self._target))
            self._connections.append(server)
            asked = threading.Event()
            threading.Thread(target=self._pass, args=[server, client, asked, False], daemon=True).start()
            self._pass(client, server, asked, True)

    def _pass(self, source: socket.socket, sink: socket.socket, asked: threading.Event, is_request: bool) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                if is_request:
                    asked.set()
                elif asked.is_set() and not data.startswith(b"HTTP/1.1 100 "):  # the consent to a body is no answer
                    asked.clear()
                    time.sleep(self.delay_seconds)
                self.answers.wait()
                piece = int(min(len(data), max(1.0, self.bytes_per_second / 10)))
                for start in range(0, len(data), piece):
                    time.sleep(piece / self.bytes_per_second)
                    sink.sendall(data[start : start + piece])
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
