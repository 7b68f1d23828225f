"""What the service says about an agreement, in the gateway's words. Nobody is called here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from tp_gateway.contract import Outcome, OutcomeState, Reason, RefundFact, RefundState

UNKNOWN = Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR)
ACTION = "approve_in_banking_app"
MESSAGE = "Please approve the payment in your banking app."

_ENDED = {"rejected": Reason.CANCELED, "cancelled": Reason.CANCELED, "expired": Reason.EXPIRED}
_FAILED = {"AM04": Reason.INSUFFICIENT_FUNDS, "AC04": Reason.INVALID_METHOD, "AC06": Reason.INVALID_METHOD}
"""ISO 20022 reason codes of a payment: not enough money, a closed account, a blocked one."""
_REFUNDS = {"pending": RefundState.PENDING, "sent": RefundState.SUCCEEDED, "returned": RefundState.FAILED}


def outcome(found: Mapping[str, Any]) -> Outcome:
    """A body that makes no sense is no answer."""
    try:
        return _read(found)
    except (KeyError, TypeError, ValueError, AttributeError):
        return UNKNOWN


def _read(found: Mapping[str, Any]) -> Outcome:
    state, reference = found["state"], found["id"]
    if not isinstance(reference, str):
        return UNKNOWN
    if state == "draft":
        # The patient's bank was not told. Nothing moved; whoever wants it to stay so has to cancel it.
        return Outcome(OutcomeState.DECLINED, reference)
    if state == "submitted":
        action = {"type": ACTION, "approve_by": found["approve_by"], "message": MESSAGE}
        until = date.fromisoformat(found["approve_by"])
        return Outcome(OutcomeState.NEEDS_ACTION, reference, action=action, waits_until=until)
    if state == "approved":
        return Outcome(OutcomeState.PENDING, reference, check_after=10)
    if state in _ENDED:
        return Outcome(OutcomeState.DECLINED, reference, closed=True, reason=_ENDED[state])
    if state == "failed":
        code = str(found["failure"])
        reason = _FAILED.get(code, Reason.CANCELED)
        return Outcome(OutcomeState.DECLINED, reference, closed=True, reason=reason, provider_code=code)
    return _paid(found, reference) if state == "paid" else UNKNOWN


def _paid(found: Mapping[str, Any], reference: str) -> Outcome:
    payment = found["payment"]
    return Outcome(
        OutcomeState.SUCCEEDED,
        reference,
        settled=_minor_units(payment["amount"]),
        currency=payment["currency"],
        evidence=payment["id"],
        fee=_minor_units(payment["fee"]),
        refunds=tuple(
            RefundFact(one["id"], _minor_units(one["amount"]), _REFUNDS[one["state"]], our_id=one["client_id"])
            for one in found["refunds"]
        ),
    )


def refund_outcome(found: Mapping[str, Any]) -> Outcome:
    """What the service says about one refund."""
    states = {"pending": OutcomeState.PENDING, "sent": OutcomeState.SUCCEEDED, "returned": OutcomeState.DECLINED}
    try:
        state, reference, amount = states[found["state"]], found["id"], _minor_units(found["amount"])
        currency = found["currency"]
    except (KeyError, TypeError, ValueError):
        return UNKNOWN
    if state is OutcomeState.DECLINED:
        return Outcome(state, reference, closed=True, reason=Reason.REJECTED, provider_code="returned")
    return Outcome(state, reference, settled=amount, currency=currency, evidence=reference)


def _minor_units(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("not a whole number of cents")
    return value
