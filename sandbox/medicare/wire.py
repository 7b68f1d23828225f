"""The socket: HTTP/1.1 with keep-alive on loopback only, one thread a connection. It knows no Medicare."""

import contextlib
import ipaddress
import json
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGEST_BODY = 1 << 20


@dataclass
class Request:
    """Header names are lower case; the path has no query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """Raises ValueError for anything but a JSON object."""
        found = json.loads(self.body or b"{}")
        if not isinstance(found, dict):
            raise ValueError("not a JSON object")
        return found


@dataclass
class Answer:
    status: int
    value: Any
    raw: bytes | None = None  # instead of `value`
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        return json.dumps(self.value).encode() if self.raw is None else self.raw


Handle = Callable[[Request], Answer | None]


class Wire(ThreadingHTTPServer):
    """`handle` answers, or returns None to have the connection dropped."""

    daemon_threads = True

    def __init__(self, host: str, port: int, handle: Handle) -> None:
        if host != "localhost" and not _is_loopback(host):
            raise ValueError(f"the Medicare sandbox listens on loopback only, not on {host}")
        self.handle = handle
        self.connections: set[socket.socket] = set()
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are everyday in here; anything else is printed as usual."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def drop_all(self) -> None:
        """So that a stopped sandbox answers nobody on a connection that was kept."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Wire

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._send(Answer(413, {"error": "the body is too large"}))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path.partition("?")[0], headers, self.rfile.read(int(length)))
        answer = self.server.handle(request)
        if answer is None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        body = answer.encoded()
        with contextlib.suppress(OSError):  # a caller that hangs up is everyday in here
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        """Silent: a request line is no place for anybody's health."""
