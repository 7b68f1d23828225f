"""What is believed of a remittance: only what is possible. What is not is told apart from what was not there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.registry.test_guarded_disputes import NOW
from tests.registry.test_guards import Clock, Scripted, guard
from tp_gateway.contract import Remittance, RemittanceItem, RemittanceKind, RemittanceState
from tp_gateway.money import MAX_MINOR_UNITS
from tp_gateway.registry import GuardedProvider, ProviderFailed

ITEM = RemittanceItem("txn_1", RemittanceKind.PAYMENT, 18000, 336, 17664, "ch_1")
TOLD = Remittance("po_1", 17664, "AUD", date(2025, 1, 21), RemittanceState.PAID, "STRIPE", (ITEM,))


@pytest.fixture
def provider() -> Scripted:
    return Scripted()


@pytest.fixture
def guarded(provider: Scripted) -> Iterator[GuardedProvider]:
    made = guard(provider, Clock())
    yield made
    made.shut_down()


def told(guarded: GuardedProvider) -> tuple[list[Remittance], bool]:
    return guarded.list_remittances(NOW, NOW, time.monotonic() + 5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference": ""},
        {"reference": None},
        {"reference": "po\x00"},
        {"amount": 176.64},
        {"amount": True},
        {"amount": MAX_MINOR_UNITS + 1},
        {"currency": "aud"},
        {"currency": None},
        {"arrives_on": None},
        {"arrives_on": NOW},
        {"arrives_on": "2025-01-21"},
        {"state": "paid"},
        {"state": None},
        {"statement_text": None},
        {"statement_text": "\ud800"},
        {"statement_text": "x" * 256},
        {"items": [ITEM]},
        {"items": None},
        {"items": (ITEM, None)},
        {"items": (ITEM, ITEM)},
        {"items": (replace(ITEM, transaction=""),)},
        {"items": (replace(ITEM, kind="payment"),)},
        {"items": (replace(ITEM, net=17663),)},
        {"items": (replace(ITEM, amount=180.0, net=-156.0),)},
        {"items": (replace(ITEM, fee=False, net=18000),)},
        {"items": (replace(ITEM, amount=-MAX_MINOR_UNITS - 1, fee=0, net=-MAX_MINOR_UNITS - 1),)},
        {"items": (replace(ITEM, reference="a\x00b"),)},
    ],
    ids=repr,
)
def test_one_that_cannot_be_is_left_out_and_missed(
    guarded: GuardedProvider, provider: Scripted, wrong: dict[str, Any]
) -> None:
    provider.answer = lambda *_: (one for one in [replace(TOLD, **wrong), TOLD])
    assert told(guarded) == ([TOLD], False)


def test_what_can_be_is_passed_on(guarded: GuardedProvider, provider: Scripted) -> None:
    debit = replace(TOLD, reference="po_2", amount=-500, items=())
    short = replace(TOLD, reference="po_3", amount=1, statement_text="")
    provider.answer = lambda *_: [TOLD, debit, short]
    assert told(guarded) == ([TOLD, debit, short], True)
    provider.answer = lambda *_: ()
    assert told(guarded) == ([], True)


@pytest.mark.parametrize(
    "garbage", [[None], "ab", [object()], [{"reference": "po_1"}]], ids=["none", "text", "object", "dict"]
)
def test_garbage_is_missed(guarded: GuardedProvider, provider: Scripted, garbage: Any) -> None:
    provider.answer = lambda *_: garbage
    assert told(guarded) == ([], False)


@pytest.mark.parametrize("answer", [None, 7])
def test_what_is_no_list_has_failed(guarded: GuardedProvider, provider: Scripted, answer: Any) -> None:
    provider.answer = lambda *_: answer
    with pytest.raises(ProviderFailed, match=r"scripted\.list_remittances"):
        told(guarded)


def test_a_list_that_breaks_half_way_has_failed(guarded: GuardedProvider, provider: Scripted) -> None:
    def half(*_: Any) -> Any:
        yield TOLD
        raise SystemExit

    provider.answer = half
    with pytest.raises(ProviderFailed):
        told(guarded)
