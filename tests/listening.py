"""Those who are told, for tests: a destination here, and a backend behind a socket that keeps its calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tp_gateway.contract import Event


class Ears:
    """A destination. `heard` are the events in order; `trouble`, if it is set, may raise or wait before one is."""

    longest = 1.0

    def __init__(self, name: str = "ears", topics: tuple[str, ...] = ()) -> None:
        self.name, self.topics = name, topics
        self.heard: list[Event] = []
        self.asked: list[Event] = []
        self.answer = ""
        self.trouble: Callable[[Event], object] | None = None

    def wants(self, topic: str) -> bool:
        return not self.topics or topic in self.topics

    def tell(self, event: Event) -> str:
        self.asked.append(event)
        if self.trouble is not None:
            self.trouble(event)
        self.heard.append(event)
        return self.answer

    @property
    def topics_heard(self) -> list[str]:
        return [event.topic for event in self.heard]


class Backend(ThreadingHTTPServer):
    """`calls` are (headers, body). Answers `status`, after `before` has returned."""

    daemon_threads, block_on_close = True, False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.status, self.headers = 204, dict[str, str]()
        self.before: Callable[[], object] = lambda: None
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhooks/payments/"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Backend

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.server.before()
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        pass
