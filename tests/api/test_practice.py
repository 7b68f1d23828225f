"""The clinic's backend pushes users and appointments: good rows go in, bad ones are named, repeats change nothing."""

import time
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.clinic import PATIENT

USERS, APPOINTMENTS = "/api/practice/users/", "/api/practice/appointments/"
USER = {
    "id": 60,
    "role": "patient",
    "active": True,
    "name": "Ann",
    "email": "a@b.example",
    "created_at": "2025-01-01T00:00:00Z",
}
APPOINTMENT = {
    "id": 900,
    "patient_id": PATIENT,
    "practitioner_id": None,
    "service": "individual_therapy",
    "status": "confirmed",
    "starts_at": "2025-02-01T09:00:00+11:00",
    "duration_minutes": 50,
    "fee": "180.00",
    "currency": "AUD",
}


def test_users(api: Api) -> None:
    rows = [USER, USER | {"id": "61"}]
    assert api.put(USERS, {"users": rows}).json == {"created": 2, "updated": 0, "unchanged": 0, "errors": []}
    assert api.put(USERS, {"users": rows}).json == {"created": 0, "updated": 0, "unchanged": 2, "errors": []}
    assert api.put(USERS, {"users": [USER | {"active": False}]}).json["updated"] == 1


def test_appointments_become_payable(api: Api) -> None:
    answer = api.put(APPOINTMENTS, {"appointments": [APPOINTMENT]})
    assert answer.json == {"created": 1, "updated": 0, "unchanged": 0, "errors": []}
    assert api.put(APPOINTMENTS, {"appointments": [APPOINTMENT]}).json["unchanged"] == 1
    assert api.pay_by_http(appointment_id=900).status_code == 201


def test_currency_defaults_and_free_appointments(api: Api) -> None:
    rows: list[dict[str, Any]] = [
        {k: v for k, v in APPOINTMENT.items() if k != "currency"},
        APPOINTMENT | {"id": 901, "fee": "0.00"},
    ]
    assert api.put(APPOINTMENTS, {"appointments": rows}).json["created"] == 2
    found = {tuple(row) for row in api.rows("SELECT id, fee, currency FROM appointments WHERE id >= 900")}
    assert found == {(900, 18000, "AUD"), (901, 0, "AUD")}


def test_bad_rows_do_not_stop_good_ones(quiet_api: Api) -> None:
    rows: list[Any] = [
        USER,
        USER | {"id": 0},
        USER | {"id": 62, "role": "owner"},
        USER | {"id": 63, "password": "x"},
        USER,
        "x",
        USER | {"id": 64, "active": 1},
        USER | {"id": 65, "created_at": "2025-01-01"},
    ]
    answer = quiet_api.put(USERS, {"users": rows}).json
    assert answer["created"] == 1
    assert [(error["index"], error["id"], list(error["details"])) for error in answer["errors"]] == [
        (1, 0, ["id"]),
        (2, 62, ["role"]),
        (3, 63, ["password"]),
        (4, 60, ["id"]),
        (5, None, ["body"]),
        (6, 64, ["active"]),
        (7, 65, ["created_at"]),
    ]


def test_bad_appointments_are_named(quiet_api: Api) -> None:
    wrong = {
        "fee": ["180.001", "-1", 180.005, None],
        "currency": ["AU", "XXX"],
        "status": ["done"],
        "duration_minutes": [0, 1441, "50"],
        "service": ["", "x" * 101],
        "patient_id": [777],
        "practitioner_id": [777],
        "starts_at": ["2025-02-01T09:00:00", "tomorrow"],
    }
    rows = [APPOINTMENT | {"id": 1000 + n, name: value} for n, (name, value) in enumerate(_pairs(wrong))]
    answer = quiet_api.put(APPOINTMENTS, {"appointments": rows}).json
    assert answer["created"] == 0
    assert [list(error["details"]) for error in answer["errors"]] == [[name] for name, _ in _pairs(wrong)]


