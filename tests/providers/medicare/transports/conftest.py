"""One sandbox for all these tests, emptied after each, with an activated device."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

from sandbox.medicare import MedicareSandbox
from tests.providers.medicare.transports import claims
from tp_gateway.providers.medicare.transports import (
    Aggregator,
    KeyTaken,
    ServicesAustralia,
    Transport,
    new_correlation_id,
)


@dataclass
class Control:
    """The sandbox, spoken to by its control path."""

    url: str
    pool: urllib3.PoolManager

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        url = f"{self.url}/_sandbox/{path}"
        answer = self.pool.request("GET", url) if body is None else self.pool.request("POST", url, json=body)
        assert answer.status == 200, answer.data
        return answer.json()

    def rule(self, kind: str, function: str = "bulk_bill", **more: Any) -> None:
        self.ask("rules", {"kind": kind, "function": function, **more})

    def advance(self, **parts: float) -> None:
        seconds = parts.get("days", 0) * 86400 + parts.get("minutes", 0) * 60
        self.ask("clock", {"advance": seconds})

    def claims(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("books")["claims"]
        return found

    def activate(self, key: str | None = None) -> None:
        """The device gets this key, whatever it had."""
        code = self.ask("devices", {"org": claims.ORG, "device": claims.DEVICE})["code"]
        login = ServicesAustralia(claims.services_australia(self.url, key)).login
        assert isinstance(login.activate(code, time.monotonic() + 10), KeyTaken)

    def tokens(self) -> int:
        given: int = self.ask("books")["tokens_given"]
        return given


@pytest.fixture(scope="session")
def running() -> Iterator[Control]:
    pool = urllib3.PoolManager(retries=False)
    with MedicareSandbox() as sandbox:
        control = Control(sandbox.url, pool)
        control.activate()
        yield control
    pool.clear()


@pytest.fixture
def sandbox(running: Control) -> Iterator[Control]:
    yield running
    running.ask("reset", {})


@pytest.fixture
def direct(sandbox: Control) -> ServicesAustralia:
    return ServicesAustralia(claims.services_australia(sandbox.url))


@pytest.fixture(params=["services_australia", "aggregator"])
def transport(request: pytest.FixtureRequest, sandbox: Control) -> Transport:
    """Each test by both ways."""
    if request.param == "aggregator":
        return Aggregator(claims.aggregator(sandbox.url))
    return ServicesAustralia(claims.services_australia(sandbox.url))


@pytest.fixture
def soon() -> float:
    return time.monotonic() + 10


@pytest.fixture
def new_id() -> Callable[[], str]:
    return lambda: new_correlation_id(claims.MINOR_ID)
