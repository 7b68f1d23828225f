"""Numbers of invoices and credit notes: without a gap, whoever makes them at the same time and whatever goes wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tests.clinic import MANAGER, PATIENT, Clinic, manager, render_invoice
from tests.invariants import check_invariants
from tests.services.clocks import at
from tp_gateway.errors import GatewayError
from tp_gateway.services.invoices import Asked, Draft, Item, Wish
from tp_gateway.services.invoices.making import Setting, make_invoice

LINES = [Item("Session", 1, 18_000)]


def numbers(clinic: Clinic) -> list[str]:
    return [row.number for row in clinic.rows("SELECT number FROM invoices ORDER BY id")]


@pytest.mark.catalogue(92)
@pytest.mark.catalogue(93)
def test_two_hundred_at_once_of_which_half_roll_back(clinic: Clinic) -> None:
    """Odd ones come to nothing after their number was taken."""
    moment = datetime(2025, 3, 1, tzinfo=UTC)
    at(clinic, moment)

    def make(number: int) -> str:
        try:
            if number % 2:
                with clinic.database.transaction() as session:
                    settings = clinic.gateway.practice_settings.current(session)
                    here = Setting(session, settings, "AUD", "user:8", moment)
                    make_invoice(here, Draft(patient_id=PATIENT, items=LINES))
                    raise ZeroDivisionError
            return clinic.gateway.invoices.create(manager, PATIENT, LINES, currency="AUD").number
        except ZeroDivisionError:
            return ""

    with ThreadPoolExecutor(8) as pool:
        made = sorted(filter(None, pool.map(make, range(200))))
    assert made == [f"INV-2025-{place:03d}" for place in range(1, 101)]
    assert sorted(numbers(clinic)) == made


@pytest.mark.catalogue(92)
def test_the_thousandth_has_four_digits(clinic: Clinic) -> None:
    at(clinic, datetime(2025, 3, 1, tzinfo=UTC))
    assert clinic.invoice().number == "INV-2025-001"
    with clinic.database.transaction() as session:
        session.execute(sa.text("UPDATE counters SET value = 998 WHERE name = 'invoice:2025'"))
    assert [clinic.invoice().number for _ in range(2)] == ["INV-2025-999", "INV-2025-1000"]
    found = clinic.gateway.invoices.find(manager, Wish(limit=50, text="2025-1000"))
    assert [facts.number for facts, _ in found.invoices] == ["INV-2025-1000"]


@pytest.mark.catalogue(89)
@pytest.mark.catalogue(92)
def test_the_year_is_that_of_the_clinics_calendar(clinic: Clinic) -> None:
    """Half past midnight of New Year's Day in Melbourne is still December in UTC."""
    at(clinic, datetime(2024, 12, 31, 12, 59, tzinfo=UTC))
    assert clinic.invoice().number == "INV-2024-001"
    at(clinic, datetime(2024, 12, 31, 13, 30, tzinfo=UTC))
    made = clinic.invoice()
    assert (made.number, clinic.gateway.invoices.detail(manager, made.id).issued_on.isoformat()) == (
        "INV-2025-001",
        "2025-01-01",
    )


@pytest.mark.catalogue(93)
def test_void_keeps_the_number(clinic: Clinic) -> None:
    at(clinic, datetime(2025, 3, 1, tzinfo=UTC))
    first = clinic.invoice()
    clinic.void(first.id)
    assert clinic.invoice().number == "INV-2025-002"
    assert clinic.gateway.invoices.detail(manager, first.id).facts.number == "INV-2025-001"


@pytest.mark.catalogue(92)
@pytest.mark.catalogue(93)
def test_credit_notes_at_once_count_by_themselves(clinic: Clinic) -> None:
    at(clinic, datetime(2025, 3, 1, tzinfo=UTC))
    invoices = [clinic.invoice(1_000).id for _ in range(10)]

    def credit(place: int) -> str | None:
        amount = Decimal("99.00") if place % 3 == 0 else Decimal("6.00")  # too much, or once too often
        try:
            clinic.gateway.invoice_operations.credit(
                manager, invoices[place % 10], Asked(amount), "", render_invoice, None
            )
        except GatewayError as error:
            return error.code
        return None

    with ThreadPoolExecutor(8) as pool:
        refused = [code for code in pool.map(credit, range(40)) if code]
    rows = clinic.rows("SELECT number, amount, actor FROM invoice_operations ORDER BY number")
    assert [row.number for row in rows] == [f"CN-2025-{place:03d}" for place in range(1, 11)]
    assert {(row.amount, row.actor) for row in rows} == {(600, f"user:{MANAGER}")}
    assert len(refused) == 30 and set(refused) == {"validation_error"}
    check_invariants(clinic.database.engine, clinic.books())
