"""Processes that lodge claims and settle them are killed at random; afterwards Medicare's books and ours are the same.
Each run is one of the command `python -m tests.faults.claim_kills`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ENGINES
from tests.faults.command import counted_by


def storm(database: str, kills: int, seed: int, keep: Path) -> None:
    counted = counted_by("claim_kills", database=database, kills=kills, seed=seed, keep=keep)
    assert counted["kills"] >= kills and counted["faulty_share"] >= 0.15
    assert counted["bulk_bills"] and counted["patient_claims"] and counted["runs"]
    assert [counted[wrong] for wrong in ("double", "lost", "phantom", "open")] == [0, 0, 0, 0]


@pytest.mark.catalogue(22)
@pytest.mark.parametrize("database", ENGINES[:1])  # medicare/test_killed.py is on PostgreSQL
@pytest.mark.long
def test_lodging_is_killed_again_and_again(database: str, tmp_path: Path) -> None:
    storm(database, 30, seed=1, keep=tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 6))
@pytest.mark.parametrize("database", ENGINES)
def test_lodging_is_killed_five_hundred_times(database: str, seed: int, tmp_path: Path) -> None:
    storm(database, 500, seed, tmp_path)
