"""A bank account that a provider keeps is no account that we know the number of."""

from __future__ import annotations

import pytest

from tests.clinic import MANAGER
from tests.hostile.conftest import PAY, Hostile

KEEPING = """
from tp_gateway.contract import SavedMethod

DETAILS = {"bank_name": "Sample Bank", "account_name": "Z Doe", "bsb": "062-000", "account_number": "****1234"}
ABLE = ("fetch", "save_method", "refund", "partial_refund", "refund_files")
Acme.manifest = manifest(capabilities=Capabilities(**dict.fromkeys(ABLE, True)))
Acme.fetch = Acme.execute
Acme.save_method = lambda self, order: SavedMethod("m_1", "bank_account", DETAILS)
Acme.list_methods = lambda self, payer, deadline: []
Acme.drop_method = lambda self, reference, deadline: None
Acme.refund = lambda self, order: Outcome(OutcomeState.PENDING, order.id)
Acme.write_refunds = lambda self, refunds, title, made_on: None
"""


@pytest.mark.catalogue(99)
def test_no_refund_is_transferred_to_a_bank_account_of_a_plugin(hostile: Hostile) -> None:
    victim = hostile(KEEPING)
    token = {"payment_method": "acme_pay", "payment_method_id": "tok_1"}
    theirs = victim.post("/api/billing/payment-methods/", token, status=201).json["id"]
    payment = victim.pay_acme(status=201).json["id"]
    unknown, refused = (
        victim.post(f"{PAY}{payment}/refund/", {"amount": "10.00", "payment_method_id": one}, as_user=MANAGER)
        for one in (theirs + 1, theirs)
    )
    assert refused.status_code == 400 and refused.json == unknown.json
    account = victim.plugin.DETAILS | {"account_number": "987654321"}  # type: ignore[attr-defined]
    given = {"type": "bank_account", "bank_account": account}
    ours = victim.post("/api/billing/payment-methods/", given, status=201).json["id"]
    victim.post(f"{PAY}{payment}/refund/", {"amount": "10.00", "payment_method_id": ours}, as_user=MANAGER, status=201)
