"""The ledger. Money that arrived or went back is booked here, in the transaction that settles it,
exactly once: the provider's evidence keys each entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import InsertOnce, rows_changed
from tp_gateway.errors import GatewayError
from tp_gateway.models import Invoice, LedgerEntry, Payable, Payment, table
from tp_gateway.models.ledger import ADJUSTMENTS, PATIENT_CREDIT, RECEIVABLE, SUSPENSE, clearing, fees
from tp_gateway.models.states import InvoiceStatus
from tp_gateway.services import history
from tp_gateway.services.facts import PaymentFacts, RefundFacts
from tp_gateway.services.reading import Standing

L, Y, V, P = table(LedgerEntry), table(Payable), table(Invoice), table(Payment)

_ENTRY = InsertOnce(L, ["payment_id", "kind", "evidence"], tells=L.c.kind)
_INVOICE_STATUS = (
    sa.update(V)
    .where(V.c.id == sa.bindparam("invoice"), V.c.status != "void", V.c.status != sa.bindparam("new_status"))
    .values(status=sa.bindparam("new_status"))
)


@dataclass(frozen=True, slots=True)
class Booking:
    """Who books, for which payment, when. `amount`s below are minor units."""

    session: orm.Session
    standing: Standing
    actor: str
    at: datetime

    @property
    def payment(self) -> PaymentFacts:
        return self.standing.payment

    def charge(
        self, amount: int, evidence: str, fee: int = 0, transaction: str = "", *, room: int = 0
    ) -> tuple[int, int]:
        """Money was captured, for a `fee` that the provider's `transaction` shows: what is due (and `room`, which was
        made due in this transaction) is paid, the rest is the patient's credit. Returns (paid, credit)."""
        if self.payment.captured:
            evidence = self._name_of_more(evidence)
        ours, paid = clearing(self.payment.provider), min(amount, self.standing.due + room)
        lines = [self._line("charge", ours, RECEIVABLE, paid, evidence)] if paid else []
        if fee > 0:
            lines.append(self._line("fee", fees(self.payment.provider), ours, fee, transaction))
        written = _ENTRY.new(self.session, lines) if lines else []
        if paid and "charge" not in written:
            return 0, 0  # this very movement is in the books
        if amount > paid:
            self._entry("overpayment", ours, PATIENT_CREDIT, amount - paid, evidence)
        return paid, amount - paid

    def sole_charge(self, amount: int, evidence: str, fee: int = 0, transaction: str = "") -> tuple[int, int]:
        """The same for a payment that is payment in full, whatever it brings: the rest of what is due is given up
        (decision 0013). More of it, later, takes the place of what was given up. Returns (what is paid more, credit).
        """
        room = self._claim_again(amount - self.standing.due, evidence)
        paid, credit = self.charge(amount, evidence, fee, transaction, room=room)
        left = self.standing.due + room - paid if paid else 0
        given_up = left if left and self._entry("write_off", ADJUSTMENTS, RECEIVABLE, left, evidence) else 0
        return paid + given_up - room, credit

    def _claim_again(self, most: int, evidence: str, refund_id: int | None = None) -> int:
        """Make (up to `most` of) what this payment has given up due again. Returns how much that was."""
        sign = sa.case((L.c.credit == ADJUSTMENTS, -L.c.amount), else_=L.c.amount)
        query = sa.select(sa.func.coalesce(sa.func.sum(sign), 0))
        given_up = self.session.execute(query.where(L.c.payment_id == self.payment.id, L.c.kind.like("write_off%")))
        amount = min(most, int(given_up.scalar_one()))
        if amount <= 0:
            return 0
        fresh = self._entry("write_off_returned", RECEIVABLE, ADJUSTMENTS, amount, evidence, refund_id)
        return amount if fresh else 0

    def _name_of_more(self, evidence: str) -> str:
        """More money under the evidence of an earlier part, as when a hold is captured in steps, is another entry."""
        earlier = sa.select(sa.func.count()).where(L.c.payment_id == self.payment.id)
        count = self.session.execute(earlier.where(L.c.kind.in_(("charge", "overpayment")))).scalar_one()
        same = self.session.execute(earlier.where(L.c.evidence == evidence)).scalar_one()
        return f"{evidence}#{count + 1}" if same else evidence

    def suspense(self, amount: int, currency: str, evidence: str) -> None:
        """Money that is here but is not what was asked: kept apart until a person decided. `amount` is all of it, so
        that an evidence that is another one at each look keeps nothing apart twice."""
        more = amount - self.suspended(currency)[0]
        if more > 0:
            self._entry("suspense", clearing(self.payment.provider), SUSPENSE, more, evidence, currency=currency)

    def suspended(self, currency: str = "") -> tuple[int, str]:
        """(amount, evidence) of what is kept apart for this payment in a currency, its own one if none is named."""
        sign = sa.case((L.c.kind == "suspense", L.c.amount), else_=-L.c.amount)
        query = sa.select(sa.func.coalesce(sa.func.sum(sign), 0), sa.func.max(L.c.evidence)).where(
            L.c.payment_id == self.payment.id,
            L.c.kind.in_(("suspense", "suspense_reversal")),
            L.c.currency == (currency or self.payment.currency),
        )
        amount, evidence = self.session.execute(query).one()
        return int(amount), evidence or ""

    def release_suspense(self) -> None:
        """What was kept apart turned out to be the payment's own, in another sum or currency than was said first."""
        kept = sa.select(L.c.amount, L.c.currency, L.c.evidence).where(
            L.c.payment_id == self.payment.id, L.c.kind == "suspense"
        )
        for amount, currency, evidence in self.session.execute(kept).all():
            ours = clearing(self.payment.provider)
            self._entry("suspense_reversal", SUSPENSE, ours, amount, evidence, currency=currency)

    def fee(self, amount: int, transaction: str) -> None:
        """The provider's fee, where it becomes known after the charge."""
        if amount > 0:
            self._entry("fee", fees(self.payment.provider), clearing(self.payment.provider), amount, transaction)

    def refund(self, refund: RefundFacts, evidence: str) -> int:
        """Money went back. The payment's own over-payment goes first; then the payable's share, which is given up
        (an adjustment) unless the refund reopens the payable. Returns the change of what is paid."""
        from_credit = min(refund.amount, self._credit_left())
        rest = refund.amount - from_credit
        if from_credit:
            self._entry("refund_credit", PATIENT_CREDIT, clearing(refund.provider), from_credit, evidence, refund.id)
        if not rest:
            return 0
        # What a lost dispute has made due again cannot become due once more.
        given_up = rest - min(rest, max(0, self._counted())) if refund.reopen else rest
        back = self._line("refund", RECEIVABLE, clearing(refund.provider), rest, evidence, refund.id)
        lines = [self._line("adjustment", ADJUSTMENTS, RECEIVABLE, given_up, evidence, refund.id)] if given_up else []
        # In this order, so that what is paid never falls below zero in between.
        if "refund" not in _ENTRY.new(self.session, [*lines, back]):
            return 0
        all_back = refund.reopen and self.payment.refunded + refund.amount == self.payment.captured
        return given_up - rest - (self._claim_again(self.payment.amount, evidence, refund.id) if all_back else 0)

    def refund_reversal(self, refund: RefundFacts, evidence: str) -> int:
        """A refund failed after it had been booked: the same entries the other way round."""
        booked = self.session.execute(
            sa.select(L.c.kind, L.c.debit, L.c.credit, L.c.amount)
            .where(L.c.refund_id == refund.id, L.c.evidence == evidence, L.c.kind.not_like("%_reversal%"))
            .order_by(L.c.kind.desc())  # the refund before its adjustment: see there
        ).all()
        delta = sum(_paid_back(entry) for entry in booked if entry.kind != "write_off_returned")
        # It may have been paid again meanwhile: then what came back is the patient's credit.
        credit = max(0, delta - self.standing.due)
        left = self.standing.due - (delta - credit)
        given_up = 0
        for entry in booked:
            amount = entry.amount
            if entry.kind == "write_off_returned":  # given up once more, as far as it is still due
                amount = given_up = min(amount, left)
            elif _paid_back(entry) > 0 and credit:
                self._entry("refund_reversal_credit", entry.credit, PATIENT_CREDIT, credit, evidence, refund.id)
                amount -= credit
            if amount:
                self._entry(f"{entry.kind}_reversal", entry.credit, entry.debit, amount, evidence, refund.id)
        return delta - credit + given_up

    def take_back(self, amount: int, evidence: str) -> int:
        """What was booked under this evidence was for something else. As with a refund, the payment's own over-payment
        goes first: what is left of its money then pays what is due. Returns the change of what is paid. GatewayError
        `not_payable` if its over-payment has paid another invoice."""
        from_credit, ours = min(amount, self._credit_left()), clearing(self.payment.provider)
        if amount - from_credit > self._counted():
            text = f"What payment {self.payment.id} has over-paid has paid another invoice: return that credit first"
            raise GatewayError("not_payable", text, payment_id=self.payment.id)
        if from_credit:
            self._entry("unmatch_credit", PATIENT_CREDIT, ours, from_credit, evidence)
        if amount > from_credit:
            self._entry("unmatch", RECEIVABLE, ours, amount - from_credit, evidence)
        return from_credit - amount

    def _credit_left(self) -> int:
        """What is left of this payment's own over-payment."""
        return self._credited(PATIENT_CREDIT)

    def _counted(self) -> int:
        """What this payment counts towards its payable; its over-payment may have paid another."""
        return self._credited(RECEIVABLE, L.c.payable_id == self.payment.payable_id)

    def _credited(self, account: str, *where: sa.ColumnElement[bool]) -> int:
        """What this payment's entries credited to an account, less what they debited."""
        sign = sa.case((L.c.credit == account, L.c.amount), else_=-L.c.amount)
        touched = sa.or_(L.c.credit == account, L.c.debit == account)
        query = sa.select(sa.func.coalesce(sa.func.sum(sign), 0)).where(L.c.payment_id == self.payment.id, touched)
        return int(self.session.execute(query.where(*where)).scalar_one())

    def _entry(self, kind: str, *line: Any, **more: Any) -> bool:
        """False if this very movement is in the books already."""
        return bool(_ENTRY.new(self.session, self._line(kind, *line, **more)))

    def _line(
        self,
        kind: str,
        debit: str,
        credit: str,
        amount: int,
        evidence: str,
        refund_id: int | None = None,
        currency: str | None = None,
        **more: int,
    ) -> dict[str, Any]:
        return {
            "payment_id": self.payment.id,
            "refund_id": refund_id,
            "payable_id": self.payment.payable_id,
            "patient_id": self.payment.patient_id,
            "kind": kind,
            "debit": debit,
            "credit": credit,
            "amount": amount,
            "currency": currency or self.payment.currency,
            "evidence": evidence,
            "actor": self.actor,
            "at": self.at,
            **more,
        }


