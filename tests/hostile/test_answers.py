"""What a hostile provider answers with: a payment whose provider talks nonsense waits to be cleared up, and nothing of
it gets into the books, into an answer, or into anybody else's payment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clinic import MANAGER
from tests.hostile.conftest import PAY, Hostile, Victim
from tests.hostile.things import ANSWERS, FINE, PREPARED, STATES
from tp_gateway.views.answers.payments import PAYMENT_WITH_REFUNDS

ANSWERING = """
import tests.hostile.things as things

WHAT = None

def answer(self, order, reference=None):
    return things.answer(WHAT, order)

Acme.execute = Acme.fetch = answer
Acme.manifest = manifest(capabilities=Capabilities(fetch=True))
"""


SHOWING = """
STATE = None

def execute(self, order, reference=None):
    return Outcome(OutcomeState.SUCCEEDED, "r", order.amount, order.currency, evidence="e", provider_state=STATE)

Acme.execute = Acme.fetch = execute
Acme.manifest = manifest(capabilities=Capabilities(fetch=True))
"""


def pay(victim: Victim, what: str) -> dict[str, Any]:
    victim.plugin.WHAT = what  # type: ignore[attr-defined]
    answer = victim.pay_acme(status=201)
    return dict(answer.json)


@pytest.mark.catalogue(99)
def test_garbage_is_never_a_payment_and_never_a_fault(hostile: Hostile) -> None:
    """Each of some sixty, over HTTP; then the sweep looks at some of them again."""
    victim = hostile(ANSWERING)
    paid = {}
    for what in ANSWERS:
        body = pay(victim, what)
        assert body["status"] == "pending", what
        paid[what] = body["id"]
    victim.pass_time()
    victim.gateway.recovery.sweep(10)
    victim.get(f"{PAY}{paid['an endless action']}/", as_user=MANAGER, status=200)
    states = victim.rows("SELECT DISTINCT state FROM payments WHERE provider = 'acme'")
    assert [row.state for row in states] == ["unknown"] and not victim.rows("SELECT 1 FROM ledger_entries")
    log = victim.log.getvalue()
    assert log.count("provider_answered_nonsense") + log.count("provider_raised") >= len(ANSWERS)
    assert len(log) < 3_000_000, "what a provider says does not fill the disk"
    assert "hunter2" not in log


@pytest.mark.catalogue(99)
def test_what_is_odd_but_possible_is_kept_and_shown(hostile: Hostile) -> None:
    victim = hostile(ANSWERING)
    for what in FINE:
        body = pay(victim, what)
        assert body["status"] == "succeeded", what
        victim.get(f"{PAY}{body['id']}/", status=200)


@pytest.mark.catalogue(99)
def test_nothing_that_a_provider_shows_is_under_a_name_of_ours(hostile_on_sqlite: Hostile) -> None:
    """Names that the core leaves out of a patient's answer are its own all the same."""
    victim = hostile_on_sqlite(SHOWING)
    shown = dict.fromkeys((*PAYMENT_WITH_REFUNDS.pieces(), "theirs"), "forged")
    victim.plugin.STATE = {"shown": shown, "shown_to_staff": shown | {"for_staff": "forged"}}  # type: ignore[attr-defined]
    body = victim.pay_acme(status=201).json
    told = [
        body,
        victim.get(f"{PAY}{body['id']}/", status=200).json,
        victim.get(PAY, status=200).json["payments"][0],
    ]
    assert [[name for name, value in one.items() if value == "forged"] for one in told] == [["theirs"]] * 3
    staff = victim.get(f"{PAY}{body['id']}/", as_user=MANAGER, status=200).json
    assert [name for name, value in staff.items() if value == "forged"] == ["theirs", "for_staff"]


@pytest.mark.catalogue(99)
def test_a_state_that_cannot_be_kept_is_not_kept(hostile: Hostile) -> None:
    victim = hostile(ANSWERING)
    for what in STATES:
        assert pay(victim, what)["status"] == "pending", what
    kept = victim.rows("SELECT provider_state_sealed FROM payments WHERE provider_state_sealed IS NOT NULL")
    assert not kept


@pytest.mark.catalogue(99)
def test_what_cannot_have_been_prepared_ends_the_payment_before_money_can_move(hostile: Hostile) -> None:
    victim = hostile(
        ANSWERING
        + """
Acme.manifest = manifest(capabilities=Capabilities(fetch=True, two_step=True))
Acme.prepare = lambda self, order: things.prepared(WHAT, order)
Acme.close = answer
"""
    )
    for what in PREPARED:
        victim.plugin.WHAT = what  # type: ignore[attr-defined]
        assert victim.pay_acme(status=503).json["code"] == "service_unavailable", what
    assert {row.state for row in victim.rows("SELECT state FROM payments WHERE provider = 'acme'")} == {"failed"}
