"""The stand-in over HTTP, on this machine only. `/_sandbox/` is for people and tests: it needs no key."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from payto_sandbox.books import Books, Event, Refused
from payto_sandbox.deliveries import Deliveries

API_KEY = "payto-sandbox-key-91c2e7"
WEBHOOK_SECRET = "payto-sandbox-webhooks-5b0f3d"


class PayToSandbox(ThreadingHTTPServer):
    """`deliver_to`: where webhooks go; without it there are none."""

    daemon_threads, block_on_close = True, False

    def __init__(self, port: int = 0, deliver_to: str = "", secret: str = WEBHOOK_SECRET) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.lock = threading.Lock()
        self._deliveries = Deliveries(deliver_to, secret) if deliver_to else None
        self.books = Books(self._told)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> str:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self.url

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        if self._deliveries:
            self._deliveries.stop()

    def answer(self, method: str, path: str, query: dict[str, list[str]], asked: dict[str, Any]) -> Any:
        books = self.books
        match method, *path.strip("/").split("/"):
            case "GET", "account":
                return {"payto": "enabled"}
            case "PUT", "agreements", "by-client-id", client_id:
                return books.draft(client_id, asked)
            case "GET", "agreements", "by-client-id", client_id:
                return books.find_by_client_id(client_id)
            case "GET", "agreements", reference:
                return books.find(reference)
            case "POST", "agreements", reference, "submit":
                return books.submit(reference)
            case "POST", "agreements", reference, "cancel":
                return books.cancel(reference)
            case "PUT", "agreements", reference, "refunds", "by-client-id", client_id:
                return books.refund(reference, client_id, asked["amount"])
            case "GET", "events":
                return {"events": books.between(float(query["since"][0]), float(query["until"][0]))}
            case "GET", "_sandbox", "books":
                return {"agreements": list(books.agreements.values()), "events": books.events}
            case "POST", "_sandbox", "agreements", reference:
                return books.answer(reference, asked["answer"])
        raise Refused(404, "no_such_path")

    def _told(self, event: Event) -> None:
        if self._deliveries:
            self._deliveries.add(event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PayToSandbox

    def _any(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        where = urlsplit(self.path)
        try:
            open_to_all = where.path.startswith("/_sandbox/")
            if not open_to_all and self.headers.get("Authorization") != f"Bearer {API_KEY}":
                raise Refused(401, "wrong_key")
            with self.server.lock:
                found = self.server.answer(self.command, where.path, parse_qs(where.query), json.loads(sent or b"{}"))
                status, text = 200, json.dumps(found)
        except Refused as refused:
            status, text = refused.status, json.dumps({"error": refused.error})
        except (KeyError, TypeError, ValueError):
            status, text = 400, json.dumps({"error": "malformed"})
        data = text.encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        self.wfile.write(head.encode() + data)

    do_GET = do_PUT = do_POST = _any

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""
