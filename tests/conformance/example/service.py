"""A payment service of our own making: payments are opened, confirmed once, closed, refunded, listed. Amounts are in
minor units."""

from __future__ import annotations

import itertools
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

API_KEY = "tally-key-51f0a7c2"


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class TallyService(ThreadingHTTPServer):
    daemon_threads, block_on_close = True, False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.reset()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def reset(self) -> None:
        with self.lock:
            self.payments: dict[str, dict[str, Any]] = {}
            self.claims: list[dict[str, Any]] = []
            self._by_key: dict[str, str] = {}
            self._numbers = itertools.count(1)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def answer(self, method: str, path: str, asked: Any) -> Any:
        parts, query = urlsplit(path).path.strip("/").split("/"), parse_qs(urlsplit(path).query)
        match method, *parts:
            case "GET", "account":
                return {"open": True}
            case "POST", "payments":
                return self._open(asked)
            case "GET", "payments":
                since, until = float(query["since"][0]), float(query["until"][0])
                return {"payments": [one for one in self.payments.values() if since <= one["made_at"] < until]}
            case "GET", "payments", reference:
                return self._find(reference)
            case "POST", "payments", reference, "confirm":
                return self._confirm(self._find(reference), asked["token"])
            case "POST", "payments", reference, "close":
                return self._close(self._find(reference))
            case "POST", "payments", reference, "refunds":
                return self._refund(self._find(reference), asked)
            case "PUT", "claims", reference:
                known = [one for one in self.claims if one["reference"] == reference]
                return known[0] if known else self._lodge({**asked, "reference": reference})
            case "POST", "claims":
                return self._lodge(asked)
            case "POST", "claims", reference, "delete":
                return self._delete(reference)
        raise Refused(404, "no_such_path")

    def _lodge(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.claims.append({**asked, "state": "lodged"})
        return self.claims[-1]

    def _delete(self, reference: str) -> dict[str, Any]:
        for one in self.claims:
            if one["reference"] == reference:
                one["state"] = "deleted"
                return one
        raise Refused(404, "no_such_claim")

    def _find(self, reference: str) -> dict[str, Any]:
        if reference not in self.payments:
            raise Refused(404, "no_such_payment")
        return self.payments[reference]

    def _open(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["key"] not in self._by_key:
            reference = self._by_key[asked["key"]] = f"tly_{next(self._numbers)}_{asked['key'][:8]}"
            self.payments[reference] = {
                "reference": reference,
                "state": "open",
                "made_at": time.time(),
                "refunds": [],
                **{name: asked[name] for name in ("amount", "currency", "labels")},
            }
        return self.payments[self._by_key[asked["key"]]]

    def _confirm(self, payment: dict[str, Any], token: str) -> dict[str, Any]:
        if payment["state"] == "closed":
            raise Refused(409, "closed")
        if payment["state"] == "open":
            if token != "tok_good":
                raise Refused(402, "insufficient_funds")
            payment |= {"state": "paid", "charge": f"chg_{payment['reference']}"}
        return payment

    def _close(self, payment: dict[str, Any]) -> dict[str, Any]:
        if payment["state"] == "open":
            payment["state"] = "closed"
        return payment

    def _refund(self, payment: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        for known in payment["refunds"]:
            if known["key"] == asked["key"]:
                return dict(known)
        left = payment["amount"] - sum(one["amount"] for one in payment["refunds"])
        if payment["state"] != "paid" or asked["amount"] > left:
            raise Refused(409, "too_much")
        made = {"reference": f"rfd_{next(self._numbers)}", **asked}
        payment["refunds"].append(made)
        return made


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: TallyService

    def _any(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        try:
            if self.headers.get("Authorization") != f"Bearer {API_KEY}":
                raise Refused(401, "key")
            with self.server.lock:
                status, found = 200, json.dumps(self.server.answer(self.command, self.path, asked))
        except Refused as refused:
            status, found = refused.status, json.dumps({"code": refused.code})
        body = found.encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    do_GET = do_PUT = do_POST = _any

    def log_message(self, format: str, *arguments: Any) -> None:
        pass