def _paid_back(entry: Any) -> int:
    """What taking back a refund's entry adds to what is paid."""
    if RECEIVABLE not in (entry.debit, entry.credit):
        return 0
    return int(entry.amount if entry.debit == RECEIVABLE else -entry.amount)


def update_invoice_status(
    session: orm.Session, standing: Standing, delta: int, at: datetime, *, refunded_all: bool = False
) -> str | None:
    """Keep the live invoice's status in step after `delta` was booked for its payable, whose `amount_paid` the ledger's
    own trigger keeps; a change is told as `invoice.<status>`. Returns that status."""
    if standing.live_invoice_id is None:
        return None
    status = invoice_status(standing.payable_amount, standing.payable_paid + delta, refunded_all=refunded_all)
    if rows_changed(session, _INVOICE_STATUS, {"invoice": standing.live_invoice_id, "new_status": str(status)}):
        payment_id = standing.payment.id
        history.tell_invoice(session, f"invoice.{status}", standing.live_invoice_id, at, payment_id=payment_id)
    return str(status)


def invoice_status(amount: int, paid: int, *, refunded_all: bool = False) -> InvoiceStatus:
    """The pure function that an invoice's stored status is."""
    if refunded_all:
        return InvoiceStatus.REFUNDED
    if paid >= amount:
        return InvoiceStatus.PAID
    return InvoiceStatus.PARTIALLY_PAID if paid > 0 else InvoiceStatus.PENDING


def everything_went_back(session: orm.Session, payable_id: int) -> bool:
    """True when every captured cent of every payment of this payable was refunded."""
    captured, refunded = _taken_and_returned(session, payable_id)
    return captured > 0 and captured == refunded


def net_taken(session: orm.Session, payable_id: int) -> int:
    """What all payments of this payable have brought, less what was refunded of them."""
    captured, refunded = _taken_and_returned(session, payable_id)
    return captured - refunded


def _taken_and_returned(session: orm.Session, payable_id: int) -> tuple[int, int]:
    query = sa.select(sa.func.coalesce(sa.func.sum(P.c.captured), 0), sa.func.coalesce(sa.func.sum(P.c.refunded), 0))
    captured, refunded = session.execute(query.where(P.c.payable_id == payable_id)).one()
    return int(captured), int(refunded)
