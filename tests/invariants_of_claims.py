"""What must hold of claims: ours beside those in Medicare's own books."""

from __future__ import annotations

from typing import Any

SETTLED = ("succeeded", "refunded")


def claims_agree(store: Any, claims: list[dict[str, Any]]) -> list[str]:
    """`claims` are the stand-in's. Each bulk bill there is one payment here; a settled one has the benefit that was
    paid there; benefit and what was given up are all that was asked; nothing stands beside it."""
    problems = []
    ours = {payment["reference"]: payment for payment in store["payments"] if payment["provider"] == "medicare"}
    there = {claim["correlation_id"]: claim for claim in claims if claim["function"] == "bulk_bill"}
    problems += [f"claim {name} at Medicare belongs to no payment here" for name in there.keys() - ours.keys()]
    for reference, payment in ours.items():
        entries = [entry for entry in store["ledger_entries"] if entry["payment_id"] == payment["id"]]
        booked = sum(e["amount"] for e in entries if e["kind"] in ("charge", "overpayment"))
        given_up = sum(_signed(e) for e in entries if e["kind"].startswith("write_off"))
        if payment["state"] in SETTLED:
            claim = there.get(reference)
            if claim is not None and claim["state"] == "paid" and booked != claim["benefit"]:
                problems.append(f"payment {payment['id']}: booked {booked}, Medicare paid {claim['benefit']}")
            if payment["state"] == "succeeded" and booked + given_up != payment["amount"]:
                problems.append(f"payment {payment['id']}: {booked} and {given_up} given up of {payment['amount']}")
        elif entries:
            problems.append(f"payment {payment['id']} is {payment['state']} and has entries")
        if payment["state"] in SETTLED and len(_alive(store, payment["payable_id"])) > 1:
            problems.append(f"payable {payment['payable_id']}: something stands beside its bulk bill")
    return problems


def _signed(entry: Any) -> int:
    return int(entry["amount"] if entry["debit"] == "adjustments" else -entry["amount"])


def _alive(store: Any, payable: int) -> list[int]:
    """The payments that have money, or can get some."""
    over = ("failed", "refunded")
    return [one["id"] for one in store["payments"] if one["payable_id"] == payable and one["state"] not in over]
