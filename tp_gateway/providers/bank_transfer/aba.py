"""The ABA (Cemtex, direct entry) file by which an operator has the bank send refunds. Every byte of it is confidential:
it holds account numbers and names, so it is never logged and never kept in the clear.

Fields as on cemtexaba.com (ABA file format details): lines of 120 characters, CR LF, ASCII; amounts in cents.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from tp_gateway.providers.bank_transfer.bsb import BankAccount

LARGEST_AMOUNT = 9_999_999_999
"""Cents, in one line as in the totals."""
LARGEST_COUNT = 999_999

_CREDIT, _DEBIT = "50", "13"
_ACCOUNT_DIGITS = 9
# "All coded character set valid" says the format, and does not say which: a cautious part of what banks list.
_FOREIGN = re.compile(r"[^A-Za-z0-9 &'()*+,./-]", re.ASCII)
_LODGEMENT_REFERENCE = re.compile(r"[A-Za-z1-9](?:[A-Za-z0-9 &'()*+,./-]{0,16}[A-Za-z0-9&'()*+,./-])?", re.ASCII)
_BANK = re.compile(r"[A-Z]{3}", re.ASCII)
_USER_ID = re.compile(r"[0-9]{1,6}", re.ASCII)
# What Unicode does not take apart into a letter and an accent.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D"}
    | {
        "ł": "l",
        "Ł": "L",
        "þ": "th",
        "Þ": "Th",
        "\u0131": "i",
        "\u2018": "'",
        "\u2019": "'",
        "\u2013": "-",
        "\u2014": "-",
    }
)


@dataclass(frozen=True, slots=True)
class Header:
    """Who sends the file.

    `bank` is the bank's abbreviation (CBA, NAB, WBC, ANZ). `user_name` (at most 26 characters) and `user_id` (1 to 6
    digits) are as agreed with it, `description` (12) is what it shows for the whole file. `processed_on` is when it
    shall pay. `trace` is the clinic's own account, to which an entry that cannot be paid returns; `remitter` (16) is
    the name that patients read on their statements. What is too long is refused, not cut: it is a setting, and the
    clinic can choose a shorter one.
    """

    bank: str
    user_name: str
    user_id: str
    description: str
    processed_on: date
    trace: BankAccount
    remitter: str

    def __post_init__(self) -> None:
        _must(_BANK.fullmatch(self.bank), "bank: not three upper-case letters")
        _must(_USER_ID.fullmatch(self.user_id), "user_id: not 1 to 6 digits")
        for name, size in (("user_name", 26), ("description", 12), ("remitter", 16)):
            text = _plain(getattr(self, name), name)
            _must(len(text) <= size, f"{name}: more than {size} characters")
            object.__setattr__(self, name, text)
        _must_fit(self.trace, "trace")


@dataclass(frozen=True, slots=True)
class Credit:
    """One refund.

    `amount` is in cents. `title` is the account's name: banks do not compare it with the account, so what is over 32
    characters is cut off, and a patient with a long name is paid. `reference` (at most 18 characters, the first no zero
    and no punctuation mark) is what the patient knows the money by: a shortened one would be another, so it is refused.
    """

    account: BankAccount
    amount: int
    title: str = field(repr=False)
    reference: str

    def __post_init__(self) -> None:
        _must_fit(self.account, "account")
        _must(
            type(self.amount) is int and 1 <= self.amount <= LARGEST_AMOUNT,
            f"amount: not between 1 and {LARGEST_AMOUNT} cents",
        )
        object.__setattr__(self, "title", _plain(self.title, "title", cut_to=32))
        _must_be_reference(self.reference)


@dataclass(frozen=True, slots=True)
class BalancingDebit:
    """The line that takes the sum of all credits from the clinic's own account. Some banks want one, some refuse it."""

    account: BankAccount
    title: str
    reference: str

    def __post_init__(self) -> None:
        _must_fit(self.account, "account")
        object.__setattr__(self, "title", _plain(self.title, "title", cut_to=32))
        _must_be_reference(self.reference)


def write(header: Header, credits: Iterable[Credit], balancing: BalancingDebit | None = None) -> bytes:
    """The whole file. ValueError: no credit, or more or larger than a file's totals can say."""
    paid = list(credits)
    details = [_detail(header, _CREDIT, one.account, one.amount, one.title, one.reference) for one in paid]
    total = sum(one.amount for one in paid)
    _must(paid, "credits: none")
    _must(total <= LARGEST_AMOUNT, f"credits: more than {LARGEST_AMOUNT} cents together")
    debited = 0
    if balancing:
        debited = total
        details.append(_detail(header, _DEBIT, balancing.account, total, balancing.title, balancing.reference))
    _must(len(details) <= LARGEST_COUNT, f"credits: more than a file's {LARGEST_COUNT} lines")
    first = (
        f"0{'':17}01{header.bank}{'':7}{header.user_name:26}{header.user_id:0>6}{header.description:12}"
        f"{header.processed_on:%d%m%y}{'':40}"
    )
    last = f"7999-999{'':12}{total - debited:010}{total:010}{debited:010}{'':24}{len(details):06}{'':40}"
    return "".join(f"{line}\r\n" for line in (first, *details, last)).encode("ascii")


def _detail(header: Header, code: str, account: BankAccount, amount: int, title: str, reference: str) -> str:
    trace = f"{header.trace.bsb}{header.trace.account_number:>9}{header.remitter:16}"
    return f"1{account.bsb}{account.account_number:>9} {code}{amount:010}{title:32}{reference:18}{trace}{'':0>8}"


def _plain(text: str, name: str, cut_to: int | None = None) -> str:
    """In the file's character set: accents are dropped, a few letters spelled out, what is left becomes a space."""
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    bare = "".join(one for one in apart if not unicodedata.combining(one))
    plain = " ".join(_FOREIGN.sub(" ", bare).split())[:cut_to].rstrip()
    _must(re.search(r"[A-Za-z0-9]", plain), f"{name}: nothing in it that a payment file can carry")
    return plain


def _must_fit(account: BankAccount, name: str) -> None:
    _must(
        len(account.account_number) <= _ACCOUNT_DIGITS,
        f"{name}: an account number of more than {_ACCOUNT_DIGITS} digits cannot stand in a payment file",
    )


def _must_be_reference(text: str) -> None:
    _must(
        _LODGEMENT_REFERENCE.fullmatch(text),
        "reference: not 1 to 18 characters of a payment file that begin with a letter or a digit other than 0",
    )


def _must(holds: object, problem: str) -> None:
    if not holds:
        raise ValueError(problem)
