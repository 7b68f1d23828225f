"""Providers that say one thing at one look and another at the next: the books follow what is said of the money in all,
each cent once, and never contradict themselves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clinic import MANAGER
from tests.hostile.conftest import PAY, Hostile, Victim
from tests.verified import assert_verified

SCRIPT = """
import itertools
LOOKS, SETTLED, EVIDENCE = itertools.count(1), None, None

def fetch(self, order, reference=None):
    evidence = EVIDENCE or f"movement {next(LOOKS)}"
    return Outcome(OutcomeState.SUCCEEDED, f"r{order.id}", SETTLED or order.amount, order.currency, evidence=evidence)

Acme.execute = Acme.fetch = fetch
Acme.manifest = manifest(capabilities=Capabilities(fetch=True), settles_exactly=False)
"""
EXACT = SCRIPT + "Acme.manifest = manifest(capabilities=Capabilities(fetch=True))\n"


def look_again(victim: Victim, payment_id: int) -> Any:
    """As the sweep does, or whoever hears a webhook."""
    return victim.gateway.recovery.look(victim.payment(payment_id), "sweep")


@pytest.mark.catalogue(99)
def test_more_money_under_the_same_evidence_is_booked_as_more(hostile: Hostile) -> None:
    victim = hostile(SCRIPT)
    victim.plugin.EVIDENCE, victim.plugin.SETTLED = "ch_1", 5000
    payment_id = victim.pay_acme(status=201).json["id"]
    for settled in (12000, 12000, 18000, 18000):
        victim.plugin.SETTLED = settled
        look_again(victim, payment_id)
        assert sum(entry.amount for entry in victim.entries(payment_id)) == settled
        assert_verified(victim.database)
    assert [tuple(entry) for entry in victim.entries(payment_id)] == [
        ("charge", 5000),
        ("charge", 7000),
        ("charge", 6000),
    ]


@pytest.mark.catalogue(99)
def test_money_that_waits_for_a_person_waits_once_however_often_it_is_renamed(hostile: Hostile) -> None:
    victim = hostile(EXACT)
    victim.plugin.SETTLED = 10000
    payment_id = victim.pay_acme(status=201).json["id"]
    for _ in range(3):
        look_again(victim, payment_id)
    assert [tuple(entry) for entry in victim.entries(payment_id)] == [("suspense", 10000)]
    victim.post(f"{PAY}{payment_id}/evidence/", {"decision": "accept"}, as_user=MANAGER)
    assert victim.rows("SELECT captured FROM payments WHERE id = :id", id=payment_id)[0].captured == 10000
    assert_verified(victim.database)


DISPUTES = """
from datetime import UTC, datetime
from tp_gateway.contract import DisputeFact, DisputeMovement, DisputeStatus, Observation, Subject

ABOUT, MOVED, STATUS, EVENTS = None, (), DisputeStatus.NEEDS_RESPONSE, itertools.count(1)

def fetch_dispute(self, reference, deadline):
    opened, moves = datetime(2026, 1, 1, tzinfo=UTC), enumerate(MOVED)
    return DisputeFact(reference, STATUS, 18000, "AUD", opened, ABOUT,
                       movements=tuple(DisputeMovement(f"txn_{n}", amount) for n, amount in moves))

Acme.fetch_dispute = fetch_dispute
Acme.parse_webhook = lambda self, body, headers: [
    Observation(f"evt_{next(EVENTS)}", "dispute", Subject.DISPUTE, reference="dp_1")
]
Acme.manifest = manifest(capabilities=Capabilities(fetch=True, webhooks=True, disputes=True))
"""


def hear_of_the_dispute(victim: Victim, about: str, *moved: int, status: str = "needs_response") -> Any:
    victim.plugin.ABOUT, victim.plugin.MOVED = about, moved
    victim.plugin.STATUS = victim.plugin.DisputeStatus(status)
    assert victim.call("POST", "/api/webhooks/acme/", b"{}", as_user=None).status_code == 200
    victim.pass_time()
    victim.work()
    assert_verified(victim.database)
    return victim.rows("SELECT payment_id, withdrawn, needs_review FROM disputes")[0]


@pytest.mark.catalogue(99)
def test_a_dispute_stays_with_the_payment_that_it_was_about_first(hostile: Hostile) -> None:
    victim = hostile(SCRIPT + DISPUTES)
    first, second = (victim.pay_acme(status=201).json["id"] for _ in range(2))
    names = {row.id: row.reference for row in victim.rows("SELECT id, reference FROM payments")}
    assert not hear_of_the_dispute(victim, names[first], -18000).needs_review
    found = hear_of_the_dispute(victim, names[second], -18000)
    assert (found.payment_id, found.withdrawn, bool(found.needs_review)) == (first, 18000, True)
    assert [row.kind for row in victim.entries(second)] == ["charge"]
    assert not hear_of_the_dispute(victim, names[first], -18000, status="lost").needs_review


@pytest.mark.catalogue(99)
@pytest.mark.parametrize("moved", [(-18001,), (500000,), (-18000, 18001)])
def test_a_dispute_takes_and_gives_back_no_more_than_was_paid(hostile: Hostile, moved: tuple[int, ...]) -> None:
    victim = hostile(SCRIPT + DISPUTES)
    payment_id = victim.pay_acme(status=201).json["id"]
    reference = victim.payment(payment_id).reference or ""
    found = hear_of_the_dispute(victim, reference, *moved)
    assert (found.withdrawn, bool(found.needs_review)) == (0, True)
    assert [row.kind for row in victim.entries(payment_id)] == ["charge"]
    found = hear_of_the_dispute(victim, reference, -18000)
    assert (found.withdrawn, bool(found.needs_review)) == (18000, False)


REFUNDS = """
from tp_gateway.contract import RefundFact, RefundState
REFUND = None

def with_refund(self, order, reference=None):
    back = (RefundFact(REFUND, 10000, RefundState.SUCCEEDED),) if REFUND else ()
    return Outcome(OutcomeState.SUCCEEDED, f"r{order.id}", 18000, "AUD", evidence="ch_1", refunds=back)

Acme.execute = Acme.fetch = with_refund
"""


@pytest.mark.catalogue(99)
def test_refunds_that_are_renamed_at_each_look_give_back_no_more_than_came(hostile: Hostile) -> None:
    victim = hostile(EXACT + REFUNDS)
    payment_id = victim.pay_acme(status=201).json["id"]
    for name in ("re_1", "re_2", "re_3"):
        victim.plugin.REFUND = name
        assert look_again(victim, payment_id).refunded == 10000
    assert victim.log.getvalue().count("refund_listed_beyond_what_was_paid") == 2
    assert_verified(victim.database)
