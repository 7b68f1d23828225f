"""A process is killed at any step of a capture, of letting go, and of hearing of a dispute; then recovery runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from tests.clinic import Clinic, Key, manager, refused, render, sandbox
from tests.faults.crashes import Nursery
from tests.invariants import check_invariants
from tp_gateway.errors import GatewayError


@pytest.fixture
def nursery(clinic: Clinic) -> Iterator[Nursery]:
    made = Nursery(clinic.database_url, clinic.sandbox_url)
    yield made
    made.close()


def key_of(payment_id: int) -> Key:
    return Key(user_id=8, route="capture", key=f"k{payment_id}", body_hash="a")


def capture(clinic: Clinic, payment_id: int) -> None:
    clinic.gateway.capturing.capture(manager, payment_id, Decimal("100.00"), render, key_of(payment_id))


def void(clinic: Clinic, payment_id: int) -> None:
    clinic.gateway.capturing.void(manager, payment_id)


def hear(clinic: Clinic, payment_id: int) -> None:
    reference = clinic.payment(payment_id).reference
    [dispute] = [one for one in clinic.books()["disputes"] if one["payment_intent"] == reference]
    clinic.gateway.disputes.look("stripe", dispute["id"])


def recover(clinic: Clinic) -> None:
    for _ in range(3):
        clinic.pass_time()
        clinic.work()


def at_every_step(
    clinic: Clinic, nursery: Nursery, work: Callable[[Clinic, int], None], prepare: Callable[[int], int]
) -> Iterator[tuple[str | None, int]]:
    """(where it was killed, the payment), after recovery; first once without a kill, which tells the steps."""
    subject = prepare(0)
    steps = nursery.run(work, None, subject)
    recover(clinic)
    yield None, subject
    for number, step in enumerate(steps, 1):
        subject = prepare(number)
        nursery.run(work, step, subject)
        recover(clinic)
        yield step, subject


def taken(clinic: Clinic, payment_id: int) -> list[int]:
    reference = clinic.payment(payment_id).reference
    return [one["amount_captured"] for one in clinic.books()["charges"] if one["payment_intent"] == reference]


@pytest.mark.catalogue(17)
@pytest.mark.parametrize("fault", [None, "lost"])
def test_a_capture_killed_at_any_step_happens_at_most_once(clinic: Clinic, nursery: Nursery, fault: str | None) -> None:
    def held(number: int) -> int:
        sandbox(clinic.sandbox_url, "DELETE", "faults")
        payment_id = clinic.pay(appointment_id=clinic.appointment(1000 + number), manual_capture=True).id
        if fault:
            clinic.fault("POST /v1/payment_intents/*/capture", fault)
        return payment_id

    seen = set()
    for step, payment_id in at_every_step(clinic, nursery, capture, held):
        sandbox(clinic.sandbox_url, "DELETE", "faults")
        state = clinic.payment(payment_id).state
        seen.add((step, state))
        assert state in ("authorized", "succeeded") and taken(clinic, payment_id) == [
            10000 if state == "succeeded" else 0
        ]
        capture(clinic, payment_id)  # the same order again
        assert clinic.payment(payment_id).captured == 10000 and taken(clinic, payment_id) == [10000]
    assert len(seen) >= 8, "the steps are no longer attached"
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(17)
def test_letting_go_killed_at_any_step(clinic: Clinic, nursery: Nursery) -> None:
    def held(number: int) -> int:
        return clinic.pay(appointment_id=clinic.appointment(1000 + number), manual_capture=True).id

    steps = 0
    for _, payment_id in at_every_step(clinic, nursery, void, held):
        steps += 1
        if clinic.payment(payment_id).state == "authorized":
            void(clinic, payment_id)
        assert clinic.payment(payment_id).state == "failed"
        assert refused(void, clinic, payment_id).code == "not_payable"
        assert taken(clinic, payment_id) == [0]
    assert steps >= 7
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(17)
def test_hearing_of_a_dispute_killed_at_any_step(clinic: Clinic, nursery: Nursery) -> None:
    def disputed(number: int) -> int:
        payment_id = clinic.pay(appointment_id=clinic.appointment(1000 + number)).id
        reference = clinic.payment(payment_id).reference
        sandbox(clinic.sandbox_url, "POST", "dispute", {"payment_intent": reference, "close": "lost"})
        hear_again.append(payment_id)
        return payment_id

    hear_again: list[int] = []
    subject = disputed(0)
    steps = nursery.run(hear, None, subject)
    for number, step in enumerate(steps, 1):
        payment_id = disputed(number)
        nursery.run(hear, step, payment_id)
        hear(clinic, payment_id)
        [dispute] = clinic.gateway.disputes.list(payment_id=payment_id)
        assert (dispute.status, dispute.withdrawn, dispute.fee) == ("lost", 18000, 2500)
        told = clinic.rows(
            "SELECT topic FROM outbox_messages WHERE payment_id = :id AND topic LIKE 'dispute%' ORDER BY id",
            id=payment_id,
        )
        assert [row.topic for row in told] == ["dispute.opened", "dispute.lost"]
        check_invariants(clinic.database.engine, clinic.books())
    assert len(steps) >= 5


def test_staff_and_a_dead_process_do_not_capture_twice(clinic: Clinic, nursery: Nursery) -> None:
    """The answer to the first one was never read; staff order less, by another key, before anybody has looked."""
    payment_id = clinic.pay(appointment_id=clinic.appointment(), manual_capture=True).id
    nursery.run(capture, "capture 1 sent 1", payment_id)
    try:
        clinic.gateway.capturing.capture(manager, payment_id, Decimal("50.00"), render, None)
    except GatewayError as error:
        assert error.code == "payment_in_progress"
    recover(clinic)
    assert clinic.payment(payment_id).captured in (0, 10000)
    capture(clinic, payment_id)
    assert taken(clinic, payment_id) == [10000]
    check_invariants(clinic.database.engine, clinic.books())
