"""What hypothesis chooses from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.properties.model import CARDS

Breaks = list[tuple[str, dict[str, Any], int]]
"""What goes wrong from here on: which call, how, how often."""
ANY, CREATE, CONFIRM = "* /v1/**", "POST /v1/payment_intents", "POST /v1/payment_intents/*/confirm"
CANCEL, FETCH, REFUND = "POST /v1/payment_intents/*/cancel", "GET /v1/payment_intents/*", "POST /v1/refunds"

some = st.integers(0, 9)
"""Picks one of however many there are."""
GOOD_CARDS = [card for card, outcome in CARDS.items() if outcome == "succeeded"]
cards = st.sampled_from(GOOD_CARDS) | st.sampled_from(sorted(CARDS))
faults = st.sampled_from(
    [
        {"kind": "refuse"},
        {"kind": "lost"},
        {"kind": "error_before"},
        {"kind": "error_after"},
        {"kind": "rate_limit"},
        {"kind": "lock_timeout"},
        {"kind": "html"},
        {"kind": "html", "done": True},
        {"kind": "empty"},
        {"kind": "empty", "done": True},
    ]
)
spans = st.sampled_from([timedelta(minutes=1), timedelta(minutes=35), timedelta(hours=3), timedelta(hours=26)])
jumps = st.sampled_from([timedelta(), timedelta(), timedelta(hours=-1), timedelta(hours=1)])


def breaks(*calls: str) -> st.SearchStrategy[Breaks]:
    """Nothing, or one or two of the calls go wrong."""
    return st.lists(st.tuples(st.sampled_from(calls), faults, st.sampled_from([1, 1, 2, 4])), max_size=2)
