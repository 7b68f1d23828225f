"""Events that come at a bad moment: before our own answer, after the end, before the row, while the store is away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clinic import Clinic, _text
from tests.invariants import check_invariants
from tests.services.test_inbox_and_outbox import events, receive
from tests.services.test_recovery import forget_payments
from tp_gateway.contract import Outcome
from tp_gateway.registry import GuardedProvider


def the_event(clinic: Clinic, kind: str) -> dict[str, Any]:
    return next(event for event in events(clinic) if event["type"] == kind)


def inbox(clinic: Clinic) -> list[tuple[str, str]]:
    return [tuple(row) for row in clinic.rows("SELECT state, note FROM inbox_events ORDER BY id")]  # type: ignore[misc]


@pytest.mark.catalogue(40)
def test_an_event_that_arrives_before_our_own_call_returns(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic.appointment()
    execute = GuardedProvider.execute

    def overtaken(provider: GuardedProvider, order: Any, reference: str | None) -> Outcome:
        outcome = execute(provider, order, reference)
        receive(clinic, the_event(clinic, "payment_intent.succeeded"))
        clinic.gateway.inbox.work()
        assert [row.state for row in clinic.rows("SELECT state FROM payments")] == ["succeeded"]
        return outcome

    monkeypatch.setattr(GuardedProvider, "execute", overtaken)
    assert clinic.pay().body["status"] == "succeeded"
    moves = clinic.rows("SELECT to_state, actor FROM transitions ORDER BY id")
    assert [tuple(move) for move in moves] == [
        ("created", "user:45"),
        ("submitting", "user:45"),
        ("succeeded", "provider:stripe"),
    ]
    assert [row.kind for row in clinic.rows("SELECT kind FROM ledger_entries ORDER BY kind")] == ["charge", "fee"]
    assert [row.topic for row in clinic.rows("SELECT topic FROM outbox_messages")] == ["payment.succeeded"]
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(46)
def test_a_failure_that_is_told_after_the_success_changes_nothing(clinic: Clinic) -> None:
    """An earlier attempt failed; the event of it is late. It is recorded, and a look shows nothing new."""
    clinic.appointment()
    paid = clinic.pay()
    before = clinic.rows("SELECT * FROM payments"), clinic.rows("SELECT * FROM ledger_entries")
    late = the_event(clinic, "payment_intent.succeeded") | {"id": "evt_late", "type": "payment_intent.payment_failed"}
    about = late["data"]["object"] | {"status": "requires_payment_method", "amount_received": 0}
    receive(clinic, late | {"data": {"object": about}})
    clinic.gateway.inbox.work()
    assert inbox(clinic) == [("applied", "nothing new")]
    after = clinic.rows("SELECT * FROM payments"), clinic.rows("SELECT * FROM ledger_entries")
    unchanged = {"observed_at", "updated_at", "next_check_at"}
    for old, new in zip(before[0], after[0], strict=True):
        assert {k: v for k, v in old._mapping.items() if k not in unchanged} == {
            k: v for k, v in new._mapping.items() if k not in unchanged
        }
    assert before[1] == after[1] and clinic.payment(paid.id).status == "succeeded"
    assert len(clinic.rows("SELECT id FROM transitions")) == 3


@pytest.mark.catalogue(41)
def test_an_event_waits_for_its_payment_and_is_attached_when_the_row_is_there(clinic: Clinic) -> None:
    """As after a restored backup: Stripe tells of a payment that is not here yet."""
    clinic.appointment()
    clinic.pay()
    event = the_event(clinic, "payment_intent.succeeded")
    forget_payments(clinic)
    receive(clinic, event)
    assert clinic.gateway.inbox.work() == 0
    assert inbox(clinic) == [("unmatched", "")]
    clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
    clinic.pass_time()
    clinic.work()
    states = clinic.rows("SELECT event_id, state FROM inbox_events")
    assert {row.event_id: row.state for row in states}[event["id"]] == "applied"
    assert [row.state for row in clinic.rows("SELECT state FROM payments")] == ["succeeded"]


@pytest.mark.catalogue(41)
def test_after_72_hours_a_person_is_asked(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay()
    event = the_event(clinic, "payment_intent.succeeded")
    forget_payments(clinic)
    receive(clinic, event)
    for hours, note in ((71, ""), (73, "given up after 72 hours: needs a person")):
        with clinic.database.transaction() as session:
            long_ago = datetime.now(UTC) - timedelta(hours=hours)
            session.execute(_text("UPDATE inbox_events SET received_at = :then", then=long_ago))
        clinic.pass_time()
        clinic.gateway.inbox.work()
        assert inbox(clinic) == [("unmatched", note)]
    assert [row.next_attempt_at for row in clinic.rows("SELECT next_attempt_at FROM inbox_events")] == [None]
    clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
