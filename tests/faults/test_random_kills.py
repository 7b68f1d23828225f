"""Processes are killed at random while they take payments; the books agree afterwards. Each run is one of the command
`python -m tests.faults.random_kills`, which `make soak` calls with larger numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.random_kills import ROOT

PAYMENTS, KILLS = 1000, 150
"""On each database; together 300 kills over 2000 payments. `make kills` has the long runs."""


@pytest.mark.catalogue(22)
@pytest.mark.parametrize(
    "database",
    [pytest.param("sqlite", marks=pytest.mark.sqlite), pytest.param("postgresql", marks=pytest.mark.postgresql)],
)
def test_three_hundred_kills_over_two_thousand_payments(database: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.faults.random_kills", "--database", database, "--keep", str(tmp_path)]
    command += ["--payments", str(PAYMENTS), "--kills", str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    counted = json.loads(done.stdout.splitlines()[0])
    assert counted["payments"] >= PAYMENTS and counted["kills"] >= KILLS and counted["faulty_share"] >= 0.2
    assert [counted[wrong] for wrong in ("double", "lost", "phantom", "open")] == [0, 0, 0, 0]
