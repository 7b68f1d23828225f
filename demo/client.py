"""HTTP as a frontend, a clinic's backend or a browser would speak it, each request and answer shown on the screen."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import urllib3

from demo.screen import Screen

_TIMEOUT = urllib3.Timeout(connect=3, read=40)


@dataclass(frozen=True)
class Caller:
    """Somebody with a token. `label` is how the screen calls him."""

    label: str
    token: str


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = field(default=b"", repr=False)
    """As it came, for what is no text."""


class Client:
    def __init__(self, base: str, screen: Screen) -> None:
        self.base, self._screen = base, screen
        self._http = urllib3.PoolManager(retries=False, timeout=_TIMEOUT)

    def call(
        self,
        who: Caller | None,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        show: bool = True,
    ) -> Answer:
        """One JSON request to the gateway."""
        sent = {**({"Authorization": f"Bearer {who.token}"} if who else {}), **(headers or {})}
        data = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        label = f"as {who.label}" if who else "without a token"
        label += "".join(f", {name}: {value}" for name, value in (headers or {}).items())
        return self._send(method, self.base + path, path, label, sent, data, body, show)

    def upload(self, who: Caller, path: str, media_type: str, text: str) -> Answer:
        """One file to the gateway."""
        sent = {"Authorization": f"Bearer {who.token}", "Content-Type": media_type}
        return self._send("POST", self.base + path, path, f"as {who.label}", sent, text.encode(), text, True)

    def browser(
        self, method: str, url: str, who: str, form: Mapping[str, str] | None = None, key: str | None = None
    ) -> Answer:
        """One request of the patient's browser to Stripe (the stand-in): a form, with a publishable key or none."""
        sent = {"Authorization": f"Bearer {key}"} if key else {}
        data = None
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            data = urlencode(form).encode()
        return self._send(method, url, url, who, sent, data, dict(form) if form else None, True)

    def is_ready(self) -> bool:
        try:
            answer = self._http.request("GET", f"{self.base}/readyz", timeout=1)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200

    def _send(
        self, method: str, url: str, shown: str, label: str, headers: dict[str, str], data: Any, body: Any, show: bool
    ) -> Answer:
        if show:
            self._screen.request(method, shown, label, body)
        began = time.monotonic()
        response = self._http.request(method, url, headers=headers, body=data, redirect=False)
        took = time.monotonic() - began
        answer = Answer(response.status, _body(response), response.headers, response.data)
        if show:
            replayed = ", Idempotent-Replayed" if "Idempotent-Replayed" in response.headers else ""
            self._screen.answer(response.status, response.reason or "", took, _shown(answer), replayed)
        return answer


def _body(response: urllib3.BaseHTTPResponse) -> Any:
    text = response.data.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _shown(answer: Answer) -> Any:
    if not isinstance(answer.body, str):
        return answer.body
    if answer.headers.get("Location"):
        return f"(the browser goes on to {answer.headers['Location'][:60]}...)"
    if answer.headers.get("Content-Type") == "application/pdf":
        return f"({len(answer.content)} bytes of PDF)"
    return f"({len(answer.body)} characters of HTML)" if answer.body else None
