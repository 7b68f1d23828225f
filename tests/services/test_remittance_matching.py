"""A line of the bank's statement is one remittance, or none: a person decides where two could be meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.clinic import NOON, Clinic
from tp_gateway.contract import Remittance, RemittanceState
from tp_gateway.services.remittance_matching import match_line
from tp_gateway.services.remittance_settlement import Look, apply

DAY = date(2025, 1, 21)
PAYOUT = Remittance("po_1", 44156, "AUD", DAY, RemittanceState.PAID, "STRIPE")
LINE = {"amount": 44156, "currency": "AUD", "booked_on": DAY, "description": "DIRECT CREDIT 421520 STRIPE AU"}


def made(clinic: Clinic, *told: Remittance) -> list[int]:
    with clinic.database.transaction() as session:
        for number, one in enumerate(told):
            apply(session, Look("stripe", NOON + timedelta(seconds=number), NOON), one, {}, NOON)
    ids = {one.reference: one.id for one in clinic.gateway.remittances.list()}
    return [ids[one.reference] for one in told]


def match(clinic: Clinic, line_id: int = 7, **more: Any) -> int | None:
    with clinic.database.transaction() as session:
        return match_line(session, line_id, **LINE | more)


def test_the_only_one_that_fits_is_meant_once(clinic: Clinic) -> None:
    [payout] = made(clinic, PAYOUT)
    assert match(clinic) == payout
    assert clinic.gateway.remittances.list()[0].statement_line_id == 7
    assert match(clinic, description="whatever it says now") == payout, "the same line again"
    assert match(clinic, 8) is None, "another line cannot be the same payout"
    made(clinic, replace(PAYOUT, state=RemittanceState.FAILED))
    assert clinic.gateway.remittances.list()[0].statement_line_id is None, "it brought nothing after all"


@pytest.mark.parametrize(("days", "fits"), [(-2, False), (-1, True), (0, True), (7, True), (8, False)])
def test_about_its_day(clinic: Clinic, days: int, fits: bool) -> None:
    [payout] = made(clinic, PAYOUT)
    assert match(clinic, booked_on=DAY + timedelta(days=days)) == (payout if fits else None)


@pytest.mark.parametrize("more", [{"amount": 44157}, {"amount": -44156}, {"currency": "NZD"}], ids=str)
def test_to_the_cent_in_its_currency(clinic: Clinic, more: dict[str, Any]) -> None:
    made(clinic, PAYOUT)
    assert match(clinic, **more) is None


@pytest.mark.parametrize("state", RemittanceState)
def test_what_did_not_arrive_is_not_meant(clinic: Clinic, state: RemittanceState) -> None:
    [payout] = made(clinic, replace(PAYOUT, state=state))
    arrives = state in (RemittanceState.IN_TRANSIT, RemittanceState.PAID)
    assert match(clinic) == (payout if arrives else None)


def test_a_sum_that_was_taken_back_is_a_line_below_zero(clinic: Clinic) -> None:
    [payout] = made(clinic, replace(PAYOUT, amount=-500))
    assert match(clinic, amount=-500) == payout


def test_of_two_the_text_decides_if_it_can(clinic: Clinic) -> None:
    run = replace(PAYOUT, reference="run_8", statement_text="Mcare  Benefits 00042")
    payout, benefit = made(clinic, PAYOUT, run)
    assert match(clinic, 1, description="TRANSFER") is None
    assert match(clinic, 2, description="stripe and mcare benefits 00042") is None
    assert match(clinic, 3, description="MCARE BENEFITS   00042 AUS") == benefit
    assert match(clinic, 4, description="TRANSFER") == payout, "the only one that is left"


def test_of_two_without_a_text_none_is_guessed(clinic: Clinic) -> None:
    made(clinic, replace(PAYOUT, statement_text=""), replace(PAYOUT, reference="po_2", statement_text=""))
    assert match(clinic) is None
    assert all(one.statement_line_id is None for one in clinic.gateway.remittances.list())
