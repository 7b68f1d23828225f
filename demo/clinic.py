"""The sample clinic: who there is and what was booked, as the clinic's own backend would push it. The same day gives
the same clinic, and the next day the same people and appointments with one day more behind them."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ADMIN, MANAGER = 1, 2
PSYCHOLOGISTS = range(11, 15)
PATIENTS = range(41, 81)
ZONE = ZoneInfo("Australia/Melbourne")
SERVICES = (
    # name, fee, minutes, how often
    ("individual_therapy", "180.00", 60, 6),
    ("couples_therapy", "240.00", 90, 2),
    ("group_therapy", "75.00", 90, 2),
    ("assessment", "480.00", 120, 1),
)
NUMBERS = {11: ("2447781L", "PSY0001234567"), 12: ("2426591T", "PSY0007654321")}
"""Psychologist -> provider number, AHPRA registration; of nobody."""
FEES = {name: fee for name, fee, _, _ in SERVICES}
_TIMES = (time(9), time(10, 30), time(13), time(15))
_FIRST_DAY = date(2020, 1, 1)


def users() -> list[dict[str, Any]]:
    people = [(ADMIN, "admin", "Sample admin"), (MANAGER, "practice_manager", "Sample manager")]
    people += [(number, "psychologist", f"Psychologist {number}") for number in PSYCHOLOGISTS]
    people += [(number, "patient", f"Patient {number}") for number in PATIENTS]
    return [
        {
            "id": number,
            "role": role,
            "name": name,
            "email": f"user{number}@clinic.example",
            "created_at": f"2024-{1 + number % 12:02}-{1 + number % 28:02}T09:00:00Z",
            **dict(zip(("provider_number", "ahpra_number"), NUMBERS.get(number, ()), strict=False)),
        }
        for number, role, name in people
    ]


def medicare_number(patient_id: int) -> str:
    """Of nobody: eight digits, their check digit (weights 1 3 7 9 1 3 7 9, modulo 10), and the card's issue."""
    digits = f"{20_000_000 + patient_id}"
    check = sum(int(digit) * weight for digit, weight in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9), strict=True)) % 10
    return f"{digits}{check}1"


def appointments(now: datetime, weeks_behind: int = 26, weeks_ahead: int = 26) -> list[dict[str, Any]]:
    """Four a working day, around `now`."""
    today = now.astimezone(ZONE).date()
    first = today - timedelta(weeks=weeks_behind)
    days = (first + timedelta(days=number) for number in range(7 * (weeks_behind + weeks_ahead)))
    return [row for day in days if day.weekday() < 5 for row in _on(day, now)]


def _on(day: date, now: datetime) -> Iterator[dict[str, Any]]:
    for slot, at in enumerate(_TIMES):
        number = (day - _FIRST_DAY).days * 10 + slot
        # The number alone decides everything but the status, so that every run makes the same appointment of it.
        chance = random.Random(number)
        service, fee, minutes, _ = chance.choices(SERVICES, [often for *_, often in SERVICES])[0]
        starts_at = datetime.combine(day, at, ZONE).astimezone(UTC)
        patient, status = chance.choice(PATIENTS), _status(chance.random(), starts_at < now)
        yield {
            "id": number,
            "patient_id": patient,
            "practitioner_id": PSYCHOLOGISTS[slot],
            "service": service,
            "status": status,
            "starts_at": _text(starts_at),
            "duration_minutes": minutes,
            "fee": fee,
            "rating": chance.choice((3, 4, 5, 5, None)) if status == "completed" else None,
        }


def progress_notes(booked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One for each session that took place; one of twenty is not finished."""
    return [
        {
            "id": one["id"],
            "appointment_id": one["id"],
            "patient_id": one["patient_id"],
            "practitioner_id": one["practitioner_id"],
            "created_at": one["starts_at"],
            "completed_at": one["starts_at"] if one["id"] % 20 else None,
        }
        for one in booked
        if one["status"] == "completed"
    ]


def availability(booked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Three hours for each psychologist on each day with an appointment."""
    days = {(one["practitioner_id"], one["starts_at"][:10]) for one in booked}
    return [{"practitioner_id": who, "day": day, "minutes": 180} for who, day in sorted(days)]


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _status(fate: float, is_past: bool) -> str:
    if not is_past:
        return "confirmed"
    if fate < 0.08:
        return "cancelled"
    return "no_show" if fate < 0.13 else "completed"
