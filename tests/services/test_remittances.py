"""Remittances: Stripe's payouts to the cent, in transit, paid, failed; nothing lost, nothing told twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.clinic import NOON, Clinic, sandbox
from tests.services.test_disputes import accounts, at_bank, hear, paid
from tests.services.test_recovery import forget_payments
from tp_gateway.contract import Remittance, RemittanceItem, RemittanceKind, RemittanceState
from tp_gateway.errors import NotFound
from tp_gateway.models import Cursor, OutboxMessage, table
from tp_gateway.services.remittance_payments import payments_of
from tp_gateway.services.remittance_settlement import Look, apply
from tp_gateway.services.remittances import RemittanceFacts, RemittanceSums

CURSORS, OUTBOX = table(Cursor), table(OutboxMessage)
LIST = "GET /v1/payouts"
FEE = 336  # of a card payment of 180.00: 1.7 % and 30 cents


@pytest.fixture(autouse=True)
def at_once(clinic: Clinic) -> None:
    """Charges are available at once, and nothing is paid out before it is told."""
    sandbox(clinic.sandbox_url, "POST", "settings", {"settlement_days": 0, "payouts": "manual"})


def pay_out(clinic: Clinic, **order: str) -> dict[str, Any]:
    made: dict[str, Any] = sandbox(clinic.sandbox_url, "POST", "payouts", order)["payout"]
    return made


def look(clinic: Clinic) -> int:
    """It is somebody's turn to ask, and we do."""
    with clinic.database.transaction() as session:
        session.execute(sa.update(CURSORS).values(next_run_at=datetime(2000, 1, 1, tzinfo=UTC)))
    return clinic.gateway.remittances.sweep()


def only(clinic: Clinic) -> RemittanceFacts:
    [found] = clinic.gateway.remittances.list()
    return found


def told(clinic: Clinic) -> list[tuple[str, str]]:
    rows = clinic.rows("SELECT topic FROM outbox_messages WHERE topic LIKE 'remittance.%' ORDER BY id")
    with clinic.database.read() as session:
        data = session.execute(
            sa.select(OUTBOX.c.data).where(OUTBOX.c.topic.like("remittance.%")).order_by(OUTBOX.c.id)
        ).scalars()
        return [(row.topic.removeprefix("remittance."), one["reference"]) for row, one in zip(rows, data, strict=True)]


# --- to the cent ------------------------------------------------------------------------------------------------------


def test_a_payout_of_charges_a_refund_and_a_dispute_is_explained_to_the_cent(clinic: Clinic) -> None:
    first, second, third, fourth = (paid(clinic, appointment_id) for appointment_id in (1, 2, 3, 4))
    clinic.refund(second, "60.00")
    at_bank(clinic, third)
    hear(clinic)
    payout = pay_out(clinic)
    assert look(clinic)
    facts, items = clinic.gateway.remittances.get(only(clinic).id)
    net = 18000 - FEE
    assert [(item.kind, item.payment_id, item.amount, item.fee, item.net) for item in items] == [
        *(("payment", payment, 18000, FEE, net) for payment in (first, second, third, fourth)),
        ("refund", second, -6000, 0, -6000),
        ("dispute", third, -18000, 2500, -20500),
    ]
    assert facts.sums == RemittanceSums(6, 4 * 18000 - 24000, 4 * FEE + 2500, payout["amount"], 0)
    assert (facts.amount, facts.currency) == (payout["amount"], "AUD") and payout["amount"] == 4 * net - 26500
    assert (facts.reference, facts.provider, facts.state) == (payout["id"], "stripe", "in_transit")
    assert (facts.explained, facts.note, facts.statement_text, facts.statement_line_id) == (True, "", "STRIPE", None)
    assert facts.arrives_on == datetime.fromtimestamp(payout["arrival_date"], UTC).date()
    assert told(clinic) == [("in_transit", payout["id"])]
    # What Stripe has paid out is what the books say that it held for the clinic.
    assert accounts(clinic)["clearing:stripe"] == payout["amount"]


