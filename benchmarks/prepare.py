"""Empties the database and makes what a load needs; the harness calls it before each run.

    python -m benchmarks.prepare PATIENTS APPOINTMENTS INVOICES

Each patient gets so many unpaid appointments and invoices of 180.00 AUD, a saved card and a bank account. Prints one
JSON object: tokens and ids.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import sqlalchemy as sa

from benchmarks.application import settings
from tp_gateway import config, make_gateway, models
from tp_gateway.database import make_engine
from tp_gateway.identity import Identity
from tp_gateway.schema import upgrade
from tp_gateway.services import Gateway
from tp_gateway.services.invoices import Item

FEE, CURRENCY, ADMIN = 18000, "AUD", 1_000_000
_BATCH = 1000


def main(patients: int, appointments: int, invoices: int) -> None:
    chosen = config.load(settings())
    _start_anew(chosen.database_url)
    gateway = make_gateway(chosen)
    try:
        made = [_person(number) for number in range(1, patients + 1)]
        _push_users(gateway, patients)
        _push_appointments(gateway, made, appointments)
        admin = Identity(ADMIN, "admin")
        for person in made:
            for _ in range(invoices):
                items = [Item("Individual Therapy Session", 1, FEE)]
                invoice = gateway.invoices.create(admin, person["id"], items, currency=CURRENCY)
                person["invoices"].append(invoice.id)
        _save_methods(gateway, patients)
    finally:
        gateway.close()
    print(json.dumps({"admin": _token(ADMIN, "admin"), "patients": made}))


def _start_anew(url: str) -> None:
    """The ledger cannot be emptied, so the schema goes as a whole."""
    engine = make_engine(url)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    upgrade(url)


def _person(number: int) -> dict[str, Any]:
    return {"id": number, "token": _token(number, "patient"), "appointments": [], "invoices": []}


def _token(user_id: int, role: str) -> str:
    """As SimpleJWT makes it, with the role that the clinic's backend may add."""
    now = datetime.now(UTC)
    claims = {"token_type": "access", "iat": now, "exp": now + timedelta(hours=12), "jti": uuid4().hex}
    return jwt.encode({**claims, "user_id": str(user_id), "role": role}, os.environ["JWT_SECRET"], "HS256")


def _push_users(gateway: Gateway, patients: int) -> None:
    more = {"active": True, "name": None, "email": None, "phone": None, "created_at": datetime.now(UTC)}
    people = [(number, "patient") for number in range(1, patients + 1)] + [(ADMIN, "admin")]
    users = [{"id": number, "role": role, **more} for number, role in people]
    _require(gateway.practice.upsert_users(list(enumerate(users))).errors)


def _push_appointments(gateway: Gateway, people: list[dict[str, Any]], each: int) -> None:
    now, rows = datetime.now(UTC), []
    for person in people:
        for _ in range(each):
            number = len(rows) + 1
            person["appointments"].append(number)
            row = {"id": number, "patient_id": person["id"], "practitioner_id": None, "service": "individual_therapy"}
            row |= {"status": "confirmed", "starts_at": now, "duration_minutes": 50, "fee": FEE, "currency": CURRENCY}
            rows.append(row)
    for start in range(0, len(rows), _BATCH):
        _require(gateway.practice.upsert_appointments(list(enumerate(rows[start : start + _BATCH]))).errors)


def _require(errors: Any) -> None:
    if errors:
        raise SystemExit(f"the sample clinic was refused: {errors}")


def _save_methods(gateway: Gateway, patients: int) -> None:
    """Written straight into the table: saving a card asks the card network."""
    card = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
    bank = {"bank_name": "Commonwealth Bank", "account_name": "Account", "bsb": "062-000", "account_number": "****1234"}
    rows = []
    for number in range(1, patients + 1):
        more = {"user_id": number, "fingerprint": None, "account_sealed": None, "created_at": datetime.now(UTC)}
        more |= {"removed_at": None}
        rows.append(
            {
                "kind": "card",
                "provider": "stripe",
                "reference": f"pm_{number}",
                "details": card,
                "is_default": True,
                **more,
            }
        )
        rows.append(
            {"kind": "bank_account", "provider": None, "reference": None, "details": bank, "is_default": False, **more}
        )
    with gateway.database.transaction() as session:
        session.execute(sa.insert(models.table(models.PaymentMethod)), rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
