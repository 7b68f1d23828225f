"""Claims and keys that the transports' tests send. Names are canaries: none may be seen in any text of an error."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from tp_gateway.providers.medicare.transports import AggregatorSettings, ProdaSettings, ServicesAustraliaSettings
from tp_gateway.providers.medicare.transports.proda import new_private_key
from tp_gateway.providers.medicare.transports.values import (
    BulkBill,
    BulkBillEvent,
    Card,
    Claimant,
    MedicalEvent,
    PatientClaim,
    Person,
    Referral,
    ReportQuery,
    Service,
)

MINOR_ID = "TST00001"
ORG, DEVICE = "1234567890", "clinic-1"
PROVIDER = "2447781L"
QUERY = ReportQuery(PROVIDER)
# A card that public test data uses; the name is a canary.
FAMILY, GIVEN, NUMBER = "Canaryfamily", "Canarygiven", "4951525561"
API_KEY = "sandbox-key"
PERSON = Person(FAMILY, GIVEN, date(1980, 2, 3), Card(NUMBER, "1"))
REFERRAL = Referral("2426591T", date(2026, 1, 5))


@cache
def key(number: int = 0) -> str:
    """One RSA key for each number, because making them is slow."""
    return new_private_key()


def services_australia(url: str, private_key: str | None = None, **changes: Any) -> ServicesAustraliaSettings:
    proda: dict[str, Any] = {
        "url": url,
        "org_id": ORG,
        "device": DEVICE,
        "client_id": "sandbox-client",
        "token_audience": "https://medicare.sandbox.invalid",
        "product_id": "TP Gateway 0.1",
        "private_key": private_key or key(),
        **{name: changes.pop(name) for name in ("audience", "token_audience", "client_id") if name in changes},
    }
    base = {"base_url": f"{url}/claiming/ext-vnd", "minor_id": MINOR_ID, "api_key": API_KEY}
    return ServicesAustraliaSettings(**{**base, "proda": ProdaSettings(**proda), **changes})


def aggregator(url: str, **changes: Any) -> AggregatorSettings:
    return AggregatorSettings(**{"base_url": f"{url}/Medicare", "minor_id": MINOR_ID, "api_key": API_KEY, **changes})


def recent(days: int = 3) -> date:
    return datetime.now(UTC).date() - timedelta(days=days)


def bulk_bill(charge: int = 10_155, item: str = "80110", on: date | None = None, **more: Any) -> BulkBill:
    event = MedicalEvent(on or recent(), (Service(item, charge),))
    made = {"referral": REFERRAL, **more}
    return BulkBill(PROVIDER, (BulkBillEvent(PERSON, event, recent(), datetime.now(UTC), **made),))


def patient_claim(charge: int = 22_000, item: str = "80110", paid: bool = True, **more: Any) -> PatientClaim:
    events = (MedicalEvent(recent(), (Service(item, charge, contribution=more.pop("contribution", None)),)),)
    return PatientClaim(PERSON, Claimant(PERSON), PROVIDER, events, paid, recent(), **{"referral": REFERRAL, **more})
