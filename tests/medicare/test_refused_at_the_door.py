"""What is refused before anything is written: what is missing, what does not fit, what the rules forbid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import PSYCHOLOGIST, patient, refused, render
from tests.medicare.conftest import CARD, YESTERDAY, ZONE, Surgery, bulk_bill, consent, open_surgery
from tests.providers.medicare.transports import claims as samples

PATIENT = bulk_bill()["patient"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"item": None}, "item"),
        ({"item": "80110", "items": [{"item": "80110", "charge": "180.00"}]}, "item"),
        ({"item": "99999"}, "item"),
        ({"item": "8O110"}, "item"),
        ({"item": None, "items": [{"item": "80110", "charge": "120.00"}]}, "items"),
        ({"item": None, "items": [{"item": "80110", "charge": "180.001"}]}, "items"),
        ({"patient": PATIENT | {"medicare_number": "2123456711"}}, "patient"),
        ({"patient": PATIENT | {"irn": "0"}}, "patient"),
        ({"patient": {"family_name": "Canaryfamily"}}, "patient"),
        ({"patient": None}, "patient"),
        ({"referral": None}, "referral"),
        ({"provider_number": "2447781X"}, "provider_number"),
        ({"service_date": "2026-02-30"}, "service_date"),
        ({"service_date": "2026-01-05"}, "service_date"),
        ({"consent": consent(assigned_at="2100-01-01T00:00:00Z")}, "consent"),
        ({"consent": consent(type="verbal")}, "consent"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_wrong_field_is_named_and_never_repeated(surgery: Surgery, more: dict[str, Any], field: str) -> None:
    refusal = refused(surgery.bulk_bill, surgery.session(), **more)
    assert refusal.code == "validation_error" and field in refusal.details
    assert CARD not in str(refusal.details) and "Canary" not in str(refusal.details)
    assert not surgery.rows("SELECT 1 FROM payments") and not surgery.lodgements()


@pytest.mark.parametrize(
    ("appointment", "why"),
    [
        ({"starts_at": datetime.now(UTC) + timedelta(hours=2)}, "took place"),
        ({"status": "no_show"}, "took place"),
        ({"starts_at": datetime.now(UTC) - timedelta(days=368)}, "last day"),
    ],
)
def test_a_service_that_cannot_be_claimed_is_refused_with_the_reason(
    surgery: Surgery, appointment: dict[str, Any], why: str
) -> None:
    refusal = refused(surgery.bulk_bill, surgery.session(**appointment), item="80110")
    assert refusal.code in ("not_payable", "validation_error") and why in str(refusal.details)
    assert not surgery.rows("SELECT 1 FROM payments") and not surgery.lodgements()


def test_whoever_has_no_provider_number_gives_one(surgery: Surgery) -> None:
    surgery.session(practitioner_id=None)
    assert "provider_number" in refused(surgery.bulk_bill).details
    assert surgery.bulk_bill(provider_number="2426591T")["status"] == "pending"


def test_the_settings_say_whose_number_it_is(surgery: Surgery) -> None:
    """The benefit is paid to that number: a request cannot turn it to somebody else's."""
    refusal = refused(surgery.bulk_bill, surgery.session(), provider_number="2426591T")
    assert refusal.code == "validation_error" and "provider_number" in refusal.details
    assert not surgery.lodgements()
    assert surgery.bulk_bill(provider_number=samples.PROVIDER)["status"] == "pending", "said once more"


def test_a_location_has_its_own_number(database_url: str, stripe_sandbox: StripeSandbox, medicare_sandbox: str) -> None:
    numbers = f"{PSYCHOLOGIST}:2447781L {PSYCHOLOGIST}/city:2426591T"
    more = {"tp_gateway.medicare.provider_numbers": numbers}
    surgery = open_surgery(database_url, stripe_sandbox.url, medicare_sandbox, **more)
    for number, location in enumerate((None, "city")):
        surgery.bulk_bill(surgery.session(number + 1, starts_at=YESTERDAY - timedelta(days=number)), location=location)
    assert [claim["provider"] for claim in surgery.there()] == ["2447781L", "2426591T"]
    surgery.close()


def test_an_invoice_is_bulk_billed_whole(surgery: Surgery) -> None:
    invoice = surgery.invoice(18000, appointment_id=surgery.session())
    wanted = surgery.wanted(
        invoice_id=invoice.id, method="medicare", method_id=None, amount=9000, parameters=bulk_bill()
    )
    assert "amount" in refused(surgery.gateway.payments.pay, patient, wanted, render, None).details


