"""What became of a claim that is, or may be, with Medicare: asked by its reports, the processing report first, the
payment report once there is something to pay."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from tp_gateway.contract import (
    Outcome,
    OutcomeState,
    Reason,
    Remittance,
    RemittanceItem,
    RemittanceKind,
    RemittanceState,
    money,
)
from tp_gateway.providers.medicare.claim import CURRENCY, BulkBillClaim, State
from tp_gateway.providers.medicare.codes import CodeClass, classify, is_duplicate
from tp_gateway.providers.medicare.lodging import duplicate, pending, rejected, unknown
from tp_gateway.providers.medicare.transports import (
    Failure,
    PaymentReport,
    ProcessingReport,
    Refused,
    ReportStatus,
    Transport,
    Unclear,
)
from tp_gateway.providers.medicare.transports.results import Assessment, Deposit, Message, PaidClaim
from tp_gateway.providers.medicare.transports.values import ReportQuery

_NONSENSE = Message("nonsense", "")
_MINUTES, _HOUR, _DAY = 600.0, 3600.0, 86_400.0
_KNOWN_BY_NOW = timedelta(days=2)
"""A claim that has arrived has a report by then (our reading: usually it takes a night)."""


class Reports:
    """`payee` is the clinic's, None where each practitioner's own number is paid."""

    def __init__(self, transport: Transport, payee: str | None) -> None:
        self._transport, self._payee = transport, payee

    def ask(self, claim: BulkBillClaim, reference: str, deadline: float, now: datetime) -> Outcome:
        query = ReportQuery(self._payee or claim.what().provider_number, claim.claim_id)
        under = claim.asked_as or reference
        report = self._transport.processing_report(query, under, deadline)
        if not isinstance(report, ProcessingReport):
            return _unanswered(claim, reference, report)
        if report.assessment is None:
            return _without_assessment(claim, reference, report.status, now)
        if not _is_about(claim, report.assessment):
            return unknown(claim, reference, _NONSENSE)
        assessed = _assessed(claim, report.assessment)
        if _is_open(report.assessment):
            return pending(replace(assessed, state=State.WITH_MEDICARE), reference, _later(claim, now))
        if assessed.benefit == 0 and _is_final(assessed.code):
            return rejected(assessed, reference, assessed.code, assessed.text)
        paid = self._transport.payment_report(query, under, deadline)
        if not isinstance(paid, PaymentReport):
            return pending(assessed, reference, None)
        if paid.deposit is not None:
            return _paid(assessed, reference, under, report.assessment, paid.deposit, query.payee_number)
        if paid.status is ReportStatus.NOT_AVAILABLE and assessed.benefit == 0:
            return rejected(assessed, reference, assessed.code, assessed.text)
        return pending(assessed, reference, _later(claim, now))


def settled(claim: BulkBillClaim, reference: str) -> Outcome:
    """A claim that was paid, as it is kept. The evidence names the sum, because a later run may pay more of it."""
    run = claim.run or {}
    return Outcome(
        OutcomeState.SUCCEEDED,
        reference,
        settled=claim.benefit,
        currency=CURRENCY,
        evidence=f"{reference}:{claim.benefit}",
        transaction=run.get("reference") or run.get("number") or None,
        provider_state=claim.kept(),
    )


def _unanswered(claim: BulkBillClaim, reference: str, failure: Failure) -> Outcome:
    """Nothing new is known of the claim."""
    messages = failure.messages if isinstance(failure, Refused | Unclear) else ()
    code = messages[0].code if messages else "not_sent"
    return Outcome(OutcomeState.UNKNOWN, reference, reason=Reason.UNREACHABLE, provider_code=code)


def _without_assessment(claim: BulkBillClaim, reference: str, status: ReportStatus, now: datetime) -> Outcome:
    if status is ReportStatus.NOT_READY:
        return pending(replace(claim, state=State.WITH_MEDICARE), reference, _later(claim, now))
    if status is ReportStatus.NOT_FOUND and claim.claim_id is None and claim.asked_as is None:
        if is_duplicate(claim.code) and now - datetime.fromisoformat(claim.made_at) > _KNOWN_BY_NOW:
            return duplicate(claim, reference, claim.code, claim.text)  # a repeat was refused, and the first never came
        return unknown(claim, reference, reason=Reason.NO_SUCH_OBJECT)
    # Medicare had it and does not tell any more (reports are kept for six months): staff have to look.
    return pending(replace(claim, code=str(status)), reference, _DAY)


def _is_about(claim: BulkBillClaim, found: Assessment) -> bool:
    """Claim ids are short and come round again, and an aggregator stands in between: what the report tells of day,
    items and charges is this claim's. The claim that an earlier one turned out to be may have charged otherwise."""
    what, ours = claim.what(), claim.what().items
    told = [(one.item, one.charge) for event in found.events for one in event.services]
    if any(event.on not in (None, what.day) for event in found.events):
        return False
    if claim.asked_as is not None:
        return not told or bool({item for item, _ in told} & {item for item, _ in ours})
    too_many = Counter(item for item, _ in told) - Counter(item for item, _ in ours)
    return not too_many and all(charge is None or (item, charge) in ours for item, charge in told)


