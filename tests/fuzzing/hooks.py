"""Read by schemathesis in its own process: who calls, and things that exist, so that a call gets past the door.

FUZZ is JSON: `tokens` (role -> token), `appointments` and `invoices` (how many), `seed` (of the dice).
The dice are thrown for each case by what is in it, because a chain of requests is repeated to see whether it ends
alike; and what is to be paid is always something new.
"""

import json
import os
import random
from itertools import cycle
from typing import Any

import schemathesis

GIVEN: dict[str, Any] = json.loads(os.environ["FUZZ"])
TOKENS: dict[str, str] = GIVEN["tokens"]
APPOINTMENTS = cycle(range(1, GIVEN["appointments"] + 1))
CARDS = ("pm_card_visa",) * 6 + ("pm_card_chargeDeclined", "pm_card_threeDSecureRequired", "1")
MOSTLY, SELDOM = 0.9, 0.05


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """One of those that may call, mostly; ids that exist, mostly, unless the case is meant to be wrong."""
    seen = (GIVEN["seed"], case.method, case.path, case.path_parameters, case.query, case.body)
    dice = random.Random(repr(seen))
    role = _role(case, dice)
    headers = {name: value for name, value in (case.headers or {}).items() if name.lower() != "authorization"}
    case.headers = headers | ({"Authorization": f"Bearer {TOKENS[role]}"} if role else {})
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    if "Idempotency-Key" in case.headers and dice.random() < MOSTLY:  # else every payment would be a repeat
        case.headers["Idempotency-Key"] = f"fuzz-{random.getrandbits(64)}"
    given = (case.path_parameters or {}).get("id", 0)
    if isinstance(given, int) and given > GIVEN["invoices"]:  # none that a link has brought
        case.path_parameters["id"] = dice.randint(1, GIVEN["invoices"])
    if isinstance(case.body, dict) and dice.random() < MOSTLY:
        _point_at_something(case.body, dice)


def _role(case: Any, dice: random.Random) -> str | None:
    allowed = [role for one in case.operation.definition.raw.get("security", ()) for [role] in one.values()]
    if not allowed or dice.random() < SELDOM:
        return dice.choice([None, *TOKENS])
    return dice.choice(allowed)


def _point_at_something(body: dict[str, Any], dice: random.Random) -> None:
    """Something that can be paid as it is asked."""
    if "amount" in body and {"appointment_id", "invoice_id"} & set(body):
        body.pop("invoice_id", None)
        body["appointment_id"] = next(APPOINTMENTS)
        body["amount"] = 18000 if type(body["amount"]) is int and "payment_method" not in body else "180.00"
        body |= {"currency": "aud"} if "currency" in body else {}
        if body.get("payment_method", "card") != "card" or dice.random() < MOSTLY:
            body.pop("capture", None)
    if body.get("payment_method") == "card" or (body.get("type", "card") == "card" and "payment_method_id" in body):
        body["payment_method_id"] = dice.choice(CARDS)
    if "return_url" in body:
        body["return_url"] = "https://clinic.example/paid"
    for allocation in body.get("allocations") or ():
        if isinstance(allocation, dict):
            allocation["amount"] = "1.00"
    for name in ("patient_id", "invoice_id", "payment_id"):
        if body.get(name):
            body[name] = dice.randint(1, GIVEN["invoices"])
