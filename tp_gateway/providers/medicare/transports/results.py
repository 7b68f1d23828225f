"""What comes out of a call of a Medicare transport. Every call ends in its own success, or in one of three others that
must never be mixed up: refused, certainly not sent, unclear."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from tp_gateway.providers.medicare.transports.values import Account, Card, Private


class Severity(StrEnum):
    FATAL = "Fatal"
    ERROR = "Error"
    WARNING = "Warning"
    INFORMATIONAL = "Informational"


@dataclass(frozen=True, slots=True)
class Message:
    """A code of Medicare's with its own sentence, which is shown to people unchanged and kept out of `repr`.
    `severity` is None in an assessment, where there is none."""

    code: str
    text: str = field(repr=False)
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Medicare said no to this request: it had no effect."""

    messages: tuple[Message, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(message.code for message in self.messages)


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request left: it may be sent again, with the same correlation id."""

    why: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """It may have happened: ask by a report, or send the same claim with the same correlation id, never with another.
    `messages` are Medicare's, where it said anything."""

    why: str
    status: int | None = None
    messages: tuple[Message, ...] = ()


Failure = Refused | NotSent | Unclear


@dataclass(frozen=True, slots=True)
class Accepted:
    """A bulk bill is with Medicare. Nothing is assessed yet and nothing is paid."""

    claim_id: str


class ReportStatus(StrEnum):
    """NOT_AVAILABLE: the claim is finished and there is nothing to pay (payment reports only). EXPIRED: lodged more
    than six months ago (docs.rebateright.com.au, bulk-bill-payment-report; one source)."""

    COMPLETE = "COMPLETE"
    NOT_READY = "REPORT_NOT_READY"
    NOT_FOUND = "REPORT_NOT_FOUND"
    EXPIRED = "REPORT_EXPIRED"
    NOT_AVAILABLE = "REPORT_NOT_AVAILABLE"


@dataclass(frozen=True, slots=True)
class AssessedService:
    """`charge` and `benefit` are cents, None where Medicare told none. `item` has no leading zeros. `assessment` is a
    reason code ("250") or a word ("ASSESSED", "ACCEPTABLE_ERROR")."""

    id: str
    item: str
    charge: int | None
    benefit: int | None
    assessment: str | None
    error: Message | None = None


@dataclass(frozen=True, slots=True)
class AssessedEvent:
    """`card` and `status` are what Medicare has about the patient now, where they differ or matter."""

    id: str
    on: date | None
    services: tuple[AssessedService, ...]
    card: Card | None = None
    status: Message | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """One claim as Medicare assessed it. `benefit` is the sum of its services' benefits."""

    claim_id: str
    charge: int | None
    benefit: int
    events: tuple[AssessedEvent, ...]
    error: Message | None = None


@dataclass(frozen=True, slots=True)
class ProcessingReport:
    """`assessment` with COMPLETE and only then."""

    status: ReportStatus
    assessment: Assessment | None = None


@dataclass(frozen=True, slots=True)
class PaidClaim:
    """`transaction_id` is the claim's correlation id without its `urn:uuid:`."""

    claim_id: str
    benefit: int
    charge: int | None = None
    transaction_id: str | None = None
    lodged_on: date | None = None
    account_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Deposit:
    """One payment into a provider's account, for every claim of one payment run. `amount` is the sum of `claims`."""

    run_number: str
    run_date: date
    amount: int
    claims: tuple[PaidClaim, ...]
    account: Account
    payment_reference: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentReport:
    """`deposit` with COMPLETE and only then."""

    status: ReportStatus
    deposit: Deposit | None = None


class ClaimStatus(StrEnum):
    """PENDABLE: not lodged; somebody must decide within 60 minutes, by sending it again with the same correlation id.
    PENDED: with an operator; no further status ever arrives."""

    ASSESSED = "MEDICARE_ASSESSED"
    PENDABLE = "MEDICARE_PENDABLE"
    PENDED = "MEDICARE_PENDED"
    REJECTED = "MEDICARE_REJECTED"


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """The answer to an interactive patient claim."""

    status: ClaimStatus
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class Deleted:
    """The claim is taken back."""


@dataclass(frozen=True, slots=True, repr=False)
class Verified(Private):
    """What Medicare says about a person: `status` with code "0" is a match. `card`, `family_name` and `given_name` are
    told where Medicare has others."""

    status: Message
    card: Card | None = None
    family_name: str | None = None
    given_name: str | None = None
    processed_on: date | None = None

    @property
    def eligible(self) -> bool:
        return self.status.code == "0"
