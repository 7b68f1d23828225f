"""`check_invariants` reads our store and the sandbox's own books after a test and compares them, cent by cent.

The numbers are those of the catalogue of invariants in docs/reliability.md. It uses its own SQL, not the product's
code.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tp_gateway.models.states import OPEN_REFUND_STATES, OPEN_STATES, REFUND_TRANSITIONS, TRANSITIONS

OPEN = tuple(str(state) for state in OPEN_STATES)


def check_invariants(engine: sa.Engine, books: dict[str, Any], *, at_rest: bool = True) -> None:
    """Raises AssertionError with every contradiction found. `at_rest`: nothing may be open that the provider has
    decided."""
    with engine.connect() as connection:
        store = {
            name: [dict(row._mapping) for row in connection.execute(sa.text(f"SELECT * FROM {name}"))]
            for name in (
                *("payments", "refunds", "payables", "allocations", "ledger_entries", "transitions", "invoices"),
                *("inbox_events", "outbox_messages", "idempotency_records"),
            )
        }
    problems = [
        *_no_double_charge(store, books),
        *_charges_agree(store, books, at_rest),
        *_refunds_agree(store, books, at_rest),
        *(_all_money_has_a_place(store, books) if at_rest else []),
        *_ledger_adds_up(store),
        *_one_open_payment(store),
        *_payables_follow(store),
        *_transitions_legal(store),
        *_keys_lead_somewhere(store),
        *_told_once(store),
    ]
    assert not problems, "\n".join(problems)


def _intents(books: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {intent["id"]: intent for intent in books["payment_intents"]}


def _no_double_charge(store: Any, books: Any) -> list[str]:
    """I1: per payable, what the provider took less what it gave back is at most what was due."""
    payable_of = {payment["uuid"]: payment["payable_id"] for payment in store["payments"]}
    limits = {payable["id"]: payable["amount"] for payable in store["payables"]}
    for payable in limits:
        # A refund that came back after the payable was paid again: the money is here, and it is the patient's.
        moved = [(e["kind"], e["amount"]) for e in store["ledger_entries"] if e["payable_id"] == payable]
        came_back = sum(amount for kind, amount in moved if kind == "refund_reversal_credit")
        limits[payable] += max(0, came_back - sum(amount for kind, amount in moved if kind == "refund_credit"))
    taken: dict[int, int] = {}
    problems = []
    for charge in _succeeded(books):
        uuid = _intents(books)[charge["payment_intent"]]["metadata"].get("tp_gateway_payment")
        if uuid not in payable_of:
            problems.append(f"I2 charge {charge['id']} belongs to no payment here (lost)")
            continue
        payable = payable_of[uuid]
        taken[payable] = taken.get(payable, 0) + charge["amount"] - charge["amount_refunded"]
    problems += [
        f"I1 payable {key}: {sum_} taken, {limits[key]} due" for key, sum_ in taken.items() if sum_ > limits[key]
    ]
    return problems


def _succeeded(books: Any) -> list[dict[str, Any]]:
    return [charge for charge in books["charges"] if charge["status"] == "succeeded" and charge["captured"]]


def _charges_agree(store: Any, books: Any, at_rest: bool) -> list[str]:
    """I2: each charge at the provider is one ledger entry of the same amount, and the other way round. I13: nothing
    stays open."""
    booked: dict[str, int] = {}
    for entry in store["ledger_entries"]:
        if entry["kind"] in ("charge", "overpayment", "suspense"):
            booked[entry["evidence"]] = booked.get(entry["evidence"], 0) + entry["amount"]
    there = {charge["id"]: charge["amount"] for charge in _succeeded(books)}
    problems = [f"I2 phantom: {key} is booked and not at the provider" for key in booked if key not in there]
    if at_rest:
        problems += [f"I2 lost: {key} ({amount}) is not booked" for key, amount in there.items() if key not in booked]
        intents = _intents(books)
        for payment in store["payments"]:
            intent = intents.get(payment["reference"] or "")
            if payment["state"] in OPEN and (intent is None or intent["status"] in ("succeeded", "canceled")):
                problems.append(f"I13 payment {payment['id']} is still {payment['state']}")
            if payment["state"] == "failed" and intent is not None and intent["status"] != "canceled":
                problems.append(f"payment {payment['id']} is failed and {intent['id']} is {intent['status']}")
    problems += [
        f"I2 {key}: booked {booked[key]}, taken {there[key]}"
        for key in booked.keys() & there
        if booked[key] != there[key]
    ]
    return problems


def _all_money_has_a_place(store: Any, books: Any) -> list[str]:
    """I2, to the cent: what the provider holds is paid, credit or in suspense, less what was given up."""
    intents, payable_of = _intents(books), {payment["uuid"]: payment["payable_id"] for payment in store["payments"]}
    held: dict[int, int] = {}
    for charge in _succeeded(books):
        payable = payable_of.get(intents[charge["payment_intent"]]["metadata"].get("tp_gateway_payment"))
        if payable is not None:
            held[payable] = held.get(payable, 0) + charge["amount"] - charge["amount_refunded"]
    problems = []
    for payable in store["payables"]:
        balance = dict.fromkeys(("patient_credit", "suspense", "adjustments"), 0)
        for entry in (entry for entry in store["ledger_entries"] if entry["payable_id"] == payable["id"]):
            for account, sign in ((entry["credit"], 1), (entry["debit"], -1)):
                if account in balance:
                    balance[account] += sign * entry["amount"]
        there, here = held.get(payable["id"], 0), payable["amount_paid"] + sum(balance.values())
        if there != here:
            problems.append(f"I2 payable {payable['id']}: {there} at the provider, {here} here")
    return problems


def _refunds_agree(store: Any, books: Any, at_rest: bool) -> list[str]:
    """I6, and each succeeded refund at the provider is one refund here."""
    problems = []
    ours = {refund["reference"]: refund for refund in store["refunds"] if refund["reference"]}
    for refund in books["refunds"]:
        if at_rest and refund["status"] == "succeeded" and ours.get(refund["id"], {}).get("state") != "succeeded":
            problems.append(f"refund {refund['id']} is not known here as succeeded")
    for payment in store["payments"]:
        mine = [refund for refund in store["refunds"] if refund["payment_id"] == payment["id"]]
        alive = sum(refund["amount"] for refund in mine if refund["state"] != "failed")
        done = sum(refund["amount"] for refund in mine if refund["state"] == "succeeded")
        if alive > payment["captured"]:
            problems.append(f"I6 payment {payment['id']}: refunds of {alive} on {payment['captured']}")
        if done != payment["refunded"]:
            problems.append(f"payment {payment['id']}: refunded {payment['refunded']}, its refunds say {done}")
    if at_rest:
        problems += [
            f"I13 refund {r['id']} is {r['state']}" for r in store["refunds"] if r["state"] in OPEN_REFUND_STATES
        ]
    return problems


def _ledger_adds_up(store: Any) -> list[str]:
    """I3: each entry is positive and between two accounts; what is receivable equals what is allocated. I12:
    integers, 3 letters."""
    problems = []
    for entry in store["ledger_entries"]:
        if type(entry["amount"]) is not int or entry["amount"] <= 0 or entry["debit"] == entry["credit"]:
            problems.append(f"I3 entry {entry['id']}")
        if len(entry["currency"]) != 3:
            problems.append(f"I12 entry {entry['id']}")
    for payable in store["payables"]:
        mine = [entry for entry in store["ledger_entries"] if entry["payable_id"] == payable["id"]]
        paid = sum(e["amount"] * ((e["credit"] == "receivable") - (e["debit"] == "receivable")) for e in mine)
        allocated = sum(a["amount"] for a in store["allocations"] if a["payable_id"] == payable["id"])
        if not paid == allocated == payable["amount_paid"]:
            problems.append(
                f"I5 payable {payable['id']}: ledger {paid}, allocated {allocated}, paid {payable['amount_paid']}"
            )
    for payment in store["payments"]:
        mine = [entry for entry in store["ledger_entries"] if entry["payment_id"] == payment["id"]]
        captured = sum(e["amount"] for e in mine if e["kind"] in ("charge", "overpayment"))
        if captured != payment["captured"]:
            problems.append(f"payment {payment['id']}: captured {payment['captured']}, booked {captured}")
    return problems


def _one_open_payment(store: Any) -> list[str]:
    """I4."""
    seen: dict[int, int] = {}
    for payment in store["payments"]:
        if payment["single_flight"] and payment["state"] in OPEN:
            seen[payment["payable_id"]] = seen.get(payment["payable_id"], 0) + 1
    return [f"I4 payable {key} has {count} open payments" for key, count in seen.items() if count > 1]


def _payables_follow(store: Any) -> list[str]:
    """I5: an invoice's status is a pure function of its figures."""
    problems = []
    payables = {payable["invoice_id"]: payable for payable in store["payables"] if payable["invoice_id"]}
    for invoice in store["invoices"]:
        payable = payables.get(invoice["id"])
        if (payable is None) != (invoice["status"] == "void"):
            problems.append(f"I5 invoice {invoice['id']} is {invoice['status']} and its payable says otherwise")
        if payable is None or invoice["status"] == "refunded":
            continue
        paid, amount = payable["amount_paid"], invoice["amount"]
        should = "paid" if paid >= amount else "partially_paid" if paid else "pending"
        if amount != payable["amount"] or paid > amount or invoice["status"] != should:
            problems.append(f"I5 invoice {invoice['id']}: {invoice['status']}, paid {paid} of {amount}")
    return problems


