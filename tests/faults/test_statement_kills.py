"""Imports of bank statements are killed at random; nothing is lost and nothing settled twice. Each run is one of the
command `python -m tests.faults.statement_kills`."""

from __future__ import annotations

import pytest

from tests.conftest import ENGINES, SHORT
from tests.faults.command import counted_by


def storm(database: str, kills: int, seed: int) -> None:
    counted = counted_by("statement_kills", database=database, kills=kills, seed=seed)
    assert counted["killed import"] >= kills and not any(name.startswith("failed") for name in counted)


@pytest.mark.catalogue(22)
@pytest.mark.catalogue(94)
@pytest.mark.parametrize("database", SHORT)
@pytest.mark.long
def test_imports_are_killed_again_and_again(database: str) -> None:
    storm(database, 30, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 6))
@pytest.mark.parametrize("database", ENGINES)
def test_imports_are_killed_a_thousand_times(database: str, seed: int) -> None:
    storm(database, 1000, seed)
