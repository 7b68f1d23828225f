"""`check_invariants` reads our store and the sandbox's own books after a test and compares them, cent by cent.

The numbers are those of the catalogue of invariants in docs/reliability.md. It uses its own SQL, not the product's
code.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa

from tests.invariants_of_disputes import disputes_agree, held_at_provider
from tests.invariants_of_statements import SIGNS, statements_agree
from tp_gateway.models.states import OPEN_REFUND_STATES, OPEN_STATES, REFUND_TRANSITIONS, TRANSITIONS

OPEN = tuple(str(state) for state in OPEN_STATES)
CAME_BACK = (
    *("refund_reversal_credit", "chargeback_reopened_reversal_credit"),
    *("refund_credit_reversal", "chargeback_credit_reversal"),
)
WENT_AWAY = ("refund_credit", "chargeback_credit")
"""Each with the reversal that undoes it, above: credit that a refund took and that came back is there again."""


def check_invariants(engine: sa.Engine, books: dict[str, Any], *, at_rest: bool = True) -> None:
    """Raises AssertionError with every contradiction found."""
    problems = contradictions(engine, books, at_rest=at_rest)
    assert not problems, "\n".join(problems)


def contradictions(engine: sa.Engine, books: dict[str, Any], *, at_rest: bool = True) -> list[str]:
    """One line for each. `at_rest`: nothing may be open that the provider has decided. Its time grows with the number
    of rows, not faster: it is used on tens of thousands."""
    store = read_store(engine)
    ours = _of_provider(store, "stripe")
    return [
        *_no_double_charge(ours, books),
        *_charges_agree(ours, books, at_rest),
        *_refunds_agree(ours, books, at_rest),
        *(_all_money_has_a_place(ours, books) if at_rest else []),
        *disputes_agree(ours, books, at_rest),
        *_ledger_adds_up(store),
        *_one_open_payment(store),
        *_payables_follow(store),
        *_transitions_legal(store),
        *_keys_lead_somewhere(store),
        *_told_once(store),
        *statements_agree(store),
    ]


def read_store(engine: sa.Engine) -> dict[str, list[dict[str, Any]]]:
    """Table -> rows, of every table that is compared."""
    with engine.connect() as connection:
        return {
            name: [dict(row._mapping) for row in connection.execute(sa.text(f"SELECT * FROM {name}"))]
            for name in (
                *("payments", "refunds", "payables", "ledger_entries", "transitions", "invoices"),
                *("inbox_events", "outbox_messages", "idempotency_records", "disputes"),
                *("statements", "statement_lines", "statement_matches"),
            )
        }


def _of_provider(store: Any, slug: str) -> Any:
    """What can be compared with that provider's books; a payable can be paid by others too."""
    ids = {payment["id"] for payment in store["payments"] if payment["provider"] == slug}
    rows = {name: [row for row in store[name] if row["payment_id"] in ids] for name in ("ledger_entries", "refunds")}
    rows["disputes"] = [dispute for dispute in store["disputes"] if dispute["provider"] == slug]
    return {**store, **rows, "payments": [payment for payment in store["payments"] if payment["id"] in ids]}


def _by(rows: Any, key: str) -> defaultdict[Any, list[dict[str, Any]]]:
    """The rows of each value of `key`, in their order."""
    groups: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


