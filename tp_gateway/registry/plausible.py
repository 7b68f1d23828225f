"""What is believed of a provider's answer: only what is possible. Nothing here decides what an answer means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from tp_gateway.contract import (
    DisputeFact,
    DisputeMovement,
    DisputeStatus,
    Observation,
    OutcomeState,
    RebateState,
    RefundFact,
    RefundState,
    Remittance,
    RemittanceItem,
    RemittanceKind,
    RemittanceState,
    StatementLine,
)
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
    if outcome.state is OutcomeState.AUTHORIZED:
        known = isinstance(outcome.currency, str) and is_currency(outcome.currency) and is_reference(outcome.reference)
        if not _is_amount(outcome.authorized) or not known:
            return "a hold without an amount, a currency and a reference"
    if outcome.capture_before is not None and not _is_moment(outcome.capture_before):
        return "a capture_before that is no moment"
    if outcome.fee not in (None, 0) and not _is_amount(outcome.fee):
        return "a fee that is no amount"
    if outcome.remittance is not None and impossible_remittance(outcome.remittance):
        return impossible_remittance(outcome.remittance)
    if not isinstance(outcome.refunds, tuple) or not all(map(_is_refund, outcome.refunds)):
        return "refunds that cannot be"
    if not _is_state(outcome.provider_state):
        return "a state that cannot be kept"
    return ""


def impossible_rebate(fact: Any) -> str:
    """Why a rebate claim's fact cannot be believed."""
    if not isinstance(fact.state, RebateState):
        return "no RebateState"
    if fact.decide_before is not None and not _is_moment(fact.decide_before):
        return "a decide_before that is no moment"
    if fact.state is RebateState.PENDABLE and fact.decide_before is None:
        return "pendable without a time to decide"
    if not isinstance(fact.code, str) or not is_storable(fact.code):
        return "a code that cannot be kept"
    return "" if _is_state(fact.provider_state) else "a state that cannot be kept"


def impossible_dispute(fact: DisputeFact) -> str:
    """Why a dispute cannot be believed: its texts must fit the store, its amounts be whole and its moments aware."""
    if not isinstance(fact.status, DisputeStatus) or not is_reference(fact.reference):
        return "a dispute without a status and a reference"
    if not _is_amount(fact.amount) or not (isinstance(fact.currency, str) and is_currency(fact.currency)):
        return "a dispute without an amount and a currency"
    if not _is_moment(fact.opened_at) or not (fact.evidence_due_by is None or _is_moment(fact.evidence_due_by)):
        return "a dispute with a moment that is none"
    texts = (fact.reason, fact.payment_reference or "", *fact.labels, *fact.labels.values())
    if not all(isinstance(text, str) and is_storable(text) for text in texts):
        return "a dispute with a text that cannot be kept"
    if not isinstance(fact.movements, tuple) or not all(map(_is_movement, fact.movements)):
        return "a dispute with movements that cannot be"
    return ""


def impossible_remittance(told: Any) -> str:
    """Why a remittance cannot be believed: whole amounts that are right by themselves, a day, texts that fit the store,
    and each item once. Whether the items come to the amount is not asked here."""
    if not isinstance(told, Remittance) or not isinstance(told.state, RemittanceState):
        return "no Remittance with a state"
    if not _is_text(told.reference) or not (isinstance(told.currency, str) and is_currency(told.currency)):
        return "a remittance without a reference and a currency"
    if not _is_minor_units(told.amount) or type(told.arrives_on) is not date:
        return "a remittance without an amount and a day"
    if not (isinstance(told.statement_text, str) and len(told.statement_text) <= 255):
        return "a remittance with a statement_text that is none"
    if not is_storable(told.statement_text):
        return "a remittance with a text that cannot be kept"
    if not isinstance(told.items, tuple) or not all(map(_is_item, told.items)):
        return "a remittance with items that cannot be"
    if len({item.transaction for item in told.items}) != len(told.items):
        return "a remittance with an item twice"
    return ""


_LONGEST_TEXT = 1 << 17
_LONGEST_NAME = 255
_LARGEST_LINE = 2**31 - 1


def impossible_line(line: Any) -> str:
    """Why a line of a statement cannot be believed. Asked two million times for a long file, so all its texts are
    looked at in one go."""
    if type(line) is not StatementLine or type(line.line) is not int or not 0 < line.line <= _LARGEST_LINE:
        return "a line that is none"
    if type(line.booked_on) is not date:
        return "a line without a day"
    if type(line.amount) is not int or not -MAX_MINOR_UNITS <= line.amount <= MAX_MINOR_UNITS:
        return "an amount that cannot be"
    if line.balance is not None and (type(line.balance) is not int or not -(2**63) <= line.balance < 2**63):
        return "a balance that cannot be"
    try:
        texts = line.description + line.reference + line.payer + line.account + line.bank_id + line.currency
    except TypeError:
        return "a text that is none"
    if type(texts) is not str or "\0" in texts or not (texts.isascii() or is_storable(texts)):
        return "a text that cannot be kept"
    if len(texts) > _LONGEST_TEXT or len(line.account) > _LONGEST_NAME or len(line.bank_id) > _LONGEST_NAME:
        return "a text that is too long"
    return "" if is_currency(line.currency) else "a currency that is not known"


def can_be_kept(seen: Observation) -> bool:
    texts = (seen.event_id, seen.kind, seen.reference, seen.payer, seen.note, *seen.labels, *seen.labels.values())
    aware = seen.occurred_at is None or seen.occurred_at.tzinfo is not None
    return aware and all(text is None or (isinstance(text, str) and is_storable(text)) for text in texts)


def is_reference(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


def _is_amount(value: Any) -> bool:
    return type(value) is int and 0 < value <= MAX_MINOR_UNITS


def _is_state(value: Any) -> bool:
    """None, or a mapping that JSON can hold, with mappings under `shown` and `shown_to_staff` if at all."""
    if value is None:
        return True
    try:
        json.dumps(dict(value))
    except (TypeError, ValueError):
        return False
    return all(isinstance(value.get(name, {}), Mapping) for name in ("shown", "shown_to_staff"))


def _is_moment(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


def _is_movement(moved: Any) -> bool:
    return (
        isinstance(moved, DisputeMovement)
        and is_reference(moved.reference)
        and type(moved.amount) is int
        and type(moved.fee) is int
        and 0 < abs(moved.amount) <= MAX_MINOR_UNITS
        and abs(moved.fee) <= MAX_MINOR_UNITS
    )


def _is_item(item: Any) -> bool:
    return (
        isinstance(item, RemittanceItem)
        and isinstance(item.kind, RemittanceKind)
        and _is_text(item.transaction)
        and (item.reference is None or _is_text(item.reference))
        and all(map(_is_minor_units, (item.amount, item.fee, item.net)))
        and item.net == item.amount - item.fee
    )


def _is_text(value: Any) -> bool:
    return is_reference(value) and is_storable(value)


def _is_minor_units(amount: Any) -> bool:
    """Minor units in either direction."""
    return type(amount) is int and abs(amount) <= MAX_MINOR_UNITS


def _is_refund(fact: Any) -> bool:
    return (
        isinstance(fact, RefundFact)
        and isinstance(fact.state, RefundState)
        and _is_amount(fact.amount)
        and is_reference(fact.reference)
    )
