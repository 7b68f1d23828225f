"""The 85 % benefit: against published pairs, and against the same rule in decimal arithmetic."""

from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.providers.medicare.benefits import benefit_of, benefit_payable

# Fee and benefit as MBS Online and billingcodes.com.au show them side by side.
PUBLISHED = [
    (16040, 13635),
    (16120, 13705),
    (2800, 2380),
    (11365, 9665),
    (7840, 6665),
    (3045, 2590),
    (4450, 3785),
    (10285, 8745),
    (7265, 6180),
    (12325, 10480),
]
OF_2026 = [(11945, 10155), (8465, 7200), (17530, 14905), (4150, 3530), (5640, 4795), (8240, 7005)]


@pytest.mark.parametrize(("fee", "benefit"), PUBLISHED + OF_2026)
def test_known_benefits(fee: int, benefit: int) -> None:
    assert benefit_of(fee) == benefit


def test_every_fee_up_to_three_hundred_dollars() -> None:
    for fee in range(1, 30_001):
        steps = (Decimal(fee) * Decimal("0.85") / 5).to_integral_value(ROUND_CEILING)
        assert benefit_of(fee) == steps * 5


@fixed(200)
@given(st.integers(1, 10**12))
def test_the_benefit_is_the_least_multiple_of_five_that_is_enough(fee: int) -> None:
    benefit = benefit_of(fee)
    assert benefit % 5 == 0
    assert benefit * 100 >= fee * 85 > (benefit - 5) * 100
    assert benefit_of(fee + 1) >= benefit


@fixed(200)
@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_never_more_than_the_charge(fee: int, charge: int) -> None:
    payable = benefit_payable(fee, charge)
    assert 0 < payable <= charge and payable <= benefit_of(fee)
    assert payable in (charge, benefit_of(fee))


@pytest.mark.parametrize("amount", [0, -1, -11945])
def test_nothing_and_less_are_refused(amount: int) -> None:
    for call in (
        lambda: benefit_of(amount),
        lambda: benefit_payable(amount, 100),
        lambda: benefit_payable(100, amount),
    ):
        with pytest.raises(ValueError, match="above zero"):
            call()