def test_a_dispute_that_is_won_and_a_refund_that_fails_come_with_a_later_payout(clinic: Clinic) -> None:
    payment, other = paid(clinic, 1), paid(clinic, 2, method_id="pm_card_refundFail")
    pay_out(clinic)
    third = paid(clinic, 3)
    at_bank(clinic, payment)
    at_bank(clinic, payment, close="won")
    sandbox(clinic.sandbox_url, "POST", "settings", {"refund_seconds": 0})
    clinic.refund(other, "10.00")
    hear(clinic)
    payout = pay_out(clinic)
    look(clinic)
    latest = clinic.gateway.remittances.list()[0]
    items = clinic.gateway.remittances.get(latest.id)[1]
    assert (latest.reference, latest.explained) == (payout["id"], True)
    assert [(item.kind, item.payment_id, item.net) for item in items] == [
        ("payment", third, 18000 - FEE),
        ("dispute", payment, -20500),
        ("dispute", payment, 18000),
        ("refund", other, -1000),
        ("refund", other, 1000),
    ]


def test_what_is_of_no_payment_here_is_said_and_found_once_it_is_known(clinic: Clinic) -> None:
    paid(clinic)
    pay_out(clinic)
    forget_payments(clinic)
    look(clinic)
    facts = only(clinic)
    assert (facts.explained, facts.note) == (False, "the payment of 1 of 1 items is not known here")
    assert facts.sums.unknown == 1 and facts.sums.net == facts.amount
    pay_out(clinic, payout=facts.reference, status="paid")
    look(clinic)
    assert told(clinic) == [(topic, facts.reference) for topic in ("in_transit", "paid", "unexplained")]
    hear(clinic)  # the reverse sweep adopts the payment
    look(clinic)
    after, [item] = clinic.gateway.remittances.get(facts.id)
    assert after.explained and after.note == "" and item.payment_id is not None
    assert len(told(clinic)) == 3


def test_a_charge_whose_transaction_was_not_told_is_found_by_its_evidence(clinic: Clinic) -> None:
    payment = paid(clinic)
    with clinic.database.transaction() as session:
        session.execute(sa.text("UPDATE payments SET transaction_id = NULL"))
    pay_out(clinic)
    look(clinic)
    [item] = clinic.gateway.remittances.get(only(clinic).id)[1]
    assert item.payment_id == payment


# --- in transit, paid, failed -----------------------------------------------------------------------------------------


def test_paid_then_failed_then_out_again(clinic: Clinic) -> None:
    payment = paid(clinic)
    first = pay_out(clinic)["id"]
    look(clinic)
    pay_out(clinic, payout=first, status="paid")
    look(clinic)
    assert only(clinic).state == "paid"
    pay_out(clinic, payout=first, status="failed")
    second = pay_out(clinic)["id"]
    look(clinic)
    latest, failed = clinic.gateway.remittances.list()
    assert (failed.reference, failed.state, failed.explained) == (first, "failed", True)
    assert (latest.reference, latest.state, latest.explained) == (second, "in_transit", True)
    [back] = clinic.gateway.remittances.get(latest.id)[1]
    assert (back.kind, back.net, back.reference, back.payment_id) == ("returned", 18000 - FEE, first, None)
    [item] = clinic.gateway.remittances.get(failed.id)[1]
    assert (item.kind, item.payment_id) == ("payment", payment)
    everything = [("in_transit", first), ("paid", first), ("failed", first), ("in_transit", second)]
    assert told(clinic) == everything
    look(clinic)
    look(clinic)
    assert told(clinic) == everything
    assert clinic.rows("SELECT count(*) AS many FROM remittance_items")[0].many == 2