def _assessed(claim: BulkBillClaim, found: Assessment) -> BulkBillClaim:
    said = _said(found)
    return replace(
        claim,
        state=State.ASSESSED,
        claim_id=found.claim_id,
        benefit=found.benefit,
        code=said.code if said else "",
        text=said.text if said else "",
    )


def _said(found: Assessment) -> Message | None:
    """Medicare's first reason, of the whole claim or of a service."""
    if found.error is not None:
        return found.error
    errors = (service.error for event in found.events for service in event.services)
    return next((error for error in errors if error is not None), None)


def _is_open(found: Assessment) -> bool:
    """Nothing is to be paid yet, because somebody there still works on it."""
    said = _said(found)
    return found.benefit == 0 and said is not None and classify(said.code) is CodeClass.PENDING


def _is_final(code: str) -> bool:
    return classify(code) in (CodeClass.FIX, CodeClass.FINAL)


def _paid(claim: BulkBillClaim, reference: str, under: str, found: Assessment, deposit: Deposit, payee: str) -> Outcome:
    mine = next((one for one in deposit.claims if _is(one, claim, under)), None)
    if mine is None or not 0 < mine.benefit <= sum(charge for _, charge in claim.what().items):
        return unknown(claim, reference, _NONSENSE)
    services = [service for event in found.events for service in event.services]
    some = any(service.benefit == 0 for service in services)
    run = {
        "number": deposit.run_number,
        "date": deposit.run_date.isoformat(),
        "reference": deposit.payment_reference,
        "deposit": money.to_decimal_text(deposit.amount, CURRENCY),
    }
    state = State.PARTLY_PAID if some else State.PAID
    paid = settled(replace(claim, state=state, benefit=mine.benefit, run=run), reference)
    return replace(paid, remittance=_remittance(deposit, mine, reference, payee))


def _remittance(deposit: Deposit, mine: PaidClaim, reference: str, payee: str) -> Remittance:
    """The run as one sum on the clinic's account, with every claim in it; the others find their payments when they are
    settled themselves. One run pays several payees, each a sum of its own."""
    items = tuple(
        RemittanceItem(
            one.transaction_id or one.claim_id,
            RemittanceKind.PAYMENT,
            amount=one.benefit,
            fee=0,
            net=one.benefit,
            reference=reference if one is mine else None,
        )
        for one in deposit.claims
        if one.benefit
    )
    run = f"{deposit.run_date.isoformat()}:{deposit.run_number}:{payee}"
    return Remittance(
        deposit.payment_reference or run, deposit.amount, CURRENCY, deposit.run_date, RemittanceState.PAID, items=items
    )


def _is(one: PaidClaim, claim: BulkBillClaim, under: str) -> bool:
    if one.transaction_id is not None:
        return one.transaction_id == under.removeprefix("urn:uuid:")
    return one.claim_id == claim.claim_id


def _later(claim: BulkBillClaim, now: datetime) -> float:
    """Minutes at first, then hours: Medicare usually takes a night, sometimes days."""
    if claim.lodged_at is None:
        return _MINUTES
    age = (now - datetime.fromisoformat(claim.lodged_at)).total_seconds()
    return _MINUTES if age < _HOUR else _HOUR if age < _DAY else 6 * _HOUR
