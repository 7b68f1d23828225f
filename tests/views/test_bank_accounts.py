"""How people write the account to which money goes."""

import pytest

from tp_gateway.views.payment_methods import AccountFields


@pytest.mark.parametrize(
    ("bsb", "number"), [("062-111", "987654321"), ("062 111", "987 654 321"), ("062111", "98-765-4321")]
)
def test_gaps_do_not_count(bsb: str, number: str) -> None:
    read = AccountFields().deserialize({"account_name": "Casey", "bsb": bsb, "account_number": number})
    assert read == {"account_name": "Casey", "bsb": "062-111", "account_number": "987654321"}
