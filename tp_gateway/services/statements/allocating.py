"""Staff say what a line is for: payments, invoices, a patient's credit, or several of these. Written and settled in one
transaction, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money
from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.errors import GatewayError, ValidationError
from tp_gateway.identity import PATIENT, Identity
from tp_gateway.models import Invoice, Payable, Payment, StatementLine, User, table
from tp_gateway.models.states import OPEN_STATES, InvoiceStatus, LineState, MatchLayer, PaymentState
from tp_gateway.registry import GuardedProvider, Registry
from tp_gateway.services.clock import Clock
from tp_gateway.services.exclusivity import sole_payment
from tp_gateway.services.facts import Answer, Key, PaymentFacts
from tp_gateway.services.idempotency import Idempotency, in_progress
from tp_gateway.services.reading import standing
from tp_gateway.services.statements.booking import AlreadyBooked, StatementBooking
from tp_gateway.services.statements.facts import Allocation, RenderLine
from tp_gateway.services.statements.locking import live_matches, lock_line
from tp_gateway.services.statements.made_here import make_credit_payable, make_payment
from tp_gateway.services.statements.reading import line_facts

P, L, V, Y, U = (table(model) for model in (Payment, StatementLine, Invoice, Payable, User))


class _Part(NamedTuple):
    """`amount` minor units for a payable; 0 is one that is still to be made, for a patient's credit."""

    payable_id: int
    amount: int
    payment_id: int | None
    invoice_id: int | None
    patient_id: int | None


