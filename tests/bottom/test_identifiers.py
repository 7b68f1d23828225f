"""Numbers of businesses, providers and bank accounts, against numbers that others have published."""

from __future__ import annotations

import pytest

from tp_gateway import identifiers
from tp_gateway.identifiers import (
    InvalidIdentifier,
    WrongCheckDigit,
    abn,
    account_number,
    bsb,
    provider_check_character,
    provider_number,
)

PROVIDERS = ["2447781L", "2426591T", "2429581T", "2429591L", "2409661B", "2433411Y"]
PLACEHOLDERS = ["1234567A", "1234565X"]
WRONG_CHECKS = "YXWVTRQPNML"
LOCATIONS = "0123456789ABCDEFGHJKLMNPQRTUVWXY"


@pytest.mark.parametrize("number", PROVIDERS)
def test_published_provider_numbers_pass(number: str) -> None:
    assert provider_number(number) == number == provider_number(f" {number.lower()}")


@pytest.mark.parametrize("number", PLACEHOLDERS)
def test_placeholders_of_documentation_fail(number: str) -> None:
    with pytest.raises(InvalidIdentifier, match="check character is wrong"):
        provider_number(number)


def test_the_right_check_character_of_a_placeholder() -> None:
    assert provider_check_character("123456", "7") == "X"
    assert provider_number("1234567X") == "1234567X"


def test_the_other_table_in_circulation_fails_published_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifiers, "_CHECKS", WRONG_CHECKS)
    passing = [number for number in PROVIDERS if provider_check_character(number[:6], number[6]) == number[7]]
    assert passing == ["2433411Y"], "both tables have Y first"


@pytest.mark.parametrize("number", PROVIDERS)
def test_any_one_wrong_digit_of_a_stem_is_found(number: str) -> None:
    for place in range(6):
        for digit in set("0123456789") - {number[place]}:
            with pytest.raises(InvalidIdentifier, match="check character is wrong"):
                provider_number(number[:place] + digit + number[place + 1 :])


def test_every_location_has_one_check_character() -> None:
    """The formula once more, written out."""
    for value, location in enumerate(LOCATIONS):
        total = 3 * 2 + 5 * 4 + 8 * 4 + 4 * 7 + 2 * 7 + 8 + 6 * value
        assert provider_check_character("244778", location) == "YXWTLKJHFBA"[total % 11]
        for check in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789":
            text = f"244778{location}{check}"
            if check == "YXWTLKJHFBA"[total % 11]:
                assert provider_number(text) == text
            else:
                with pytest.raises(InvalidIdentifier):
                    provider_number(text)


def test_a_stem_of_five_digits_is_padded() -> None:
    check = provider_check_character("012345", "1")
    assert provider_number(f"123451{check}") == provider_number(f"0123451{check}") == f"0123451{check}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2447781",
        "24477811L",
        "1231L",
        "244778IL",
        "244778OL",
        "244778SL",
        "244778ZL",
        "2447781L\n",
        "2447781\u017f",
    ],
)
def test_what_is_no_provider_number(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="Not a provider number"):
        provider_number(text)


# --- ABNs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["51 824 753 556", "83 914 571 673", "51824753556", "83914571673"])
def test_published_abns_pass(number: str) -> None:
    assert abn(number) == number.replace(" ", "")


def test_the_samples_abn_has_wrong_check_digits() -> None:
    with pytest.raises(WrongCheckDigit):
        abn("12 345 678 901")


def test_any_one_wrong_digit_of_an_abn_is_found() -> None:
    for place in range(11):
        for digit in set("0123456789") - {"51824753556"[place]}:
            with pytest.raises(WrongCheckDigit):
                abn("51824753556"[:place] + digit + "51824753556"[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", "1234567890", "123456789012", "ABN 51 824 753 556", "51-824-753-556", "\uff151824753556"]
)
def test_what_is_no_abn(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="Not an ABN") as wrong:
        abn(text)
    assert not isinstance(wrong.value, WrongCheckDigit)


@pytest.mark.parametrize("written", ["062-000", "062000", "062 000"])
def test_a_bsb_has_one_form(written: str) -> None:
    assert bsb(written) == "062-000"


@pytest.mark.parametrize(
    "written", ["", "06200", "0620000", "062--000", "06-2000", "ABC-DEF", "٠٦٢-000", "062-000\n1", " 062-000"]
)
def test_what_is_not_a_bsb(written: str) -> None:
    with pytest.raises(InvalidIdentifier, match=r"^Not a BSB such as 062-000$"):
        bsb(written)


@pytest.mark.parametrize(
    ("written", "number"),
    [("1234", "1234"), ("0012345678", "0012345678"), ("00-1234", "001234"), ("12 345 678", "12345678")],
)
def test_an_account_number_is_text_with_its_zeros(written: str, number: str) -> None:
    assert account_number(written) == number


@pytest.mark.parametrize(
    "written",
    [
        *("", "123", "12345678901", "1234x", "-1234", "12--34", "1234-", "\uff11\uff12\uff13\uff14", "1234\n"),
        *("0000", "00 00-00"),
    ],
)
def test_what_is_not_an_account_number(written: str) -> None:
    with pytest.raises(InvalidIdentifier, match=r"^Not an account number: 4 to 10 digits, not all of them 0$"):
        account_number(written)
