"""What a provider that is settled by bank statements reads out of one, and what it recognises in a line.

Amounts are integers of minor units, money in is positive. Dates are the bank's own (its local calendar).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Protocol


class MalformedStatement(Exception):
    """The file as a whole is refused. `line` is where (1-based; 0: it is about the whole file), `problem` says what is
    wrong, without the line's contents: they are somebody's account."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)
        self.line, self.problem = line, problem


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement on the clinic's account, as the bank wrote it.

    `line` is where it stands in the file (1-based), `booked_on` the bank's day. `amount` is signed, in minor units of
    `currency`. `account` is the clinic's own account as the file names it, "" where it does not. `balance` is the
    account's after this movement, where the file says so. `reference` is a structured reference of its own field (BPAY
    CRN, end-to-end id), "" where there is none; `description` everything else that the bank tells in words, white space
    collapsed. `payer` is who sent it, where a field of its own says so. `bank_id` is the bank's own id (OFX FITID, CAMT
    AcctSvcrRef): neither unique nor always there, so never a key."""

    line: int
    booked_on: date
    amount: int
    currency: str
    description: str
    account: str = ""
    balance: int | None = None
    reference: str = ""
    payer: str = ""
    bank_id: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A file as it was detected. `format` is its name for people ("CBA CSV", "OFX"). `lines` is read once, while the
    file is; it raises `MalformedStatement` at the first line that makes no sense."""

    format: str
    lines: Iterator[StatementLine]


@dataclass(frozen=True, slots=True)
class Recognised:
    """A payment's `reference` found in a line: one of those that the recogniser was made for. `structured`: in a field
    of its own. `repaired` is how it was written there, if one character was wrong or two had changed places; "" if it
    was right."""

    reference: str
    structured: bool = False
    repaired: str = ""


class Recogniser(Protocol):
    """Made by the provider for the references of the payments that money can still come for. Called for each line of a
    file of a million, so it must be quick. None where there is no reference, and where there are two."""

    def __call__(self, line: StatementLine) -> Recognised | None: ...
