"""What a dispute does to the books (docs/decisions/0010-a-dispute-is-not-a-refund.md).

While it is open, what the provider took back waits in `disputed`. Given back, it returns to `clearing`. Lost, it is
written off to `chargebacks`; only if staff say so it becomes due again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from tp_gateway.contract import DisputeMovement
from tp_gateway.models import LedgerEntry, table
from tp_gateway.models.ledger import CHARGEBACKS, DISPUTED, PATIENT_CREDIT, RECEIVABLE, clearing, fees
from tp_gateway.services.bookkeeping import Booking

L = table(LedgerEntry)


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the money of one dispute is, in minor units: `withdrawn` by the provider, of that `written_off`; of the
    latter `reopened` is due again."""

    withdrawn: int
    fee: int
    written_off: int
    given_up: int
    reopened: int

    @property
    def undecided(self) -> int:
        return self.withdrawn - self.written_off


@dataclass(frozen=True, slots=True)
class DisputeBooking(Booking):
    """Books one dispute of a payment. `reference` is the provider's id of the dispute."""

    dispute_id: int
    reference: str

    def balance(self) -> Balance:
        sums = self._sums()

        def net(kind: str) -> int:
            return sums.get(kind, 0) - sums.get(f"{kind}_reversal", 0)

        given_up, from_credit = net("chargeback"), net("chargeback_credit")
        reopened = net("chargeback_reopened") - sums.get("chargeback_reopened_reversal_credit", 0)
        return Balance(
            net("dispute"), net("dispute_fee"), given_up + from_credit, given_up - reopened, max(0, reopened)
        )

    def moved(self, movement: DisputeMovement) -> None:
        """Money that the provider took or gave back, and what it charged: each movement once, however often told."""
        there, amount, fee = clearing(self.payment.provider), movement.amount, movement.fee
        charged = fees(self.payment.provider)
        if amount < 0:
            self._dispute_entry("dispute", DISPUTED, there, -amount, movement.reference)
        elif amount > 0:
            self._dispute_entry("dispute_reversal", there, DISPUTED, amount, movement.reference)
        if fee > 0:
            self._dispute_entry("dispute_fee", charged, there, fee, movement.reference)
        elif fee < 0:
            self._dispute_entry("dispute_fee_reversal", there, charged, -fee, movement.reference)

    def lose(self) -> None:
        """What is still undecided is gone: the payment's own over-payment first, the rest the clinic's loss."""
        amount, evidence = self.balance().undecided, self._round(+1)
        if amount <= 0:
            return
        from_credit = min(amount, self._credit_left())
        if from_credit:
            self._dispute_entry("chargeback_credit", PATIENT_CREDIT, DISPUTED, from_credit, evidence)
        if amount > from_credit:
            self._dispute_entry("chargeback", CHARGEBACKS, DISPUTED, amount - from_credit, evidence)

    def reopen(self) -> int:
        """Make due again what was given up, once, as far as this payment still counts towards its payable. Returns the
        change of what is paid."""
        balance = self.balance()
        amount = min(balance.given_up, self._counted())
        if amount <= 0 or balance.reopened:
            return 0
        self._dispute_entry("chargeback_reopened", RECEIVABLE, CHARGEBACKS, amount, self._round())
        return -amount

    def take_back_loss(self) -> int:
        """It was not lost after all: the same entries the other way round. What became due again is paid by the money
        that comes back; if it was paid otherwise meanwhile, that is the patient's credit. Returns the change of what is
        paid."""
        balance, sums, evidence = self.balance(), self._sums(), self._round()
        paid = min(balance.reopened, self.standing.due)
        credit = balance.reopened - paid
        if paid:
            self._dispute_entry("chargeback_reopened_reversal", CHARGEBACKS, RECEIVABLE, paid, evidence)
        if credit:
            self._dispute_entry("chargeback_reopened_reversal_credit", CHARGEBACKS, PATIENT_CREDIT, credit, evidence)
        for kind, account in (("chargeback", CHARGEBACKS), ("chargeback_credit", PATIENT_CREDIT)):
            amount = sums.get(kind, 0) - sums.get(f"{kind}_reversal", 0)
            if amount:
                self._dispute_entry(f"{kind}_reversal", DISPUTED, account, amount, evidence)
        return paid

    def _round(self, following: int = 0) -> str:
        """What keys the ledger: the dispute's id, numbered should it be lost a second time."""
        lost = sa.select(sa.func.count(L.c.evidence.distinct())).where(
            *self._own(), L.c.kind.in_(("chargeback", "chargeback_credit"))
        )
        number = int(self.session.execute(lost).scalar_one()) + following
        return self.reference if number < 2 else f"{self.reference}#{number}"

    def _sums(self) -> Mapping[str, int]:
        query = sa.select(L.c.kind, sa.func.sum(L.c.amount)).where(*self._own()).group_by(L.c.kind)
        return {kind: int(amount) for kind, amount in self.session.execute(query)}

    def _own(self) -> tuple[sa.ColumnElement[bool], ...]:
        return L.c.payment_id == self.payment.id, L.c.dispute_id == self.dispute_id

    def _dispute_entry(self, kind: str, debit: str, credit: str, amount: int, evidence: str) -> None:
        self._entry(kind, debit, credit, amount, evidence, dispute_id=self.dispute_id)
