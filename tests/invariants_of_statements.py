"""What must hold of bank statements: part of `check_invariants` (tests/invariants.py), with sums of its own."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

SIGNS = {"charge": 1, "overpayment": 1, "unmatch": -1, "unmatch_credit": -1}


def statements_agree(store: Any) -> list[str]:
    """I17: a line is here once, and pays no more than it brought; what it is called fits that. What each match says is
    what the books have under its evidence, nothing once it is undone; and no other evidence of a line is there. What
    such payments captured is what their live matches add up to."""
    problems = []
    lines = {line["id"]: line for line in store["statement_lines"]}
    fingerprints = {line["fingerprint"] for line in lines.values()}
    if len(fingerprints) != len(lines):
        problems.append("I17 a line is here twice")
    booked: defaultdict[tuple[int, str], int] = defaultdict(int)
    for entry in store["ledger_entries"]:
        if entry["kind"] in SIGNS:
            booked[entry["payment_id"], entry["evidence"]] += SIGNS[entry["kind"]] * entry["amount"]
    of_line: defaultdict[int, list[Any]] = defaultdict(list)
    for match in sorted(store["statement_matches"], key=lambda match: match["id"]):
        of_line[match["line_id"]].append(match)
    captured: defaultdict[int, int] = defaultdict(int)
    told = set()
    for line in lines.values():
        live = 0
        for number, match in enumerate(of_line[line["id"]], 1):
            evidence = line["fingerprint"] if number == 1 else f"{line['fingerprint']}/{number}"
            counts = match["amount"] if match["undone_at"] is None else 0
            told.add((match["payment_id"], evidence))
            if booked[match["payment_id"], evidence] != counts:
                problems.append(f"I17 match {match['id']} is {counts}, booked {booked[match['payment_id'], evidence]}")
            live += counts
            captured[match["payment_id"]] += counts
        if live > max(0, line["amount"]):
            problems.append(f"I17 line {line['id']} brought {line['amount']} and paid {live}")
        if (line["state"] == "matched") != (live > 0 and live == line["amount"]):
            problems.append(f"I17 line {line['id']} is {line['state']}: {live} of {line['amount']} matched")
    problems += [
        f"I17 {evidence} of payment {payment} is booked and no match says so"
        for payment, evidence in booked
        if evidence.split("/")[0] in fingerprints and (payment, evidence) not in told
    ]
    by_statements = {statement["provider"] for statement in store["statements"]}
    for payment in store["payments"]:
        matched = captured.get(payment["id"], 0)
        if payment["provider"] in by_statements and payment["captured"] != matched:
            problems.append(f"I17 payment {payment['id']}: captured {payment['captured']}, matched {matched}")
    return problems