@pytest.mark.parametrize(("given", "told"), [(True, None), (False, None), (-1, -1), ("x", "x"), ([], None)])
def test_a_row_is_named_by_its_id_as_far_as_it_has_one(quiet_api: Api, given: Any, told: Any) -> None:
    [error] = quiet_api.put("/api/practice/users/", {"users": [{"id": given}]}, status=200).json["errors"]
    assert (type(error["id"]), error["id"]) == (type(told), told)


def test_at_most_10000_rows_and_nothing_else(quiet_api: Api) -> None:
    started = time.perf_counter()
    rows = [USER | {"id": number} for number in range(1000, 11_000)]
    assert quiet_api.put(USERS, {"users": rows}).json["created"] == 10_000
    assert time.perf_counter() - started < 60
    assert quiet_api.put(USERS, {"users": [*rows, USER]}).json["details"] == {
        "users": ["Not a list of at most 10000 rows"]
    }
    assert list(quiet_api.put(USERS, {"users": [], "more": 1}).json["details"]) == ["more"]
    assert list(quiet_api.put(USERS, {}).json["details"]) == ["users"]


def _pairs(wrong: dict[str, list[Any]]) -> list[tuple[str, Any]]:
    return [(name, value) for name, values in wrong.items() for value in values]


def test_progress_notes_never_bring_their_words(api: Api) -> None:
    note = {"id": 5, "appointment_id": 123, "patient_id": PATIENT, "created_at": "2025-01-19T11:30:00Z"}
    rows: list[Any] = [note, note | {"id": 6, "text": "He said"}, note | {"id": 7, "appointment_id": 9}]
    answer = api.put("/api/practice/progress-notes/", {"progress_notes": rows}, status=200).json
    assert answer["created"] == 1
    assert [(error["id"], error["details"]) for error in answer["errors"]] == [
        (6, {"text": ["Unknown field"]}),
        (7, {"appointment_id": ["No such appointment: push appointments first"]}),
    ]
    done = note | {"completed_at": "2025-01-19T12:00:00Z", "appointment_id": "123"}
    assert api.put("/api/practice/progress-notes/", {"progress_notes": [done]}).json["updated"] == 1
    assert api.put("/api/practice/progress-notes/", {"progress_notes": [done]}).json["unchanged"] == 1


def test_available_minutes_are_named_by_both_parts_of_their_key(quiet_api: Api) -> None:
    row = {"practitioner_id": 7, "day": "2025-01-20", "minutes": 420}
    rows: list[Any] = [row, row, row | {"day": "2025-02-30"}, row | {"minutes": 1441, "practitioner_id": 8}, None]
    answer = quiet_api.put("/api/practice/availability/", {"availability": rows}, status=200).json
    assert answer["created"] == 1
    assert [(error["index"], error["id"], list(error["details"])) for error in answer["errors"]] == [
        (1, "7 2025-01-20", ["day"]),
        (2, "7 2025-02-30", ["day"]),
        (3, "8 2025-01-20", ["minutes"]),
        (4, None, ["body"]),
    ]


def test_what_is_left_out_is_not_known_any_more(quiet_api: Api) -> None:
    rated = APPOINTMENT | {"status": "completed", "rating": 4, "actual_minutes": 55}
    assert quiet_api.put(APPOINTMENTS, {"appointments": [rated]}).json["created"] == 1
    assert quiet_api.rows("SELECT rating, actual_minutes FROM appointments WHERE id = 900") == [(4, 55)]
    assert quiet_api.put(APPOINTMENTS, {"appointments": [APPOINTMENT]}).json["updated"] == 1
    assert quiet_api.rows("SELECT rating, actual_minutes FROM appointments WHERE id = 900") == [(None, None)]
    practitioner = USER | {"id": 70, "role": "psychologist", "provider_number": "2447781L"}
    practitioner["ahpra_number"] = "PSY0001234567"
    assert quiet_api.put(USERS, {"users": [practitioner]}).json["created"] == 1
    assert quiet_api.rows("SELECT provider_number, ahpra_number FROM users WHERE id = 70") == [
        ("2447781L", "PSY0001234567")
    ]
    assert list(
        quiet_api.put(USERS, {"users": [practitioner | {"ahpra_number": "PSY1"}]}).json["errors"][0]["details"]
    ) == ["ahpra_number"]
