"""Money that is not what was asked: kept apart, shown to staff, and put right once the provider says otherwise."""

from __future__ import annotations

import pytest

from tests.clinic import Clinic, manager, patient
from tests.services.test_recovery import CONFIRM, RETRIEVE, settle_down

pytestmark = pytest.mark.catalogue(32)


@pytest.mark.parametrize("lie", ["wrong_amount", "wrong_currency"])
@pytest.mark.parametrize("where", ["confirm", "look"])
def test_a_provider_that_was_wrong_once_leaves_nothing_in_suspense(clinic: Clinic, lie: str, where: str) -> None:
    clinic.appointment()
    if where == "confirm":
        clinic.fault(CONFIRM, lie)
    else:
        clinic.fault(CONFIRM, "lost")
        clinic.fault(RETRIEVE, lie)
    paid = clinic.pay()
    [row] = clinic.rows("SELECT needs_review FROM payments")  # not by a look, which might put it right at once
    assert paid.body["status"] == "pending" and row.needs_review
    settle_down(clinic)
    payment = clinic.payment(paid.id)
    assert (payment.state, payment.captured, payment.needs_review) == ("succeeded", 18000, False)
    kinds = [row.kind for row in clinic.rows("SELECT kind FROM ledger_entries ORDER BY id")]
    assert sorted(kinds) == ["charge", "fee", "suspense", "suspense_reversal"]
    assert clinic.gateway.payments.list(manager)[0].needs_review is False
    assert clinic.gateway.payments.get(patient, paid.id).status == "succeeded"
