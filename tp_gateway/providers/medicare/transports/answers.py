"""The one reader of Medicare's answers. A 200 that makes sense is a result, a 400 with Medicare's own list of messages
is a refusal, and whatever else comes is unclear: it never guesses in favour of either."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tp_gateway.providers.medicare.transports import fields
from tp_gateway.providers.medicare.transports.assessments import assessment, card
from tp_gateway.providers.medicare.transports.fields import Json, Nonsense
from tp_gateway.providers.medicare.transports.results import (
    Accepted,
    ClaimResult,
    ClaimStatus,
    Deleted,
    Deposit,
    PaidClaim,
    PaymentReport,
    ProcessingReport,
    Refused,
    ReportStatus,
    Unclear,
    Verified,
)
from tp_gateway.providers.medicare.transports.values import Account

T = TypeVar("T")
LEAVES_IT_OPEN = frozenset({"1999", "3001", "3003", "3004", "3039", "3999"})
"""Communication failed, or Medicare cannot say: the claim may be there (servicesaustralia.gov.au, Medicare Online and
ECLIPSE return codes)."""
USED_BEFORE = "9777"
"""This correlation id was used before: says nothing of what became of that claim, and it may be our own."""


def read(status: int, body: bytes, meaning: Callable[[Json], T]) -> T | Refused | Unclear:
    """`meaning` reads the object of a 200."""
    try:
        if status == 200:
            return meaning(fields.document(body))
        if status != 400:
            return Unclear("status", status)
        messages = fields.service_messages(fields.document(body))
    except Nonsense as error:
        return Unclear(f"nonsense: {error}", status)
    if any(message.code in LEAVES_IT_OPEN for message in messages):
        return Unclear("Medicare does not know", status, messages)
    return Refused(messages)


def submitted(status: int, body: bytes, meaning: Callable[[Json], T]) -> T | Refused | Unclear:
    """As `read`, for a call that lodges something: a correlation id that was used before leaves it open."""
    found = read(status, body, meaning)
    if isinstance(found, Refused) and USED_BEFORE in found.codes:
        return Unclear("the correlation id was used before", status, found.messages)
    return found


def bulk_bill(correlation_id: str) -> Callable[[Json], Accepted]:
    def meaning(answer: Json) -> Accepted:
        _is_success(answer)
        _is_ours(answer, correlation_id)
        return Accepted(_claim_id(answer))

    return meaning


def patient_claim(correlation_id: str) -> Callable[[Json], ClaimResult]:
    def meaning(answer: Json) -> ClaimResult:
        _is_ours(answer, correlation_id)
        status = _one_of(ClaimStatus, answer)
        found = assessment(fields.inner(answer, "claimAssessment"))
        if status is not ClaimStatus.ASSESSED and found.benefit:
            raise Nonsense("benefitPaid")
        return ClaimResult(status, found)

    return meaning


def processing_report(claim_id: str | None) -> Callable[[Json], ProcessingReport]:
    def meaning(answer: Json) -> ProcessingReport:
        status = _one_of(ReportStatus, answer)
        if status is not ReportStatus.COMPLETE:
            return ProcessingReport(status)
        found = assessment(fields.inner(answer, "claimAssessment"))
        if claim_id not in (None, found.claim_id):
            raise Nonsense("claimId")
        return ProcessingReport(status, found)

    return meaning


def payment_report(claim_id: str | None) -> Callable[[Json], PaymentReport]:
    def meaning(answer: Json) -> PaymentReport:
        status = _one_of(ReportStatus, answer)
        if status is not ReportStatus.COMPLETE:
            return PaymentReport(status)
        deposit = _deposit(answer)
        if claim_id is not None and claim_id not in {claim.claim_id for claim in deposit.claims}:
            raise Nonsense("claimId")
        return PaymentReport(status, deposit)

    return meaning


def deleted(answer: Json) -> Deleted:
    _is_success(answer)
    return Deleted()


def verified(answer: Json) -> Verified:
    status = fields.inner(answer, "medicareStatus")
    member = fields.optional(fields.inner, status, "currentMember") or {}
    return Verified(
        fields.note(status, "status"),
        card(status),
        fields.optional(fields.text, member, "familyName"),
        fields.optional(fields.text, member, "givenName"),
        fields.optional(fields.day, status, "processDate"),
    )


def _deposit(answer: Json) -> Deposit:
    run, paid = fields.inner(answer, "paymentRun"), fields.inner(answer, "paymentInfo")
    claims = tuple(
        PaidClaim(
            _claim_id(one),
            fields.cents(one, "benefit"),
            fields.optional(fields.cents, one, "chargeAmount"),
            fields.optional(fields.code, one, "transactionId"),
            fields.optional(fields.day, one, "lodgementDate"),
            fields.optional(fields.text, one, "accountReferenceId"),
        )
        for one in fields.several(answer, "claimSummary")
    )
    amount = fields.cents(paid, "depositAmount")
    if amount != sum(claim.benefit for claim in claims):
        raise Nonsense("depositAmount")
    if len({claim.transaction_id or claim.claim_id for claim in claims}) < len(claims):
        raise Nonsense("claimSummary")
    account = fields.inner(paid, "accountInfo")
    return Deposit(
        fields.code(run, "runNumber"),
        fields.day(run, "runDate"),
        amount,
        claims,
        Account(*(fields.text(account, name, 40) for name in ("accountName", "accountNumber", "bsbCode"))),
        fields.optional(fields.text, paid, "paymentReference"),
    )


def _claim_id(holder: Json) -> str:
    return fields.text(holder, "claimId", 6)


def _is_success(answer: Json) -> None:
    if answer.get("status") != "SUCCESS":
        raise Nonsense("status")


def _is_ours(answer: Json, correlation_id: str) -> None:
    """The aggregator echoes the id; Services Australia does not."""
    if answer.get("correlationId", correlation_id) != correlation_id:
        raise Nonsense("correlationId")


def _one_of(kind: Callable[[str], T], answer: Json) -> T:
    try:
        return kind(fields.text(answer, "status"))
    except ValueError:
        raise Nonsense("status") from None
