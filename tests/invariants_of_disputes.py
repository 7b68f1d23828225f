"""What must hold of disputes: part of `check_invariants` (tests/invariants.py), with sums of its own."""

from __future__ import annotations

from typing import Any

Booked = dict[tuple[str, str], int]
"""(the provider's id of the movement, kind of entry) -> minor units."""


def held_at_provider(books: Any) -> dict[str, int]:
    """What the provider holds of each charge: what was captured, less refunds and what disputes have withdrawn."""
    held = {charge["id"]: charge["amount_captured"] - charge["amount_refunded"] for charge in books["charges"]}
    for dispute in books["disputes"]:
        held[dispute["charge"]] += sum(moved["amount"] for moved in _moved(dispute))
    return held


def _moved(dispute: dict[str, Any]) -> list[dict[str, Any]]:
    """The money that moved, in the dispute's currency. Where the provider's account has another one, its amounts are at
    the rate of a day and its fees in that: neither is in our books."""

    def in_its_currency(moved: dict[str, Any]) -> dict[str, Any]:
        if moved["currency"] == dispute["currency"]:
            return moved
        return {**moved, "amount": dispute["amount"] if moved["amount"] > 0 else -dispute["amount"], "fee": 0}

    return [in_its_currency(moved) for moved in dispute["balance_transactions"]]


def _expected(dispute: dict[str, Any]) -> Booked:
    expected: Booked = {}
    for moved in _moved(dispute):
        for kind, amount in (("dispute", -moved["amount"]), ("dispute_fee", moved["fee"])):
            if amount:
                expected[moved["id"], kind if amount > 0 else f"{kind}_reversal"] = abs(amount)
    return expected


def disputes_agree(store: Any, books: Any, at_rest: bool) -> list[str]:
    """I2: each movement at the provider is one contra entry of the same amount, its fee one of fees, and the other way
    round. I3: what was lost waits no more. A disputed payment is marked."""
    known = {dispute["id"]: dispute for dispute in store["disputes"]}
    entries = [entry for entry in store["ledger_entries"] if entry["dispute_id"]]
    ours: Booked = {(e["evidence"], e["kind"]): e["amount"] for e in entries if e["kind"].startswith("dispute")}
    there: Booked = {key: amount for dispute in books["disputes"] for key, amount in _expected(dispute).items()}
    problems = [f"I2 phantom: {key} is {amount} here" for key, amount in ours.items() if there.get(key) != amount]
    of_dispute: dict[int, list[dict[str, Any]]] = {key: [] for key in known}
    for entry in entries:
        of_dispute[entry["dispute_id"]].append(entry)
    marked = {payment["id"] for payment in store["payments"] if payment["disputed"]}
    for dispute in known.values():
        mine = of_dispute[dispute["id"]]
        if any(entry["payment_id"] != dispute["payment_id"] for entry in mine):
            problems.append(f"I2 dispute {dispute['id']} has entries of another payment")
        waits = sum(e["amount"] * ((e["debit"] == "disputed") - (e["credit"] == "disputed")) for e in mine)
        if waits and dispute["status"] == "lost":
            problems.append(f"I3 dispute {dispute['id']} was lost and {waits} of it is undecided")
        if dispute["payment_id"] is not None and dispute["payment_id"] not in marked:
            problems.append(f"dispute {dispute['id']}: its payment is not marked")
    return problems + (_all_are_known(store, books, ours) if at_rest else [])


def _all_are_known(store: Any, books: Any, ours: Booked) -> list[str]:
    """At rest: every dispute of a payment that is here is here too, as it stands there, with all its money."""
    here = {dispute["reference"]: dispute for dispute in store["disputes"]}
    payments = {payment["reference"] for payment in store["payments"]}
    problems = []
    for dispute in (one for one in books["disputes"] if one["payment_intent"] in payments):
        mine = here.get(dispute["id"])
        if mine is None or mine["status"] != dispute["status"] or mine["payment_id"] is None:
            problems.append(f"dispute {dispute['id']} is {dispute['status']}, here {mine and mine['status']}")
        missing = [key for key in _expected(dispute) if key not in ours]
        problems += [f"I2 lost: {key} of dispute {dispute['id']} is not booked" for key in missing]
    return problems
