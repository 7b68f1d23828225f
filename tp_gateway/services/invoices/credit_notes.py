"""A credit note: which lines it takes back, the GST of them, and where the money goes that was paid for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from tp_gateway import money
from tp_gateway.errors import GatewayError, ValidationError
from tp_gateway.models import CreditNoteLine, InvoiceItem, Payment, table
from tp_gateway.models.states import OperationKind
from tp_gateway.services.counters import raised
from tp_gateway.services.invoices import gst
from tp_gateway.services.invoices.credit import Lot, take
from tp_gateway.services.invoices.target import Target

I, C, P = table(InvoiceItem), table(CreditNoteLine), table(Payment)  # noqa: E741 - one letter a table


@dataclass(frozen=True, slots=True)
class Asked:
    """Some `lines` (position -> amount in major units, None for all that is left of the line), or an `amount` of the
    whole; nothing: all that can be credited."""

    amount: Decimal | None = None
    lines: Mapping[int, Decimal | None] | None = None


@dataclass(frozen=True, slots=True)
class Credited:
    """`refunds` are proposals, newest payment first: (payment id, minor units) of what became credit and can be given
    back to where it came from. A refund of such a payment takes that credit first."""

    number: str
    amount: int
    refunds: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Part:
    """`amount` to take back of an invoice's line, of which `before` was taken back already."""

    line: Any
    before: int
    amount: int

    @property
    def gst(self) -> int:
        return gst.of_part(self.line.gst, self.line.total, self.before, self.amount)


def write_credit_note(target: Target, asked: Asked, paid: Sequence[Lot], reason: str, year: int) -> Credited:
    """`paid` is the money that has paid the invoice and is here. No more than that and what is due can be taken back:
    neither what was given up before, nor what a refund or a dispute has taken. GatewayError `not_payable` if nothing
    can be credited; ValidationError on `amount` or on `lines`, by position."""
    most = target.due + sum(lot.amount for lot in paid)
    if not most:
        raise GatewayError("not_payable", "Nothing of this invoice can be credited any more")
    parts = _parts(target, asked, most)
    amount = sum(part.amount for part in parts)
    number = f"CN-{year}-{raised(target.session, f'credit_note:{year}'):03d}"
    taken = sum(part.gst for part in parts)
    done = target.operation(OperationKind.CREDIT_NOTE, amount, reason, number=number, gst=taken)
    lines = [{"operation_id": done, "item_id": part.line.id, "amount": part.amount, "gst": part.gst} for part in parts]
    target.session.execute(sa.insert(C), lines)
    target.book("credit_note", done, number, [amount])
    freed = list(take(paid, amount - target.due))
    target.book("credit_returned", done, number, freed)
    target.update_status()
    return Credited(number, amount, _refunds(target, freed))


def _refunds(target: Target, freed: Sequence[Lot]) -> list[tuple[int, int]]:
    """Of this invoice's own payments, as far as their money was not given back already."""
    left = sa.select(P.c.id, P.c.captured - P.c.refunded).where(P.c.payable_id == target.row.id)
    can = {row[0]: row[1] for row in target.session.execute(left)}
    found = ((lot.payment_id, min(lot.amount, can.get(lot.payment_id, 0))) for lot in freed)
    return [(payment_id, amount) for payment_id, amount in found if amount > 0]


def _parts(target: Target, asked: Asked, most: int) -> list[_Part]:
    there = _what_is_left(target)
    if asked.lines is not None:
        parts = _of_lines(target, asked.lines, there)
    else:
        amount = target.asked(asked.amount, most, "At most this can still be credited")
        parts = _of_whole(target, amount, there)
    total = sum(part.amount for part in parts)
    if total > most:
        raise ValidationError({"lines": [f"At most this can still be credited: {target.text(most)}"]})
    return parts


def _what_is_left(target: Target) -> list[tuple[Any, int]]:
    """(line, what was taken back of it), in order."""
    credited = sa.select(C.c.item_id, sa.func.sum(C.c.amount).label("credited")).group_by(C.c.item_id)
    of_lines = credited.where(C.c.item_id.in_(sa.select(I.c.id).where(I.c.invoice_id == target.invoice_id))).subquery()
    query = sa.select(I, sa.func.coalesce(of_lines.c.credited, 0).label("credited"))
    query = query.outerjoin(of_lines, of_lines.c.item_id == I.c.id).where(I.c.invoice_id == target.invoice_id)
    return [(row, int(row.credited)) for row in target.session.execute(query.order_by(I.c.position))]


def _of_lines(target: Target, lines: Mapping[int, Decimal | None], there: Sequence[tuple[Any, int]]) -> list[_Part]:
    known = {line.position: (line, before) for line, before in there}
    parts, problems = list[_Part](), dict[str, Any]()
    for position, amount in lines.items():
        if position not in known:
            problems[str(position)] = ["This invoice has no such line"]
            continue
        line, before = known[position]
        left = line.total - before
        try:
            part = left if amount is None else money.to_minor_units(amount, target.row.currency)
        except ValueError as error:
            problems[str(position)] = [str(error)]
            continue
        if not 0 < part <= left:
            problems[str(position)] = [f"At most this can still be credited: {target.text(left)}"]
        else:
            parts.append(_Part(line, before, part))
    if problems:
        raise ValidationError({"lines": problems})
    return parts


def _of_whole(target: Target, amount: int, there: Sequence[tuple[Any, int]]) -> list[_Part]:
    """From the first line on. Which line it is makes a difference to GST, so it must be said where some have it."""
    left_of_all = sum(line.total - before for line, before in there)
    if amount < left_of_all and len({line.gst_rate for line, _ in there}) > 1:
        raise ValidationError({"lines": ["Required: some lines of this invoice have GST and some have not"]})
    parts, wanted = list[_Part](), amount
    for line, before in there:
        part = min(line.total - before, wanted)
        if part > 0:
            parts.append(_Part(line, before, part))
            wanted -= part
    return parts
