"""Hostile policies, listeners and schemas. A policy sees every payment, so one that fails refuses what it should have
judged; it does not get in the way of what has nothing to be judged."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import pytest

from tests.clinic import MANAGER
from tests.hostile import things
from tests.hostile.conftest import PAY, Hostile, Victim
from tp_gateway.contract import Veto
from tp_gateway.registry import hooks

POLICY = """
import itertools, threading
import tests.hostile.things as things
from tp_gateway.contract import Veto, hookimpl

ANSWER = lambda order: None

@hookimpl
def tp_gateway_before_submit(order, method):
    if method == "acme_pay":
        return ANSWER(order)
"""


def refused_by(victim: Victim, code: str) -> None:
    assert victim.pay_acme(status=503 if code == "service_unavailable" else 409).json["code"] == code


@pytest.mark.catalogue(97)
def test_a_policy_that_fails_in_any_way_refuses_and_is_no_fault_of_ours(hostile_on_sqlite: Hostile) -> None:

    victim = hostile_on_sqlite(others={"policy": POLICY})

    def answering(answer: Any) -> None:
        sys.modules["plugin_policy"].ANSWER = answer  # type: ignore[attr-defined]

    for error in (RuntimeError("hunter2"), SystemExit(0), KeyboardInterrupt(), RecursionError(), MemoryError()):

        def raising(_order: Any, error: BaseException = error) -> None:
            raise error

        answering(raising)
        refused_by(victim, "service_unavailable")
    answers: tuple[Any, ...] = (
        things.Evil(),
        things.Masked(),
        Veto(things.Evil(), "no"),  # type: ignore[arg-type]
        Veto("not_payable", "\ud800"),
        Veto("not_payable", "x" * 10**7),
        Veto(["not_payable"], "no"),  # type: ignore[arg-type]
        Veto("not_payable", "no", field="\0"),
        (one for one in [1]),
    )
    for answer in answers:
        answering(lambda _, answer=answer: answer)
        refused_by(victim, "not_payable")
    answering(lambda _: Veto("internal_error", "Call us"))
    assert victim.pay_acme().json["details"] == "Call us"
    assert not victim.rows("SELECT 1 FROM payments")
    assert victim.log.getvalue().count("hunter2") <= 2, "once, in the traceback"


@pytest.mark.catalogue(100)
def test_no_policy_shows_the_next_one_another_order(hostile_on_sqlite: Hostile) -> None:
    """Also not by force, on what is frozen."""
    tampering = """
from tp_gateway.contract import Veto, hookimpl

@hookimpl(tryfirst=True)
def tp_gateway_before_submit(order, method):
    object.__setattr__(order, "amount", 1)
    order.labels.clear()
    order.parameters["limit"] = "none"
    object.__setattr__(order, "id", "another")
"""
    honest = """
from tp_gateway.contract import Veto, hookimpl

SEEN = []

@hookimpl
def tp_gateway_before_submit(order, method):
    SEEN.append((order.amount, dict(order.parameters), len(order.labels)))
    if method == "acme_pay" and order.amount > 100_00:
        return Veto("not_payable", "too much")
"""
    victim = hostile_on_sqlite(others={"honest": honest, "tampering": tampering})
    assert victim.pay_acme(status=409).json["details"] == "too much"
    assert victim.pay_acme(status=201, amount="90.00", appointment_id=victim.appointment(7, fee=9000)).json["id"]
    assert sys.modules["plugin_honest"].SEEN[:2] == [(18000, {}, 3), (9000, {}, 3)]


@pytest.mark.catalogue(98)
def test_a_policy_that_hangs_takes_its_own_lanes_only(
    hostile_on_sqlite: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "POLICY_SECONDS", 0.2)
    victim = hostile_on_sqlite(others={"policy": POLICY}, provider_lanes="2")
    released = threading.Event()
    sys.modules["plugin_policy"].ANSWER = lambda _: released.wait(20) and None  # type: ignore[attr-defined]
    for _ in range(4):
        refused_by(victim, "service_unavailable")
    assert victim.log.getvalue().count('"error": "Overrun"') == 2, "two hang, and the others are not let in"
    released.set()


LISTENER = """
from tp_gateway.contract import hookimpl

HEARD = []
WHAT = None

@hookimpl(tryfirst={first})
def tp_gateway_after_commit(event):
    HEARD.append((event.id, event.topic, dict(event.data)))
    event.data.clear()
    if WHAT:
        WHAT()
