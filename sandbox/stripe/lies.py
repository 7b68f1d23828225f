"""Answers that tell something else than what happened: another object, another amount, another currency."""

import json
from collections.abc import Callable
from typing import Any

from sandbox.stripe.messages import Answer
from sandbox.stripe.shapes import PREFIXES, new_id

_AMOUNTS = ("amount", "amount_received", "amount_capturable", "amount_captured", "amount_refunded")
MORE = 100  # cents


def told(answer: Answer, lie: Callable[[Any], Any]) -> Answer:
    """The answer with the lie in it; errors stay as they are."""
    if answer.status >= 300:
        return answer
    answer.body = json.dumps(lie(json.loads(answer.body)), separators=(",", ":")).encode()
    return answer


def other_id(value: Any) -> Any:
    """Each object that is told of has the id of one that does not exist, wherever it is named."""
    text = json.dumps(value)
    for thing in value["data"] if value.get("object") == "list" else [value]:
        if thing.get("object") in PREFIXES:
            text = text.replace(thing["id"], new_id(thing["object"]))
    return json.loads(text)


def other_amount(value: Any) -> Any:
    """Each amount that is not zero is a dollar more."""
    return _changed(value, lambda key, old: old + MORE if key in _AMOUNTS and isinstance(old, int) and old else old)


def other_currency(value: Any) -> Any:
    return _changed(value, lambda key, old: ("usd" if old != "usd" else "aud") if key == "currency" else old)


def _changed(value: Any, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, list):
        return [_changed(item, change) for item in value]
    if isinstance(value, dict):
        return {key: change(key, _changed(item, change)) for key, item in value.items()}
    return value
