"""What goes into a call of a Medicare transport: frozen values, amounts in integer cents. They do no I/O, and none of
them shows a name, a card or an account in its `repr`.

The shapes are the public ones (docs.rebateright.com.au, "Bulk Bill Claim" and "Interactive Patient Claim"; the public
clients of Services Australia's web services agree with them). The full field rules are not public.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

MOST_EVENTS, MOST_SERVICES = 80, 14
"""Of a bulk bill, and of each of its events (docs.rebateright.com.au; one source)."""
MOST_CLAIM_EVENTS, MOST_CLAIM_SERVICES = 16, 16
"""Of an interactive patient claim: events, and services in all (the same source)."""
MOST_CENTS = 999_999_999
"""`chargeAmount` has one to nine digits."""

_CARD = re.compile(r"[0-9]{11}", re.ASCII)


class Private:
    """No `repr` of a subclass may reach a log with what it holds."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class ServiceKind(StrEnum):
    """`serviceTypeCode`, which also decides the path. A referred allied health service is SPECIALIST
    (docs.rebateright.com.au, bulk-bill-claim-specialist; one source)."""

    GENERAL = "O"
    SPECIALIST = "S"


@dataclass(frozen=True, slots=True, repr=False)
class Card(Private):
    """`number` is the 10 digits of a Medicare card, `reference` the person's digit on it (IRN)."""

    number: str
    reference: str

    def __post_init__(self) -> None:
        if not _CARD.fullmatch(self.number + self.reference) or len(self.number) != 10:
            raise ValueError("a card has 10 digits and the person's one")


@dataclass(frozen=True, slots=True, repr=False)
class Person(Private):
    """A person as on the card. `sex` is one letter, `second_initial` too."""

    family_name: str
    given_name: str
    born: date
    card: Card
    sex: str | None = None
    second_initial: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Referral(Private):
    """`period_code` S standard, N non-standard with `period` in months, I indefinite; `kind` S: specialist and allied
    health."""

    provider_number: str
    issued: date
    period_code: str = "S"
    period: int | None = None
    kind: str = "S"


@dataclass(frozen=True, slots=True)
class Service:
    """One item. `charge` and `contribution` (what the patient has paid towards it) are cents, `minutes` its duration.
    `duplicate` says that a second such service on one day is meant."""

    item: str
    charge: int
    minutes: int | None = None
    patients_seen: int | None = None
    text: str | None = None
    duplicate: bool = False
    contribution: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.charge <= MOST_CENTS:
            raise ValueError("a charge is 0 to 999999999 cents")
        if self.contribution is not None and not 0 < self.contribution < self.charge:
            raise ValueError("what the patient contributes is more than nothing and less than the charge")


@dataclass(frozen=True, slots=True)
class MedicalEvent:
    """The services of one attendance; `at` is needed when there are several on one day."""

    on: date
    services: tuple[Service, ...]
    at: time | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.services) <= MOST_SERVICES:
            raise ValueError(f"an event has 1 to {MOST_SERVICES} services")


@dataclass(frozen=True, slots=True, repr=False)
class BulkBillEvent(Private):
    """An attendance of one patient. `authorised_on` is when the benefit was assigned, `created_at` (aware) when the
    record was made. Either `referral` or `referral_override` (H hospital, L lost, E emergency, N not required)."""

    patient: Person
    event: MedicalEvent
    authorised_on: date
    created_at: datetime
    referral: Referral | None = None
    referral_override: str | None = None

    def __post_init__(self) -> None:
        _not_both(self.referral, self.referral_override)
        if self.created_at.tzinfo is None:
            raise ValueError("created_at is an aware moment")


@dataclass(frozen=True, slots=True, repr=False)
class BulkBill(Private):
    """`payee_number` only if the benefit goes to another provider than the one who gave the service."""

    provider_number: str
    events: tuple[BulkBillEvent, ...]
    payee_number: str | None = None
    kind: ServiceKind = ServiceKind.SPECIALIST

    def __post_init__(self) -> None:
        if not 1 <= len(self.events) <= MOST_EVENTS:
            raise ValueError(f"a bulk bill has 1 to {MOST_EVENTS} events")


@dataclass(frozen=True, slots=True, repr=False)
class Account(Private):
    """A bank account; the number is masked where Medicare tells it."""

    name: str
    number: str
    bsb: str


@dataclass(frozen=True, slots=True, repr=False)
class Address(Private):
    line_one: str
    locality: str
    postcode: str
    line_two: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Claimant(Private):
    """Who incurred the expense; may differ from the patient. Without `account`, Medicare pays into the one it knows."""

    person: Person
    account: Account | None = None
    address: Address | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PatientClaim(Private):
    """A claim whose benefit goes to the claimant; it never pays an invoice. `paid`: the whole charge was paid to the
    clinic. `account_reference` (at most 11 letters and digits) appears on Medicare's statement."""

    patient: Person
    claimant: Claimant
    provider_number: str
    events: tuple[MedicalEvent, ...]
    paid: bool
    authorised_on: date
    payee_number: str | None = None
    referral: Referral | None = None
    referral_override: str | None = None
    account_reference: str | None = None
    kind: ServiceKind = ServiceKind.SPECIALIST

    def __post_init__(self) -> None:
        _not_both(self.referral, self.referral_override)
        services = [service for event in self.events for service in event.services]
        if not 1 <= len(self.events) <= MOST_CLAIM_EVENTS or len(services) > MOST_CLAIM_SERVICES:
            raise ValueError(f"a claim has 1 to {MOST_CLAIM_EVENTS} events, {MOST_CLAIM_SERVICES} services in all")
        if self.paid and any(service.contribution is not None for service in services):
            raise ValueError("a claim that is fully paid has no contributions")


@dataclass(frozen=True, slots=True, repr=False)
class ReportQuery(Private):
    """Which report: by the claim's own correlation id, and by its claim id where that is known. `payee_number` is the
    payee of the claim, or its provider where it named no payee."""

    payee_number: str
    claim_id: str | None = None


class DeleteReason(StrEnum):
    """Why a claim of today is taken back (docs.rebateright.com.au, same-day-delete; one source)."""

    PATIENT = "001"
    PROVIDER = "002"
    DATE = "003"
    ITEM = "004"
    TEXT = "005"
    PAYMENT_TYPE = "006"
    OTHER = "007"


@dataclass(frozen=True, slots=True, repr=False)
class Verification(Private):
    """Is this person entitled to Medicare, on this day (None: today)?"""

    patient: Person
    on: date | None = None


def _not_both(referral: Referral | None, override: str | None) -> None:
    if referral is not None and override is not None:
        raise ValueError("a referral, or an override code, not both")
