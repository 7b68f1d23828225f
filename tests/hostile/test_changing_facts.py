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
