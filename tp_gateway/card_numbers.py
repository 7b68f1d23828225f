"""Finds card numbers in text: what no request may carry and no log may show. A number counts only if a network has it
(prefix and length), its check digit is right (ISO/IEC 7812), and it is written as people write card numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

_GAP = r"[\s._/,-]{1,3}"
_WRITTEN = re.compile(
    r"(?=\d)(?<!\d)(?<!\d\.)(?:"  # the digit first: most text has none, and is passed over seven times as fast
    rf"\d{{4}}{_GAP}\d{{4}}{_GAP}\d{{4}}{_GAP}\d{{4}}(?:{_GAP}\d{{3}})?"  # 4242 4242 4242 4242 (424)
    rf"|\d{{4}}{_GAP}\d{{6}}{_GAP}\d{{4,5}}"  # 3782 822463 10005
    r"|(?<!\d[ -])\d(?:[ -]\d){12,18}"  # digit by digit
    r"|\d{13,26}"  # in one go, also with the expiry run on
    r")(?!\d)"
)
_GROUP = re.compile(r"\d+")
_NETWORKS = (
    (re.compile(r"4"), (16, 13, 19)),  # Visa
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)"), (16,)),  # Mastercard
    (re.compile(r"3[47]"), (15,)),  # American Express
    (re.compile(r"6(?:011|4[4-9]|5)"), (16,)),  # Discover
    (re.compile(r"35(?:2[89]|[3-8])"), (16,)),  # JCB
    (re.compile(r"3(?:0[0-5]|[689])"), (14,)),  # Diners Club
    (re.compile(r"62"), (16, 19)),  # UnionPay
    (re.compile(r"50|5[68]|63|67"), (16, 19)),  # Maestro
)
_EXPIRY = re.compile(r"(?:0[1-9]|1[0-2])\d{2}(?:\d{2})?(?:\d{3,4})?")
"""MMYY or MMYYYY, and perhaps a security code, run on to the number."""


def card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each card number in `text`."""
    position = 0
    while found := _WRITTEN.search(text, position):
        length = _card_length(found.group())
        if length:
            yield found.start(), found.start() + length
            position = found.start() + length
        else:
            first = _GROUP.match(text, found.start())
            position = first.end() if first else found.end()


def _card_length(written: str) -> int:
    """How many characters of `written`, from its beginning, are a card number; 0 if none."""
    digits = "".join(_GROUP.findall(written))
    for network, lengths in _NETWORKS:
        if not network.match(digits):
            continue
        for length in lengths:
            rest = digits[length:]
            whole = not rest or written != digits or _EXPIRY.fullmatch(rest)
            if len(digits) >= length and whole and _luhn(digits[:length]):
                return _characters(written, length)
    return 0


def _characters(written: str, digits: int) -> int:
    for position, character in enumerate(written, 1):
        digits -= character.isdigit()
        if not digits:
            return position
    return len(written)


def _luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
