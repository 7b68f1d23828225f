"""Which line of a statement is which: equal ones are counted, whatever the file's length."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.contract import StatementLine
from tp_gateway.services.statements import fingerprints
from tp_gateway.services.statements.fingerprints import Fingerprints

some_lines = st.lists(
    st.builds(
        StatementLine,
        line=st.just(1),
        booked_on=st.sampled_from([date(2026, 3, 5), date(2026, 3, 6)]),
        amount=st.integers(-2, 2),
        currency=st.just("AUD"),
        description=st.sampled_from(["a", "b"]),
        payer=st.sampled_from(["", "a"]),
        balance=st.sampled_from([None, 0, 1]),
    ),
    max_size=60,
)


@fixed(200)
@given(some_lines, st.sampled_from([8, 1 << 27]))
def test_equal_lines_are_counted(lines: list[StatementLine], bits: int) -> None:
    """Whatever the map suspects: also when nearly everything is under suspicion."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fingerprints, "_BITS", bits)
        mine = Fingerprints()
        noted = [(line.booked_on.isoformat(), mine.note(line)) for line in lines]
        found = [mine.of(*one) for one in noted]
    counted: Counter[Any] = Counter()
    expected = []
    for line in lines:
        counted[line] += 1
        expected.append((line, counted[line]))
    assert len(set(found)) == len(lines)
    known: dict[Any, str] = {}
    for key, fingerprint in zip(expected, found, strict=True):
        assert fingerprint.startswith(key[0].booked_on.isoformat()) and fingerprint.endswith(f":{key[1]}")
        assert known.setdefault(key, fingerprint) == fingerprint


def test_a_banks_own_id_and_the_line_number_do_not_count() -> None:
    def of(**more: Any) -> str:
        line = StatementLine(**{"line": 1, "booked_on": date(2026, 3, 5), "amount": 1, "currency": "AUD"} | more)
        mine = Fingerprints()
        return mine.of("2026-03-05", mine.note(line))

    plain = of(description="x")
    assert plain == of(description="x", line=9, bank_id="FIT7")
    for name, value in {"account": "1", "reference": "1", "payer": "1", "balance": 1, "amount": 2}.items():
        assert of(**{"description": "x", name: value}) != plain, name
