"""Medicare's return codes (4 digits, about a request) and reason codes (3 digits, about a service), and what each class
means for a claim. The meanings are ours and short, for logs and operators: people are shown Medicare's own text.

Codes: servicesaustralia.gov.au, look-up-medicare-reason-code, look-up-medicare-online-and-eclipse-return-codes and
medicare-digital-claiming-return-codes. That 3004 may hide an accepted claim, and that Medicare's text is not to be
reworded, has one public source (docs.rebateright.com.au).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class CodeClass(StrEnum):
    OK = "ok"
    UNKNOWN = "unknown"
    """Nobody knows whether it was received: ask, or send again under the same correlation id."""
    WARN = "warn"
    """It goes on; somebody should look at the patient's details."""
    FIX = "fix"
    """Refused; a corrected claim may succeed."""
    FINAL = "final"
    """Refused for good, or done before: lodging again does not help."""
    PENDING = "pending"
    """Medicare has not decided."""
    INFO = "info"


_DETAILS = "card or patient details do not match, or a new card was issued"
_REFERRAL = "a referral is needed, has no date, or the referrer was not valid on that date"
_CLOSED = "the provider cannot claim this item, or the location is closed"
_PAID = "already paid, or a duplicate"
_UNAVAILABLE = "communication failed or the system is unavailable"

_TABLE: Mapping[CodeClass, Mapping[str, str]] = {
    CodeClass.OK: {"0": "ok"},
    CodeClass.UNKNOWN: {
        "1999": "unknown error",
        "3001 3003 3999": _UNAVAILABLE,
        "3004": f"{_UNAVAILABLE}; the claim may have been received",
        "3039": "transmission error; the claim may have been processed",
    },
    CodeClass.WARN: {
        "8005 8023 8024 8025 8026 8027 8028": "matched, but details differ, or the card has changed or expires"
    },
    CodeClass.FIX: {
        "2017": "the payee provider must differ from the servicing provider",
        "2053 2055": "the patient's contribution is not below the charge, or is given for a paid account",
        "9201": "a field has a wrong format",
        "9202": "a field has a wrong value or check digit",
        "9137 9204 9211 212": "a date is in the future",
        "9605 9606 9633 9634 434 208 613": _DETAILS,
        "9617 605 282": "the referral has expired, or the service is outside its period",
        "9628 9630 404 611 607 606": _REFERRAL,
        "9635 9703 610 619 704": _CLOSED,
    },
    CodeClass.FINAL: {
        "9203 9210 111 428": "too old",
        "9632 9704 162 620": _PAID,
        "9701 160 179 502": "a limit is reached, or not eligible",
        "9645 9646 9647": "same-day delete: wrong status, not found, or deleted before",
        "9775": "no matching claim to delete",
        "9777": "this correlation id was used before",
    },
    CodeClass.PENDING: {
        "9601": "referred to an operator",
        "9640": "above the review threshold, referred to an operator",
        "144 254 375": "not assessed yet, or assessed by hand",
    },
    CodeClass.INFO: {
        "9501 9502": "a report is available",
        "250 255 422 392": "an explanation follows, or the benefit was changed",
    },
}

_CLASSES: Mapping[str, CodeClass] = MappingProxyType(
    {code: cls for cls, group in _TABLE.items() for codes in group for code in codes.split()}
)
_MEANINGS: Mapping[str, str] = MappingProxyType(
    {code: meaning for group in _TABLE.values() for codes, meaning in group.items() for code in codes.split()}
)
_DUPLICATES = frozenset({"9632", "9704", "162", "620"})
_ID_USED = "9777"


def known_codes() -> frozenset[str]:
    return frozenset(_CLASSES)


def classify(code: str) -> CodeClass:
    """The class of a code. One that is not listed is UNKNOWN: the claim then stays open until a report or an operator
    says more, so it is neither lodged twice nor given up while Medicare may be paying it."""
    return _CLASSES.get(code, CodeClass.UNKNOWN)


def meaning(code: str) -> str | None:
    """Our short paraphrase, None for a code that is not listed."""
    return _MEANINGS.get(code)


def is_correlation_id_used(code: str) -> bool:
    """An earlier request under this correlation id has arrived. About this request it says nothing more, so the claim
    is not rejected: ask for its report."""
    return code == _ID_USED


def is_duplicate(code: str) -> bool:
    """Medicare has this service from an earlier claim, which may be our own: link to it."""
    return code in _DUPLICATES


def may_have_been_received(code: str) -> bool:
    """After this answer the claim may be with Medicare, by this request or by an earlier one: never lodge it under a
    new correlation id before a report or an operator has said that it is not."""
    return classify(code) is CodeClass.UNKNOWN or is_duplicate(code) or is_correlation_id_used(code)
