"""What a Medicare transport is: six calls. It knows no invoices and no payments, and it never decides what a code
means for money."""

from __future__ import annotations

import re
import secrets
from typing import Protocol

from tp_gateway.providers.medicare.transports.results import (
    Accepted,
    ClaimResult,
    Deleted,
    Failure,
    PaymentReport,
    ProcessingReport,
    Verified,
)
from tp_gateway.providers.medicare.transports.values import (
    BulkBill,
    DeleteReason,
    PatientClaim,
    Person,
    ReportQuery,
    Verification,
)

MINOR_ID = re.compile(r"[A-Z0-9]{8}", re.ASCII)
CORRELATION_ID = re.compile(r"urn:uuid:[A-Z0-9]{8}[0-9a-f]{16}", re.ASCII)


def new_correlation_id(minor_id: str) -> str:
    """`urn:uuid:`, the location's Minor ID and 16 hexadecimal digits: a claim's identity at Medicare. Make it, and
    store it, before the claim is sent. Raises `ValueError` when `minor_id` is not 8 capital letters and digits."""
    if not MINOR_ID.fullmatch(minor_id):
        raise ValueError("a Minor ID is 8 capital letters and digits")
    return f"urn:uuid:{minor_id}{secrets.token_hex(8)}"


class Transport(Protocol):
    """Safe for threads. `deadline` is seconds on `time.monotonic()`'s clock.

    `correlation_id` is the claim's own: reports and same day delete ask by the id with which the claim was sent, so
    that a claim whose answer was lost can be found without its claim id.
    """

    def verify_patient(
        self, verification: Verification, correlation_id: str, deadline: float
    ) -> Verified | Failure: ...

    def submit_bulk_bill(self, claim: BulkBill, correlation_id: str, deadline: float) -> Accepted | Failure: ...

    def submit_patient_claim(
        self, claim: PatientClaim, correlation_id: str, deadline: float
    ) -> ClaimResult | Failure: ...

    def processing_report(
        self, query: ReportQuery, correlation_id: str, deadline: float
    ) -> ProcessingReport | Failure: ...

    def payment_report(self, query: ReportQuery, correlation_id: str, deadline: float) -> PaymentReport | Failure: ...

    def delete_same_day(
        self, patient: Person, reason: DeleteReason, correlation_id: str, deadline: float
    ) -> Deleted | Failure: ...
