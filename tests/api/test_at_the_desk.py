"""Money taken at the desk: written down by staff, returned by staff, counted at the end of the day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Api
from tests.clinic import MANAGER, sandbox
from tests.invariants import check_invariants
from tp_gateway.rate_limits import RateLimits

CASH = {"payment_method": "in_person", "kind": "cash"}


@pytest.fixture
def desk(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Api]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Api(database_url, stripe_sandbox.url, **{"tp_gateway.providers": "stripe in_person"})
    made.open()
    yield made
    try:
        check_invariants(made.database.engine, made.books())
    finally:
        made.close()


def test_cash_pays_an_invoice_in_parts(desk: Api) -> None:
    invoice = desk.invoice()
    path = f"/api/billing/invoices/{invoice.id}/pay/"
    first = desk.post(path, {**CASH, "amount": "100.00"}, as_user=MANAGER, status=200).json
    assert first["payment"]["status"] == "succeeded" and first["payment"]["amount"] == "100.00"
    assert first["invoice"]["status"] == "partially_paid" and first["invoice"]["amount_due"] == "80.00"
    rest = {"payment_method": "in_person", "kind": "eftpos", "slip": "004711"}
    second = desk.post(path, rest, as_user=MANAGER, status=200).json
    assert (second["payment"]["amount"], second["invoice"]["status"]) == ("80.00", "paid")
    receipts = [answer["payment"]["payment_intent_id"] for answer in (first, second)]
    assert len(set(receipts)) == 2 and all(receipt.startswith("R0000") for receipt in receipts)
    assert second["payment"]["receipt"] == {"number": receipts[1], "kind": "eftpos", "slip": "004711"}
    desk.post(path, {**CASH, "amount": "1.00"}, as_user=MANAGER, status=409)
    assert [row.transaction_id for row in desk.rows("SELECT transaction_id FROM payments ORDER BY id")] == receipts


def test_only_staff_take_money_at_the_desk(desk: Api) -> None:
    invoice = desk.invoice()
    answer = desk.post(f"/api/billing/invoices/{invoice.id}/pay/", CASH, status=403)
    assert answer.json["code"] == "permission_denied"
    assert not desk.rows("SELECT id FROM payments")
    shown = {one["method"]: one["staff_only"] for one in desk.get("/api/billing/providers/").json["providers"]}
    assert shown == {"card": False, "in_person": True}


def test_a_day_s_cash_is_typed_in_without_a_limit(desk: Api) -> None:
    """Nobody tries a card there; who charges saved cards is still counted."""
    desk.app.app.registry["rate_limits"] = RateLimits(payments="1/minute", declines="off", declines_per_address="off")
    for _ in range(3):
        desk.post(f"/api/billing/invoices/{desk.invoice().id}/pay/", CASH, as_user=MANAGER, status=200)
    path, by_card = f"/api/billing/invoices/{desk.invoice().id}/pay/", {"payment_method": "card"}
    by_card["payment_method_id"] = "pm_card_visa"
    assert desk.post(path, by_card, as_user=MANAGER).status_code != 429
    assert desk.post(path, by_card, as_user=MANAGER).status_code == 429


@pytest.mark.parametrize(
    "body", [{}, {"kind": "gold"}, {"kind": "cash", "slip": "x" * 65}, {"kind": "cash", "till": 1}]
)
def test_what_staff_say_is_checked(desk: Api, body: dict[str, object]) -> None:
    path = f"/api/billing/invoices/{desk.invoice().id}/pay/"
    answer = desk.post(path, {"payment_method": "in_person", **body}, as_user=MANAGER, status=400).json
    assert answer["code"] == "validation_error" and set(answer["details"]) <= {"kind", "slip", "till"}


def test_money_is_handed_back(desk: Api) -> None:
    path = f"/api/billing/invoices/{desk.invoice().id}/pay/"
    paid = desk.post(path, CASH, as_user=MANAGER, status=200).json["payment"]
    refund = f"/api/billing/payments/{paid['id']}/refund/"
    part = desk.post(refund, {"amount": "50.00"}, as_user=MANAGER, status=201).json
    assert part["status"] == "succeeded" and part["payment"]["amount_refunded"] == "50.00"
    desk.post(refund, {"amount": "130.01"}, as_user=MANAGER, status=409)
    rest = desk.post(refund, {}, as_user=MANAGER, status=201).json
    assert rest["payment"]["status"] == "refunded"


def test_a_day_is_counted(desk: Api) -> None:
    invoice = desk.invoice()
    pay = f"/api/billing/invoices/{invoice.id}/pay/"
    paid = desk.post(pay, {**CASH, "amount": "100.00"}, as_user=MANAGER, status=200).json["payment"]
    desk.post(pay, {"payment_method": "in_person", "kind": "cheque", "amount": "30.00"}, as_user=MANAGER, status=200)
    desk.post(pay, {"payment_method": "card", "payment_method_id": "pm_card_visa", "amount": "50.00"}, status=200)
    desk.post(f"/api/billing/payments/{paid['id']}/refund/", {"amount": "20.00"}, as_user=MANAGER, status=201)
    today = desk.gateway.today().isoformat()
    found = desk.get("/api/billing/takings/", as_user=MANAGER, status=200).json
    assert found == desk.get(f"/api/billing/takings/?date={today}", as_user=MANAGER).json
    assert found["date"] == today
    rows = {(one["payment_method"], one["kind"]): one for one in found["takings"]}
    assert list(rows) == [("card", None), ("in_person", "cash"), ("in_person", "cheque")]
    cash = rows["in_person", "cash"]
    assert (cash["payments"], cash["taken"], cash["refunds"], cash["returned"], cash["net"]) == (
        *(1, "100.00"),
        *(1, "20.00"),
        "80.00",
    )
    assert rows["card", None]["taken"] == "50.00" and rows["in_person", "cheque"]["net"] == "30.00"
    yesterday = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
    assert desk.get(f"/api/billing/takings/?date={yesterday}", as_user=MANAGER).json["takings"] == []
    for wrong in ("2025-02-30", "19.1.2025", "today", ""):
        desk.get(f"/api/billing/takings/?date={wrong}", as_user=MANAGER, status=400)
