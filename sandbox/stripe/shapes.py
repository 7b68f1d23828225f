"""Blank objects with every key of Stripe's own examples (shapes.json), and new ids. It fills in no facts."""

import json
import marshal
import random
from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import Any

_random = random.Random()  # ids need to differ, not to be secret, and this is far faster than the system's

PREFIXES = {
    "balance_transaction": "txn_3",
    "charge": "ch_3",
    "customer": "cus_",
    "dispute": "du_1",
    "event": "evt_3",
    "mandate": "mandate_1",
    "payment_intent": "pi_3",
    "payment_method": "pm_1",
    "payout": "po_1",
    "refund": "re_3",
    "setup_attempt": "setatt_1",
    "setup_intent": "seti_1",
    "webhook_endpoint": "we_1",
}


@cache
def skeletons() -> dict[str, Any]:
    return json.loads(files("sandbox.stripe").joinpath("shapes.json").read_text())


@cache
def _frozen(kind: str) -> bytes:
    return marshal.dumps(skeletons()[kind])


def copied(value: Any) -> Any:
    """A deep copy of plain data; marshal is several times faster than copy.deepcopy and this is the hot path."""
    return marshal.loads(marshal.dumps(value))  # noqa: S302 (our own bytes, made on the same line)


def letters(count: int) -> str:
    """Random letters and digits."""
    return b64encode(_random.randbytes(count), b"xX").decode()[:count]


def new_id(kind: str) -> str:
    prefix = PREFIXES[kind]
    return prefix + letters(14 if kind == "customer" else 23)


def blank(kind: str, created: int, **facts: Any) -> dict[str, Any]:
    """A new object of this kind with an id of its own."""
    made = marshal.loads(_frozen(kind))  # noqa: S302 (our own bytes)
    made["id"] = new_id(kind)
    made["created"] = created
    made.update(facts)
    return made
