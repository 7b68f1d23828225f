"""`tp-gateway outbox`: what was told to whom, and telling it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import Clinic, sandbox
from tests.listening import Backend
from tests.services.test_webhooks_out import NEW, SETTING, is_genuine
from tp_gateway.cli import make_parser, outbox
from tp_gateway.errors import ConfigurationError, NotFound


@pytest.fixture
def backend() -> Iterator[Backend]:
    server = Backend()
    yield server
    server.stop()


@pytest.fixture
def clinic(sqlite_database_url: str, stripe_sandbox: StripeSandbox, backend: Backend) -> Iterator[Clinic]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    told = {"webhook_url": backend.url, "webhook_secret": SETTING}
    more = {f"tp_gateway.notifications.{name}": value for name, value in told.items()}
    made = Clinic(sqlite_database_url, stripe_sandbox.url, **more).open()
    made.appointment()
    made.refund(made.pay().id)
    yield made
    made.close()


def run(clinic: Clinic, capsys: Any, *arguments: str) -> list[str]:
    capsys.readouterr()  # what was logged until here
    given = make_parser().parse_args(["outbox", *arguments])
    assert outbox.run(clinic.gateway, given) == 0
    return str(capsys.readouterr().out).splitlines()


def relay(clinic: Clinic) -> None:
    for _ in range(2):
        clinic.pass_time()
        clinic.gateway.outbox.relay()


def test_list_show_and_replay(clinic: Clinic, backend: Backend, capsys: Any) -> None:
    assert [line.split()[-1] for line in run(clinic, capsys, "list")] == ["way", "way"]
    backend.status = 500
    relay(clinic)
    newer, older = run(clinic, capsys, "list", "--untold")
    assert "refund.succeeded" in newer and "payment.succeeded" in older and older.endswith("webhook is tried again")
    shown = run(clinic, capsys, "show", older.split()[0])
    assert '  "amount": "180.00",' in shown
    assert shown[-1].startswith("webhook: is tried again (answered 500), 2 attempts")
    backend.status = 200
    relay(clinic)
    assert run(clinic, capsys, "list", "--untold") == []
    assert [line.split()[-1] for line in run(clinic, capsys, "list", "--topic", "refund.*")] == ["told"]
    assert len(run(clinic, capsys, "list", "--payment", "1", "--limit", "1")) == 1
    before = len(backend.calls)
    again = run(clinic, capsys, "replay", "--since", "2025-01-01T00:00:00Z", "--topic", "payment.*")
    assert again == ["1 messages are told to webhook again, by the worker"]
    assert run(clinic, capsys, "replay", newer.split()[0])[0].startswith("1 messages")
    relay(clinic)
    replayed = backend.calls[before:]
    assert [json.loads(body)["type"] for _, body in replayed] == ["payment.succeeded", "refund.succeeded"]
    assert all(is_genuine(NEW, *call) for call in replayed)


@pytest.mark.parametrize(
    "wrong",
    [
        ("show",),
        ("show", "a", "b"),
        ("replay",),
        ("replay", "a", "--since", "2025-01-01T00:00:00Z"),
        ("replay", "--since", "2025-01-01T00:00:00Z", "--to", "email"),
    ],
)
def test_what_does_not_go_together_is_refused(clinic: Clinic, capsys: Any, wrong: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError):
        run(clinic, capsys, *wrong)


def test_what_is_not_there(clinic: Clinic, capsys: Any) -> None:
    for what in ("show", "replay"):
        with pytest.raises(NotFound):
            run(clinic, capsys, what, "no-such-message")
    with pytest.raises(SystemExit):
        run(clinic, capsys, "replay", "--since", "yesterday")
