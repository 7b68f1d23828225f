"""Puts whole objects where ids stand, but only where the caller asked (docs.stripe.com/api/expanding_objects)."""

from typing import Any

from sandbox.stripe import money
from sandbox.stripe.books import Object
from sandbox.stripe.errors import Invalid
from sandbox.stripe.world import World

DEEPEST = 4

# For each kind its expandable fields and what they hold; "refunds" is a list that belongs to a charge.
EXPANDABLE: dict[str, dict[str, str]] = {
    "payment_intent": {"customer": "customer", "latest_charge": "charge", "payment_method": "payment_method"},
    "setup_intent": {"customer": "customer", "latest_attempt": "setup_attempt", "payment_method": "payment_method"},
    "setup_attempt": {"customer": "customer", "payment_method": "payment_method", "setup_intent": "setup_intent"},
    "charge": {
        "balance_transaction": "balance_transaction",
        "customer": "customer",
        "payment_intent": "payment_intent",
        "failure_balance_transaction": "balance_transaction",
        "refunds": "refunds",
    },
    "refund": {
        "balance_transaction": "balance_transaction",
        "charge": "charge",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
        "payment_method": "payment_method",
    },
    "payment_method": {"customer": "customer"},
    "payout": {
        "balance_transaction": "balance_transaction",
        "failure_balance_transaction": "balance_transaction",
        "original_payout": "payout",
        "reversed_by": "payout",
    },
    "mandate": {"payment_method": "payment_method"},
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "balance_transaction": {"source": "source"},
    "customer": {"default_source": "source", "test_clock": "source"},
}
# A balance transaction's source says by its id what it is.
_SOURCES = {"ch": "charge", "py": "charge", "re": "refund", "du": "dispute", "po": "payout"}


def check(kind: str, paths: list[str], listed: bool) -> None:
    """Refuse what cannot be expanded, before anything is done."""
    for path in paths:
        names = path.split(".")
        at = [kind]
        if listed:
            if names[0] != "data":
                raise Invalid(
                    f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}' instead.",
                    param="expand",
                )
            names = names[1:]
        if len(names) > DEEPEST:
            raise Invalid(
                f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}", param="expand"
            )
        for name in names:
            if name == "data" and at == ["refunds"]:
                at = ["refund"]
                continue
            found = [EXPANDABLE.get(one, {}).get(name) for one in at]
            at = [one for one in found if one]
            if not at:
                raise Invalid(f"This property cannot be expanded ({path}).", param="expand")
            if at == ["source"]:
                at = list(_SOURCES.values())


def expanded(world: World, thing: Object, paths: list[str]) -> Object:
    """A copy of the object with these paths expanded; the books are not changed."""
    thing = _present(world, thing)
    if not paths:
        return thing
    thing = dict(thing)
    if thing.get("object") == "list":
        inner = [path.removeprefix("data.") for path in paths if path.startswith("data.")]
        thing["data"] = [expanded(world, item, inner) for item in thing["data"]]
        return thing
    heads: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition(".")
        heads.setdefault(head, []).extend([rest] if rest else [])
    for head, deeper in heads.items():
        target = _target(world, thing, head)
        thing[head] = expanded(world, target, deeper) if target is not None else thing.get(head)
    return thing


def _target(world: World, thing: Object, head: str) -> Object | None:
    kind = EXPANDABLE[thing["object"]][head]
    if kind == "refunds":
        data = world.books.having("refund", "charge", thing["id"])[::-1]
        url = f"/v1/charges/{thing['id']}/refunds"
        return {"object": "list", "data": data[:10], "has_more": len(data) > 10, "url": url}
    key = thing.get(head)
    if kind == "source":
        kind = _SOURCES.get(str(key).partition("_")[0], kind)
    return world.books.get(kind, key)


def _present(world: World, thing: Any) -> Any:
    kind = thing.get("object")
    if kind == "balance_transaction":
        return money.as_of(thing, world.clock.now())
    if kind == "list" and thing["url"] == "/v1/balance_transactions":
        return {**thing, "data": [money.as_of(item, world.clock.now()) for item in thing["data"]]}
    return thing
