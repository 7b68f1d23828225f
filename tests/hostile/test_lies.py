"""Providers that declare what is not so, and that change what they were given."""

from __future__ import annotations

import decimal
import threading
import time

import pytest

from tests.clinic import MANAGER
from tests.hostile.conftest import PAY, Hostile, Victim
from tp_gateway.registry import calls

PROMPT = """
import decimal, threading
HANG = None

def execute(self, order, reference=None):
    if HANG:
        HANG()
    return Outcome(OutcomeState.SUCCEEDED, order.id, order.amount, order.currency, evidence=order.id)

Acme.execute = Acme.fetch = execute
Acme.manifest = manifest(capabilities=Capabilities(fetch=True, keeps_deadline=True))
"""


def provider_calls(victim: Victim) -> calls.Calls:
    found: calls.Calls = victim.gateway.registry.by_slug("acme")._calls
    return found


@pytest.mark.catalogue(98)
def test_one_that_does_not_keep_its_deadlines_is_not_believed_again(
    hostile_on_sqlite: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it does, so its calls are made on the requests' own threads: until the first that overruns."""
    monkeypatch.setattr(calls, "GRACE", 0.0)
    timing = {"timing.execute": "0.3", "timing.fetch": "0.3", "timing.prepare": "0.3"}
    victim = hostile_on_sqlite(PROMPT, provider_lanes="4", **timing)
    released, threads = threading.Event(), list[str]()

    def hang() -> None:
        threads.append(threading.current_thread().name)
        released.wait(10)

    victim.plugin.HANG = hang  # type: ignore[attr-defined]
    victim.owe()
    first = threading.Thread(target=victim.pay_acme, name="the first request")
    first.start()
    until = time.monotonic() + 5
    while not threads and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.4)  # its deadline
    answer = victim.pay_acme(status=201)
    assert answer.json["status"] == "pending", "in time, on a thread of the provider's"
    assert threads[0] == "the first request" and threads[1].startswith("provider-acme")
    released.set()
    first.join(5)
    victim.plugin.HANG = None  # type: ignore[attr-defined]
    assert victim.pay_acme(status=201).json["status"] == "succeeded"
    assert "provider_overran_its_deadline" in victim.log.getvalue()


@pytest.mark.catalogue(98)
def test_the_sweep_lends_its_thread_to_nobody(hostile_on_sqlite: Hostile) -> None:
    """A fetch that never ends holds up its own payment, and not the recovery of the others."""
    victim = hostile_on_sqlite(PROMPT, **{"timing.fetch": "0.3"})
    released = threading.Event()
    victim.plugin.HANG = lambda: (_ for _ in ()).throw(ConnectionError())  # type: ignore[attr-defined]
    unclear = victim.pay_acme(status=201).json
    assert unclear["status"] == "pending"
    victim.plugin.HANG = lambda: released.wait(20)  # type: ignore[attr-defined]
    card = victim.post(
        "/api/billing/stripe/create-payment-intent/", {"appointment_id": victim.owe(), "amount": 18000}, status=200
    ).json
    victim.finish_in_browser(card["payment_intent_id"])
    victim.pass_time()
    victim.gateway.recovery.sweep()
    assert victim.get(f"{PAY}{card['payment_id']}/").json["status"] == "succeeded"
    released.set()


@pytest.mark.catalogue(100)
def test_what_a_call_does_to_its_context_ends_with_it(hostile_on_sqlite: Hostile) -> None:
    """The decimal context of a request's thread is what amounts are computed in."""
    victim = hostile_on_sqlite(PROMPT)

    def spoil() -> None:
        decimal.getcontext().prec = 1
        decimal.getcontext().traps[decimal.Inexact] = True

    victim.plugin.HANG = spoil  # type: ignore[attr-defined]
    before = decimal.getcontext().prec
    assert victim.pay_acme(status=201).json["status"] == "succeeded"
    assert decimal.getcontext().prec == before > 1
    victim.appointment(77, fee=12345)
    assert victim.pay_by_http(appointment_id=77, amount="123.45", status=201).json["amount"] == "123.45"


MUTATING = """
class Parameters(fields.Schema):
    note = colander.SchemaNode(fields.Text(), missing="")

def execute(self, order, reference=None):
    for name, value in (("amount", 1), ("currency", "JPY"), ("id", "x"), ("idempotency_key", ""), ("deadline", 1e12)):
        object.__setattr__(order, name, value)
    for mapping in (order.parameters, order.labels, order.state):
        mapping.clear()
        mapping["note"] = "forged"
    self.settings["api_key"] = None
    return Outcome(OutcomeState.SUCCEEDED, "r", 18000, "AUD", evidence="e", provider_state={"shown": {"a": [1]}})

Acme.execute = Acme.fetch = execute
Acme.manifest = manifest(capabilities=Capabilities(fetch=True), parameters_schema=Parameters())
"""


