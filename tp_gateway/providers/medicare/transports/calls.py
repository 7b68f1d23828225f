"""The six calls over any channel that takes the public bodies: it makes the body, hands it to `_post`, and has the
answer read. What a channel adds (headers, a token, where the correlation id goes) is its own."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tp_gateway.providers.medicare.transports import answers, bodies
from tp_gateway.providers.medicare.transports.exchange import Reply
from tp_gateway.providers.medicare.transports.fields import Json
from tp_gateway.providers.medicare.transports.protocol import CORRELATION_ID
from tp_gateway.providers.medicare.transports.results import (
    Accepted,
    ClaimResult,
    Deleted,
    Failure,
    NotSent,
    PaymentReport,
    ProcessingReport,
    Refused,
    Unclear,
    Verified,
)
from tp_gateway.providers.medicare.transports.values import (
    BulkBill,
    Card,
    DeleteReason,
    PatientClaim,
    Person,
    ReportQuery,
    ServiceKind,
    Verification,
)

T = TypeVar("T")
Read = Callable[[int, bytes, Callable[[Json], T]], T | Refused | Unclear]
_KINDS = {ServiceKind.GENERAL: "general", ServiceKind.SPECIALIST: "specialist"}


class Calls(ABC):
    """Implements `Transport`."""

    def __init__(self, minor_id: str) -> None:
        self._minor_id = minor_id

    @abstractmethod
    def _post(
        self, function: str, body: Mapping[str, Any], correlation_id: str, subject: Card | None, deadline: float
    ) -> Reply | NotSent | Unclear:
        """`function` is the path below the channel's own, such as `/samedaydelete/v1`; `subject` whom it is about."""

    def verify_patient(self, verification: Verification, correlation_id: str, deadline: float) -> Verified | Failure:
        body, card = bodies.verification(verification), verification.patient.card
        return self._call("/patientverification/v1", body, correlation_id, card, deadline, answers.verified)

    def submit_bulk_bill(self, claim: BulkBill, correlation_id: str, deadline: float) -> Accepted | Failure:
        function = f"/bulkbillstoreforward/{_KINDS[claim.kind]}/v1"
        body, card = bodies.bulk_bill(claim), claim.events[0].patient.card
        meaning = answers.bulk_bill(correlation_id)
        return self._call(function, body, correlation_id, card, deadline, meaning, answers.submitted)

    def submit_patient_claim(self, claim: PatientClaim, correlation_id: str, deadline: float) -> ClaimResult | Failure:
        function = f"/patientclaiminteractive/{_KINDS[claim.kind]}/v1"
        body, card = bodies.patient_claim(claim), claim.patient.card
        meaning = answers.patient_claim(correlation_id)
        return self._call(function, body, correlation_id, card, deadline, meaning, answers.submitted)

    def processing_report(self, query: ReportQuery, correlation_id: str, deadline: float) -> ProcessingReport | Failure:
        meaning = answers.processing_report(query.claim_id)
        return self._call("/bulkbillprocessingreport/v1", bodies.report(query), correlation_id, None, deadline, meaning)

    def payment_report(self, query: ReportQuery, correlation_id: str, deadline: float) -> PaymentReport | Failure:
        meaning = answers.payment_report(query.claim_id)
        return self._call("/bulkbillpaymentreport/v1", bodies.report(query), correlation_id, None, deadline, meaning)

    def delete_same_day(
        self, patient: Person, reason: DeleteReason, correlation_id: str, deadline: float
    ) -> Deleted | Failure:
        body = bodies.same_day_delete(patient, reason)
        return self._call("/samedaydelete/v1", body, correlation_id, patient.card, deadline, answers.deleted)

    def _call(
        self,
        function: str,
        body: Mapping[str, Any],
        correlation_id: str,
        subject: Card | None,
        deadline: float,
        meaning: Callable[[Json], T],
        read: Read[T] = answers.read,
    ) -> T | Failure:
        if not CORRELATION_ID.fullmatch(correlation_id) or correlation_id[9:17] != self._minor_id:
            return NotSent("the correlation id is not of this location")
        reply = self._post(function, body, correlation_id, subject, deadline)
        return read(reply.status, reply.body, meaning) if isinstance(reply, Reply) else reply


def encoded(body: Mapping[str, Any]) -> bytes:
    """ASCII, so that no text in it can fail to be encoded and turn up in an error."""
    return json.dumps(body).encode("ascii")
