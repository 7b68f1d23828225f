"""Facts are told at least once, in order, and to each destination at its own pace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from tests.clinic import Clinic, refused
from tests.listening import Ears
from tp_gateway.contract import Event
from tp_gateway.database import Database
from tp_gateway.models import OutboxDelivery, table
from tp_gateway.services import history
from tp_gateway.services.outbox import NotTold, replaying

D = table(OutboxDelivery)


def listens(clinic: Clinic, *ears: Ears) -> None:
    clinic.gateway.outbox.destinations = ears


def down(_event: Event) -> None:
    raise NotTold("it is down")


def waits(clinic: Clinic) -> list[tuple[str, str]]:
    rows = clinic.rows(
        "SELECT d.destination, m.topic FROM outbox_deliveries d JOIN outbox_messages m ON m.id = d.message_id"
        " WHERE d.next_attempt_at IS NOT NULL ORDER BY d.destination, m.id"
    )
    return [tuple(row) for row in rows]


def unsent(clinic: Clinic) -> int:
    return len(clinic.rows("SELECT 1 FROM outbox_messages WHERE sent_at IS NULL"))


def relay(clinic: Clinic, rounds: int = 3) -> None:
    for _ in range(rounds):
        clinic.pass_time()
        clinic.gateway.outbox.relay()


def paid_and_refunded(clinic: Clinic) -> int:
    clinic.appointment()
    payment_id = clinic.pay().id
    clinic.refund(payment_id)
    return payment_id


def test_a_fact_that_was_not_heard_holds_back_the_later_ones_of_its_payment(clinic: Clinic) -> None:
    ears = Ears()
    listens(clinic, ears)
    payment_id = paid_and_refunded(clinic)
    ears.trouble = down
    clinic.gateway.outbox.relay()
    assert [event.topic for event in ears.asked] == ["payment.succeeded"], "a refund is not told before its payment"
    assert waits(clinic) == [("ears", "payment.succeeded"), ("ears", "refund.succeeded")]
    ears.trouble = None
    relay(clinic)
    assert ears.topics_heard == ["payment.succeeded", "refund.succeeded"]
    assert ears.asked[0].id == ears.heard[0].id and ears.heard[0].data["payment_id"] == payment_id
    assert not waits(clinic) and not unsent(clinic)


def test_a_destination_that_always_fails_keeps_the_news_from_nobody_else(clinic: Clinic) -> None:
    dead, well = Ears("dead"), Ears("well")
    dead.trouble = down
    listens(clinic, dead, well)
    paid_and_refunded(clinic)
    relay(clinic, 4)
    assert well.topics_heard == ["payment.succeeded", "refund.succeeded"], "once each"
    assert {destination for destination, _ in waits(clinic)} == {"dead"} and unsent(clinic) == 2
    [first] = clinic.rows("SELECT attempts, note FROM outbox_deliveries WHERE destination = 'dead' AND attempts > 0")
    assert (first.attempts, first.note) == (4, "it is down")


def test_one_that_hangs_is_waited_for_by_nobody_else(clinic: Clinic) -> None:
    slow, well = Ears("slow"), Ears("well")
    begun, go_on = threading.Event(), threading.Event()

    def hang(_event: Event) -> None:
        begun.set()
        assert go_on.wait(60)

    slow.trouble = hang
    listens(clinic, slow, well)
    paid_and_refunded(clinic)
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(clinic.gateway.outbox.relay, slow)
        assert begun.wait(60)
        for _ in range(2):
            clinic.gateway.outbox.relay(well)
        assert well.topics_heard == ["payment.succeeded", "refund.succeeded"] and not slow.heard
        go_on.set()
        assert hanging.result(60) == 1


def test_many_relays_at_once_tell_each_fact_once_and_in_order(clinic: Clinic) -> None:
    ears, other = Ears("ears"), Ears("other")
    listens(clinic, ears, other)
    for number in range(6):
        clinic.appointment(300 + number)
        clinic.refund(clinic.pay(appointment_id=300 + number).id)
    with ThreadPoolExecutor(6) as pool:
        for _ in range(3):
            list(pool.map(lambda _: clinic.gateway.outbox.relay(), range(6)))
    for one in (ears, other):
        assert len({event.id for event in one.heard}) == len(one.heard) == 12
        for payment_id in {event.data["payment_id"] for event in one.heard}:
            topics = [event.topic for event in one.heard if event.data["payment_id"] == payment_id]
            assert topics == ["payment.succeeded", "refund.succeeded"]
    assert not waits(clinic) and not unsent(clinic), "of two who end a message's last deliveries, one sees it"


def test_what_nobody_wants_is_done_with(clinic: Clinic) -> None:
    listens(clinic, Ears(topics=("refund.succeeded",)))
    clinic.appointment()
    clinic.pay()
    assert clinic.gateway.outbox.relay() == 1
    assert not clinic.rows("SELECT 1 FROM outbox_deliveries") and not unsent(clinic)


def test_who_comes_later_hears_what_happens_from_then_on(clinic: Clinic) -> None:
    clinic.appointment()
    payment_id = clinic.pay().id
    clinic.gateway.outbox.relay()
    ears = Ears()
    listens(clinic, ears)
    clinic.refund(payment_id)
    clinic.gateway.outbox.relay()
    assert ears.topics_heard == ["refund.succeeded"]


def test_what_will_never_be_told_holds_nothing_back(clinic: Clinic) -> None:
    ears = Ears()
    ears.answer = "no e-mail address"
    listens(clinic, ears)
    paid_and_refunded(clinic)
    relay(clinic)
    rows = clinic.rows("SELECT told_at, note, attempts FROM outbox_deliveries")
    assert [tuple(row) for row in rows] == [(None, "no e-mail address", 1)] * 2 and not unsent(clinic)


def test_a_wait_doubles_and_never_ends(clinic: Clinic) -> None:
    ears = Ears()
    ears.trouble = down
    listens(clinic, ears)
    clinic.appointment()
    clinic.pay()
    waited = []
    for _ in range(3):
        clinic.pass_time()
        began = clinic.gateway.clock()
        clinic.gateway.outbox.relay()
        with clinic.database.read() as session:
            waited.append((session.execute(sa.select(D.c.next_attempt_at)).scalar_one() - began).total_seconds())
    assert waited[0] < waited[2]
    with clinic.database.transaction() as session:
        session.execute(sa.update(D).values(attempts=10_000, next_attempt_at=began))
    clinic.gateway.outbox.relay()
    with clinic.database.read() as session:
        again = session.execute(sa.select(D.c.next_attempt_at)).scalar_one() - clinic.gateway.clock()
    assert again < timedelta(seconds=1.2 * clinic.gateway.timing.backoff_last)


def test_facts_of_an_invoice_wait_for_each_other(clinic: Clinic) -> None:
    """Where no payment brought them."""
    first, second = clinic.invoice(), clinic.invoice()
    clinic.void(first.id)
    ears = Ears()
    listens(clinic, ears)
    ears.trouble = lambda event: down(event) if event.data["invoice_id"] == first.id else None
    relay(clinic)
    assert [event.data["invoice_id"] for event in ears.heard] == [second.id]
    ears.trouble = None
    relay(clinic)
    assert ears.topics_heard == ["invoice.created", "invoice.created", "invoice.voided"]
    assert ears.heard[-1].data["status"] == "void"


def test_an_invoice_that_is_paid_is_told_with_its_payment(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    ears = Ears()
    listens(clinic, ears)
    for amount in ("80.00", "100.00"):
        clinic.pay(invoice_id=invoice.id, amount=Decimal(amount))
    relay(clinic, 5)
    told = [event for event in ears.heard if event.topic.startswith("invoice.")]
    assert [event.topic for event in told] == ["invoice.created", "invoice.partially_paid", "invoice.paid"]
    assert [event.data["amount_paid"] for event in told] == ["0.00", "80.00", "180.00"]
    last = told[-1].data
    assert (last["invoice_number"], last["amount"], last["status"]) == (invoice.number, "180.00", "paid")
    assert last["payment_id"] == ears.heard[-1].data["payment_id"] and last["due_date"] == invoice.due_date.isoformat()
    clinic.refund(last["payment_id"])
    relay(clinic)
    assert "invoice.partially_paid" not in ears.topics_heard[-1:]


def test_what_is_replayed_is_told_to_that_destination_only(clinic: Clinic) -> None:
    ears, other = Ears("ears"), Ears("other")
    listens(clinic, ears, other)
    paid_and_refunded(clinic)
    relay(clinic)
    now = clinic.gateway.clock()
    assert replaying.replay(clinic.database, ears, now, since=now - timedelta(hours=1)) == 2
    relay(clinic)
    assert ears.topics_heard == ["payment.succeeded", "refund.succeeded"] * 2, "in order again"
    assert [event.id for event in ears.heard[:2]] == [event.id for event in ears.heard[2:]]
    assert len(other.heard) == 2
    assert replaying.replay(clinic.database, ears, now, uuids=[ears.heard[1].id], topic="refund.*") == 1
    assert replaying.replay(clinic.database, ears, now, since=now + timedelta(hours=1)) == 0
    assert replaying.replay(clinic.database, ears, now, until=now - timedelta(hours=1)) == 0
    relay(clinic)
    assert ears.topics_heard[4:] == ["refund.succeeded"]


def test_who_was_not_there_can_be_told_what_was(clinic: Clinic) -> None:
    paid_and_refunded(clinic)
    clinic.gateway.outbox.relay()
    ears = Ears()
    listens(clinic, ears)
    now = clinic.gateway.clock()
    assert replaying.replay(clinic.database, ears, now, since=now - timedelta(hours=1)) == 2
    relay(clinic)
    assert ears.topics_heard == ["payment.succeeded", "refund.succeeded"]


def test_a_replay_while_it_is_told_is_not_lost(clinic: Clinic) -> None:
    ears = Ears()
    listens(clinic, ears)
    clinic.appointment()
    clinic.pay()

    def replay(event: Event) -> None:
        ears.trouble = None
        assert replaying.replay(clinic.database, ears, clinic.gateway.clock(), uuids=[event.id]) == 1

    ears.trouble = replay
    relay(clinic)
    assert len(ears.heard) == 2 and not waits(clinic)


def test_the_list_shows_what_is_untold(clinic: Clinic) -> None:
    dead = Ears("dead")
    dead.trouble = down
    listens(clinic, dead, Ears("well"))
    payment_id = paid_and_refunded(clinic)
    clinic.gateway.outbox.relay()
    found = replaying.find(clinic.database, untold=True)
    assert [message.topic for message in found] == ["refund.succeeded", "payment.succeeded"]
    states = {one.destination: (one.told_at is not None, one.note) for one in found[1].deliveries}
    assert states == {"dead": (False, "it is down"), "well": (True, "")}
    assert replaying.find(clinic.database, payment_id=payment_id + 1) == []
    assert [one.topic for one in replaying.find(clinic.database, topic="refund.*", limit=1)] == ["refund.succeeded"]
    assert replaying.find(clinic.database, topic="%") == [] == replaying.find(clinic.database, topic="refund_succeeded")
    assert replaying.one(clinic.database, found[0].uuid) == found[0]
    assert refused(replaying.one, clinic.database, "nothing").code == "not_found"


def test_an_outbox_in_which_nothing_is_due_needs_no_writer(sqlite_database_url: str, stripe_sandbox: Any) -> None:
    clinic = Clinic(sqlite_database_url, stripe_sandbox.url)
    other = Database(sqlite_database_url)
    try:
        for ears in ((), (Ears(),)):
            listens(clinic, *ears)
            with other.transaction():  # holds the one writer's place until the other has answered
                assert clinic.gateway.outbox.relay() == 0
    finally:
        other.dispose()
        clinic.close()


@pytest.fixture
def untold(clinic: Clinic) -> Iterator[Clinic]:
    with clinic.database.transaction() as session:
        history.queue(session, "payment.succeeded", None, {"secret": "hunter2"}, datetime.now(UTC))
    yield clinic


def test_what_went_wrong_is_kept_without_its_text(untold: Clinic) -> None:
    ears = Ears()

    def leak(event: Event) -> None:
        raise RuntimeError(event.data["secret"])

    ears.trouble = leak
    listens(untold, ears)
    untold.gateway.outbox.relay()
    [row] = untold.rows("SELECT note FROM outbox_deliveries")
    assert row.note == "RuntimeError"