# --- sessions of a year -----------------------------------------------------------------------------------------------


def in_melbourne(year: int, month: int, day: int, hour: int) -> datetime:
    return datetime(year, month, day, hour, tzinfo=ZONE).astimezone(UTC)


def sessions(surgery: Surgery, starts: list[datetime], **more: Any) -> list[int]:
    """A lodged bulk bill for each."""
    made = []
    for number, start in enumerate(starts, 1000):
        made.append(surgery.bulk_bill(surgery.session(number, starts_at=start), **more)["id"])
    return made


@pytest.fixture
def strict(database_url: str, stripe_sandbox: StripeSandbox, medicare_sandbox: str) -> Any:
    more = {"tp_gateway.medicare.session_limits": "refuse"}
    surgery = open_surgery(database_url, stripe_sandbox.url, medicare_sandbox, **more)
    yield surgery
    surgery.check()
    surgery.close()


def referrals(number: int) -> dict[str, Any]:
    """A new referral for each course."""
    return {"provider_number": "2426591T", "issued_on": f"2026-01-{number:02}", "period_code": "S"}


def test_the_eleventh_session_of_a_year_is_refused(strict: Surgery) -> None:
    days = [YESTERDAY - timedelta(days=number) for number in range(11)]
    for number, day in enumerate(days[:10]):
        strict.bulk_bill(strict.session(1000 + number, starts_at=day), referral=referrals(1 + number // 6))
    refusal = refused(strict.bulk_bill, strict.session(1010, starts_at=days[10]), referral=referrals(3))
    assert refusal.code == "not_payable" and "10 of 10" in str(refusal.details)
    group = strict.bulk_bill(strict.session(1011, starts_at=days[10]), item="80123", referral=referrals(3))
    assert group["status"] == "pending", "groups are counted apart"


def test_the_seventh_under_the_first_referral_is_refused(strict: Surgery) -> None:
    sessions(strict, [YESTERDAY - timedelta(days=number) for number in range(6)])
    refusal = refused(strict.bulk_bill, strict.session(2000, starts_at=YESTERDAY - timedelta(days=9)))
    assert "new referral" in str(refusal.details)


def test_without_being_strict_it_is_a_warning(surgery: Surgery) -> None:
    sessions(surgery, [YESTERDAY - timedelta(days=number) for number in range(6)])
    lodged = surgery.bulk_bill(surgery.session(2000, starts_at=YESTERDAY - timedelta(days=9)))
    assert lodged["status"] == "pending" and "new referral" in str(surgery.warnings(lodged["id"]))


def test_the_same_session_does_not_count_beside_itself(strict: Surgery) -> None:
    sessions(strict, [YESTERDAY - timedelta(days=number) for number in range(5)])
    strict.bulk_bill(strict.session(2000, starts_at=YESTERDAY - timedelta(days=9)), consent=None)
    assert strict.bulk_bill(2000)["status"] == "pending", "with the consent it takes the place of the first"


def test_what_was_rejected_does_not_count(strict: Surgery) -> None:
    strict.rule("refuse", code="9202", times=6)
    sessions(strict, [YESTERDAY - timedelta(days=number) for number in range(6)])
    assert strict.bulk_bill(strict.session(2000, starts_at=YESTERDAY - timedelta(days=9)))["status"] == "pending"


def test_a_year_ends_in_the_clinics_own_time(strict: Surgery) -> None:
    """New Year's Eve at 23:30 in Melbourne is the old year; half an hour of UTC decides nothing."""
    eve = datetime(2025, 12, 31, 12, 30, tzinfo=UTC)
    new_year = datetime(2025, 12, 31, 13, 30, tzinfo=UTC)
    assert eve.astimezone(ZONE).year == 2025 and new_year.astimezone(ZONE).year == 2026
    old = strict.bulk_bill(strict.session(1, starts_at=eve), item="91201")
    new = strict.bulk_bill(strict.session(2, starts_at=new_year), item="91201")
    days = [strict.claim(made["id"])["service_date"] for made in (old, new)]
    assert days == ["2025-12-31", "2026-01-01"]
    again = strict.bulk_bill(strict.session(3, starts_at=in_melbourne(2026, 3, 2, 9)), item="91201")
    refusal = refused(strict.bulk_bill, strict.session(4, starts_at=in_melbourne(2026, 3, 3, 9)), item="91201")
    assert again["status"] == "pending" and "2 of 2 family and carer sessions of 2026" in str(refusal.details)
