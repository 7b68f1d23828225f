"""The reference that a patient types into a transfer: `TP` and twelve digits, 14 of the 18 characters that Direct Entry
carries. It says nothing about the patient, and it must never change its form while one is open."""

from __future__ import annotations

import re
from uuid import UUID

from stdnum.iso7064 import mod_97_10

LENGTH = 14
LARGEST_NUMBER = 10**8 - 1

_PREFIX = re.compile(r"([A-Z])(?!\1)[A-Z]", re.ASCII)
_SPREAD = 61_803_399
"""Coprime to 10, so that multiplying by it modulo 10^8 gives each number another one. Without it a reference begins
with many zeros, which people miscount, and the next payment's looks much the same."""


def is_prefix(text: str) -> bool:
    """Two different upper-case letters. Different, because then two references in one text never overlap."""
    return _PREFIX.fullmatch(text) is not None


def make(prefix: str, number: int, order_id: str) -> str:
    """The reference of the payment with this `number` (1 to 99,999,999, its own in this installation) and UUID.

    Prefix, eight digits of the number, two of the UUID, two check digits. Numbers that differ give references that
    differ. The UUID's digits are for a number that is given out again after a backup was restored: in 99 of 100 cases
    the second reference is another one.

    All have one length, so that none is the beginning of another; that is why a larger number is refused (ValueError)
    and does not make a longer reference. 18 characters would be enough for 10^12 - 1 payments.

    Check digits: ISO/IEC 7064, MOD 97-10. Any one wrong digit and any two neighbours that changed places are detected.
    """
    if not is_prefix(prefix):
        raise ValueError("prefix: not two different upper-case letters")
    if not 1 <= number <= LARGEST_NUMBER:
        raise ValueError(f"number: not between 1 and {LARGEST_NUMBER}, no reference can be made of it")
    body = f"{prefix}{number * _SPREAD % 10**8:08d}{UUID(order_id).int % 100:02d}"
    return body + mod_97_10.calc_check_digits(body)


def is_valid(prefix: str, text: str) -> bool:
    """Whether `text` is exactly a reference with this prefix, as `make` writes it: no spaces, no lower case."""
    return (
        len(text) == LENGTH
        and text.startswith(prefix)
        and text.isascii()
        and text[2:].isdigit()
        # Not the library's validate(): modulo 97 it takes 01 for 98, and we never write 01.
        and text[-2:] == mod_97_10.calc_check_digits(text[:-2])
    )
