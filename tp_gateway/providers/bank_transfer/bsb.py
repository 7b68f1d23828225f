"""Australian account details, and how they are masked."""

from __future__ import annotations

from dataclasses import dataclass

from tp_gateway.contract import account_number, bsb


def mask(number: str) -> str:
    """What may be shown and logged of an account number: its last three digits, and not how long it is."""
    return f"***{number[-3:]}"


@dataclass(frozen=True, slots=True, repr=False)
class BankAccount:
    """Both parts in the form in which they are kept. Made from anything that the contract's `bsb` and
    `account_number` take; its repr is masked, its fields are not."""

    bsb: str
    account_number: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "bsb", bsb(self.bsb))
        object.__setattr__(self, "account_number", account_number(self.account_number))

    def __repr__(self) -> str:
        return f"BankAccount({self.bsb} {mask(self.account_number)})"