def _intents(books: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {intent["id"]: intent for intent in books["payment_intents"]}


def _no_double_charge(store: Any, books: Any) -> list[str]:
    """I1: per payable, what the provider took, less what it gave back or a dispute took, is at most what was due."""
    payable_of = {payment["uuid"]: payment["payable_id"] for payment in store["payments"]}
    limits = {payable["id"]: payable["amount"] for payable in store["payables"]}
    entries, intents = _by(store["ledger_entries"], "payable_id"), _intents(books)
    for payable in limits:
        # A refund, or a lost dispute, that came back after the payable was paid again: the money is the patient's.
        moved = [(e["kind"], e["amount"]) for e in entries[payable]]
        came_back = sum(amount for kind, amount in moved if kind in CAME_BACK)
        limits[payable] += max(0, came_back - sum(amount for kind, amount in moved if kind in WENT_AWAY))
    taken, held = dict[int, int](), held_at_provider(books)
    problems = []
    for charge in _succeeded(books):
        uuid = intents[charge["payment_intent"]]["metadata"].get("tp_gateway_payment")
        if uuid not in payable_of:
            problems.append(f"I2 charge {charge['id']} belongs to no payment here (lost)")
            continue
        payable = payable_of[uuid]
        taken[payable] = taken.get(payable, 0) + held[charge["id"]]
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
        sign = {"charge": 1, "overpayment": 1, "suspense": 1, "suspense_reversal": -1}.get(entry["kind"], 0)
        if sign:
            booked[entry["evidence"]] = booked.get(entry["evidence"], 0) + sign * entry["amount"]
    there = {charge["id"]: charge["amount_captured"] for charge in _succeeded(books)}
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
    """I2, to the cent: what the provider holds is paid, credit or in suspense, less what was given up, and less what
    disputes hold back or have lost."""
    intents, payable_of = _intents(books), {payment["uuid"]: payment["payable_id"] for payment in store["payments"]}
    held, held_of_charge = dict[int, int](), held_at_provider(books)
    for charge in _succeeded(books):
        payable = payable_of.get(intents[charge["payment_intent"]]["metadata"].get("tp_gateway_payment"))
        if payable is not None:
            held[payable] = held.get(payable, 0) + held_of_charge[charge["id"]]
    problems, entries = [], _by(store["ledger_entries"], "payable_id")
    for payable in store["payables"]:
        accounts = ("receivable", "patient_credit", "suspense", "adjustments", "disputed", "chargebacks")
        balance = dict.fromkeys(accounts, 0)
        for entry in entries[payable["id"]]:
            for account, sign in ((entry["credit"], 1), (entry["debit"], -1)):
                if account in balance:
                    balance[account] += sign * entry["amount"]
        there, here = held.get(payable["id"], 0), sum(balance.values())
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
    refunds = _by(store["refunds"], "payment_id")
    for payment in store["payments"]:
        mine = refunds[payment["id"]]
        alive = [refund for refund in mine if refund["state"] != "failed"]
        # One of ours that was not sent yet cannot know of one made at the provider; the provider then refuses it.
        ordered = sum(refund["amount"] for refund in alive if not refund["created_by"].startswith("provider:"))
        there = sum(refund["amount"] for refund in alive if refund["reference"])
        most = sum(refund["amount"] for refund in alive) if at_rest else max(ordered, there)
        done = sum(refund["amount"] for refund in mine if refund["state"] == "succeeded")
        if most > payment["captured"]:
            problems.append(f"I6 payment {payment['id']}: refunds of {most} on {payment['captured']}")
        if done != payment["refunded"]:
            problems.append(f"payment {payment['id']}: refunded {payment['refunded']}, its refunds say {done}")
    if at_rest:
        problems += [
            f"I13 refund {r['id']} is {r['state']}" for r in store["refunds"] if r["state"] in OPEN_REFUND_STATES
        ]
    return problems


def _ledger_adds_up(store: Any) -> list[str]:
    """I3: each entry is positive and between two accounts; I5: what is paid came out of `receivable`. I12:
    integers, 3 letters."""
    problems = []
    for entry in store["ledger_entries"]:
        if type(entry["amount"]) is not int or entry["amount"] <= 0 or entry["debit"] == entry["credit"]:
            problems.append(f"I3 entry {entry['id']}")
        if len(entry["currency"]) != 3:
            problems.append(f"I12 entry {entry['id']}")
    entries = _by(store["ledger_entries"], "payable_id")
    for payable in store["payables"]:
        mine = entries[payable["id"]]
        paid = sum(e["amount"] * ((e["credit"] == "receivable") - (e["debit"] == "receivable")) for e in mine)
        if paid != payable["amount_paid"]:
            problems.append(f"I5 payable {payable['id']}: ledger {paid}, paid {payable['amount_paid']}")
    entries = _by(store["ledger_entries"], "payment_id")
    for payment in store["payments"]:
        mine = entries[payment["id"]]
        captured = sum(SIGNS[e["kind"]] * e["amount"] for e in mine if e["kind"] in SIGNS)
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
        if payable is None:
            continue
        paid, amount = payable["amount_paid"], invoice["amount"]
        given_back = paid >= amount and invoice["status"] == "refunded"
        should = "refunded" if given_back else "paid" if paid >= amount else "partially_paid" if paid else "pending"
        if amount != payable["amount"] or paid > amount or invoice["status"] != should:
            problems.append(f"I5 invoice {invoice['id']}: {invoice['status']}, paid {paid} of {amount}")
    return problems


def _transitions_legal(store: Any) -> list[str]:
    """I7: every recorded move is in the table, and they form an unbroken chain to the present state."""
    problems = []
    legal = {(str(a) if a else None, str(b)) for a, b in TRANSITIONS}
    legal_refunds = {(str(a) if a else None, str(b)) for a, b in REFUND_TRANSITIONS}
    in_order = sorted(store["transitions"], key=lambda move: move["id"])
    for name, table, key in (("payments", legal, "payment_id"), ("refunds", legal_refunds, "refund_id")):
        moves = _by((move for move in in_order if name == "refunds" or move["refund_id"] is None), key)
        for subject in store[name]:
            state = None
            for move in moves[subject["id"]]:
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
    invoices = {invoice["id"] for invoice in store["invoices"]}
    return [
        f"I8 key {record['id']} has an answer and no payment, nor an invoice"
        for record in store["idempotency_records"]
        if record["answer_sealed"] and record["payment_id"] not in payments and record["invoice_id"] not in invoices
    ]


def _told_once(store: Any) -> list[str]:
    """I14: one message per final fact of a payment. One whose bank line was un-matched may succeed once more."""
    problems = []
    topics: dict[tuple[int, str], int] = {}
    for message in store["outbox_messages"]:
        topics[message["payment_id"], message["topic"]] = topics.get((message["payment_id"], message["topic"]), 0) + 1
    for payment in store["payments"]:
        succeeded = topics.get((payment["id"], "payment.succeeded"), 0)
        most = 1 + topics.get((payment["id"], "payment.unmatched"), 0)
        if payment["state"] in ("succeeded", "refunded") and not 1 <= succeeded <= most:
            problems.append(f"I14 payment {payment['id']}: told {succeeded} times")
    return problems
