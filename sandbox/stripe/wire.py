"""The socket: HTTP/1.1 with keep-alive, one thread a connection, headers and body in one send. It knows no Stripe.

http.server's own header parsing is too slow for a load run, so the few lines needed are written here.
"""

import contextlib
import ipaddress
import socket
import socketserver
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from sandbox.stripe.messages import Answer, Request

LARGEST_BODY = 1 << 20
Handle = Callable[[Request], Answer | None]


class Wire(socketserver.ThreadingTCPServer):
    """Listens on loopback only; `handle` answers, or returns None to have the connection dropped."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, host: str, port: int, handle: Handle) -> None:
        if not _is_loopback(host):
            raise ValueError(f"the Stripe sandbox listens on loopback only, not on {host}")
        self.handle = handle
        self.connections: set[socket.socket] = set()
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Connection)

    @property
    def url(self) -> str:
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are everyday in here; anything else is printed as usual."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def drop_all(self) -> None:
        """Cut every open connection, so that a stopped sandbox answers nobody."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: Wire

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:
        while True:
            request = self._read()
            if request is None:
                return
            answer = self.server.handle(request)
            if answer is None:
                return
            close = request.headers.get("connection", "").lower() == "close"
            self.connection.sendall(_encoded(answer, close, request.method == "HEAD"))
            if close:
                return

    def _read(self) -> Request | None:
        """The next request, or None when the caller has gone or speaks nonsense."""
        line = self.rfile.readline(65537)
        while line == b"\r\n":  # RFC 9112, 2.2: an empty line before a request is forgiven
            line = self.rfile.readline(65537)
        parts = line.decode("latin-1").split()
        if len(parts) != 3:
            return None
        headers: dict[str, str] = {}
        for line in iter(lambda: self.rfile.readline(65537), b"\r\n"):
            if not line:
                return None
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY or "transfer-encoding" in headers:
            self.connection.sendall(_encoded(Answer(400, b""), True, False))
            return None
        if headers.get("expect", "").lower() == "100-continue":
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(int(length)) if length != "0" else b""
        return None if len(body) < int(length) else Request(parts[0], parts[1], headers, body)


def _encoded(answer: Answer, close: bool, head_only: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        f"Connection: {'close' if close else 'keep-alive'}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    return head if head_only else head + answer.body
