"""An appointment that is completed gets its invoice by itself: once, and only if the clinic wants it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from tests.clinic import NOON, OTHER_PATIENT, PATIENT, PSYCHOLOGIST, Clinic, admin, manager
from tests.verified import assert_verified


def invoices(clinic: Clinic) -> list[tuple[Any, ...]]:
    rows = clinic.rows("SELECT appointment_id, amount, status, created_by FROM invoices ORDER BY appointment_id, id")
    return [tuple(row) for row in rows]


def wants(clinic: Clinic, yes: bool) -> None:
    clinic.gateway.practice_settings.update(admin, {"billing": {"auto_generate_invoices": yes}})


def test_it_gets_one_when_it_completes_and_no_other_however_often_it_is_pushed(clinic: Clinic) -> None:
    clinic.appointment()
    assert invoices(clinic) == []
    for status in ("completed", "completed", "confirmed", "completed"):
        clinic.appointment(status=status)
    assert invoices(clinic) == [(123, 18_000, "pending", "auto")]
    [made] = clinic.rows("SELECT id FROM invoices")
    detail = clinic.gateway.invoices.detail(manager, made.id)
    assert [(line.description, line.gst_treatment, line.gst) for line in detail.lines] == [
        ("Individual therapy", "gst_free", 0)
    ]
    assert detail.lines[0].service_date == NOON.date() and detail.appointment_minutes == 50
    clinic.void(made.id)
    for status in ("confirmed", "completed"):
        clinic.appointment(status=status)
    assert invoices(clinic) == [(123, 18_000, "void", "auto")], "staff did not want it"
    clinic.pay()
    assert_verified(clinic.database)


def test_only_if_the_clinic_wants_it_and_something_is_to_be_asked_for(clinic: Clinic) -> None:
    for number, more in enumerate(({}, {"fee": 0}, {"status": "completed"}, {}, {"fee": 20_000}, {}), 200):
        clinic.appointment(number, **more)
    clinic.invoice(9_000, appointment_id=203)
    clinic.pay(appointment_id=204, amount=None)
    clinic.pay(appointment_id=205, method_id="pm_card_authenticationRequired")
    wants(clinic, False)
    clinic.appointment(200, status="completed")
    wants(clinic, True)
    clinic.appointment(200, status="completed")  # not news any more
    for number, fee in ((201, 0), (203, 18_000), (204, 18_000), (205, 18_000)):
        clinic.appointment(number, status="completed", fee=fee)
    assert invoices(clinic) == [(203, 9_000, "pending", "user:8"), (205, 18_000, "pending", "auto")]
    clinic.appointment(204, status="completed", fee=20_000)
    assert len(invoices(clinic)) == 2


def test_once_under_pushes_and_staff_at_once(clinic: Clinic) -> None:
    numbers = range(300, 306)
    for number in numbers:
        clinic.appointment(number, PATIENT if number % 2 else OTHER_PATIENT)
    together = threading.Barrier(6)

    def push(turn: int) -> None:
        together.wait()
        for number in numbers if turn % 2 else reversed(numbers):
            patient = PATIENT if number % 2 else OTHER_PATIENT
            if turn == 0:
                try:
                    clinic.invoice(18_000, patient, number)
                except Exception as error:
                    assert getattr(error, "code", "") == "not_payable", error
            else:
                clinic.appointment(number, patient, status="completed")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(push, range(6)))
    made = invoices(clinic)
    assert [row[0] for row in made] == [*numbers] and {row[1:3] for row in made} == {(18_000, "pending")}
    assert_verified(clinic.database)


def test_what_is_completed_when_it_is_first_seen_is_news_for_a_week(clinic: Clinic) -> None:
    now = clinic.gateway.clock()
    for number, days in enumerate((0, 6, 8, 800), 400):
        clinic.appointment(number, status="completed", starts_at=now - timedelta(days=days))
    assert [row[0] for row in invoices(clinic)] == [400, 401]


def test_a_practitioner_who_is_none_any_more_stops_no_push(clinic: Clinic) -> None:
    for number in (400, 401):
        clinic.appointment(number, practitioner_id=PSYCHOLOGIST if number == 400 else OTHER_PATIENT)
    clinic.push_users([clinic.user(PSYCHOLOGIST, "patient")])
    for number in (400, 401):
        clinic.appointment(number, practitioner_id=PSYCHOLOGIST if number == 400 else OTHER_PATIENT, status="completed")
    assert [made[:2] for made in invoices(clinic)] == [(400, 18_000), (401, 18_000)]
