"""Australian account details: how BSB and account number are read, written and masked. Whether they exist is not
known here: neither has a check digit, and the directory of BSBs may not be redistributed."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BSB = re.compile(r"([0-9]{3})[- ]?([0-9]{3})", re.ASCII)
_ACCOUNT_NUMBER = re.compile(r"[0-9]{4,10}", re.ASCII)
_GAPS = re.compile(r"(?<=[0-9])[- ](?=[0-9])", re.ASCII)


def format_bsb(text: str) -> str:
    """`NNN-NNN`, whether it was written so, with a space or in one go. ValueError, without the value."""
    parts = _BSB.fullmatch(text.strip())
    if not parts:
        raise ValueError("bsb: not six digits")
    return f"{parts[1]}-{parts[2]}"


def format_account_number(text: str) -> str:
    """Digits only, zeros at the front kept: they are part of it. ValueError, without the value.

    Banks give out 4 to 10 digits; a number of nothing but zeros is refused in payment files (cemtexaba.com).
    """
    number = _GAPS.sub("", text.strip())
    if not _ACCOUNT_NUMBER.fullmatch(number):
        raise ValueError("account_number: not 4 to 10 digits")
    if not number.strip("0"):
        raise ValueError("account_number: only zeros")
    return number


def mask(number: str) -> str:
    """What may be shown and logged of an account number: its last three digits, and not how long it is."""
    return f"***{number[-3:]}"


@dataclass(frozen=True, slots=True, repr=False)
class BankAccount:
    """Both parts in the form in which they are kept. Made from anything that `format_bsb` and `format_account_number`
    take; its repr is masked, its fields are not."""

    bsb: str
    account_number: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "bsb", format_bsb(self.bsb))
        object.__setattr__(self, "account_number", format_account_number(self.account_number))

    def __repr__(self) -> str:
        return f"BankAccount({self.bsb} {mask(self.account_number)})"
