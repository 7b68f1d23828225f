"""What is believed of a provider's answer: only what is possible. Nothing here decides what an answer means.

Of what types everything is, `exact` has seen to before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from tp_gateway.card_numbers import card_numbers
from tp_gateway.contract import (
    DisputeFact,
    DisputeMovement,
    DisputeStatus,
    Observation,
    OutcomeState,
    PaymentFile,
    Prepared,
    RebateState,
    RefundFact,
    RefundState,
    Remittance,
    RemittanceItem,
    RemittanceKind,
    RemittanceState,
    SavedMethod,
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
    if outcome.waits_until is not None and not _is_day(outcome.waits_until):
        return "a waits_until that is no day of ours"
    if not all(name is None or is_reference(name) for name in (outcome.transaction, outcome.payer)):
        return "a transaction or a payer that cannot be one"
    if outcome.receipt_url and not _ADDRESS.fullmatch(outcome.receipt_url):
        return "a receipt_url that is no address"
    if outcome.saved_method is not None and impossible_method(outcome.saved_method):
        return impossible_method(outcome.saved_method)
    if outcome.fee not in (None, 0) and not _is_amount(outcome.fee):
        return "a fee that is no amount"
    if outcome.remittance is not None and impossible_remittance(outcome.remittance):
        return impossible_remittance(outcome.remittance)
    if not isinstance(outcome.refunds, tuple) or not all(map(_is_refund, outcome.refunds)):
        return "refunds that cannot be"
    if len(outcome.refunds) > _MOST_MOVEMENTS:
        return "more refunds than a payment has"
    if len({one.reference for one in outcome.refunds}) != len(outcome.refunds):
        return "a refund twice"
    given_back = sum(one.amount for one in outcome.refunds if one.state is RefundState.SUCCEEDED)
    if outcome.state is OutcomeState.SUCCEEDED and given_back > outcome.settled:
        return "more given back than was settled"
    if not _is_state(outcome.provider_state):
        return "a state that cannot be kept"
    return _impossible_action(outcome.action)


def impossible_prepared(prepared: Prepared) -> str:
    """Why something cannot have been prepared like this."""
    if not is_reference(prepared.reference) or not (prepared.payer is None or is_reference(prepared.payer)):
        return "no reference, or a payer that cannot be one"
    return _impossible_action(prepared.action) if _is_state(prepared.state) else "a state that cannot be kept"


def _impossible_action(action: Mapping[str, Any]) -> str:
    """Of what the API document names in it. A browser goes where `redirect_url` says."""
    if not all(isinstance(action.get(name, ""), str) for name in _ACTION_TEXTS):
        return "an action with something that is no text"
    if not _PAGE.fullmatch(action.get("redirect_url", "https://x")):
        return "a redirect_url that is no address"
    return ""


def impossible_method(saved: SavedMethod) -> str:
    """Why a saved method cannot be one."""
    if not is_reference(saved.reference) or saved.kind not in _METHOD_KINDS:
        return "a method without a reference and a kind"
    if not all(name is None or is_reference(name) for name in (saved.payer, saved.fingerprint)):
        return "a method with a payer or a fingerprint that cannot be one"
    if any(True for detail in saved.details.values() for _ in card_numbers(str(detail))):
        return "a method that shows a card's number"
    return ""


def impossible_observation(seen: Observation) -> str:
    """Why an event cannot be kept, or what it brings be believed."""
    if not is_reference(seen.event_id) or not seen.kind or len(seen.kind) > _LONGEST_NAME:
        return "an event without an id and a kind"
    if not all(name is None or is_reference(name) for name in (seen.reference, seen.payer)):
        return "an event with a reference or a payer that cannot be one"
    if seen.occurred_at is not None and not _is_moment(seen.occurred_at):
        return "an event at a moment that is none"
    if not all(isinstance(text, str) for text in seen.labels.values()):
        return "an event with labels that are no texts"
    return impossible(seen.evidence) if seen.evidence is not None else ""


def impossible_file(file: PaymentFile) -> str:
    """Why a file cannot be handed out: its name and type become headers of an answer."""
    if not _FILE_NAME.fullmatch(file.name) or not _MEDIA_TYPE.fullmatch(file.media_type):
        return "a file with a name or a type that cannot be one"
    return "" if 0 < len(file.content) <= _LARGEST_FILE else "a file without content, or with too much"


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
    if len(fact.movements) > _MOST_MOVEMENTS:
        return "more movements than a dispute has"
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


_LONGEST_NAME = 255
_LARGEST_FILE = 1 << 26
_MOST_MOVEMENTS = 200
"""Of one payment or dispute: all of them are written down in one transaction, for which others wait."""
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_METHOD_KINDS = ("card", "bank_account")
_ADDRESS = re.compile(r"https?://[!-~]{1,2000}", re.ASCII)
_PAGE = re.compile(r"https?://[!-~]+", re.ASCII)
_ACTION_TEXTS = ("type", "client_secret", "redirect_url", "message", "status")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. ()-]{0,99}", re.ASCII)
_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,80}", re.ASCII)


def is_reference(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


def _is_amount(value: Any) -> bool:
    return type(value) is int and 0 < value <= MAX_MINOR_UNITS


def _is_state(value: Any) -> bool:
    """None, or a mapping with mappings under `shown` and `shown_to_staff` if at all."""
    if value is None:
        return True
    return all(isinstance(value.get(name, {}), Mapping) for name in ("shown", "shown_to_staff"))


def _is_moment(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None and _is_day(value)


def _is_day(value: date) -> bool:
    return _FIRST_YEAR <= value.year <= _LAST_YEAR


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
