"""The voucher service of docs/providers.md: what the page calls the author's own stand-in."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BALANCE = {"ABCDEF": 30000}


class Vouchers(ThreadingHTTPServer):
    """`lose` answers are dropped after the effect."""

    daemon_threads, block_on_close = True, False

    def __init__(self, balance: dict[str, int] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.at_first = balance or {"ABCDEF": 10**9}
        self.lock = threading.Lock()
        self.reset()

    def start(self) -> str:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def reset(self) -> None:
        self.balance, self.ids, self.lose = dict(self.at_first), dict[str, dict[str, Any]](), 0

    def redeemed(self) -> list[dict[str, Any]]:
        return [one for one in self.ids.values() if one["state"] == "redeemed"]

    def redeem(self, number: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self.ids.get(number)
        if found is None:
            if self.balance.get(asked["code"], 0) < asked["amount"]:
                return 402, {}
            self.balance[asked["code"]] -= asked["amount"]
            money = {"amount": asked["amount"], "currency": asked["currency"]}
            found = self.ids[number] = {"state": "redeemed", "receipt": f"receipt-{number}", **money}
        return 200, found

    def close(self, number: str) -> tuple[int, dict[str, Any]]:
        return 200, self.ids.setdefault(number, {"state": "closed"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Vouchers

    def do_GET(self) -> None:
        self.reply(200, {})

    def do_PUT(self) -> None:
        asked = self.body()
        with self.server.lock:
            answer = self.server.redeem(self.path.split("/")[2], asked)
        self.reply(*answer)

    def do_POST(self) -> None:
        self.body()
        with self.server.lock:
            answer = self.server.close(self.path.split("/")[2])
        self.reply(*answer)

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def reply(self, status: int, body: dict[str, Any]) -> None:
        if self.server.lose > 0:
            self.server.lose -= 1
            self.close_connection = True
            return
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass
