"""Refunds that a provider does not send itself: they wait in a queue, and the clinic's bank pays a file of them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, repr=False)
class PayoutAccount:
    """The customer's bank account, as it was given: `name` of its holder, `bsb` (062-000), `account_number` (digits).
    Nothing of it is in a repr."""

    name: str
    bsb: str
    account_number: str

    def __repr__(self) -> str:
        return "PayoutAccount(…)"


@dataclass(frozen=True, slots=True)
class QueuedRefund:
    """One refund of a file. `reference` is what `refund` answered with, `amount` is in minor units of `currency`,
    `account` is where it goes."""

    reference: str
    amount: int
    currency: str
    account: PayoutAccount


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """A file for the bank. `name` is proposed for it on disk, `media_type` for its download; `content` is confidential
    in every byte."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


class CannotWrite(Exception):
    """The file cannot be made. The text is for staff: which setting is missing, which refund does not fit."""
