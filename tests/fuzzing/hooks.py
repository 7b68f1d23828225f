"""Read by schemathesis in its own process: who calls, and things that exist, so that a call gets past the door.

FUZZ is JSON: `tokens` (role -> access token), `appointments` and `invoices` (how many there are), `seed` of the dice.
"""

import json
import os
import random
from typing import Any

import schemathesis

GIVEN: dict[str, Any] = json.loads(os.environ["FUZZ"])
TOKENS: dict[str, str] = GIVEN["tokens"]
APPOINTMENTS, INVOICES = GIVEN["appointments"], GIVEN["invoices"]
DICE = random.Random(GIVEN["seed"])
CARDS = ("pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined", "pm_card_threeDSecureRequired", "1")
MOSTLY, SELDOM = 0.8, 0.1


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """One of those that may call, mostly; ids that exist, mostly, unless the case is meant to be wrong."""
    role = _role(case)
    headers = {name: value for name, value in (case.headers or {}).items() if name.lower() != "authorization"}
    case.headers = headers | ({"Authorization": f"Bearer {TOKENS[role]}"} if role else {})
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    if "Idempotency-Key" in case.headers and DICE.random() < MOSTLY:  # else every payment would be a repeat
        case.headers["Idempotency-Key"] = f"fuzz-{DICE.getrandbits(64)}"
    given = (case.path_parameters or {}).get("id", 0)
    if isinstance(given, int) and given > INVOICES:  # none that a link has brought
        case.path_parameters["id"] = DICE.randint(1, INVOICES)
    if isinstance(case.body, dict) and DICE.random() < MOSTLY:
        _point_at_something(case.body)


def _role(case: Any) -> str | None:
    allowed = [role for one in case.operation.definition.raw.get("security", ()) for [role] in one.values()]
    if not allowed or DICE.random() < SELDOM:
        return DICE.choice([None, *TOKENS])
    return DICE.choice(allowed)


def _point_at_something(body: dict[str, Any]) -> None:
    """Something that can be paid as it is asked."""
    if "amount" in body and {"appointment_id", "invoice_id"} & set(body):
        body.pop("invoice_id", None)
        body["appointment_id"] = DICE.randint(1, APPOINTMENTS)
        body["amount"] = 18000 if isinstance(body["amount"], int) else "180.00"
        if "currency" in body:
            body["currency"] = "aud"
        body.pop("capture", None) if DICE.random() < MOSTLY else None
    if "payment_method_id" in body and body.get("payment_method", "card") == "card":
        body["payment_method_id"] = DICE.choice(CARDS)
    for allocation in body.get("allocations") or ():
        if isinstance(allocation, dict):
            allocation["amount"] = "1.00"
    for name in ("patient_id", "invoice_id", "payment_id"):
        if body.get(name):
            body[name] = DICE.randint(1, INVOICES)
