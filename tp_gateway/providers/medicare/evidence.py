"""What staff have found out about a bulk bill (in HPOS, Medicare's own portal; in a letter), and the patient's consent.
The only source of truth where claims are lodged by hand, and the last resort everywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import colander

from tp_gateway.contract import Outcome, Prepared, RefundFact, RefundState, Veto, fields, money
from tp_gateway.providers.medicare.claim import CURRENCY, IS_PAID, NOT_LODGED, BulkBillClaim, State
from tp_gateway.providers.medicare.consent import Assignment, AssignmentSchema
from tp_gateway.providers.medicare.lodging import pending, rejected, waiting
from tp_gateway.providers.medicare.nodes import Choice
from tp_gateway.providers.medicare.parameters import PlainSchema
from tp_gateway.providers.medicare.reports import settled

_A_DAY = 86_400.0
_IS_OVER = (State.REJECTED, State.WITHDRAWN, State.REVERSED)
_CODE = colander.Regex(r"[0-9]{3,4}\Z", "Not a reason or return code of 3 or 4 digits")


class Result(StrEnum):
    LODGED = "lodged"
    """Lodged by hand; `claim_id` is Medicare's."""
    PAID = "paid"
    REJECTED = "rejected"
    NOT_LODGED = "not_lodged"
    """Medicare does not have it, and will not get it."""
    REVERSED = "reversed"
    """Medicare took the whole benefit back."""


class EvidenceFields(PlainSchema):
    """Either a `result` or a `consent`. With `paid`: `benefit`, `paid_on`, and `run` or `payment_reference` as they
    stand on Medicare's statement. With `reversed`: `reopen` makes the service due again."""

    result = colander.SchemaNode(Choice(Result), missing=None)
    consent = AssignmentSchema(zone=ZoneInfo("UTC"), verbal_until=date.max, missing=None)
    claim_id = colander.SchemaNode(
        fields.Text(), missing=None, validator=colander.Regex(r"[A-Za-z0-9@]{1,20}\Z", "Not a claim id such as A0001@")
    )
    benefit = colander.SchemaNode(fields.Amount(), missing=None)
    paid_on = colander.SchemaNode(fields.Day(), missing=None)
    run = colander.SchemaNode(fields.Text(), missing="", validator=colander.Length(max=20))
    payment_reference = colander.SchemaNode(fields.Text(), missing="", validator=colander.Length(max=40))
    code = colander.SchemaNode(fields.Text(), missing=None, validator=_CODE)
    text = colander.SchemaNode(fields.Text(), missing="", validator=colander.Length(max=500))
    reopen = colander.SchemaNode(fields.Flag(), missing=False)

    def validator(self, node: colander.SchemaNode, value: Mapping[str, Any]) -> None:
        invalid, result = colander.Invalid(node), value["result"]
        if (result is None) == (value["consent"] is None):
            invalid["result"] = "Either a result or a consent"
        needed = {Result.LODGED: ("claim_id",), Result.PAID: ("benefit", "paid_on"), Result.REJECTED: ("code",)}
        for name in needed.get(result, ()):
            if value[name] is None:
                invalid[name] = "Required"
        if invalid.children:
            raise invalid


def read(
    claim: BulkBillClaim, reference: str, said: Mapping[str, Any], *, by_hand: bool, until: date, zone: ZoneInfo
) -> Outcome | Prepared | Veto:
    """What it means. `said` is what `EvidenceFields.typed` gave; `by_hand`: staff lodge the claims; `until`: the last
    day to lodge this one."""
    if said["consent"] is not None:
        return _consented(claim, reference, said["consent"], by_hand=by_hand, until=until, zone=zone)
    match said["result"]:
        case Result.LODGED:
            return _lodged(claim, reference, said["claim_id"])
        case Result.PAID:
            return _paid(claim, reference, said)
        case Result.REJECTED:
            return _over(claim, reference, said["code"], said["text"])
        case Result.NOT_LODGED:
            return _not_lodged(claim, reference)
        case _:
            return _reversed(claim, reference, reopen=said["reopen"])


