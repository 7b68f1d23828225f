"""Finds the reference of a payment in a line of a bank statement, also where one character is wrong or two neighbours
have changed places; or its BPAY customer number. It never goes by a part of a reference, a name or an amount, and never
chooses between two."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import product
from string import ascii_lowercase, ascii_uppercase, digits

from tp_gateway.contract.statements import Recognised, Recogniser, StatementLine
from tp_gateway.providers.bank_transfer import references
from tp_gateway.providers.bank_transfer.crn import Rule, customer_number

_FIELDS_END = "\x1f"
"""Between the fields of a line: a reference never begins in one and ends in the next."""
_UPPER = bytes.maketrans(ascii_lowercase.encode(), ascii_uppercase.encode())
_DROPPED = bytes(set(range(256)) - set(f"{digits}{ascii_uppercase}{ascii_lowercase}{_FIELDS_END}".encode()))
_DIGITS_AS_0 = bytes.maketrans(digits.encode(), b"0" * 10)
_CUSTOMER_NUMBER = references.LENGTH - 2 + 1
"""Digits of a BPAY customer number: those of a reference, and a check digit."""
_CUSTOMER_NUMBER_IN_ZEROS = b"0" * _CUSTOMER_NUMBER
_CUSTOMER_NUMBERS = re.compile(rf"(?=([0-9]{{{_CUSTOMER_NUMBER}}}))".encode())
_DIGITS = tuple(digit.encode() for digit in digits)


def recogniser(prefix: str, open_references: Collection[str]) -> Recogniser:
    """For the references of all payments that still wait for money.

    They may have another prefix (it was changed while they were open), and are recognised all the same. ValueError:
    one is no reference at all.

    A BPAY customer number (`crn`) stands for its reference. One that is mistyped is not repaired: the biller's bank
    refuses it when it is entered.

    The recogniser reads the structured reference, the description and the payer; spaces, punctuation and case do not
    count, and a reference may be glued to other text. It answers None where there is no reference, and also where there
    are two different ones, or where two fit equally well what was written: a person decides then. A letter for a digit
    (O for 0) is a wrong character like any other, so one is repaired and two are not. Missing and added characters are
    not looked for. A right reference that is not open is never taken for another one: by their check digits, references
    differ by more than one such error.

    Odds of a wrong answer, with 1,000 references open: one in 10^9 for "TP" and twelve random digits by an exact match,
    one in 8 million by a repair (12 x 9 wrong digits and 11 swaps lead to each reference); one in 10^9 for twelve
    random digits after a T or P alone.
    """
    of_prefix: defaultdict[str, set[bytes]] = defaultdict(set)
    for reference in open_references:
        if not (references.is_prefix(reference[:2]) and references.is_valid(reference[:2], reference)):
            raise ValueError("open_references: one is not a reference")
        of_prefix[reference[:2]].add(reference.encode())
    if not references.is_prefix(prefix):
        raise ValueError("prefix: not two different upper-case letters")
    searches = [_Search(one, frozenset(which)) for one, which in sorted(of_prefix.items())]
    of_number = _customer_numbers(open_references)

    def recognise(line: StatementLine) -> Recognised | None:
        text = _compact(f"{line.reference}{_FIELDS_END}{line.description}{_FIELDS_END}{line.payer}")
        runs = text.translate(_DIGITS_AS_0)
        found: dict[bytes, bytes] = {}
        for search in searches:
            if search.prefix in text or (search.shortest_run in runs and search.near_run.search(runs)):
                for reference, written in search(text):
                    # Written twice, once right and once wrong: it is there, and nothing had to be repaired.
                    if found.get(reference) != reference:
                        found[reference] = written
        if _CUSTOMER_NUMBER_IN_ZEROS in runs:
            for number in _CUSTOMER_NUMBERS.findall(text):
                named = of_number.get(number)
                if named is not None:
                    found.setdefault(named, named)  # never more certain than what was read above
        if len(found) != 1:
            return None
        [(reference, written)] = found.items()
        alone = _compact(line.reference)
        return Recognised(
            reference.decode(),
            structured=reference in (alone, of_number.get(alone)),
            repaired="" if written == reference else written.decode(),
        )

    return recognise


def _customer_numbers(open_references: Collection[str]) -> dict[bytes, bytes]:
    """BPAY customer number -> reference, by either rule. A number that two references could mean is left out."""
    found: dict[bytes, bytes] = {}
    ambiguous = set()
    for reference, rule in product(open_references, Rule):
        number = customer_number(reference, rule).encode()
        if found.setdefault(number, reference.encode()) != reference.encode():
            ambiguous.add(number)
    return {number: reference for number, reference in found.items() if number not in ambiguous}


def _compact(text: str) -> bytes:
    """Upper-case letters and digits only, without accents."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    return text.encode("ascii", "ignore").translate(_UPPER, _DROPPED)


class _Search:
    """For the open references of one prefix, in a compact text."""

    def __init__(self, prefix: str, opened: frozenset[bytes]) -> None:
        self.prefix = prefix.encode()
        self.opened = opened
        count = references.LENGTH - len(prefix)
        first, second = prefix[0], prefix[1]
        # A wrong prefix leaves all digits in one run, or all but one (its second letter and the first digit swapped),
        # and one of its letters beside them. Digits stand as zeros here. Most lines have no such run.
        self.shortest_run = b"0" * (count - 1)
        self.near_run = re.compile(rf"[{first}{second}]0{{{count - 1}}}|{first}[A-Z]0{{{count}}}".encode())
        # What a reference can look like with one error; the first two forms also let more errors through.
        self._windows = re.compile(
            rf"(?=({prefix}[0-9][0-9A-Z]{{{count - 1}}}|{prefix}[A-Z][0-9]{{{count - 1}}}"
            rf"|{first}[0-9A-Z][0-9]{{{count}}}|[0-9A-Z]{second}[0-9]{{{count}}}"
            rf"|{second}{first}[0-9]{{{count}}}|{first}[0-9]{second}[0-9]{{{count - 1}}}))".encode()
        )

    def __call__(self, text: bytes) -> Iterator[tuple[bytes, bytes]]:
        """(reference, as it was written) for each place, and for each open reference that fits there."""
        for match in self._windows.finditer(text):
            window = match[1]
            if window in self.opened:
                yield window, window
            elif window.translate(_DIGITS_AS_0).count(b"0") >= len(self.shortest_run) and not self._is_valid(window):
                for candidate in self._one_error_away(window):
                    if candidate in self.opened:
                        yield candidate, window

    def _is_valid(self, window: bytes) -> bool:
        """Right, but not open. No open one is an error away from it; this saves looking for one."""
        return references.is_valid(self.prefix.decode(), window.decode())

    def _one_error_away(self, window: bytes) -> Iterator[bytes]:
        for at in range(len(window) - 1):
            yield window[:at] + window[at + 1 : at + 2] + window[at : at + 1] + window[at + 2 :]
        for at in range(len(window)):
            for right in (self.prefix[at : at + 1],) if at < len(self.prefix) else _DIGITS:
                yield window[:at] + right + window[at + 1 :]
