"""What the sandbox's tests share: a caller of the control API, a receiver of webhooks, patience."""

import http.client
import json
import queue
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import stripe

RETURN = {"return_url": "https://clinic.example/back"}


def client(url: str, key: str = "sk_test_clinic", **more: Any) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": url}, **more)


def paid(api: stripe.StripeClient, token: str = "pm_card_visa", amount: int = 10_000, **more: Any) -> Any:
    """A payment intent, made and confirmed in one go."""
    order = {"amount": amount, "currency": "aud", "payment_method": token, "confirm": True, **RETURN, **more}
    return api.v1.payment_intents.create(order)


def eventually(found: Callable[[], Any], seconds: float = 5.0) -> Any:
    """The first true value of `found`; fails when there is none in time."""
    limit = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < limit, "it did not come about in time"
        time.sleep(0.005)  # between two looks; nothing depends on its length
    return value


class Raw:
    """Plain HTTP calls, for what the library cannot or must not do."""

    def __init__(self, url: str) -> None:
        self.netloc = urlsplit(url).netloc

    def call(
        self, method: str, path: str, body: str | None = None, *, timeout: float = 5.0, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.netloc, timeout=timeout)
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer sk_test_clinic"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, {name: value for name, value in sent.items() if value})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def control(self, method: str, path: str, order: dict[str, Any] | None = None) -> Any:
        body = None if order is None else json.dumps(order)
        status, _, text = self.call(method, f"/_sandbox/{path}", body, Content_Type="application/json")
        value = json.loads(text)
        assert status == 200, value
        return value

    def fault(self, kind: str, match: str = "POST /v1/payment_intents", **more: Any) -> None:
        self.control("POST", "faults", {"kind": kind, "match": match, **more})


class Receiver:
    """A webhook endpoint that keeps what it gets; `statuses` are what it answers with first."""

    def __init__(self, *statuses: int) -> None:
        self.got: queue.Queue[tuple[bytes, str]] = queue.Queue()
        answers = list(statuses)
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                payload = self.rfile.read(int(self.headers["Content-Length"]))
                got.put((payload, self.headers["Stripe-Signature"]))
                self.send_response(answers.pop(0) if answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhook"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def next(self) -> tuple[bytes, str]:
        return self.got.get(timeout=5)

    def types(self, count: int) -> list[str]:
        return [json.loads(self.next()[0])["type"] for _ in range(count)]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
