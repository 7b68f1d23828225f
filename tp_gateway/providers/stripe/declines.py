"""Stripe's refusals in the core's words. Patients read "Insufficient funds" or "Card was declined" and nothing finer:
telling a thief that a card is reported stolen is what docs.stripe.com/declines/codes asks not to do."""

from __future__ import annotations

import re
from typing import Any

from tp_gateway.contract import Outcome, OutcomeState, Reason
from tp_gateway.providers.stripe.failure import Failure, Kind

INSUFFICIENT_FUNDS = "Insufficient funds"
CARD_DECLINED = "Card was declined"
INVALID_METHOD = "This card cannot be used. Please enter it again or use another one"
ASKS_FOR_CUSTOMER = "The bank asks for a confirmation of this payment"

# docs.stripe.com/declines/codes and docs.stripe.com/error-codes. What is not listed is CARD_DECLINED.
_REASONS = {
    "insufficient_funds": Reason.INSUFFICIENT_FUNDS,
    "authentication_required": Reason.AUTHENTICATION_REQUIRED,
    "payment_intent_authentication_failure": Reason.AUTHENTICATION_FAILED,
    "setup_intent_authentication_failure": Reason.AUTHENTICATION_FAILED,
}
_BUSY = {"rate_limit", "lock_timeout"}
_METHOD_CODES = {
    "payment_method_already_attached",
    "payment_method_invalid_parameter",
    "payment_method_not_available",
    "payment_method_unactivated",
    "payment_method_unexpected_state",
}
# Stripe gives these no code of their own.
_METHOD_MESSAGES = re.compile(
    r"payment ?method\b.*(may not be used again|already been attached|belongs to|does not belong|must be attached)"
    r"|does not have a payment method",
    re.IGNORECASE | re.DOTALL,
)


def reason_for(error: dict[str, Any]) -> tuple[Reason, str, str]:
    """(reason, Stripe's code, message for the patient) of a `last_payment_error` or `last_setup_error`."""
    failure = Failure(Kind.REFUSED, error=error)
    return _decline(failure.code, failure.decline_code)


def _decline(code: str, decline_code: str) -> tuple[Reason, str, str]:
    reason = _REASONS.get(decline_code) or _REASONS.get(code) or Reason.CARD_DECLINED
    message = INSUFFICIENT_FUNDS if reason is Reason.INSUFFICIENT_FUNDS else CARD_DECLINED
    return reason, decline_code or code, message


def refused(failure: Failure, *, repeat_is_open: bool = True, reference: str | None = None) -> Outcome:
    """What a failed request for something (prepare, execute, refund, save) says about it.

    `repeat_is_open`: an earlier request under the same key may still be running, and may take effect.
    """
    code = failure.decline_code or failure.code or failure.type
    if failure.kind is Kind.NOT_SENT:
        return Outcome(OutcomeState.NOT_SENT, reference, reason=Reason.UNREACHABLE)
    if failure.kind is Kind.UNCLEAR:
        return Outcome(OutcomeState.UNKNOWN, reference, reason=Reason.UNCLEAR)
    if failure.status == 409 or failure.type == "idempotency_error" or failure.code == "idempotency_key_in_use":
        # docs.stripe.com/error-low-level#idempotency: a second request with the key of one that still runs (409), or
        # with other parameters than its first (400). This one had no effect, the first may have.
        if repeat_is_open:
            return Outcome(OutcomeState.UNKNOWN, reference, reason=Reason.BUSY, provider_code=code)
        if failure.status == 409:
            return Outcome(OutcomeState.NOT_SENT, reference, reason=Reason.BUSY, provider_code=code)
    if failure.status == 429 or failure.code in _BUSY:
        # docs.stripe.com/rate-limits: refused before anything ran, lock time-outs included.
        return Outcome(OutcomeState.NOT_SENT, reference, reason=Reason.BUSY, provider_code=code)
    if failure.status == 402 or failure.type == "card_error":
        reason, code, message = _decline(failure.code, failure.decline_code)
        return Outcome(OutcomeState.DECLINED, reference, reason=reason, provider_code=code, message=message)
    if failure.param == "customer" and is_missing(failure):
        return Outcome(OutcomeState.DECLINED, reference, reason=Reason.NO_SUCH_PAYER, provider_code=code)
    if is_about_method(failure):
        return Outcome(
            OutcomeState.DECLINED, reference, reason=Reason.INVALID_METHOD, provider_code=code, message=INVALID_METHOD
        )
    return Outcome(OutcomeState.DECLINED, reference, reason=Reason.REJECTED, provider_code=code)


def unanswered(failure: Failure, reference: str | None) -> Outcome:
    """What a failed question (fetch, close) says about a payment: nothing, so never DECLINED or NOT_SENT."""
    code = failure.code or failure.type
    if failure.kind is Kind.NOT_SENT:
        reason = Reason.UNREACHABLE
    elif failure.kind is Kind.UNCLEAR:
        reason = Reason.UNCLEAR
    elif failure.status in (409, 429) or failure.code in _BUSY:
        reason = Reason.BUSY
    elif is_missing(failure):
        reason = Reason.NO_SUCH_OBJECT
    else:
        reason = Reason.REJECTED
    return Outcome(OutcomeState.UNKNOWN, reference, reason=reason, provider_code=code)


def is_missing(failure: Failure) -> bool:
    return failure.status == 404 or failure.code == "resource_missing"


def is_about_method(failure: Failure) -> bool:
    return (
        failure.code in _METHOD_CODES
        or failure.param == "payment_method"
        or _METHOD_MESSAGES.search(failure.message) is not None
    )
