"""What the clinic's backend pushes: by the set, in short transactions, and what can be paid keeps step with it."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.clinic import NOON, OTHER_PATIENT, PATIENT, PSYCHOLOGIST, Clinic
from tp_gateway.contract import Flow
from tp_gateway.services.practice_upserts import UpsertResult

ROW = {
    "patient_id": PATIENT,
    "practitioner_id": PSYCHOLOGIST,
    "service": "individual_therapy",
    "status": "confirmed",
    "starts_at": NOON,
    "duration_minutes": 50,
    "actual_minutes": None,
    "rating": None,
    "fee": 18000,
    "currency": "AUD",
}


def push(clinic: Clinic, *rows: dict[str, Any]) -> UpsertResult:
    return clinic.gateway.practice.upsert_appointments(list(enumerate(ROW | row for row in rows)))


def payable(clinic: Clinic, appointment_id: int) -> tuple[int, bool, int]:
    query = "SELECT amount, open, amount_paid FROM payables WHERE appointment_id = :id"
    [[amount, is_open, paid]] = clinic.rows(query, id=appointment_id)
    return amount, bool(is_open), paid


def test_payables_follow_many_appointments(clinic: Clinic) -> None:
    rows = [{"id": number, "fee": number} for number in range(1, 1202)]
    result = push(clinic, *rows)
    assert (result.created, result.updated, result.unchanged, result.errors) == (1201, 0, 0, {})
    changed = [{"id": number, "fee": number * 2, "status": "completed"} for number in range(1, 601)]
    changed += [{"id": number, "status": "cancelled"} for number in range(1100, 1202)]
    result = push(clinic, *changed, *rows[600:1099])
    assert (result.created, result.updated, result.unchanged) == (0, 702, 499)
    found = {row[0]: tuple(row)[1:] for row in clinic.rows("SELECT appointment_id, amount, open FROM payables")}
    for number in range(1, 1202):
        fee = number * 2 if number <= 600 else number if number < 1100 else 18000
        assert found[number] == (fee, number < 1100)


def test_a_push_is_a_few_statements_and_short_transactions(clinic: Clinic) -> None:
    """However many rows: what a batch locks is free before the next one begins."""
    seen = Counter[str]()
    sa.event.listen(clinic.database.engine, "before_cursor_execute", lambda *given: seen.update(statements=1))
    sa.event.listen(clinic.database.engine, "commit", lambda *given: seen.update(commits=1))
    for fee in (1, 2):
        seen.clear()
        push(clinic, *({"id": number, "fee": fee} for number in range(1, 1001)))
        assert seen["commits"] == 2
        assert seen["statements"] <= 2 * 12, seen


def test_the_last_of_one_id_wins(clinic: Clinic) -> None:
    result = push(clinic, {"id": 1, "fee": 1}, {"id": 2}, {"id": 1, "fee": 3}, {"id": 1, "fee": 3})
    assert (result.created, result.updated, result.unchanged) == (2, 1, 1)
    assert payable(clinic, 1) == (3, True, 0)


def test_an_invoice_says_what_is_to_be_paid(clinic: Clinic) -> None:
    push(clinic, {"id": 1})
    clinic.invoice(25000, appointment_id=1)
    push(clinic, {"id": 1, "fee": 100}, {"id": 2})
    assert payable(clinic, 1) == (25000, True, 0)
    push(clinic, {"id": 1, "fee": 100, "status": "cancelled"})
    assert payable(clinic, 1) == (25000, True, 0), "the fee for not coming"


def test_a_card_form_for_another_price_is_closed_and_others_stay(clinic: Clinic) -> None:
    push(clinic, *({"id": number} for number in (1, 2, 3, 4)))
    opened = {number: clinic.pay(appointment_id=number, flow=Flow.BROWSER).id for number in (1, 2, 3, 4)}
    push(clinic, {"id": 1, "fee": 17999}, {"id": 2, "status": "cancelled"}, {"id": 3, "status": "completed"}, {"id": 4})
    expired = "SELECT id FROM payments WHERE expires_at <= :now ORDER BY id"
    assert [row[0] for row in clinic.rows(expired, now=clinic.gateway.clock())] == [opened[1], opened[2]]
    clinic.gateway.recovery.sweep()
    states = dict(tuple(row) for row in clinic.rows("SELECT id, state FROM payments"))
    assert [states[opened[number]] for number in (1, 2, 3, 4)] == ["failed"] * 2 + ["awaiting_customer"] * 2


def test_pushing_a_cancelled_appointment_again_leaves_its_invoice_alone(clinic: Clinic) -> None:
    """Every night everything is pushed; the fee for not coming must not be interrupted by that."""
    push(clinic, {"id": 1, "status": "cancelled"})
    clinic.invoice(5000, appointment_id=1)
    paying = clinic.pay(appointment_id=1, amount=None, flow=Flow.BROWSER)
    assert push(clinic, {"id": 1, "status": "cancelled"}).unchanged == 1
    clinic.gateway.recovery.sweep()
    assert clinic.rows("SELECT state FROM payments WHERE id = :id", id=paying.id)[0][0] == "awaiting_customer"


def test_money_does_not_move_to_another_patient_or_currency(clinic: Clinic) -> None:
    push(clinic, {"id": 1})
    errors = push(clinic, {"id": 1, "patient_id": OTHER_PATIENT}, {"id": 2}).errors
    assert errors == {0: {"patient_id": ["An appointment cannot change its patient"]}}
    assert push(clinic, {"id": 1, "currency": "NZD"}).errors == {
        0: {"currency": ["An appointment cannot change its currency"]}
    }


def test_progress_notes(clinic: Clinic) -> None:
    push(clinic, {"id": 1})
    note = {
        "id": 5,
        "appointment_id": 1,
        "patient_id": PATIENT,
        "practitioner_id": PSYCHOLOGIST,
        "created_at": NOON,
        "completed_at": None,
    }
    upsert = clinic.gateway.practice.upsert_progress_notes
    assert upsert([(0, note), (1, note | {"id": 6, "appointment_id": None})]).created == 2
    assert upsert([(0, note | {"completed_at": NOON + timedelta(hours=1)})]).updated == 1
    wrong = {
        1: {"appointment_id": 2},
        2: {"patient_id": OTHER_PATIENT},
        3: {"patient_id": 999},
        4: {"practitioner_id": 999},
        5: {"patient_id": PSYCHOLOGIST, "appointment_id": None},
    }
    errors = upsert([(index, note | {"id": 10 + index} | one) for index, one in wrong.items()]).errors
    assert {index: list(error) for index, error in errors.items()} == {
        1: ["appointment_id"],
        2: ["appointment_id"],
        3: ["patient_id", "appointment_id"],
        4: ["practitioner_id"],
        5: ["patient_id"],
    }


def test_available_minutes_have_a_key_of_two_parts(clinic: Clinic) -> None:
    monday = date(2025, 1, 20)
    rows = [
        (index, {"practitioner_id": PSYCHOLOGIST, "day": monday + timedelta(days=index % 4), "minutes": 60 * index})
        for index in range(8)
    ]
    upsert = clinic.gateway.practice.upsert_availability
    result = upsert(rows)
    assert (result.created, result.updated, result.unchanged) == (4, 4, 0)
    assert upsert(rows[4:]).unchanged == 4
    assert [tuple(row) for row in clinic.rows("SELECT minutes FROM availability ORDER BY day")] == [
        (240,), (300,), (360,), (420,)
    ]  # fmt: skip
    unknown = {"practitioner_id": 999, "day": monday, "minutes": 1}
    assert upsert([(3, unknown)]).errors == {3: {"practitioner_id": ["No such user: push users first"]}}


@pytest.mark.parametrize("kind", ["users", "appointments", "progress_notes", "availability"])
def test_nothing_pushed_is_nothing_done(clinic: Clinic, kind: str) -> None:
    assert getattr(clinic.gateway.practice, f"upsert_{kind}")([]) == UpsertResult()
