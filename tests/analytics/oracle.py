"""The same figures a second time: in plain Python from the rows, without SQL, sums or any code of the product's."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import Appointment, Availability, LedgerEntry, Payable, Payment, ProgressNote, User, table

MONEY_IN = {"charge", "overpayment", "refund_reversal", "refund_credit_reversal", "refund_reversal_credit"}
MONEY_OUT = {"refund", "refund_credit", "unmatch", "unmatch_credit"}


class Oracle:
    """All rows there are, each with its day in `zone`."""

    def __init__(self, session: orm.Session, zone: ZoneInfo) -> None:
        def rows(model: Any) -> list[Any]:
            return list(session.execute(sa.select(table(model))).all())

        def day(moment: Any) -> date:
            return moment.astimezone(zone).date()

        self.users = [(day(row.created_at), row.role) for row in rows(User)]
        self.appointments = [(day(row.starts_at), row) for row in rows(Appointment)]
        services = {row.id: row.service for row in rows(Appointment)}
        payables = {row.id: services.get(row.appointment_id, "other") for row in rows(Payable)}
        methods = {row.id: row.method for row in rows(Payment)}
        self.money = [
            (
                day(row.at),
                row.amount if row.kind in MONEY_IN else -row.amount,
                methods[row.payment_id],
                payables[row.payable_id],
            )
            for row in rows(LedgerEntry)
            if row.kind in MONEY_IN | MONEY_OUT and row.currency == "AUD"
        ]
        self.notes = [
            (row.patient_id, row.created_at, day(row.created_at), row.completed_at and day(row.completed_at))
            for row in rows(ProgressNote)
        ]
        self.free = [(row.day, row.minutes) for row in rows(Availability)]

    def figures(self, first: date, last: date) -> dict[str, Any]:
        """As the answer has them, but for its lists of points and what it is compared with."""
        here = [row for day, row in self.appointments if first <= day <= last]
        status = Counter(row.status for row in here)
        done = [row for row in here if row.status == "completed"]
        rated = [row.rating for row in here if row.rating]
        visits = [row for row in here if row.status != "cancelled"]
        until = [(day, role) for day, role in self.users if day <= last]
        begun = [note for note in self.notes if note[2] <= last]
        completed = sum(1 for note in self.notes if note[3] and first <= note[3] <= last)
        money = [(amount, method, service) for day, amount, method, service in self.money if first <= day <= last]
        free = sum(minutes for day, minutes in self.free if first <= day <= last)
        return {
            "users": {
                "total": len(until),
                "new_this_period": sum(1 for day, _ in until if day >= first),
                "active_this_period": len({row.patient_id for row in visits}),
                "by_role": {
                    role: sum(1 for _, one in until if one == role)
                    for role in ("patient", "psychologist", "practice_manager", "admin")
                },
            },
            "appointments": {
                "total": len(here),
                "completed": status["completed"],
                "cancelled": status["cancelled"],
                "pending": status["pending"] + status["confirmed"],
                "no_show": status["no_show"],
                "revenue": text(self.revenue(first, last)),
            },
            "revenue": {
                "total": text(self.revenue(first, last)),
                "this_period": text(self.revenue(first, last)),
                "by_payment_method": _by(money, 1, ("card", "medicare", "bank_transfer")),
                "by_service": _by(money, 2, ("individual_therapy", "group_therapy", "assessment")),
            },
            "performance": {
                "average_appointment_duration": rounded(
                    sum(row.actual_minutes or row.duration_minutes for row in done), len(done)
                ),
                "average_rating": rounded(sum(rated), len(rated), 1),
                "patient_satisfaction": rounded(100 * sum(1 for one in rated if one >= 4), len(rated)),
                "psychologist_utilization": rounded(100 * sum(row.duration_minutes for row in visits), free),
                "no_show_rate": rounded(100 * status["no_show"], status["completed"] + status["no_show"], 1),
            },
            "progress_notes": {
                "total": len(begun),
                "this_period": sum(1 for note in begun if note[2] >= first),
                "average_per_patient": rounded(len(begun), len({note[0] for note in begun}), 1),
                "completion_rate": rounded(100 * completed, status["completed"]),
            },
        }

    def revenue(self, first: date, last: date) -> int:
        return sum(amount for day, amount, *_ in self.money if first <= day <= last)

    def existing(self, day: date) -> int:
        return sum(1 for created, _ in self.users if created <= day)

    def starting(self, first: date, last: date) -> int:
        return sum(1 for day, _ in self.appointments if first <= day <= last)

    def previous(self, kind: str, first: date, last: date) -> int:
        """What the period before brought."""
        if kind == "all":
            return 0
        if kind == "month":
            return self.revenue((first - timedelta(days=1)).replace(day=1), first - timedelta(days=1))
        if kind == "year":
            return self.revenue(date(first.year - 1, 1, 1), date(first.year - 1, 12, 31))
        length = (last - first).days + 1
        return self.revenue(first - timedelta(days=length), first - timedelta(days=1))


def rounded(part: int, whole: int, places: int = 0) -> float:
    if not whole:
        return 0
    exact = Fraction(part, whole) * 10**places
    found = int(exact + Fraction(1, 2)) if exact >= 0 else -int(-exact + Fraction(1, 2))
    return found / 10**places if places else found


def text(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def _by(money: list[tuple[int, str, str]], place: int, always: tuple[str, ...]) -> dict[str, str]:
    found: Counter[str] = Counter()
    for one in money:
        found[str(one[place])] += one[0]
    return {key: text(value) for key, value in found.items() if value or key in always} | {
        key: "0.00" for key in always if key not in found
    }
