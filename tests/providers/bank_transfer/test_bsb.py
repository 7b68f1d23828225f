"""BSB and account number: one form however they were written, and never in full where they are only shown."""

from __future__ import annotations

import pytest

from tp_gateway.providers.bank_transfer.bsb import BankAccount, format_account_number, format_bsb, mask


@pytest.mark.parametrize("written", ["062-000", "062000", "062 000", " 062-000 "])
def test_a_bsb_has_one_form(written: str) -> None:
    assert format_bsb(written) == "062-000"


@pytest.mark.parametrize("written", ["", "06200", "0620000", "062--000", "06-2000", "ABC-DEF", "٠٦٢-000", "062-000\n1"])
def test_what_is_not_a_bsb(written: str) -> None:
    with pytest.raises(ValueError, match=r"^bsb: not six digits$"):
        format_bsb(written)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1234", "1234"),
        ("0012345678", "0012345678"),
        ("00-1234", "001234"),
        ("12 345 678", "12345678"),
        (" 1234 ", "1234"),
    ],
)
def test_an_account_number_is_text_with_its_zeros(written: str, number: str) -> None:
    assert format_account_number(written) == number


@pytest.mark.parametrize("written", ["", "123", "12345678901", "1234x", "-1234", "12--34", "\uff11\uff12\uff13\uff14"])
def test_what_is_not_an_account_number(written: str) -> None:
    with pytest.raises(ValueError, match=r"^account_number: not 4 to 10 digits$"):
        format_account_number(written)


def test_only_zeros() -> None:
    with pytest.raises(ValueError, match=r"^account_number: only zeros$"):
        format_account_number("000000")


@pytest.mark.parametrize("number", ["1234567890", "01890", "5890"])
def test_a_masked_number_shows_three_digits_and_not_how_long_it_is(number: str) -> None:
    assert mask(number) == "***890"


def test_an_account_is_formatted_and_does_not_show_itself() -> None:
    account = BankAccount("062000", "0012 3456")
    assert (account.bsb, account.account_number) == ("062-000", "00123456")
    assert account == BankAccount("062-000", "00123456")
    assert repr(account) == str(account) == "BankAccount(062-000 ***456)"
