"""The socket: HTTP/1.1 with keep-alive, one thread a connection, headers and body in one send. It knows no Stripe.

http.server's own header parsing is too slow for a load run, so the few lines needed are written here.
"""

import contextlib
import ipaddress
import re
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from sandbox.stripe.messages import Answer, Request

LARGEST_BODY = 1 << 20
LONGEST_LINE = (1 << 16) + 1
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
        self.serving = threading.local()
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
        """Cut every open connection but the one that this thread serves, so that a stopped sandbox answers nobody."""
        for connection in self.connections - {getattr(self.serving, "connection", None)}:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close_door(self) -> None:
        """Nobody listens any more: connecting is refused. The port stays ours, bound and without a listener."""
        self.socket.close()
        self.socket = socket.socket(self.address_family, self.socket_type)
        self.server_bind()
        self.drop_all()

    def open_door(self) -> None:
        self.server_activate()


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
        self.server.serving.connection = self.connection
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
            close = answer.close or request.headers.get("connection", "").lower() == "close"
            self._send(_encoded(answer, close, request.method == "HEAD"), answer)
            if close:
                return

    def _send(self, message: bytes, answer: Answer) -> None:
        if answer.between_bytes is None:
            self.connection.sendall(message)
            return
        for place in range(len(message)):
            self.connection.sendall(message[place : place + 1])
            answer.between_bytes()

    def _read(self) -> Request | None:
        """The next request, or None when the caller has gone or speaks nonsense."""
        line = self.rfile.readline(LONGEST_LINE)
        while line == b"\r\n":  # RFC 9112, 2.2: an empty line before a request is forgiven
            line = self.rfile.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE:
            return self._refuse(414, "the URL is too long")
        parts = line.decode("latin-1").split()
        if len(parts) != 3:
            return None
        headers: dict[str, str] = {}
        for line in iter(lambda: self.rfile.readline(LONGEST_LINE), b"\r\n"):
            if not line:
                return None
            if len(line) == LONGEST_LINE:
                return self._refuse(431, "a header is too long")
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            body = self._body(headers)
        except ValueError as error:
            return self._refuse(400, str(error))
        return None if body is None else Request(parts[0], parts[1], headers, body)

    def _refuse(self, status: int, why: str) -> None:
        """Say no, then close: what follows on the wire cannot be told from a request."""
        refusal = {"error": {"type": "invalid_request_error", "message": f"Unreadable request: {why}"}}
        self.connection.sendall(_encoded(Answer.json(status, refusal), True, False))
        with contextlib.suppress(OSError):  # read on for a while, or the caller is cut off before it has our answer
            self.connection.settimeout(1)
            self.connection.shutdown(socket.SHUT_WR)
            while self.rfile.read(1 << 16):
                pass

    def _body(self, headers: dict[str, str]) -> bytes | None:
        """RFC 9112, 6: by its length or in chunks; None when the caller left in the middle."""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        length = headers.get("content-length", "0")
        if not re.fullmatch("[0-9]{1,18}", length) or int(length) > LARGEST_BODY:
            raise ValueError(f"a body of {length[:20]} bytes")
        body = self.rfile.read(int(length)) if length != "0" else b""
        return None if len(body) < int(length) else body

    def _chunks(self) -> bytes | None:
        """RFC 9112, 7.1; trailers are skipped."""
        body = b""
        while size := int(self.rfile.readline(1024).partition(b";")[0], 16):
            if size < 0 or len(body) + size > LARGEST_BODY:
                raise ValueError("too many bytes")
            chunk = self.rfile.read(size + 2)
            if len(chunk) < size + 2:
                return None
            body += chunk[:-2]
        while self.rfile.readline(LONGEST_LINE) not in (b"\r\n", b""):
            pass
        return body


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
