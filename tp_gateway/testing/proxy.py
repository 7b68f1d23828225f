"""An HTTP proxy on this machine between a provider and its sandbox. It counts what passes, and while a fault is on it
does to requests what bad networks do. It knows neither the provider nor its service."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host", "content-length"})
_UPSTREAM_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; `content_type` None leaves the header out."""

    status: int
    body: bytes = b""
    content_type: str | None = "application/json"


@dataclass(slots=True)
class Exchange:
    """One request on its way. A fault decides what becomes of it: `forward` lets it take effect, `send` answers,
    returning without an answer closes the connection, `wait` holds it until the fault is over."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    _forward: Callable[[Exchange], Answer]
    _over: threading.Event
    answer: Answer | None = None
    byte_pause: float = 0.0
    """Seconds between two bytes of the answer's body."""
    forwarded: bool = field(default=False)

    def forward(self) -> Answer:
        self.forwarded = True
        return self._forward(self)

    def send(self, answer: Answer) -> None:
        self.answer = answer

    def wait(self) -> None:
        self._over.wait(_UPSTREAM_SECONDS)


Fault = Callable[[Exchange], None]


class Proxy:
    """Context manager. `url` stands for the sandbox's whole base URL, its path included."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise ValueError("a sandbox listens on this machine: http://127.0.0.1:PORT, perhaps with a path")
        self._host, self._port = parts.hostname, parts.port
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}{parts.path}"
        self.seen: list[Exchange] = []
        self._fault: tuple[Fault, int] | None = None
        self._count = 0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @contextmanager
    def fault(self, fault: Fault, first: int = 0) -> Iterator[None]:
        """Every request from the `first` on (0: the next one) meets the fault, until the block ends."""
        with self._lock:
            self._fault, self._count, self._over = (fault, first), 0, threading.Event()
        try:
            yield
        finally:
            self._over.set()
            with self._lock:
                self._fault = None

    def handle(self, exchange_of: Callable[[Callable[[Exchange], Answer], threading.Event], Exchange]) -> Exchange:
        with self._lock:
            number, fault, over = self._count, self._fault, self._over
            self._count += 1
            exchange = exchange_of(self._upstream, over)
            self.seen.append(exchange)
        if fault is None or number < fault[1]:
            exchange.send(exchange.forward())
        else:
            fault[0](exchange)
        return exchange

    def _upstream(self, exchange: Exchange) -> Answer:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_UPSTREAM_SECONDS)
        try:
            headers = {name: value for name, value in exchange.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(exchange.method, exchange.path, exchange.body or None, headers)
            found = connection.getresponse()
            return Answer(found.status, found.read(), found.headers.get("Content-Type"))
        except (OSError, http.client.HTTPException):
            return Answer(502, b"the kit's proxy reaches no sandbox", "text/plain")
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A provider that hangs up first is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def _any(self) -> None:
        body, headers = self._body(), dict(self.headers.items())
        exchange = self.server.proxy.handle(
            lambda forward, over: Exchange(self.command, self.path, headers, body, forward, over)
        )
        if exchange.answer is None:
            self.close_connection = True
            return
        self._send(exchange.answer, exchange)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _any

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer: Answer, exchange: Exchange) -> None:
        kind = f"Content-Type: {answer.content_type}\r\n" if answer.content_type else ""
        head = f"HTTP/1.1 {answer.status} -\r\n{kind}Content-Length: {len(answer.body)}\r\n\r\n".encode("latin-1")
        if not exchange.byte_pause:
            self.wfile.write(head + (b"" if self.command == "HEAD" else answer.body))
            return
        self.wfile.write(head)
        for byte in answer.body:
            if exchange._over.wait(exchange.byte_pause):
                break
            self.wfile.write(bytes([byte]))
        self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""