def _transitions_legal(store: Any) -> list[str]:
    """I7: every recorded move is in the table, and they form an unbroken chain to the present state."""
    problems = []
    legal = {(str(a) if a else None, str(b)) for a, b in TRANSITIONS}
    legal_refunds = {(str(a) if a else None, str(b)) for a, b in REFUND_TRANSITIONS}
    for name, table, key in (("payments", legal, "payment_id"), ("refunds", legal_refunds, "refund_id")):
        for subject in store[name]:
            moves = [
                move
                for move in sorted(store["transitions"], key=lambda move: move["id"])
                if move[key] == subject["id"] and (name == "refunds" or move["refund_id"] is None)
            ]
            state = None
            for move in moves:
                if (move["from_state"], move["to_state"]) not in table or move["from_state"] != state:
                    problems.append(
                        f"I7 {name} {subject['id']}: {move['from_state']} -> {move['to_state']} after {state}"
                    )
                state = move["to_state"]
            if state != subject["state"]:
                problems.append(f"I7 {name} {subject['id']}: history ends in {state}, it is {subject['state']}")
    return problems


def _keys_lead_somewhere(store: Any) -> list[str]:
    """I8."""
    payments = {payment["id"] for payment in store["payments"]}
    return [
        f"I8 key {record['id']} has an answer and no payment"
        for record in store["idempotency_records"]
        if record["answer_sealed"] and record["payment_id"] not in payments
    ]


def _told_once(store: Any) -> list[str]:
    """I14: one message per final fact of a payment."""
    problems = []
    topics: dict[tuple[int, str], int] = {}
    for message in store["outbox_messages"]:
        topics[message["payment_id"], message["topic"]] = topics.get((message["payment_id"], message["topic"]), 0) + 1
    for payment in store["payments"]:
        if payment["state"] in ("succeeded", "refunded") and topics.get((payment["id"], "payment.succeeded")) != 1:
            problems.append(
                f"I14 payment {payment['id']}: told {topics.get((payment['id'], 'payment.succeeded'), 0)} times"
            )
    return problems
