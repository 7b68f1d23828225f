"""GST by line, to the cent, against a table that was worked out apart from the code."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clinic import PATIENT, Clinic, admin, manager
from tests.properties.profiles import fixed
from tp_gateway.services.invoices import Item, gst

CASES = list(csv.DictReader((Path(__file__).parent / "samples/gst.csv").open()))


@pytest.mark.catalogue(61)
def test_the_table_has_forty_cases_and_the_two_rules_differ_in_some() -> None:
    assert len(CASES) == 40
    assert any(case["gst_of_invoice"] != case["gst_if_rounded_once"] for case in CASES)


@pytest.mark.catalogue(61)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['rate']} of {case['totals']}")
def test_each_line_is_rounded_by_itself(case: dict[str, str]) -> None:
    rate = gst.rate_of(Decimal(case["rate"]))
    found = [gst.included(int(total), rate) for total in case["totals"].split()]
    assert (found, sum(found)) == ([int(one) for one in case["gst_by_line"].split()], int(case["gst_of_invoice"]))


@pytest.mark.catalogue(61)
@fixed(200)
@given(st.integers(1, 10**10), st.integers(0, gst.WHOLE), st.lists(st.integers(1, 10**9), max_size=6))
def test_however_a_line_is_taken_back_all_of_its_gst_is(total: int, rate: int, cuts: list[int]) -> None:
    whole, before, taken = gst.included(total, rate), 0, 0
    for part in [*cuts, total]:
        cut = min(part, total - before)
        back = gst.of_part(whole, total, before, cut)
        assert 0 <= back <= cut
        before, taken = before + cut, taken + back
    assert (before, taken) == (total, whole)


@pytest.mark.catalogue(61)
def test_a_later_rate_leaves_what_was_invoiced(clinic: Clinic) -> None:
    lines = [Item("Report", 1, 11_000), Item("Session", 1, 18_000, gst_treatment="gst_free")]
    made = clinic.gateway.invoices.create(manager, PATIENT, lines, currency="AUD")
    clinic.gateway.practice_settings.update(admin, {"system": {"gst_rate": Decimal(1)}})
    after = clinic.gateway.invoices.create(manager, PATIENT, lines, currency="AUD")
    for invoice, rate, tax in ((made, "0.1", 1_000), (after, "1", 5_500)):
        detail = clinic.gateway.invoices.detail(manager, invoice.id)
        assert [line.gst for line in detail.lines] == [tax, 0] and detail.gst == tax
        assert [line.gst_rate for line in detail.lines] == [Decimal(rate), 0]
        assert detail.is_tax_invoice
