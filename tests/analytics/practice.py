"""A practice for tests: rows as its backend pushes them, and money in the ledger at any moment of three years."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from tests.clinic import Clinic
from tp_gateway.models import Appointment, LedgerEntry, Payable, Payment, table
from tp_gateway.models.ledger import MOVES
from tp_gateway.services.analytics import Analytics

MELBOURNE = ZoneInfo("Australia/Melbourne")
ZONES = ("Australia/Melbourne", "Australia/Adelaide", "Australia/Eucla", "Australia/Lord_Howe", "America/St_Johns")
PATIENTS, STAFF = range(1000, 1012), (1900, 1901)
SERVICES = ("individual_therapy", "group_therapy", "assessment", "=cmd|' /C calc'!A0")
METHODS = ("card", "medicare", "bank_transfer", "voucher")
STATUSES = ("pending", "confirmed", "completed", "completed", "completed", "cancelled", "no_show")
KINDS = ("charge",) * 6 + ("overpayment", "refund", "refund_credit", "refund_reversal", "unmatch", "fee", "dispute")
KINDS += ("write_off", "suspense", "refund_reversal_credit")
FIRST, LAST = datetime(2022, 11, 20, tzinfo=MELBOURNE), datetime(2025, 2, 10, tzinfo=MELBOURNE)
EDGES = [
    datetime(*day, tzinfo=MELBOURNE) + timedelta(minutes=minutes)
    for day in ((2024, 4, 7), (2024, 10, 6), (2025, 1, 1), (2024, 2, 29), (2024, 12, 31))
    for minutes in (-1, 0, 119, 120, 180, 1439)
]
"""Around midnights of days on which clocks change, and ends of months and years."""
NOW = datetime(2025, 1, 19, 10, 30, tzinfo=MELBOURNE)


def book(
    session: Any,
    *,
    appointment_id: int | None,
    patient_id: int,
    at: datetime,
    amount: int,
    name: str,
    currency: str = "AUD",
    method: str = "card",
    kind: str = "charge",
) -> None:
    """A payment that succeeded some time, and one entry of it in the ledger; `name` must be its own."""
    payables, payments = table(Payable), table(Payment)
    payable = None
    if appointment_id is not None:
        known = sa.select(payables.c.id).where(payables.c.appointment_id == appointment_id)
        payable = session.execute(known).scalar_one()
    else:
        values = {"uuid": name, "patient_id": patient_id, "amount": 0, "currency": "AUD", "open": True}
        payable = session.execute(sa.insert(payables).returning(payables.c.id), values).scalar_one()
    # Refunds here need no payment before them: what is paid must not fall below nothing.
    session.execute(sa.update(payables).where(payables.c.id == payable).values(amount_paid=10**9))
    owner = {"payable_id": payable, "patient_id": patient_id, "currency": currency}
    paid = {
        "uuid": name,
        "provider": "stripe",
        "method": method,
        "flow": "direct",
        "single_flight": True,
        "amount": 100,
        "captured": 100,
        "state": "succeeded",
        "created_by": "test",
        **dict.fromkeys(("created_at", "updated_at", "expires_at"), at),
    }
    payment = session.execute(sa.insert(payments).returning(payments.c.id), owner | paid).scalar_one()
    debit, credit = (account + "stripe" if account.endswith(":") else account for account in MOVES[kind])
    entry = {"payment_id": payment, "kind": kind, "debit": debit, "credit": credit, "amount": amount, "evidence": name}
    session.execute(sa.insert(table(LedgerEntry)), owner | entry | {"actor": "test", "at": at})


class Practice:
    """`seed` decides everything that happens."""

    def __init__(self, url: str, seed: int) -> None:
        self.clinic = Clinic(url, "http://127.0.0.1:1")
        self.gateway, self.random = self.clinic.gateway, random.Random(seed)
        self._entries = 0

    @property
    def analytics(self) -> Analytics:
        """As of `NOW`."""
        made = self.gateway
        return Analytics(made.database, made.registry, made.rollups, lambda: NOW)

    def moment(self) -> datetime:
        if self.random.random() < 0.3:
            return self.random.choice(EDGES).astimezone(UTC)
        seconds = self.random.randrange(int((LAST - FIRST).total_seconds()))
        return FIRST.astimezone(UTC) + timedelta(seconds=seconds)

    def push_people(self) -> None:
        """All of them, each time with other dates and sometimes another role."""
        staff = ("psychologist", "practice_manager", "admin")
        roles = dict.fromkeys(PATIENTS, "patient") | {person: self.random.choice(staff) for person in STAFF}
        rows = [self.clinic.user(person, role) | {"created_at": self.moment()} for person, role in roles.items()]
        self.clinic.push_users(rows)

    def push_appointments(self, number: int) -> None:
        """New ones, and old ones with anything changed that can be; a patient stays."""
        rows = []
        for _ in range(number):
            appointment = self.random.randrange(1, 60)
            rows.append(
                {
                    "id": appointment,
                    "patient_id": PATIENTS[appointment % len(PATIENTS)],
                    "practitioner_id": self.random.choice((*STAFF, None)),
                    "service": self.random.choice(SERVICES),
                    "status": self.random.choice(STATUSES),
                    "starts_at": self.moment(),
                    "duration_minutes": self.random.choice((30, 50, 90)),
                    "actual_minutes": self.random.choice((None, 20, 55)),
                    "rating": self.random.choice((None, None, 1, 3, 4, 5)),
                    "fee": 18000,
                    "currency": "AUD",
                }
            )
        assert not self.gateway.practice.upsert_appointments(list(enumerate(rows))).errors

    def push_notes(self, number: int) -> None:
        rows = [
            {
                "id": self.random.randrange(1, 40),
                "appointment_id": None,
                "patient_id": self.random.choice(PATIENTS),
                "practitioner_id": None,
                "created_at": self.moment(),
                "completed_at": self.random.choice((None, self.moment())),
            }
            for _ in range(number)
        ]
        assert not self.gateway.practice.upsert_progress_notes(list(enumerate(rows))).errors

    def push_availability(self, number: int) -> None:
        rows = [
            {
                "practitioner_id": self.random.choice(STAFF),
                "day": self.moment().date(),
                "minutes": self.random.randrange(0, 480),
            }
            for _ in range(number)
        ]
        assert not self.gateway.practice.upsert_availability(list(enumerate(rows))).errors

    def book(self, number: int) -> None:
        """Entries of every kind in the ledger, some in another currency, some for no appointment."""
        with self.gateway.database.transaction() as session:
            ids = table(Appointment).c.id
            there = session.execute(sa.select(ids).order_by(ids)).scalars().all()
            for _ in range(number):
                self._book(session, self.random.choice([*there, None, None]))

    def _book(self, session: Any, appointment: int | None) -> None:
        self._entries += 1
        book(
            session,
            appointment_id=appointment,
            patient_id=PATIENTS[(appointment or 0) % len(PATIENTS)],
            at=self.moment(),
            amount=self.random.randrange(1, 30_000),
            name=str(self._entries),
            currency=self.random.choice(("AUD",) * 9 + ("NZD",)),
            method=self.random.choice(METHODS),
            kind=self.random.choice(KINDS),
        )

    def change_zone(self, zone: str) -> None:
        from tests.clinic import admin

        self.gateway.practice_settings.update(admin, {"system": {"timezone": zone}})

    def happens(self) -> None:
        """One thing."""
        what = self.random.choice(
            [
                lambda: self.push_appointments(self.random.randrange(1, 12)),
                lambda: self.push_appointments(1),
                lambda: self.push_notes(self.random.randrange(1, 6)),
                lambda: self.push_availability(4),
                lambda: self.book(self.random.randrange(1, 8)),
                lambda: self.book(1),
                self.push_people,
                self.gateway.rollups.add_noted,
                self.gateway.rollups.add_noted,
                self.gateway.rollups.rebuild,
                lambda: self.change_zone(self.random.choice(ZONES)),
            ]
        )
        what()


@contextmanager
def practice(url: str, seed: int) -> Iterator[Practice]:
    made = Practice(url, seed)
    made.push_people()
    yield made
    made.clinic.close()


def somewhen(random_: random.Random) -> tuple[date, date]:
    """Two days in order: of a month, of a year, or any."""
    first = FIRST.date() + timedelta(days=random_.randrange(800))
    kind = random_.randrange(4)
    if kind == 0:
        first = first.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    if kind == 1:
        return date(first.year, 1, 1), date(first.year, 12, 31)
    return first, first + timedelta(days=random_.choice((0, 6, 20, 40, 120, 500, 3000)))
