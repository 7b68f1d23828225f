"""An invoice explained: each cent that is due, or is not any more, from the balance to the ledger's entry, to what was
done, to the evidence of it; in words for the patient. The steps add up to the balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import Invoice, InvoiceOperation, LedgerEntry, Payment, table
from tp_gateway.models.ledger import CREDIT_MOVED, PATIENT_CREDIT, RECEIVABLE
from tp_gateway.models.states import OperationKind
from tp_gateway.money import to_decimal_text
from tp_gateway.registry import Registry
from tp_gateway.services.facts import InvoiceFacts
from tp_gateway.services.invoices.facts import InvoiceDetail

L, P, O, V = (table(model) for model in (LedgerEntry, Payment, InvoiceOperation, Invoice))  # noqa: E741

SENTENCES: Mapping[str, str] = {
    "charge": "{amount} was paid ({way}).",
    "overpayment": "{amount} more than was due was paid ({way}). It is your credit.",
    "write_off": "{way} is payment in full, so the clinic does not ask for the remaining {amount}.",
    "write_off_returned": "{amount} that the clinic had not asked for is due again.",
    "write_off_returned_reversal": "{amount} is not asked for after all.",
    "refund": "{amount} was given back to you ({way}).",
    "refund_reversal": "Giving back {amount} ({way}) did not work, so it counts as paid again.",
    "adjustment": "{amount} that was given back is not asked for again.",
    "adjustment_reversal": "{amount} is counted as paid, and no longer as given up.",
    "refund_credit": "{amount} of your credit was given back to you ({way}).",
    "refund_credit_reversal": "Giving back {amount} of your credit ({way}) did not work. It is your credit again.",
    "refund_reversal_credit": "Giving back {amount} ({way}) did not work. Nothing was due, so it is your credit.",
    "unmatch": "{amount} from the bank turned out to be for something else, so it does not count here.",
    "unmatch_credit": "{amount} from the bank turned out to be for something else, so it is not your credit.",
    "chargeback_credit": "Your bank took back {amount} that was your credit.",
    "chargeback_credit_reversal": "Your bank returned {amount}, which is your credit again.",
    "chargeback_reopened": "Your bank took back {amount} ({way}), so it is due again.",
    "chargeback_reopened_reversal": "Your bank returned {amount} ({way}), so it counts as paid again.",
    "chargeback_reopened_reversal_credit": "Your bank returned {amount}. Nothing was due, so it is your credit.",
    "credit_note": "The clinic took back {amount} of what it had asked for, by credit note {number}.",
    "written_off": "The clinic does not ask for {amount} any more.",
    "credit_applied": "{amount} was paid with your credit ({way}).",
    "credit_returned": "{amount} that was paid ({way}) became your credit.",
}
"""Kind of entry -> what it means to the patient: every kind that changes what is due or the patient's credit."""
_ELSEWHERE = {
    "credit_applied": "{amount} of your credit from here has paid {other}.",
    "credit_returned": "{amount} of your credit from here that had paid {other} is your credit again.",
}
_MADE = "Invoice {number} asks for {amount}."
_VOIDED = "Invoice {number} is void. Nothing has to be paid for it."


@dataclass(frozen=True, slots=True)
class Step:
    """`due` and `credit` are by how much it changed what is due and what the patient's credit is, `balance` is what is
    due after it. `operation` is (what was done, its id, its number if it has one); `entry` the ledger's, None for what
    moves nothing there; `evidence` the id by which whoever moved the money knows it."""

    at: datetime
    text: str
    due: int
    credit: int
    balance: int
    operation: tuple[str, int, str | None]
    entry: tuple[int, str, str, str, int] | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The steps in order; their `due` add up to the invoice's amount due."""

    detail: InvoiceDetail
    steps: Sequence[Step]


def explain(session: orm.Session, detail: InvoiceDetail, registry: Registry) -> Explanation:
    """Entries of an appointment that was paid before it had this invoice count, so they stand here too."""
    facts = detail.facts
    steps = [_made(facts)]
    if facts.status == "void":
        steps += _voided(session, facts)
    else:
        for row in session.execute(_entries(facts)):
            steps.append(_step(row, facts, registry, steps[-1].balance))
    return Explanation(detail, steps)


def _made(facts: InvoiceFacts) -> Step:
    text = _MADE.format(number=facts.number, amount=_money(facts.amount, facts))
    of = ("invoice", facts.id, facts.number)
    return Step(facts.created_at, text, facts.amount, 0, facts.amount, of, evidence=facts.number)


def _voided(session: orm.Session, facts: InvoiceFacts) -> list[Step]:
    """Nothing was paid on it. Invoices that an earlier version has voided have no operation."""
    query = sa.select(O.c.id, O.c.at).where(O.c.invoice_id == facts.id, O.c.kind == OperationKind.VOID)
    row = session.execute(query).first()
    at, of = (row.at, ("void", row.id, None)) if row else (facts.created_at, ("void", facts.id, None))
    return [Step(at, _VOIDED.format(number=facts.number), -facts.amount, 0, 0, of)]


def _entries(facts: InvoiceFacts) -> sa.Select[Any]:
    """Those of the payable that touch what is due or credit; and where credit from here has gone."""
    payable = sa.select(V.c.payable_id).where(V.c.id == facts.id).scalar_subquery()
    here = L.c.payable_id == payable
    ours = sa.select(P.c.id).where(P.c.payable_id == payable)
    gone = sa.and_(L.c.payment_id.in_(ours), L.c.kind.in_(CREDIT_MOVED))
    other = V.alias()
    return (
        sa.select(
            L, here.label("here"), P.c.provider, O.c.kind.label("operation"), O.c.number, other.c.number.label("other")
        )
        .outerjoin(P, P.c.id == L.c.payment_id)
        .outerjoin(O, O.c.id == L.c.operation_id)
        .outerjoin(other, other.c.id == O.c.invoice_id)
        .where(sa.or_(here, gone))
        .where(sa.or_(*(account.in_((RECEIVABLE, PATIENT_CREDIT)) for account in (L.c.debit, L.c.credit))))
        .order_by(L.c.id)
    )


def _step(row: Any, facts: InvoiceFacts, registry: Registry, balance: int) -> Step:
    due = _signed(row, RECEIVABLE) if row.here else 0
    words = SENTENCES[row.kind] if row.here else _ELSEWHERE[row.kind]
    provider = registry.find(row.provider) if row.provider else None
    way = provider.manifest.display_name if provider else row.provider
    text = words.format(amount=_money(row.amount, facts), way=way, number=row.number, other=row.other)
    if row.operation is not None:
        of = (row.operation, row.operation_id, row.number)
    elif row.refund_id is not None:
        of = ("refund", row.refund_id, None)
    elif row.dispute_id is not None:
        of = ("dispute", row.dispute_id, None)
    else:
        of = ("payment", row.payment_id, None)
    entry = (row.id, row.kind, row.debit, row.credit, row.amount)
    return Step(row.at, text, -due, _signed(row, PATIENT_CREDIT), balance - due, of, entry, row.evidence)


def _signed(row: Any, account: str) -> int:
    amount: int = row.amount
    return amount if row.credit == account else -amount if row.debit == account else 0


def _money(amount: int, facts: InvoiceFacts) -> str:
    return f"{to_decimal_text(amount, facts.currency)} {facts.currency}"