@pytest.mark.parametrize(
    ("status", "days", "seen"), [("paid", 40, "paid"), ("failed", 9, "failed"), ("failed", 40, "paid")]
)
def test_one_that_is_not_over_is_looked_at_where_it_was_listed(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, status: str, days: int, seen: str
) -> None:
    """In transit as long as it takes; paid, for ten days after its day."""
    paid(clinic)
    payout = pay_out(clinic)["id"]
    if status == "failed":
        pay_out(clinic, payout=payout, status="paid")
    look(clinic)
    pay_out(clinic, payout=payout, status=status)
    later = datetime.now(UTC) + timedelta(days=days)
    stands_at(clinic, later - timedelta(hours=3))
    monkeypatch.setattr(clinic.gateway.remittances, "_clock", lambda: later)
    look(clinic)
    assert only(clinic).state == seen


# --- turns ------------------------------------------------------------------------------------------------------------


def stands_at(clinic: Clinic, position: datetime) -> None:
    with clinic.database.transaction() as session:
        session.execute(sa.update(CURSORS).values(position=position))


def position(clinic: Clinic) -> datetime:
    with clinic.database.read() as session:
        found: datetime = session.execute(sa.select(CURSORS.c.position)).scalar_one()
    return found


@pytest.mark.parametrize("kind", ["error_before", "html", "lost"])
def test_a_list_that_failed_is_asked_for_again(clinic: Clinic, kind: str) -> None:
    paid(clinic)
    pay_out(clinic)
    for listing in (LIST, "GET /v1/balance_transactions"):
        clinic.fault(listing, kind, None)
        assert look(clinic) == 0 and clinic.gateway.remittances.list() == []
        sandbox(clinic.sandbox_url, "DELETE", "faults")
    assert position(clinic) < datetime.now(UTC) - timedelta(hours=12), "before the stretch of time of the payout"
    look(clinic)
    assert only(clinic).explained
    assert datetime.now(UTC) - timedelta(hours=2) < position(clinic) < datetime.now(UTC) - timedelta(minutes=59)


def test_a_day_that_cannot_be_read_hides_no_other(clinic: Clinic) -> None:
    """The first of thirty-one is refused; the cursor waits before it, and what was made since is there."""
    paid(clinic)
    pay_out(clinic)
    clinic.fault(LIST, "error_before")
    look(clinic)
    assert only(clinic).explained
    assert position(clinic) < datetime.now(UTC) - timedelta(days=29)
    look(clinic)
    assert position(clinic) > datetime.now(UTC) - timedelta(hours=2)


def test_a_provider_that_refuses_is_left_in_peace(clinic: Clinic) -> None:
    """A key that may not read payouts, for instance: payments must not suffer from it."""
    clinic.fault(LIST, "error_before", None)
    look(clinic)
    asked = [one["path"] for one in sandbox(clinic.sandbox_url, "GET", "requests")["requests"]]
    assert sum(path.startswith("/v1/payouts") for path in asked) == 2


def test_it_is_one_process_turn_per_interval(clinic: Clinic) -> None:
    paid(clinic)
    pay_out(clinic)
    with ThreadPoolExecutor(4) as pool:
        seen = sorted(pool.map(lambda _: clinic.gateway.remittances.sweep(), range(4)))
    assert seen[:3] == [0, 0, 0] and seen[3] > 0
    assert clinic.gateway.remittances.sweep() == 0
    assert len(told(clinic)) == 1


# --- what a look writes -----------------------------------------------------------------------------------------------

ITEM = RemittanceItem("run_7/1", RemittanceKind.FEE, -150, 0, -150)
TOLD = Remittance("run_7", 9895, "AUD", date(2025, 1, 21), RemittanceState.PAID, "MCARE BENEFITS", (ITEM,))


def write(clinic: Clinic, one: Remittance, began: datetime = NOON, provider: str = "acme") -> bool:
    with clinic.database.read() as session:
        payments = payments_of(session, provider, one)
    with clinic.database.transaction() as session:
        return apply(session, Look(provider, began, NOON), one, payments, datetime.now(UTC))


