"""Processes are killed at random while they take payments; the books agree afterwards. Each run is one of the command
`python -m tests.faults.random_kills`, which `make soak` calls with larger numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ENGINES
from tests.faults.command import counted_by

PAYMENTS, KILLS = 1000, 150
"""On each database; together 300 kills over 2000 payments. `make kills` has the long runs."""


@pytest.mark.catalogue(22)
@pytest.mark.parametrize("database", ENGINES)
@pytest.mark.long
def test_three_hundred_kills_over_two_thousand_payments(database: str, tmp_path: Path) -> None:
    counted = counted_by("random_kills", database=database, keep=tmp_path, payments=PAYMENTS, kills=KILLS)
    assert counted["payments"] >= PAYMENTS and counted["kills"] >= KILLS and counted["faulty_share"] >= 0.2
    assert [counted[wrong] for wrong in ("double", "lost", "phantom", "open")] == [0, 0, 0, 0]
