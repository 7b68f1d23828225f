"""A process is killed at every step of lodging, or of taking back; whatever it had done, Medicare has exactly one claim
in the end, and it is known here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.clinic import Clinic, Key, manager, patient, render
from tests.conftest import SQLITE_IN_SOAK
from tests.faults.crashes import Nursery
from tests.medicare.conftest import Surgery, bulk_bill, consent
from tests.medicare.test_patient_claims import asked, lodge, paid
from tests.medicare.test_patient_claims import render as render_rebate

pytestmark = pytest.mark.parametrize("database_url", SQLITE_IN_SOAK, indirect=True)
"""What differs between the two databases is killed by `tests/faults/`."""


@pytest.fixture
def nursery(surgery: Surgery) -> Iterator[Nursery]:
    made = Nursery(surgery.database_url, surgery.sandbox_url, **surgery.more)
    yield made
    made.close()


def bill(clinic: Clinic, appointment_id: int, _payment_id: int) -> None:
    fields = bulk_bill()
    wanted = clinic.wanted(
        appointment_id=appointment_id, method="medicare", method_id=None, amount=None, parameters=fields
    )
    clinic.gateway.payments.pay(patient, wanted, render, Key(45, "pay", f"key-{appointment_id}", "a"))


def give(clinic: Clinic, appointment_id: int, payment_id: int) -> None:
    said, key = {"consent": consent()}, Key(8, "evidence", f"key-{appointment_id}", "a")
    clinic.gateway.review.record(manager, payment_id, said, render, key)


def claim(clinic: Clinic, appointment_id: int, payment_id: int) -> None:
    key = Key(45, "rebate", f"key-{appointment_id}", "a")
    clinic.gateway.rebates.lodge(patient, "medicare", payment_id, asked(), render_rebate, key)


def take_back(clinic: Clinic, _appointment_id: int, payment_id: int) -> None:
    clinic.gateway.rebates.delete(patient, "medicare", payment_id)


def recover(surgery: Surgery) -> None:
    for _ in range(3):
        surgery.pass_time()
        surgery.work()


def at_every_step(
    surgery: Surgery, nursery: Nursery, work: Callable[..., None], prepare: Callable[[int], int], least: int = 7
) -> Iterator[tuple[str, int, int]]:
    """(where it was killed, the appointment, the payment), after recovery. The stand-in starts anew each time."""
    first = 1000
    steps = nursery.run(work, None, first, prepare(first))
    assert len(steps) >= least, steps
    for number, step in enumerate(steps, first + 1):
        surgery.ask("reset", {})
        subject = prepare(number)
        nursery.run(work, step, number, subject)
        recover(surgery)
        yield step, number, subject


def bulk_bills(surgery: Surgery, appointment_id: int) -> list[str]:
    query = "SELECT state FROM payments WHERE appointment_id = :id ORDER BY id"
    return [row.state for row in surgery.rows(query, id=appointment_id)]


@pytest.mark.long
def test_a_bulk_bill_killed_at_any_step(surgery: Surgery, nursery: Nursery) -> None:
    def session(number: int) -> int:
        return surgery.session(number)

    reached = set()
    for step, appointment_id, _ in at_every_step(surgery, nursery, bill, session):
        states, claims = bulk_bills(surgery, appointment_id), surgery.there()
        assert states in ([], ["failed"], ["processing"]), (step, states)
        assert len(claims) == (states == ["processing"]), (step, states)
        assert len(set(surgery.lodgements())) <= 1, "a second correlation id"
        reached.add(bool(claims))
        bill(surgery, appointment_id, 0) if states == ["processing"] else surgery.bulk_bill(appointment_id)
        assert len(surgery.there()) == 1, step
    assert reached == {True, False}


def test_a_consent_killed_at_any_step(surgery: Surgery, nursery: Nursery) -> None:
    def waiting(number: int) -> int:
        return int(surgery.bulk_bill(surgery.session(number), consent=None)["id"])

    for step, appointment_id, payment_id in at_every_step(surgery, nursery, give, waiting):
        [state] = bulk_bills(surgery, appointment_id)
        assert state in ("awaiting_customer", "processing"), (step, state)
        assert len(surgery.there()) == (state == "processing"), (step, state)
        give(surgery, appointment_id, payment_id)  # the same request again
        assert bulk_bills(surgery, appointment_id) == ["processing"] and len(surgery.there()) == 1, step


def test_a_patient_claim_killed_at_any_step(surgery: Surgery, nursery: Nursery) -> None:
    ended = set()
    for step, _, payment_id in at_every_step(surgery, nursery, claim, lambda number: paid(surgery, number)):
        rows = surgery.rows("SELECT state, reference FROM rebate_claims WHERE payment_id = :id", id=payment_id)
        there = surgery.there()
        assert len(rows) == len(there) <= 1, (step, rows)
        if not rows:
            lodge(surgery, payment_id)
            assert len(surgery.there()) == 1, step
            continue
        # Sent and its answer never read: that it is there is known, how it ended is for staff to look up.
        assert rows[0].state in ("lodged", "unknown") and rows[0].reference == there[0]["correlation_id"], step
        ended.add(rows[0].state)
    assert ended == {"lodged", "unknown"}


def test_a_claim_that_is_taken_back_killed_at_any_step(surgery: Surgery, nursery: Nursery) -> None:
    """Medicare may have let go of it while nobody here knows; the patient need not ask again."""

    def lodged(number: int) -> int:
        payment_id = paid(surgery, number)
        lodge(surgery, payment_id)
        return payment_id

    ended = set()
    for step, _, payment_id in at_every_step(surgery, nursery, take_back, lodged, least=5):
        [row] = surgery.rows("SELECT state, next_check_at FROM rebate_claims WHERE payment_id = :id", id=payment_id)
        [there] = surgery.there()
        assert (row.state, there["state"]) in (("lodged", "assessed"), ("deleted", "deleted")), step
        assert row.next_check_at is None, step
        ended.add(row.state)
    assert ended == {"lodged", "deleted"}
