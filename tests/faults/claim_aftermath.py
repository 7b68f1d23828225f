"""After a storm of claims: days without trouble, until everything is at rest; then Medicare's books beside ours."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from tests.clinic import manager
from tests.faults.clients import Told
from tests.invariants import read_store
from tests.invariants_of_claims import claims_agree
from tests.medicare.conftest import Surgery, consent
from tp_gateway.errors import GatewayError
from tp_gateway.services.rebates import Decision

_DAYS = 40
_IS_OVER = {
    "lodged": ("assessed",),
    "pended": ("pended",),
    "deleted": ("deleted",),
    "rejected": ("rejected", "expired"),
}
"""A patient claim's state here, and those that go with it in Medicare's books."""
_ALREADY_PAID = "9632"


def days(surgery: Surgery) -> Callable[[], bool]:
    """A day each time: who waited for a consent has it, or cancels; staff look up in HPOS what nothing else tells;
    Medicare's clock goes on, and everything is due."""
    left = _DAYS

    def another() -> bool:
        nonlocal left
        left -= 1
        for payment in surgery.rows("SELECT id FROM payments WHERE state = 'awaiting_customer'"):
            _unless_busy(lambda payment_id=payment.id: _make_up_ones_mind(surgery, payment_id))
        there = {claim["correlation_id"]: claim for claim in surgery.there()}
        unclear = "SELECT payment_id, reference FROM rebate_claims WHERE state = 'unknown' AND next_check_at IS NULL"
        for row in surgery.rows(unclear):
            _unless_busy(lambda row=row: _look_up(surgery, row.payment_id, there[row.reference]["state"]))
        surgery.ask("clock", {"advance": 86_400})
        surgery.pass_time()
        return left > 0

    return another


def _make_up_ones_mind(surgery: Surgery, payment_id: int) -> None:
    if payment_id % 2:
        surgery.evidence(payment_id, consent=consent())
    else:
        surgery.gateway.payments.cancel(manager, payment_id)


def _look_up(surgery: Surgery, payment_id: int, state: str) -> None:
    decision = Decision.LODGED if state in ("assessed", "pended") else Decision.REJECTED
    surgery.gateway.rebates.decide(manager, "medicare", payment_id, decision)


def _unless_busy(work: Callable[[], object]) -> None:
    try:
        work()
    except GatewayError as error:
        if error.code != "payment_in_progress":  # tomorrow
            raise


def disagreements(surgery: Surgery, told: Told) -> list[str]:
    """One line for each; at rest."""
    books, store = surgery.ask("books"), read_store(surgery.database.engine)
    rebates = [dict(row._mapping) for row in surgery.rows("SELECT * FROM rebate_claims")]
    return [
        *claims_agree(store, books["claims"]),
        *_each_bulk_bill_once(store, books),
        *_each_run_explained(surgery, books),
        *_patient_claims_agree(rebates, books, told),
        *_nothing_lodged_again(store, rebates),
    ]


def _each_bulk_bill_once(store: Any, books: Any) -> list[str]:
    """What Medicare has paid is settled here, once, at the benefit; what it has not is not."""
    there = {claim["correlation_id"]: claim for claim in books["claims"] if claim["function"] == "bulk_bill"}
    charges = defaultdict[int, list[int]](list)
    for entry in store["ledger_entries"]:
        if entry["kind"] in ("charge", "overpayment", "suspense"):
            charges[entry["payment_id"]].append(entry["amount"])
    problems, bills = [], Counter[int]()
    for payment in (one for one in store["payments"] if one["provider"] == "medicare"):
        claim = there.get(payment["reference"])
        benefit = claim["benefit"] if claim else 0
        should = ("succeeded", [benefit]) if benefit else ("failed", [])
        if (payment["state"], charges[payment["id"]]) != should:
            kind = "lost" if benefit and not charges[payment["id"]] else "double or phantom"
            problems.append(
                f"{kind}: payment {payment['id']} {payment['state']} {charges[payment['id']]}, not {should}"
            )
        if benefit and claim["state"] != "paid":
            problems.append(f"at rest Medicare still has {claim['correlation_id']} {claim['state']}")
        bills[payment["payable_id"]] += claim is not None
    problems += [f"double: {number} bulk bills of payable {one}" for one, number in bills.items() if number > 1]
    paid = sum(sum(charges[one["id"]]) for one in store["payments"] if one["provider"] == "medicare")
    deposits = sum(run["amount"] for run in books["payment_runs"])
    return problems if paid == deposits else [*problems, f"lost or phantom: {deposits} came, {paid} is booked"]


def _each_run_explained(surgery: Surgery, books: Any) -> list[str]:
    there = {f"M{run['number']}": (run["amount"], len(run["claims"])) for run in books["payment_runs"]}
    query = """SELECT r.reference, r.amount, r.explained, COUNT(i.id) AS items, COUNT(i.payment_id) AS known
        FROM remittances r JOIN remittance_items i ON i.remittance_id = r.id WHERE r.provider = 'medicare'
        GROUP BY r.reference, r.amount, r.explained"""
    here = {row.reference: row for row in surgery.rows(query)}
    problems = [f"lost: run {name} is not here" for name in there.keys() - here.keys()]
    problems += [f"phantom: run {name} is not Medicare's" for name in here.keys() - there.keys()]
    for name, run in here.items():
        if (run.amount, run.items) != there.get(name) or run.known != run.items or not run.explained:
            problems.append(f"run {name}: {run} here, {there.get(name)} there")
    return problems


def _patient_claims_agree(rebates: list[dict[str, Any]], books: Any, told: Told) -> list[str]:
    there = {claim["correlation_id"]: claim for claim in books["claims"] if claim["function"] == "patient_claim"}
    here = {rebate["reference"]: rebate for rebate in rebates}
    problems = [f"lost: patient claim {name} is not here" for name in there.keys() - here.keys()]
    for name, rebate in here.items():
        state = there[name]["state"] if name in there else "rejected"
        looked_up = (rebate["code"], state) == (Decision.LODGED, "pended")  # staff have no finer word
        if not looked_up and state not in _IS_OVER.get(rebate["state"], ()):
            problems.append(f"patient claim {rebate['id']} is {rebate['state']} here and {state} there")
    standing = Counter(rebate["payable_id"] for rebate in rebates if rebate["state"] in ("lodged", "pended"))
    problems += [f"double: {number} patient claims of payable {one}" for one, number in standing.items() if number > 1]
    became = {rebate["id"]: rebate["state"] for rebate in rebates}
    after = {"lodged": ("lodged", "deleted"), "pended": ("pended",), "rejected": ("rejected",)}
    for claim_id, state in told.rebates:
        if state in after and became.get(claim_id) not in after[state]:
            problems.append(f"patient claim {claim_id} was told {state} and is {became.get(claim_id)}")
    return problems


def _nothing_lodged_again(store: Any, rebates: list[dict[str, Any]]) -> list[str]:
    """Medicare refuses a second claim for a service, so that its books cannot show one: but it says so."""
    codes = [(f"payment {one['id']}", one["provider_code"]) for one in store["payments"]]
    codes += [(f"patient claim {one['id']}", one["code"]) for one in rebates]
    return [f"double: {what} was lodged beside another one" for what, code in codes if code == _ALREADY_PAID]