class Allocating:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        booking: StatementBooking,
        idempotency: Idempotency,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault = database, registry, vault
        self._booking, self._idempotency, self._clock = booking, idempotency, clock

    def match(
        self, who: Identity, line_id: int, wanted: Sequence[Allocation], render: RenderLine, key: Key | None
    ) -> Answer:
        """Settle parts of a line. Answers `render(line)`, or the stored answer of a repeat.

        GatewayError: NotFound (the line); ValidationError on `allocations` (more than is left of the line, something
        that is not there, another currency); `not_payable` for money that went out, for a void invoice, for a payment
        that was refunded, and for one beside another that must be the only one; `already_paid` for an invoice on which
        nothing is due and no transfer is known.
        """
        with self._database.transaction() as session:
            line, now = lock_line(session, line_id), self._clock()
            repeat = self._idempotency.claim(session, key, now)
            if repeat is not None:
                if repeat.answer is None:
                    raise in_progress()
                return repeat.answer
            if line.state == LineState.EXPLAINED:
                raise GatewayError("not_payable", f"This line is explained: {line.why}")
            parts = [self._part(session, line, one) for one in wanted]
            left = _left(session, line) - sum(part.amount for part in parts)
            if left < 0:
                most = money.to_decimal_text(_left(session, line), line.currency)
                raise _wrong(f"At most {most} of this line is left; un-match it to match it anew")
            provider = self._registry.by_slug(line.provider)
            settled = [
                self._settle(session, line, part, provider, who.actor, now) for part in sorted(parts, key=_order)
            ]
            why = f"{money.to_decimal_text(left, line.currency)} of it is not matched" if left else "Matched by staff"
            state = LineState.UNMATCHED if left else LineState.MATCHED
            session.execute(sa.update(L).where(L.c.id == line.id).values(state=str(state), why=why))
            answer = render(line_facts(session, line.id))
            self._idempotency.attach(session, key, payment_id=settled[0].id)
            self._idempotency.finish(session, key, settled[0].id, answer, now)
        return answer

    def _part(self, session: orm.Session, line: Any, one: Allocation) -> _Part:
        """What an allocation means. Nothing is locked yet."""
        payable = 0
        if one.payment_id is not None:
            found = session.execute(sa.select(P).where(P.c.id == one.payment_id)).first()
            if found is None or found.provider != line.provider:
                raise _wrong(f"Payment {one.payment_id} is no bank transfer: a statement cannot settle it")
            payable, currency = found.payable_id, found.currency
        elif one.invoice_id is not None:
            found = session.execute(sa.select(V).where(V.c.id == one.invoice_id)).first()
            if found is None:
                raise _wrong(f"There is no invoice {one.invoice_id}")
            if found.status == InvoiceStatus.VOID:
                raise GatewayError("not_payable", f"Invoice {found.number} is void")
            payable, currency = found.payable_id, found.currency
        else:
            known = sa.select(U.c.id).where(U.c.id == one.patient_id, U.c.role == PATIENT)
            if session.execute(known).first() is None:
                raise _wrong(f"There is no patient {one.patient_id}")
            currency = line.currency
        if currency != line.currency:
            raise _wrong(f"The line is in {line.currency}, not in {currency}")
        try:
            amount = money.to_minor_units(one.amount, line.currency)
        except ValueError as error:
            raise _wrong(str(error)) from None
        return _Part(payable, amount, one.payment_id, one.invoice_id, one.patient_id)

    def _settle(
        self, session: orm.Session, line: Any, part: _Part, provider: GuardedProvider, actor: str, now: datetime
    ) -> PaymentFacts:
        payment_id = part.payment_id or self._payment_for(session, line, part, provider, actor, now)
        payment = standing(session, self._vault, payment_id, lock=True).payment
        if payment.refunded or payment.needs_review or payment.state == PaymentState.REFUNDED:
            text = f"Money of payment {payment.id} was given back, or it waits for a decision of its own"
            raise GatewayError("not_payable", text, payment_id=payment.id)
        sole = sole_payment(session, self._registry, payment.payable_id)
        if sole is not None:
            text = f"Payment {sole} is the only one for this: cancel it, or match the money to the patient's credit"
            raise GatewayError("not_payable", text, payment_id=sole)
        try:
            return self._booking.settle(
                session, payment, line.id, line.fingerprint, part.amount, MatchLayer.STAFF, actor, now
            )
        except AlreadyBooked:
            text = f"The books have this line for payment {payment.id} already"
            raise GatewayError("not_payable", text, payment_id=payment.id) from None

    def _payment_for(
        self, session: orm.Session, line: Any, part: _Part, provider: GuardedProvider, actor: str, now: datetime
    ) -> int:
        """The transfer that was promised for the invoice, or one that is made for what came."""
        manifest = provider.manifest
        if part.patient_id is not None:
            credit = make_credit_payable(session, part.patient_id, line.currency)
            return make_payment(session, credit, manifest, part.amount, line.currency, actor, now)
        payable = session.execute(sa.select(Y).where(Y.c.id == part.payable_id).with_for_update()).one()
        if payable.invoice_id != part.invoice_id:  # it was made void meanwhile
            raise GatewayError("not_payable", "This invoice is void")
        promised = sa.select(P.c.id).where(P.c.payable_id == payable.id, P.c.provider == manifest.slug)
        promised = promised.where(P.c.state != PaymentState.REFUNDED, P.c.refunded == 0, ~P.c.needs_review)
        best_first = (P.c.state.in_(OPEN_STATES), P.c.amount - P.c.captured == part.amount, P.c.id)
        known = session.execute(promised.order_by(*(one.desc() for one in best_first)).limit(1)).first()
        if known is not None:
            return int(known[0])
        if payable.amount_paid >= payable.amount:
            raise GatewayError("already_paid", "Nothing is due on this invoice: name its patient instead, for credit")
        return make_payment(session, payable, manifest, part.amount, line.currency, actor, now)


def _left(session: orm.Session, line: Any) -> int:
    """What is not matched yet. `not_payable` where nothing came in."""
    if line.amount <= 0:
        raise GatewayError("not_payable", "This line brought no money in")
    matched: int = sum(match.amount for match in live_matches(session, line.id))
    return int(line.amount) - matched


def _order(part: _Part) -> tuple[int, int]:
    """That of `locking`: payables by their ids."""
    return (part.payable_id, part.payment_id or 0)


def _wrong(text: str) -> ValidationError:
    return ValidationError({"allocations": [text]})
