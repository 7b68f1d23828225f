"""What staff did to invoices: each is in the ledger with its amount, and a credit note is the sum of its lines."""

from __future__ import annotations

import sqlalchemy as sa

from tp_gateway.models import CreditNoteLine, Invoice, InvoiceItem, InvoiceOperation, LedgerEntry, Payment, table
from tp_gateway.models.states import InvoiceStatus
from tp_gateway.models.states import OperationKind as Kind
from tp_gateway.services.verification.check import check, finds, or_zero, total
from tp_gateway.services.verification.numbers import numbered

O, C, I, L, V, P = (  # noqa: E741 - one letter a table
    table(model) for model in (InvoiceOperation, CreditNoteLine, InvoiceItem, LedgerEntry, Invoice, Payment)
)
_BOOKED_AS = {
    Kind.CREDIT_NOTE: "credit_note",
    Kind.WRITE_OFF: "written_off",
    Kind.CREDIT_APPLIED: "credit_applied",
    Kind.CREDIT_RETURNED: "credit_returned",
}
_MEANT = sa.case(*((O.c.kind == kind, entry) for kind, entry in _BOOKED_AS.items()), else_="")
_BOOKED = (
    sa.select(L.c.operation_id, L.c.kind, total(L.c.amount).label("booked"))
    .where(L.c.operation_id.is_not(None))
    .group_by(L.c.operation_id, L.c.kind)
    .subquery()
)
_ASKED = sa.case((O.c.kind == Kind.VOID, 0), else_=O.c.amount)
# A credit note frees what was paid of it.
_FREED = sa.and_(O.c.kind == Kind.CREDIT_NOTE, _BOOKED.c.kind == "credit_returned")
_LINES = (
    sa.select(C.c.operation_id, total(C.c.amount).label("amount"), total(C.c.gst).label("gst"))
    .group_by(C.c.operation_id)
    .subquery()
)
_OF_ITEM = (
    sa.select(C.c.item_id, total(C.c.amount).label("amount"), total(C.c.gst).label("gst"))
    .group_by(C.c.item_id)
    .subquery()
)

CHECKS = (
    check(
        "operations-booked",
        "What staff did to an invoice is booked with its amount, and as nothing else; a void one has moved nothing.",
        InvoiceOperation,
        finds(
            sa.select(O.c.id, O.c.kind, O.c.amount, or_zero(_BOOKED.c.booked).label("booked"))
            .outerjoin(_BOOKED, sa.and_(_BOOKED.c.operation_id == O.c.id, _BOOKED.c.kind == _MEANT))
            .where(or_zero(_BOOKED.c.booked) != _ASKED),
            "operation {id} ({kind}) is of {amount}, {booked} is booked",
        ),
        finds(
            sa.select(O.c.id, O.c.kind, _BOOKED.c.kind.label("entry"), _BOOKED.c.booked)
            .join(_BOOKED, _BOOKED.c.operation_id == O.c.id)
            .where(_BOOKED.c.kind != _MEANT, ~_FREED),
            "operation {id} ({kind}) has booked {booked} as {entry}",
        ),
    ),
    check(
        "operations-belong",
        "Each operation is of the payable, patient and currency of its invoice, and only a void invoice was voided.",
        InvoiceOperation,
        finds(
            sa.select(O.c.id, O.c.invoice_id)
            .join(V, V.c.id == O.c.invoice_id)
            .where(
                sa.or_(
                    O.c.payable_id != V.c.payable_id,
                    O.c.patient_id != V.c.patient_id,
                    O.c.currency != V.c.currency,
                    sa.and_(O.c.kind == Kind.VOID, V.c.status != InvoiceStatus.VOID),
                )
            ),
            "operation {id} does not fit its invoice {invoice_id}",
        ),
    ),
    check(
        "credit-notes-lines",
        "Each credit note is the sum of its lines, and no line is taken back beyond what was asked for it.",
        CreditNoteLine,
        finds(
            sa.select(O.c.id, O.c.number, O.c.amount, or_zero(_LINES.c.amount).label("sum"), O.c.gst)
            .outerjoin(_LINES, _LINES.c.operation_id == O.c.id)
            .where(
                O.c.kind == Kind.CREDIT_NOTE,
                sa.or_(O.c.amount != or_zero(_LINES.c.amount), O.c.gst != or_zero(_LINES.c.gst)),
            ),
            "credit note {id} ({number}) is of {amount} with {gst} of GST, its lines are of {sum}",
        ),
        finds(
            sa.select(I.c.id, I.c.invoice_id, I.c.total, I.c.gst, _OF_ITEM.c.amount.label("credited"))
            .join(_OF_ITEM, _OF_ITEM.c.item_id == I.c.id)
            .where(sa.or_(_OF_ITEM.c.amount > I.c.total, _OF_ITEM.c.gst > I.c.gst)),
            "line {id} of invoice {invoice_id}: {credited} of {total} is taken back, or more GST than its {gst}",
        ),
        finds(
            sa.select(C.c.id, C.c.operation_id, C.c.item_id)
            .join(O, O.c.id == C.c.operation_id)
            .join(I, I.c.id == C.c.item_id)
            .where(sa.or_(O.c.invoice_id != I.c.invoice_id, O.c.kind != Kind.CREDIT_NOTE)),
            "line {id} of operation {operation_id} is of another invoice's line {item_id}, or of no credit note",
        ),
    ),
    numbered(
        "credit-notes-numbers",
        "The numbers of each year's credit notes run from 001 to the year's counter without a gap.",
        InvoiceOperation,
        O.c.number,
        "CN",
        "credit_note",
    ),
)