def test_sums_that_do_not_agree_are_said(clinic: Clinic) -> None:
    write(clinic, TOLD)
    assert (only(clinic).explained, only(clinic).note) == (False, "the items come to -1.50")
    assert told(clinic) == [("paid", "run_7"), ("unexplained", "run_7")]
    write(clinic, TOLD)
    assert len(told(clinic)) == 2
    more = RemittanceItem("run_7/2", RemittanceKind.OTHER, 10_100, 55, 10_045)
    write(clinic, Remittance("run_7", 9895, "AUD", TOLD.arrives_on, TOLD.state, items=(more,)))
    assert only(clinic).explained and only(clinic).sums == RemittanceSums(2, 9950, 55, 9895, 0)
    assert len(told(clinic)) == 2


def test_one_without_items_is_unexplained_unless_it_is_nothing(clinic: Clinic) -> None:
    write(clinic, Remittance("run_8", 100, "AUD", TOLD.arrives_on, RemittanceState.IN_TRANSIT))
    write(clinic, Remittance("run_9", 0, "AUD", TOLD.arrives_on, RemittanceState.IN_TRANSIT))
    found = {one.reference: (one.explained, one.note) for one in clinic.gateway.remittances.list()}
    assert found == {"run_8": (False, "no item was told"), "run_9": (True, "")}
    assert [topic for topic, _ in told(clinic)] == ["in_transit"] * 2, "not before it is paid"


def test_a_look_that_began_earlier_changes_nothing(clinic: Clinic) -> None:
    assert write(clinic, TOLD, NOON)
    assert not write(
        clinic, Remittance("run_7", 1, "AUD", TOLD.arrives_on, RemittanceState.IN_TRANSIT), NOON - timedelta(seconds=1)
    )
    assert (only(clinic).state, only(clinic).amount) == ("paid", 9895)


def test_an_id_that_two_payments_have_says_nothing(clinic: Clinic) -> None:
    paid(clinic, 1)
    paid(clinic, 2)
    with clinic.database.transaction() as session:
        session.execute(sa.text("UPDATE payments SET transaction_id = 'txn_same'"))
    item = RemittanceItem("txn_same", RemittanceKind.PAYMENT, 9895, 0, 9895)
    write(clinic, Remittance("po_1", 9895, "AUD", TOLD.arrives_on, TOLD.state, items=(item,)), provider="stripe")
    assert only(clinic).sums.unknown == 1


def test_more_items_than_one_statement_takes(clinic: Clinic) -> None:
    payment = paid(clinic)
    known = clinic.payment(payment).transaction_id or ""
    names = [f"txn_{number}" for number in range(1200)] + [known]
    items = tuple(RemittanceItem(name, RemittanceKind.PAYMENT, 100, 1, 99) for name in names)
    told_ = Remittance("po_big", 99 * 1201, "AUD", TOLD.arrives_on, RemittanceState.PAID, "", items)
    write(clinic, told_, provider="stripe")
    facts, found = clinic.gateway.remittances.get(only(clinic).id)
    assert (facts.sums.count, facts.sums.net, facts.sums.unknown) == (1201, facts.amount, 1200)
    assert [item.transaction_id for item in found] == names and found[-1].payment_id == payment


def test_what_is_not_there(clinic: Clinic) -> None:
    with pytest.raises(NotFound):
        clinic.gateway.remittances.get(1)


def test_a_payment_is_found_by_an_index(clinic: Clinic) -> None:
    """Without one each look would read every payment there is. PostgreSQL's plan for an empty table says nothing."""
    found = {one["name"]: one["column_names"] for one in sa.inspect(clinic.database.engine).get_indexes("payments")}
    assert found["ix_payments_provider_transaction_id"] == ["provider", "transaction_id"]
    if clinic.database.engine.dialect.name == "sqlite":
        query = "SELECT id FROM payments WHERE provider = 'stripe' AND transaction_id IN ('txn_1', 'txn_2')"
        assert "ix_payments_provider_transaction_id" in str(clinic.rows(f"EXPLAIN QUERY PLAN {query}"))
