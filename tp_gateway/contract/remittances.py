"""What a provider pays out to the clinic's bank account: one sum, and the movements that it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class RemittanceState(StrEnum):
    """Where the sum is."""

    IN_TRANSIT = "in_transit"
    """Made, and not yet in the bank account."""
    PAID = "paid"
    """In the bank account, as far as the provider knows. It may still fail."""
    FAILED = "failed"
    """The bank sent it back."""
    CANCELED = "canceled"
    """Taken back before it was paid."""


class RemittanceKind(StrEnum):
    """What an item is. The core expects to know the payment of the first three."""

    PAYMENT = "payment"
    """What a customer paid."""
    REFUND = "refund"
    """Also one that failed, whose money came back."""
    DISPUTE = "dispute"
    """What was taken because of a dispute, or given back."""
    FEE = "fee"
    """What the provider charges by itself, and not with a payment."""
    RETURNED = "returned"
    """The money of an earlier remittance that did not arrive."""
    OTHER = "other"
    """Anything else that moved the provider's balance."""


@dataclass(frozen=True, slots=True)
class RemittanceItem:
    """One movement in minor units of the remittance's currency, above zero towards the clinic; `net` is `amount` less
    `fee`.

    `kind` says what it is. `transaction` is the provider's id of the movement, unique for ever: for a payment what
    `Outcome.transaction` says. `reference` is the provider's id of what it is about (a payment's reference or evidence,
    a refund's or a dispute's reference). By either the core finds the payment. An item that was told never changes and
    never goes away."""

    transaction: str
    kind: RemittanceKind
    amount: int
    fee: int
    net: int
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Remittance:
    """One sum to the clinic's bank account, or (below zero) from it, as the provider has it now.

    `reference` is the provider's id of it, `state` where it is. `amount` is in minor units of `currency`; it should be
    the sum of the items' `net`, otherwise it is told as unexplained. `arrives_on` is the day it is, or was, expected in
    the account. `statement_text` is what the bank's statement is likely to say about it, "" if nobody knows. `items`
    are all movements that are known so far."""

    reference: str
    amount: int
    currency: str
    arrives_on: date
    state: RemittanceState
    statement_text: str = ""
    items: tuple[RemittanceItem, ...] = ()
