"""Account details: one form however they were written, and never in full where they are only shown."""

from __future__ import annotations

import pytest

from tp_gateway.providers.bank_transfer.bsb import BankAccount, mask


@pytest.mark.parametrize("number", ["1234567890", "01890", "5890"])
def test_a_masked_number_shows_three_digits_and_not_how_long_it_is(number: str) -> None:
    assert mask(number) == "***890"


def test_an_account_is_formatted_and_does_not_show_itself() -> None:
    account = BankAccount("062000", "0012 3456")
    assert (account.bsb, account.account_number) == ("062-000", "00123456")
    assert account == BankAccount("062-000", "00123456")
    assert repr(account) == str(account) == "BankAccount(062-000 ***456)"
