"""Reading single values out of Medicare's JSON without believing their types: each is what it should be, or `Nonsense`.
It knows no function of Medicare's in particular, and nothing of what it read is ever in a message."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from tp_gateway.providers.medicare.transports.results import Message, Severity
from tp_gateway.providers.medicare.transports.values import MOST_CENTS

Json = Mapping[str, Any]
T = TypeVar("T")
LONGEST_TEXT = 500
_CODE = re.compile(r"[A-Za-z0-9_]{1,40}", re.ASCII)
_CENTS = re.compile(r"[0-9]{1,9}", re.ASCII)
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T.{0,20})?", re.ASCII)


class Nonsense(Exception):
    """The answer is not what was asked for. The message names a field, never its value."""


def document(body: bytes) -> Json:
    """A JSON object in UTF-8: no key twice, no NaN."""
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Nonsense("not a JSON object") from None
    if not isinstance(found, dict):
        raise Nonsense("not a JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _no_constant(_: str) -> None:
    raise ValueError("not a number")


def text(holder: Json, name: str, longest: int = LONGEST_TEXT) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > longest or not _is_storable(value):
        raise Nonsense(name)
    return value


def code(holder: Json, name: str) -> str:
    """A code; Medicare sends some as JSON numbers and some as text."""
    value = holder.get(name)
    found = str(value) if type(value) is int and value >= 0 else value
    if not isinstance(found, str) or not _CODE.fullmatch(found):
        raise Nonsense(name)
    return found


def is_code(value: str) -> bool:
    return _CODE.fullmatch(value) is not None


def cents(holder: Json, name: str) -> int:
    """A string of cents, at most nine digits."""
    value = holder.get(name)
    if not isinstance(value, str) or not _CENTS.fullmatch(value):
        raise Nonsense(name)
    found = int(value)
    if found > MOST_CENTS:
        raise Nonsense(name)
    return found


def day(holder: Json, name: str) -> date:
    """`yyyy-MM-dd`, also at the start of a moment."""
    value = holder.get(name)
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Nonsense(name)
    try:
        return date.fromisoformat(found[1])
    except ValueError:
        raise Nonsense(name) from None


def inner(holder: Json, name: str) -> Json:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise Nonsense(name)
    return value


def several(holder: Json, name: str) -> list[Json]:
    """One object at least."""
    value = holder.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        raise Nonsense(name)
    return value


def optional(read: Callable[[Json, str], T], holder: Json, name: str) -> T | None:
    """What `read` reads, or None where the answer has nothing there."""
    return None if holder.get(name) in (None, "") else read(holder, name)


def note(holder: Json, name: str) -> Message:
    """`{"code", "text"}`, as in an assessment; the text may be missing."""
    found = inner(holder, name)
    return Message(code(found, "code"), optional(text, found, "text") or "")


def service_messages(answer: Json) -> tuple[Message, ...]:
    """The list of a refusal, of which one at least is an error."""
    found = tuple(
        Message(code(one, "code"), text(one, "reason"), _severity(one)) for one in several(answer, "serviceMessage")
    )
    if not any(message.severity in (Severity.ERROR, Severity.FATAL) for message in found):
        raise Nonsense("serviceMessage")
    return found


def _severity(holder: Json) -> Severity:
    try:
        return Severity(text(holder, "severity"))
    except ValueError:
        raise Nonsense("severity") from None


def _is_storable(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