"""


@pytest.mark.catalogue(97)
@pytest.mark.catalogue(98)
def test_a_listener_that_raises_or_hangs_does_not_keep_the_news_from_the_others(
    hostile_on_sqlite: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "LISTENER_SECONDS", 0.2)
    victim = hostile_on_sqlite(others={"bad": LISTENER.format(first=True), "good": LISTENER.format(first=False)})
    bad, good = sys.modules["plugin_bad"], sys.modules["plugin_good"]

    def leave() -> None:
        raise SystemExit("hunter2")

    released = threading.Event()
    for what in (leave, lambda: released.wait(20)):
        bad.WHAT = what  # type: ignore[attr-defined]
        paid = victim.pay_by_http(appointment_id=victim.owe(), status=201).json["id"]
        victim.gateway.outbox.relay()
        assert [data["payment_id"] for _, topic, data in good.HEARD if topic == "payment.succeeded"][-1] == paid
    released.set()
    bad.WHAT = None  # type: ignore[attr-defined]
    victim.pass_time()
    victim.gateway.outbox.relay()
    assert {one[0] for one in bad.HEARD} == {one[0] for one in good.HEARD}, "and it hears what it has missed"
    assert not victim.rows("SELECT 1 FROM outbox_messages WHERE sent_at IS NULL")


SCHEMAS = {
    "a validator that raises": "raise RuntimeError('hunter2')",
    "a validator that exits": "raise SystemExit",
    "a validator that interrupts": "raise KeyboardInterrupt",
    "a validator that recurses": "validator(node, value)",
    "a validator that blames with evil": "raise colander.Invalid(node, things.Evil())",
    "a gateway's own error": "from tp_gateway.errors import GatewayError; raise GatewayError('internal_error')",
}


@pytest.mark.catalogue(97)
def test_a_schema_that_fails_refuses_its_own_payments(hostile_on_sqlite: Hostile) -> None:
    victim = hostile_on_sqlite(
        """
import tests.hostile.things as things

class Trap(fields.Schema):
    @staticmethod
    def validator(node, value):
        exec(WHAT, globals(), {"node": node, "value": value, "validator": Trap.validator}) if WHAT else None
    note = colander.SchemaNode(fields.Text(), missing="", preparer=lambda text: PREPARED(text))

WHAT = ""
PREPARED = str
Acme.manifest = manifest(parameters_schema=Trap())
"""
    )
    for what, source in SCHEMAS.items():
        victim.plugin.WHAT = source  # type: ignore[attr-defined]
        assert victim.pay_acme(status=503).json["code"] == "service_unavailable", what
    victim.plugin.WHAT = ""  # type: ignore[attr-defined]

    for kept in (object(), {1, 2}, things.Evil(), things._itself(), b"x", "\ud800", float("nan")):
        victim.plugin.PREPARED = lambda _, kept=kept: kept  # type: ignore[attr-defined]
        victim.pay_acme(status=503, note="x")
    victim.plugin.PREPARED = str  # type: ignore[attr-defined]
    assert victim.pay_acme(status=400, other="x").json["details"] == {"other": ["Unknown field"]}
    paid = victim.pay_acme(status=201, note="fine").json
    assert victim.get(f"{PAY}{paid['id']}/", as_user=MANAGER, status=200).json["status"] == "succeeded"
    assert "unhandled_error" not in victim.log.getvalue()


def test_ordinary_schemas_of_colander_stand_in_the_api_document(hostile_on_sqlite: Hostile) -> None:
    """Bounds and choices that JSON does not have as they are."""
    victim = hostile_on_sqlite(
        """
from datetime import date
from decimal import Decimal

class Ordinary(fields.Schema):
    day = colander.SchemaNode(colander.Date(), validator=colander.Range(min=date(2020, 1, 1)), missing=None)
    days = colander.SchemaNode(colander.Date(), validator=colander.OneOf([date(2020, 1, 1)]), missing=None)
    share = colander.SchemaNode(
        colander.Decimal(), validator=colander.Range(Decimal("0.5"), Decimal("NaN")), missing=None
    )
    shares = colander.SchemaNode(colander.Decimal(), validator=colander.OneOf([Decimal("0.5")]), missing=None)
    weight = colander.SchemaNode(colander.Float(), validator=colander.Range(0, float("inf")), missing=None)
    names = colander.SchemaNode(
        colander.Sequence(), colander.SchemaNode(fields.Text(), name="name"), missing=()
    )

Acme.manifest = manifest(parameters_schema=Ordinary())
"""
    )
    text = victim.get("/api/openapi.json", as_user=None, status=200).text
    document = json.loads(text, parse_constant=pytest.fail)
    schema = next(one for name, one in document["components"]["schemas"].items() if name.endswith("_acme"))
    told = {name: schema["properties"][name] for name in ("day", "days", "share", "shares", "weight")}
    assert told == {
        "day": {"type": ["string", "null"], "format": "date"},
        "days": {"type": ["string", "null"], "format": "date", "enum": ["2020-01-01", None]},
        "share": {"type": ["number", "null"], "minimum": 0.5},
        "shares": {"type": ["number", "null"], "enum": [0.5, None]},
        "weight": {"type": ["number", "null"], "minimum": 0},
    }
    victim.get("/api/docs/", as_user=None, status=200)
