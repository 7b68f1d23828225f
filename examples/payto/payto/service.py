"""Calls to the service, each within one deadline. What went wrong is told in one of two words: it was certainly not
sent, or nobody can know. What an answer means for a payment is not decided here."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import urllib3


class NotSent(Exception):
    """The request certainly had no effect."""


class Unclear(Exception):
    """It may have had its effect."""


@dataclass(frozen=True)
class Answer:
    """One that the service itself has given: its status, and the object in its body."""

    status: int
    body: dict[str, Any]


class Service:
    """One for each process; safe for threads."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._base = base_url.rstrip("/")
        headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
        self._http = urllib3.PoolManager(maxsize=16, retries=False, headers=headers)

    def __repr__(self) -> str:
        return f"Service({self._base})"  # the key is in nobody's log

    def call(self, method: str, path: str, deadline: float, body: Any = None) -> Answer:
        """NotSent, or Unclear: never a guess."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotSent("no time left")
        timeout = urllib3.Timeout(total=left)
        try:
            found = self._http.request(method, self._base + path, json=body, timeout=timeout, redirect=False)
        except urllib3.exceptions.ConnectTimeoutError:  # NewConnectionError is one of them
            raise NotSent("no connection") from None
        except urllib3.exceptions.HTTPError as error:
            raise Unclear(type(error).__name__) from None
        return _own(found.status, found.data)


def _own(status: int, data: bytes) -> Answer:
    """A 5xx says nothing about what was done before it, and a page of HTML is somebody else's."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise Unclear(f"status {status}, and no JSON") from None
    if status >= 500 or not isinstance(body, dict):
        raise Unclear(f"status {status}")
    if status >= 400 and not isinstance(body.get("error"), str):
        raise Unclear(f"status {status}, and no error of the service's")
    return Answer(status, body)