def with_consent(claim: BulkBillClaim, given: Mapping[str, Any], state: State, zone: ZoneInfo) -> BulkBillClaim:
    """`given` is what `AssignmentSchema` read."""
    assignment = Assignment.of(given)
    consent = {name: str(value) for name, value in given.items() if name != "assigned_at"}
    consent["assigned_at"] = assignment.assigned_at.isoformat()
    kept_until = assignment.retain_until(claim.what().day, zone).isoformat()
    return replace(claim, state=state, consent=consent, retain_until=kept_until)


def _consented(
    claim: BulkBillClaim, reference: str, given: Mapping[str, Any], *, by_hand: bool, until: date, zone: ZoneInfo
) -> Outcome | Prepared | Veto:
    if claim.state is not State.AWAITING_CONSENT:
        return _no(claim, "It does not wait for a consent")
    if by_hand:
        return waiting(with_consent(claim, given, State.DRAFT, zone), reference, until)
    return Prepared(reference, state=with_consent(claim, given, State.SUBMITTING, zone).kept())


def _lodged(claim: BulkBillClaim, reference: str, claim_id: str) -> Outcome | Veto:
    if claim.state is State.AWAITING_CONSENT:
        return _no(claim, "Without the patient's consent it may not be lodged")
    if claim.state in _IS_OVER:
        return _no(claim, "Its payment has ended: make a new claim for the service")
    if claim.state in IS_PAID or claim.claim_id not in (None, claim_id):
        return _no(claim, "It has another claim id, or is paid")
    moment = claim.lodged_at or datetime.now(UTC).isoformat()
    there = replace(claim, state=State.WITH_MEDICARE, claim_id=claim_id, lodged_at=moment)
    return pending(there, reference, _A_DAY)


def _paid(claim: BulkBillClaim, reference: str, said: Mapping[str, Any]) -> Outcome | Veto:
    try:
        benefit = money.to_minor_units(said["benefit"], CURRENCY)
    except ValueError as error:
        return Veto("validation_error", str(error), "benefit")
    charge = sum(charge for _, charge in claim.what().items)
    if benefit > charge:
        return Veto("validation_error", f"At most the charge: {money.to_decimal_text(charge, CURRENCY)}", "benefit")
    if claim.state in (State.AWAITING_CONSENT, State.WITHDRAWN, State.REVERSED):
        return _no(claim, "It was never lodged, or was taken back")
    if claim.state in IS_PAID and benefit <= (claim.benefit or 0):
        return _no(claim, "That is recorded already; a benefit that was taken back is reversed")
    run = {
        "number": said["run"],
        "date": said["paid_on"].isoformat(),
        "reference": said["payment_reference"] or None,
        "deposit": None,
    }
    claim_id = said["claim_id"] or claim.claim_id
    return settled(replace(claim, state=State.PAID, benefit=benefit, claim_id=claim_id, run=run), reference)


def _over(claim: BulkBillClaim, reference: str, code: str, text: str) -> Outcome | Veto:
    if claim.state in (*IS_PAID, State.REVERSED, State.WITHDRAWN):
        return _no(claim, "It cannot be rejected any more")
    return rejected(claim, reference, code, text)


def _not_lodged(claim: BulkBillClaim, reference: str) -> Outcome | Veto:
    if claim.state not in (*NOT_LODGED, State.SUBMITTING, State.UNKNOWN):
        return _no(claim, "Medicare has it")
    outcome = rejected(claim, reference, "", "")
    # Should Medicare have it after all, the next claim for the same service finds it by this.
    in_doubt = reference if claim.state in (State.SUBMITTING, State.UNKNOWN) else None
    state = {**(outcome.provider_state or {}), "in_doubt": in_doubt}
    return replace(outcome, provider_code="not_lodged", provider_state=state)


def _reversed(claim: BulkBillClaim, reference: str, *, reopen: bool) -> Outcome | Veto:
    if claim.state not in IS_PAID or not claim.benefit:
        return _no(claim, "Nothing was paid that could be taken back")
    back = RefundFact(f"{reference}:reversed", claim.benefit, RefundState.SUCCEEDED, reopen=reopen)
    paid = settled(claim, reference)
    return replace(paid, refunds=(back,), provider_state=replace(claim, state=State.REVERSED).kept())


def _no(claim: BulkBillClaim, why: str) -> Veto:
    return Veto("not_payable", f"This claim is {claim.state.replace('_', ' ')}. {why}")
