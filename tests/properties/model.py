"""What must be true, worked out beside the product: from what was asked for, and from the provider's own books. Amounts
are cents."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tp_gateway.contract import Reason
from tp_gateway.services.facts import Key

CARDS = {
    "pm_card_visa": "succeeded",
    "pm_card_pendingRefund": "succeeded",
    "pm_card_refundFail": "succeeded",
    "pm_card_visa_chargeDeclined": "card_declined",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_authenticationRequired": "awaiting_customer",
    "pm_card_threeDSecureRequiredChargeDeclined": "awaiting_customer",
}
"""Card -> what the first answer to it is: `succeeded`, the reason of the failure, or that the bank asks."""
NOTHING_HAPPENED = (Reason.BUSY, Reason.UNREACHABLE, Reason.UNCLEAR, Reason.NO_SUCH_PAYER)
"""Reasons of a failure after which the same key may try again."""


@dataclass
class Owed:
    """Something to be paid: an appointment, an invoice, or an appointment that has an invoice."""

    amount: int
    appointment_id: int | None = None
    invoice_id: int | None = None
    cancelled: bool = False

    @property
    def door(self) -> dict[str, int]:
        """How a patient names it."""
        if self.invoice_id is not None:
            return {"invoice_id": self.invoice_id}
        return {"appointment_id": self.appointment_id or 0}

    @property
    def payable(self) -> bool:
        """An invoice stays payable when its appointment is cancelled: it may be the fee for not coming."""
        return self.invoice_id is not None or not self.cancelled


@dataclass
class Asked:
    """A request that was answered, to be repeated. `text` is the answer once it is final, `bound` whether the key must
    stand for `payment_id` now."""

    key: Key
    wanted: dict[str, Any]
    payment_id: int
    text: str | None = None
    bound: bool = True

    def heard(self, status: str, reason: str, text: str) -> None:
        if status == "failed" and reason in NOTHING_HAPPENED:
            self.text, self.bound = None, False
        elif status != "pending":
            self.text = text


class Books:
    """The provider's books, read for one payment or one payable."""

    def __init__(self, books: dict[str, Any]) -> None:
        self._books = books
        self.intents = {intent["id"]: intent for intent in books["payment_intents"]}

    def intents_of(self, uuid: str) -> list[dict[str, Any]]:
        return [one for one in self.intents.values() if one["metadata"].get("tp_gateway_payment") == uuid]

    def charges_of(self, uuid: str) -> list[dict[str, Any]]:
        """Those that took money."""
        mine = {intent["id"] for intent in self.intents_of(uuid)}
        return [
            charge
            for charge in self._books["charges"]
            if charge["payment_intent"] in mine and charge["status"] == "succeeded" and charge["captured"]
        ]

    def refunds_of(self, uuid: str) -> list[dict[str, Any]]:
        mine = {intent["id"] for intent in self.intents_of(uuid)}
        return [refund for refund in self._books["refunds"] if refund["payment_intent"] in mine]

    def dispute_of(self, uuid: str) -> dict[str, Any] | None:
        charges = {charge["id"] for charge in self.charges_of(uuid)}
        return next((one for one in self._books["disputes"] if one["charge"] in charges), None)

    def left_of(self, uuid: str) -> int:
        """What the provider would still give back."""
        return sum(charge["amount"] - charge["amount_refunded"] for charge in self.charges_of(uuid))

    def status_of(self, uuid: str) -> str:
        """The public word that is true of a payment now."""
        charges = self.charges_of(uuid)
        if charges:
            return "refunded" if self.left_of(uuid) == 0 else "succeeded"
        waiting = ("requires_action", "requires_payment_method", "requires_confirmation", "processing")
        return "pending" if any(one["status"] in waiting for one in self.intents_of(uuid)) else "failed"

    def why_not(self, payment: Any, status: str) -> str | None:
        """Why a patient may not be told `status` about a payment now; None if he may."""
        charges = self.charges_of(payment.uuid)
        taken = sum(charge["amount"] for charge in charges)
        if status == "failed":
            if taken:
                return f"told failed, and {taken} was taken"
            intent = self.intents.get(payment.reference or "")
            # One whose making was not answered we never confirm, and nobody else can. It is closed once it is found.
            if intent is not None and intent["status"] != "canceled" and payment.sent:
                return f"told failed, and {intent['id']} is {intent['status']}"
        elif status in ("succeeded", "refunded") and taken != payment.amount:
            return f"told {status}, and {taken} of {payment.amount} was taken"
        elif status == "refunded" and not self.refunds_of(payment.uuid):
            return "told refunded, and nothing went back"
        return None


def paid_at_rest(owed: Owed, books: Books, uuids: list[str], reopening: set[str]) -> int | None:
    """What must count as paid once everything is known: all that was taken, less what was given back by refunds that
    reopen (`reopening`: their references). None where it also depends on the order in which we heard: a refund that
    reopened, was paid again, and then came back; or a dispute that made something due again."""
    if any(dispute in reopening for uuid in uuids if (found := books.dispute_of(uuid)) for dispute in [found["id"]]):
        return None
    refunds = [refund for uuid in uuids for refund in books.refunds_of(uuid)]
    reopened = [refund for refund in refunds if refund["id"] in reopening]
    if any(refund["status"] == "failed" for refund in reopened):
        return None
    taken = sum(charge["amount"] for uuid in uuids for charge in books.charges_of(uuid))
    return min(owed.amount, taken - sum(refund["amount"] for refund in reopened))


def major(cents: int) -> Decimal:
    return Decimal(cents) / 100
