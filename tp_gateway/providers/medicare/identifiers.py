"""Medicare card numbers: format, check digit, how they are shown. A right check digit says that a number can exist, not
whose it is; only Medicare knows that. No message of this module contains a number. Provider numbers are read by the
contract, because the clinic's settings have one too.

The check digit is published by clearwater.com.au (code/medicare), agrees with independent copies, and with the numbers
in vendors' public test data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tp_gateway.contract import InvalidIdentifier, provider_number

__all__ = [
    "InvalidIdentifier",
    "MedicareCard",
    "card_check_digit",
    "card_number",
    "provider_number",
    "reference_number",
]

_CARD = re.compile(r"[2-6][0-9]{8}[1-9]", re.ASCII)
_CARD_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9)
_REFERENCE = re.compile(r"[1-9]", re.ASCII)


def card_check_digit(first_eight: str) -> int:
    """The ninth digit of a Medicare card number, from its first eight."""
    return sum(int(digit) * weight for digit, weight in zip(first_eight, _CARD_WEIGHTS, strict=True)) % 10


def card_number(text: str) -> str:
    """The 10 digits of a Medicare card number as people write it (`2123 45670 1`). InvalidIdentifier."""
    number = text.replace(" ", "")
    if not _CARD.fullmatch(number):
        raise InvalidIdentifier("Not a Medicare card number: 10 digits, the first 2 to 6, the last not 0")
    if int(number[8]) != card_check_digit(number[:8]):
        raise InvalidIdentifier("The Medicare card number's check digit is wrong")
    return number


def reference_number(text: str) -> str:
    """An individual reference number (IRN): one digit, 1 to 9. InvalidIdentifier."""
    if not _REFERENCE.fullmatch(text):
        raise InvalidIdentifier("Not an individual reference number: one digit, 1 to 9")
    return text


@dataclass(frozen=True, slots=True, repr=False)
class MedicareCard:
    """A card number (10 digits, the last one is the card's issue) and the patient's reference number on it (IRN). Made
    by `parse`. Shown masked wherever it is turned into text; `number` and `displayed()` are for Medicare and staff."""

    number: str
    reference: str

    @classmethod
    def parse(cls, number: str, reference: str) -> MedicareCard:
        """InvalidIdentifier unless both can exist."""
        return cls(card_number(number), reference_number(reference))

    def displayed(self) -> str:
        """`NNNN NNNNN N`."""
        return _grouped(self.number)

    def masked(self) -> str:
        """The last three digits only: `**** ***70 1`."""
        return _grouped("*" * 7 + self.number[7:])

    def __str__(self) -> str:
        return self.masked()

    def __repr__(self) -> str:
        return f"MedicareCard({self.masked()})"


def _grouped(card: str) -> str:
    return f"{card[:4]} {card[4:9]} {card[9]}"
