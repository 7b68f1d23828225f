"""What is believed of a provider's answer: only what is possible. Nothing here decides what an answer means."""

from __future__ import annotations

from typing import Any

from tp_gateway.contract import Observation, OutcomeState, RefundFact, RefundState
from tp_gateway.fields import is_storable
from tp_gateway.money import MAX_MINOR_UNITS, is_currency


def impossible(outcome: Any) -> str:
    """Why an outcome cannot be believed: amounts are positive integers, success names money, currency and evidence."""
    if not isinstance(outcome.state, OutcomeState):
        return "no OutcomeState"
    if outcome.reference is not None and not is_reference(outcome.reference):
        return "a reference that cannot be one"
    if outcome.state is OutcomeState.SUCCEEDED:
        if not _is_amount(outcome.settled) or not (isinstance(outcome.currency, str) and is_currency(outcome.currency)):
            return "success without an amount and a currency"
        if not is_reference(outcome.reference) or not is_reference(outcome.evidence):
            return "success without a reference and evidence"
    if outcome.fee not in (None, 0) and not _is_amount(outcome.fee):
        return "a fee that is no amount"
    if not isinstance(outcome.refunds, tuple) or not all(map(_is_refund, outcome.refunds)):
        return "refunds that cannot be"
    return ""


def can_be_kept(seen: Observation) -> bool:
    texts = (seen.event_id, seen.kind, seen.reference, seen.payer, seen.note, *seen.labels, *seen.labels.values())
    aware = seen.occurred_at is None or seen.occurred_at.tzinfo is not None
    return aware and all(text is None or (isinstance(text, str) and is_storable(text)) for text in texts)


def is_reference(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


def _is_amount(value: Any) -> bool:
    return type(value) is int and 0 < value <= MAX_MINOR_UNITS


def _is_refund(fact: Any) -> bool:
    return (
        isinstance(fact, RefundFact)
        and isinstance(fact.state, RefundState)
        and _is_amount(fact.amount)
        and is_reference(fact.reference)
    )
