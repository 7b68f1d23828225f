"""Each cent explained: steps in words, from what is due to the ledger to the evidence, that always add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.api.conftest import Api
from tests.api.test_invoices import INVOICES, create, do
from tests.clinic import MANAGER
from tp_gateway.models.ledger import MOVES, PATIENT_CREDIT, RECEIVABLE
from tp_gateway.services.invoices.explaining import SENTENCES


def explained(api: Api, invoice_id: int) -> list[dict[str, Any]]:
    found = api.get(f"{INVOICES}{invoice_id}/explain/", as_user=MANAGER, status=200).json
    due = sum(Decimal(step["due_change"]) for step in found["steps"])
    assert str(due) == found["invoice"]["amount_due"] == found["steps"][-1]["amount_due"]
    return list(found["steps"])


def test_every_kind_of_entry_that_a_patient_feels_has_its_sentence() -> None:
    felt = {kind for kind, accounts in MOVES.items() if {RECEIVABLE, PATIENT_CREDIT} & {*accounts}}
    assert set(SENTENCES) == felt


def test_a_story_told_step_by_step(api: Api) -> None:
    first, second = (create(api, amount="180.00", description="A") for _ in range(2))
    card = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    payment = api.post(f"{INVOICES}{first['id']}/pay/", card, status=200).json["payment"]["id"]
    note = do(api, first["id"], "credit", 201, amount="60.00")["credit_note"]
    do(api, second["id"], "apply-credit", amount="40.00")
    api.refund(payment, "20.00")
    do(api, second["id"], "write-off", amount="15.00")
    steps = explained(api, first["id"])
    number, other = first["invoice_number"], second["invoice_number"]
    assert [(one["text"], one["due_change"], one["credit_change"]) for one in steps] == [
        (f"Invoice {number} asks for 180.00 AUD.", "180.00", "0.00"),
        ("180.00 AUD was paid (Card).", "-180.00", "0.00"),
        (f"The clinic took back 60.00 AUD of what it had asked for, by credit note {note}.", "-60.00", "0.00"),
        ("60.00 AUD that was paid (Card) became your credit.", "60.00", "60.00"),
        (f"40.00 AUD of your credit from here has paid {other}.", "0.00", "-40.00"),
        ("20.00 AUD of your credit was given back to you (Card).", "0.00", "-20.00"),
    ]
    [charge] = [one for one in steps if one["operation"]["type"] == "payment"]
    assert charge["operation"]["id"] == payment and charge["evidence"].startswith("ch_")
    assert (
        charge["ledger_entry"] | {"kind": "charge", "debit": "clearing:stripe", "credit": "receivable"}
        == (charge["ledger_entry"])
    )
    assert [one["operation"]["type"] for one in steps[2:]] == [
        *("credit_note", "credit_note", "credit_applied", "refund"),
    ]
    assert [one["text"] for one in explained(api, second["id"])][1:] == [
        "40.00 AUD was paid with your credit (Card).",
        "The clinic does not ask for 15.00 AUD any more.",
    ]


def test_an_appointment_that_was_paid_before_and_an_invoice_that_was_voided(api: Api) -> None:
    api.appointment()
    void = create(api, appointment_id=123)
    do(api, void["id"], "void", reason="Twice")
    assert [one["due_change"] for one in explained(api, void["id"])] == ["180.00", "-180.00"]
    api.pay_by_http(status=201)
    live = create(api, appointment_id=123)
    assert [one["amount_due"] for one in explained(api, live["id"])] == ["180.00", "0.00"]