@pytest.mark.catalogue(100)
def test_what_a_provider_does_to_its_order_stays_with_it(hostile: Hostile) -> None:
    victim = hostile(MUTATING)
    body = victim.pay_acme(status=201, note="mine").json
    assert (body["status"], body["amount"], body["currency"]) == ("succeeded", "180.00", "AUD")
    [row] = victim.rows("SELECT amount, currency, uuid, parameters FROM payments WHERE provider = 'acme'")
    assert row.amount == 18000 and row.currency == "AUD" and "mine" in str(row.parameters)
    assert victim.entries(body["id"])[0].amount == 18000


@pytest.mark.catalogue(100)
def test_what_a_provider_keeps_of_its_answer_changes_nothing(hostile_on_sqlite: Hostile) -> None:
    victim = hostile_on_sqlite(
        """
KEPT = []

def execute(self, order, reference=None):
    state = {"shown": {"receipt": "1"}}
    KEPT.append(state)
    return Outcome(OutcomeState.PENDING, order.id, provider_state=state)

Acme.execute = Acme.fetch = execute
Acme.manifest = manifest(capabilities=Capabilities(fetch=True))
"""
    )
    payment = victim.pay_acme(status=201).json
    for state in victim.plugin.KEPT:
        state["shown"]["receipt"] = "2"
        state["self"] = state
    shown = victim.get(f"{PAY}{payment['id']}/", as_user=MANAGER, status=200)
    assert '"2"' not in shown.text


UNTRUE = """
from tp_gateway.contract import CannotWrite
EVIL = None

def nothing(self, *arguments):
    return EVIL

for name in ("fetch", "refund", "capture", "void", "save_method", "list_methods", "drop_method", "fetch_dispute",
             "list_since", "list_remittances", "screen"):
    setattr(Acme, name, nothing)
Acme.parse_webhook = nothing
Acme.manifest = manifest(capabilities=Capabilities(
    fetch=True, refund=True, partial_refund=True, capture=True, save_method=True, webhooks=True, list_since=True,
    disputes=True, remittances=True, repeat_horizon=10**9))
"""


@pytest.mark.catalogue(97)
@pytest.mark.catalogue(99)
def test_one_that_can_do_nothing_of_what_it_declares(hostile_on_sqlite: Hostile) -> None:
    """Every door that leads to it, with None and with something evil behind it, and every loop of the worker."""
    from tests.hostile.things import Evil, Masked

    victim = hostile_on_sqlite(UNTRUE)
    paid = victim.pay_acme(status=201).json["id"]
    for evil in (None, Evil(), Masked(), [Evil()], iter(int, 1)):
        victim.plugin.EVIL = evil  # type: ignore[attr-defined]
        refund = victim.post(f"{PAY}{paid}/refund/", {"amount": "1.00"}, as_user=MANAGER)
        assert refund.status_code == 201 and refund.json["status"] == "pending"
        assert victim.call("POST", "/api/webhooks/acme/", b"{}", as_user=None).status_code == 400
        victim.gateway.reverse_sweep.run()
        victim.pass_time()
        victim.work()
    victim.gateway.remittances.sweep()
    card = victim.pay_by_http(appointment_id=victim.owe(), status=201).json
    assert victim.get(f"{PAY}{card['id']}/").json["status"] == "succeeded"
    assert "unhandled_error" not in victim.log.getvalue()
    assert len(victim.rows("SELECT 1 FROM refunds")) == 5, "each is open, and none was sent to anybody else"


@pytest.mark.catalogue(99)
def test_money_of_another_amount_or_currency_waits_for_a_person(hostile: Hostile) -> None:
    victim = hostile(
        """
SETTLED = {}

def execute(self, order, reference=None):
    values = dict(settled=order.amount, currency=order.currency) | SETTLED
    return Outcome(OutcomeState.SUCCEEDED, order.id, evidence=order.id, **values)

Acme.execute = Acme.fetch = execute
Acme.manifest = manifest(capabilities=Capabilities(fetch=True))
"""
    )
    for settled in ({"settled": 1}, {"currency": "JPY"}, {"settled": 9_999_999_999}):
        victim.plugin.SETTLED = settled  # type: ignore[attr-defined]
        body = victim.pay_acme(status=201).json
        assert body["status"] == "pending"
        assert victim.get(f"{PAY}{body['id']}/", as_user=MANAGER).json["needs_review"]
        assert {row.kind for row in victim.entries(body["id"])} == {"suspense"}
    assert not victim.rows("SELECT 1 FROM payables WHERE amount_paid > 0")
