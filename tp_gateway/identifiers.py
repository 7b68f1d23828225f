"""Numbers that Australia gives to businesses, to providers of health services and to bank accounts. A right check digit
says that a number can exist, not whose it is. No message of this module contains a number.

BSB and account number have no check digit, and the directory of BSBs may not be redistributed.
The provider number's check character is published by clearwater.com.au (code/provider), agrees with independent copies,
and with the numbers in vendors' public test data. The ABN's is the Australian Business Register's.
"""

from __future__ import annotations

import re

from stdnum.au import abn as register

_ABN = re.compile(r"[0-9]{11}", re.ASCII)
_LOCATIONS = "0123456789ABCDEFGHJKLMNPQRTUVWXY"
"""A location character's value is its place here: no I, O, S and Z."""
_STEM_WEIGHTS = (3, 5, 8, 4, 2, 1)
_LOCATION_WEIGHT = 6
# Another table (YXWVTRQPNML) circulates in public code; it fails published provider numbers.
_CHECKS = "YXWTLKJHFBA"
BSB = re.compile(r"([0-9]{3})[- ]?([0-9]{3})", re.ASCII)
ACCOUNT_NUMBER = re.compile(r"(?![0 -]*$)[0-9](?:[- ]?[0-9]){3,9}", re.ASCII)
_PROVIDER = re.compile(rf"[0-9]{{5,6}}[{_LOCATIONS}][{_CHECKS}]", re.ASCII)


class InvalidIdentifier(ValueError):
    """A number that cannot exist. The message says what is wrong, without the number."""


class WrongCheckDigit(InvalidIdentifier):
    """It looks right and cannot exist: most likely mistyped."""


def abn(text: str) -> str:
    """The 11 digits of an Australian Business Number as people write it (`51 824 753 556`). InvalidIdentifier,
    WrongCheckDigit."""
    number = text.replace(" ", "")
    if not _ABN.fullmatch(number):
        raise InvalidIdentifier("Not an ABN: 11 digits such as 51 824 753 556")
    if not register.is_valid(number):
        raise WrongCheckDigit("The ABN's check digits are wrong")
    return number


def provider_check_character(stem: str, location: str) -> str:
    """The last character of a provider number, from its stem of six digits and its location character."""
    total = sum(int(digit) * weight for digit, weight in zip(stem, _STEM_WEIGHTS, strict=True))
    return _CHECKS[(total + _LOCATION_WEIGHT * _LOCATIONS.index(location)) % 11]


def provider_number(text: str) -> str:
    """A Medicare provider number in its one spelling: 8 characters, upper case, a stem of five digits padded with a 0.

    One person has a number for each practice location. InvalidIdentifier, WrongCheckDigit.
    """
    number = text.replace(" ", "").upper()
    if not text.isascii() or not _PROVIDER.fullmatch(number):
        raise InvalidIdentifier("Not a provider number: 5 or 6 digits, a location character and a check character")
    number = number.rjust(8, "0")
    if number[7] != provider_check_character(number[:6], number[6]):
        raise WrongCheckDigit("The provider number's check character is wrong")
    return number


def bsb(text: str) -> str:
    """A bank, state and branch number as `NNN-NNN`, whether it was written so, with a space or in one go.
    InvalidIdentifier."""
    parts = BSB.fullmatch(text)
    if not parts:
        raise InvalidIdentifier("Not a BSB such as 062-000")
    return f"{parts[1]}-{parts[2]}"


def account_number(text: str) -> str:
    """A bank account's number in digits only; zeros at the front are part of it. InvalidIdentifier.

    Banks give out 4 to 10 digits; a number of nothing but zeros is refused in payment files (cemtexaba.com).
    """
    if not ACCOUNT_NUMBER.fullmatch(text):
        raise InvalidIdentifier("Not an account number: 4 to 10 digits, not all of them 0")
    return re.sub("[- ]", "", text)
