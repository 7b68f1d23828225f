"""A tiny HTTP server that answers whatever a test wants, well-formed or not, and counts connections. Not a Stripe."""

import json
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

Reply = Callable[[socket.socket], None]


def http(body: bytes | str | dict[str, Any] | list[Any], status: int = 200, *headers: str) -> bytes:
    if isinstance(body, dict | list):
        body = json.dumps(body)
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(raw)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


class Canned:
    """`reply` gets the connection once a whole request was read; the connection is kept for the next one."""

    def __init__(self, reply: Reply | bytes, tls: ssl.SSLContext | None = None) -> None:
        self.reply: Reply = (lambda connection: connection.sendall(reply)) if isinstance(reply, bytes) else reply
        self.connections = self.requests = 0
        self.stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._tls = tls
        self.url = f"http{'s' if tls else ''}://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stopping.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        with connection, connection.makefile("rb") as reader:
            try:
                while reader.readline():
                    length = 0
                    while (line := reader.readline().strip()) != b"":
                        name, _, value = line.partition(b":")
                        length = int(value) if name.lower() == b"content-length" else length
                    reader.read(length)
                    self.requests += 1
                    self.reply(connection)
            except OSError:
                return

    def drip(self, text: bytes, pause: float = 0.02) -> Reply:
        """One byte at a time, as slowly as that."""

        def reply(connection: socket.socket) -> None:
            for byte in text:
                connection.sendall(bytes([byte]))
                if self.stopping.wait(pause):
                    return

        return reply


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)
