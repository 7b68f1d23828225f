"""Payouts: daily and when told, what is in them, paid, failed, and out again."""

from typing import Any

import pytest
import stripe

from tests.sandbox.helpers import Raw, paid

DAY = 86400


@pytest.fixture(autouse=True)
def at_once(raw: Raw) -> None:
    """Charges are available at once, and nothing is paid out before it is told."""
    raw.control("POST", "settings", {"settlement_days": 0, "payouts": "manual"})


def pay_out(raw: Raw, **order: str) -> Any:
    return raw.control("POST", "payouts", order)["payout"]


def inside(api: stripe.StripeClient, payout: str, **more: Any) -> list[tuple[str, int]]:
    found = api.v1.balance_transactions.list({"payout": payout, "limit": 100, **more}).data
    return [(one.type, one.net) for one in found][::-1]


def types(api: stripe.StripeClient) -> list[str]:
    return [one.type for one in api.v1.events.list({"type": "payout.*", "limit": 100}).data][::-1]


def test_what_is_available_and_nothing_else_goes_out_once(api: stripe.StripeClient, raw: Raw) -> None:
    first, _ = paid(api, amount=10_000), paid(api, "pm_card_createDispute", amount=20_000)
    api.v1.refunds.create({"payment_intent": first.id, "amount": 9_000})
    assert pay_out(raw) is None, "the dispute has taken more than there was"
    third = paid(api, amount=50_000)
    raw.control("POST", "settings", {"settlement_days": 2})
    paid(api, amount=7_000)
    made = api.v1.payouts.retrieve(pay_out(raw)["id"], {"expand": ["balance_transaction"]})
    net = {10_000: 9_800, 20_000: 19_630, 50_000: 49_120}
    there = [("charge", net[10_000]), ("charge", net[20_000]), ("adjustment", -22_500), ("refund", -9_000)]
    there += [("charge", net[50_000]), ("payout", -made.amount)]
    assert inside(api, made.id) == there
    assert made.amount == sum(value for _, value in there[:-1])
    assert (made.status, made.automatic, made.currency) == ("in_transit", True, "aud")
    assert made.balance_transaction.net == -made.amount and made.balance_transaction.source == made.id
    assert inside(api, made.id, type="refund") == [("refund", -9_000)]
    assert inside(api, made.id, source=third.latest_charge) == [("charge", 49_120)]
    assert inside(api, made.id, source="ch_nobody") == []
    balance = api.v1.balance.retrieve()
    assert (balance.available[0].amount, balance.pending[0].amount) == (0, 7_000 - 149)
    assert pay_out(raw) is None


def test_one_a_day_by_itself(api: stripe.StripeClient, raw: Raw) -> None:
    raw.control("POST", "settings", {"settlement_days": 2, "payouts": "daily"})
    paid(api)
    raw.control("POST", "clock", {"advance": DAY})
    assert api.v1.payouts.list().data == []
    raw.control("POST", "clock", {"advance": 2 * DAY})
    (made,) = api.v1.payouts.list().data
    assert (made.status, made.amount) == ("in_transit", 9_800)
    assert 0 < made.arrival_date - made.created <= DAY
    paid(api, "pm_card_bypassPending")
    raw.control("POST", "clock", {"advance": DAY})
    later, before = api.v1.payouts.list().data
    assert (later.status, before.id, before.status) == ("in_transit", made.id, "paid")
    assert sorted(types(api)) == ["payout.created", "payout.created", "payout.paid"]


def test_a_failed_one_goes_out_again(api: stripe.StripeClient, raw: Raw) -> None:
    paid(api)
    first = pay_out(raw)["id"]
    assert pay_out(raw, payout=first, status="paid")["status"] == "paid"
    failed = api.v1.payouts.retrieve(pay_out(raw, payout=first, status="failed")["id"])
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    assert types(api) == ["payout.created", "payout.paid", "payout.failed"]
    back = api.v1.balance_transactions.retrieve(failed.failure_balance_transaction, {"expand": ["source"]})
    assert (back.net, back.type, back.source["id"]) == (9_800, "payout_failure", first)
    assert inside(api, first) == [("charge", 9_800), ("payout", -9_800)]
    second = pay_out(raw)["id"]
    assert inside(api, second) == [("payout_failure", 9_800), ("payout", -9_800)]
    raw.control("POST", "clock", {"advance": 2 * DAY})
    assert api.v1.payouts.retrieve(first).status == "failed"
    assert api.v1.payouts.retrieve(second).status == "paid"


def test_what_is_over_cannot_be_decided_again(api: stripe.StripeClient, raw: Raw) -> None:
    paid(api)
    payout = pay_out(raw)["id"]
    for status, code in (("paid", 200), ("paid", 400), ("failed", 200), ("failed", 400), ("paid", 400)):
        body = f'{{"payout": "{payout}", "status": "{status}"}}'
        assert raw.call("POST", "/_sandbox/payouts", body)[0] == code


def test_found_by_status_and_day(api: stripe.StripeClient, raw: Raw) -> None:
    made = []
    for _ in range(2):
        paid(api)
        made.append(pay_out(raw)["id"])
        raw.control("POST", "clock", {"advance": 10 * DAY})
    paid(api)
    made.append(pay_out(raw)["id"])

    def found(**asked: Any) -> list[str]:
        return [one.id for one in api.v1.payouts.list(asked).data]

    assert found() == made[::-1]
    assert found(status="in_transit") == made[2:] and found(status="paid") == made[1::-1]
    day = api.v1.payouts.retrieve(made[1]).arrival_date
    assert found(arrival_date=day) == [made[1]] and found(arrival_date={"lt": day}) == [made[0]]
    assert found(created={"gte": day}) == [made[2]]
    for path in ("/v1/payouts/po_nobody", "/v1/balance_transactions?payout=po_nobody"):
        assert raw.call("GET", path)[0] == 404
