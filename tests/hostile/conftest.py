"""Hostile plugins in the whole application: real packages on `sys.path`, switched on beside Stripe, paid with by HTTP.

`hostile(source)` installs a plugin (what comes later in `source` wins over the harmless one it is appended to) and
gives a clinic where a patient can pay with `acme_pay` and with a card. After the test a card must still be charged, and
our books add up.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from webtest import TestResponse

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Api
from tests.clinic import sandbox
from tests.invariants import check_invariants
from tests.registry.plugins import PROVIDER, Install, installer, registry
from tp_gateway.registry import Registry

PAY = "/api/billing/payments/"
Hostile = Callable[..., "Victim"]


class Victim(Api):
    """A clinic that has switched a hostile plugin on. `plugin` is its module."""

    appointments = 1000

    @property
    def plugin(self) -> ModuleType:
        return sys.modules["plugin_acme"]

    def owe(self) -> int:
        """A new appointment that is not paid."""
        self.appointments += 1
        return self.appointment(self.appointments)

    def pay_acme(self, status: int | str = "*", **more: Any) -> TestResponse:
        """By the hostile method. It is never a fault of ours, whatever the plugin does."""
        body = {"appointment_id": self.owe(), "amount": "180.00", "payment_method": "acme_pay"} | more
        answer = self.post(PAY, body, status=status)
        assert answer.status_code != 500, answer.text
        return answer

    def require_others_unharmed(self) -> None:
        answer = self.pay_by_http(appointment_id=self.owe(), status=201)
        assert answer.json["status"] == "succeeded"
        self.get(PAY, status=200)
        self.get("/api/billing/providers/", status=200)

    def entries(self, payment_id: int) -> list[Any]:
        return self.rows("SELECT kind, amount FROM ledger_entries WHERE payment_id = :id", id=payment_id)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    yield installer(tmp_path, monkeypatch)
    _forget_plugins()


@pytest.fixture
def load() -> Iterator[Callable[..., Registry]]:
    """The registry's own; what it loaded is closed afterwards."""
    loaded: list[Registry] = []

    def load(*enabled: str, **more: Any) -> Registry:
        loaded.append(registry(*enabled, **more))
        return loaded[-1]

    yield load
    for one in loaded:
        one.close()


@pytest.fixture
def hostile(
    database_url: str, stripe_sandbox: StripeSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hostile]:
    """On both databases, for what reaches the store."""
    yield from _clinics(database_url, stripe_sandbox, installer(tmp_path, monkeypatch))


@pytest.fixture
def hostile_on_sqlite(
    sqlite_database_url: str, stripe_sandbox: StripeSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hostile]:
    """For what is stopped before it reaches the store."""
    yield from _clinics(sqlite_database_url, stripe_sandbox, installer(tmp_path, monkeypatch))


def _clinics(database_url: str, stripe_sandbox: StripeSandbox, put: Install) -> Iterator[Hostile]:
    opened: list[Victim] = []

    def open_clinic(source: str = "", *, others: dict[str, str] | None = None, **ini: str) -> Victim:
        sandbox(stripe_sandbox.url, "POST", "reset")
        put("acme", PROVIDER + source)
        for name, text in (others or {}).items():
            put(name, text)
        enabled = " ".join(("stripe", "acme", *(others or {})))
        settings = {"tp_gateway.providers": enabled} | {f"tp_gateway.{name}": value for name, value in ini.items()}
        opened.append(Victim(database_url, stripe_sandbox.url, **settings))
        opened[-1].open()
        return opened[-1]

    yield open_clinic
    try:
        for one in opened:
            one.require_others_unharmed()
            check_invariants(one.database.engine, one.books(), at_rest=False)
    finally:
        for one in opened:
            one.close()
        _forget_plugins()


def _forget_plugins() -> None:
    for name in [name for name in sys.modules if name.startswith("plugin_")]:
        del sys.modules[name]
