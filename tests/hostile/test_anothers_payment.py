"""A provider that answers for another payment, or gives two things one name: money is booked once, for the payment that
it came for, and a person looks at the other one."""

from __future__ import annotations

import pytest

from tests.clinic import MANAGER, OTHER_PATIENT
from tests.hostile.conftest import PAY, Hostile, Victim

ONE_FOR_ALL = """
def always(self, order, reference=None):
    return Outcome(OutcomeState.SUCCEEDED, "the only one", order.amount, order.currency, evidence="its movement")

Acme.execute = Acme.fetch = always
Acme.manifest = manifest(capabilities=Capabilities(fetch=True))
"""


def needs_review(victim: Victim, payment_id: int) -> bool:
    shown = victim.get(f"{PAY}{payment_id}/", as_user=MANAGER, status=200).json
    return bool(shown["needs_review"])


@pytest.mark.catalogue(99)
@pytest.mark.catalogue(32)
def test_one_reference_for_two_payments_is_the_first_ones(hostile: Hostile) -> None:
    victim = hostile(ONE_FOR_ALL)
    first = victim.pay_acme(status=201).json
    second = victim.pay_acme(status=201).json
    assert (first["status"], second["status"]) == ("succeeded", "pending")
    assert needs_review(victim, second["id"]) and not needs_review(victim, first["id"])
    assert not victim.entries(second["id"]), "it is the same money"
    victim.pass_time()
    victim.gateway.recovery.sweep()
    assert "item_failed" not in victim.log.getvalue()


TWO_STEPS = """
PREPARED = "prepared"

def prepare(self, order):
    from tp_gateway.contract import Prepared
    return Prepared(PREPARED)

def always(self, order, reference=None):
    return Outcome(OutcomeState.SUCCEEDED, "prepared", order.amount, order.currency, evidence="its movement")

Acme.prepare = prepare
Acme.execute = Acme.fetch = Acme.close = always
Acme.manifest = manifest(capabilities=Capabilities(fetch=True, two_step=True))
"""


@pytest.mark.catalogue(99)
def test_what_was_prepared_for_another_payment_is_not_executed(hostile: Hostile) -> None:
    victim = hostile(TWO_STEPS)
    assert victim.pay_acme(status=201).json["status"] == "succeeded"
    refused = victim.pay_acme(status=503).json
    assert refused["code"] == "service_unavailable"
    assert [row.state for row in victim.rows("SELECT state FROM payments ORDER BY id")] == ["succeeded", "failed"]


@pytest.mark.catalogue(32)
def test_another_payments_outcome_is_not_booked_twice(hostile: Hostile) -> None:
    victim = hostile(TWO_STEPS)
    victim.pay_acme(status=201)
    victim.plugin.PREPARED = "the second"  # type: ignore[attr-defined]
    second = victim.pay_acme(status=201).json
    assert second["status"] == "pending" and needs_review(victim, second["id"])
    assert not victim.entries(second["id"]), "it is the first one's money, and booked"


REFUNDING = """
def executed(self, order, reference=None):
    return Outcome(OutcomeState.SUCCEEDED, order.id, order.amount, order.currency, evidence=order.id)

def refund(self, order):
    return Outcome(OutcomeState.SUCCEEDED, "the only refund", order.amount, order.currency, evidence="r")

Acme.execute = Acme.fetch = executed
Acme.refund = refund
Acme.manifest = manifest(capabilities=Capabilities(fetch=True, refund=True, partial_refund=True))
"""


@pytest.mark.catalogue(99)
def test_one_name_for_two_refunds_is_the_first_ones(hostile: Hostile) -> None:
    victim = hostile(REFUNDING)
    refunds = []
    for _ in range(2):
        payment = victim.pay_acme(status=201).json["id"]
        refunds.append(victim.post(f"{PAY}{payment}/refund/", {"amount": "10.00"}, as_user=MANAGER, status=201).json)
    assert [one["status"] for one in refunds] == ["succeeded", "pending"]
    victim.pass_time()
    victim.gateway.refund_sending.sweep()
    assert "item_failed" not in victim.log.getvalue()


FORGETFUL = REFUNDING.replace("order.id, order.amount", "'p' + order.id, order.amount")


@pytest.mark.catalogue(99)
def test_a_refund_listed_under_another_payments_name_is_not_counted_twice(hostile: Hostile) -> None:
    victim = hostile(
        REFUNDING
        + """
from tp_gateway.contract import RefundFact, RefundState

def fetch(self, order, reference):
    back = RefundFact("the only refund", 1000, RefundState.SUCCEEDED)
    return Outcome(
        OutcomeState.SUCCEEDED, order.id, order.amount, order.currency, evidence=order.id, refunds=(back,)
    )

Acme.execute = Acme.fetch = fetch
"""
    )
    first, second = (victim.pay_acme(status=201).json for _ in range(2))
    shown = [victim.get(f"{PAY}{one['id']}/", as_user=MANAGER, status=200).json for one in (first, second)]
    assert [one["amount_refunded"] for one in shown] == ["10.00", "0.00"]


ONE_CUSTOMER = """
from tp_gateway.contract import Prepared, SavedMethod

def always(self, order, reference=None):
    return Outcome(
        OutcomeState.SUCCEEDED, f"r{order.id}", order.amount, order.currency, evidence=f"e{order.id}", payer=PAYER
    )

PAYER = "cus_guest"
Acme.execute = Acme.fetch = Acme.close = always
Acme.save_method = lambda self, order: SavedMethod("m", "card", {}, payer="cus_guest")
Acme.list_methods = lambda self, payer, deadline: []
Acme.drop_method = lambda self, reference, deadline: None
"""
TOLD_AT_THE_END = "Acme.manifest = manifest(capabilities=Capabilities(fetch=True, save_method=True))\n"
TOLD_AT_FIRST = """
PAYER = None
Acme.prepare = lambda self, order: Prepared(f"r{order.id}", payer="cus_guest")
Acme.manifest = manifest(capabilities=Capabilities(fetch=True, save_method=True, two_step=True))
"""


@pytest.mark.catalogue(99)
@pytest.mark.parametrize("told", [TOLD_AT_THE_END, TOLD_AT_FIRST])
def test_one_customer_for_two_patients_is_the_first_ones_and_both_have_paid(hostile: Hostile, told: str) -> None:
    victim = hostile(ONE_CUSTOMER + told)
    assert (
        victim.pay_acme(status=201, save_payment_method=True, payment_method_id="tok_1").json["status"] == "succeeded"
    )
    victim.appointment(5000, OTHER_PATIENT)
    body = {"appointment_id": 5000, "amount": "180.00", "payment_method": "acme_pay", "save_payment_method": True}
    second = victim.post(PAY, body | {"payment_method_id": "tok_2"}, as_user=OTHER_PATIENT, status=201).json
    assert second["status"] == "succeeded" and victim.entries(second["id"])
    known = victim.rows("SELECT user_id, reference FROM provider_customers WHERE provider = 'acme'")
    assert {row.user_id: row.reference for row in known}[OTHER_PATIENT] is None
    assert "provider_customer_is_anothers" in victim.log.getvalue()
