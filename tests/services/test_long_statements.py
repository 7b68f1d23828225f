"""A long bank statement takes no more memory than a short one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LONG = """
import random, sys
from benchmarks.statement_import import megabytes
from tests.banking import ACCOUNT, as_file, cba
from tests.clinic import Clinic
from tp_gateway import observability
observability.configure_logging("error")
clinic = Clinic(sys.argv[1], "http://127.0.0.1:1", **ACCOUNT)
def peak(lines):
    dice = random.Random(lines)
    with open(sys.argv[2], "wb") as file:
        for start in range(0, lines, 1000):
            rows = [(dice.randrange(1, 9999), f"Transfer {dice.randrange(10**12)}") for _ in range(1000)]
            file.write(cba(rows, start=start))
    with open(sys.argv[2], "rb") as file:
        assert clinic.gateway.statements.importing.run(file, "long.csv", "cli").added == lines
    return megabytes()
short = peak(5000)
print(short, peak(50000) - short)
clinic.close()
"""


@pytest.mark.catalogue(95)
def test_ten_times_the_lines_take_the_same_memory(sqlite_database_url: str, tmp_path: Path) -> None:
    """45,000 lines kept as objects would be 30 MB."""
    command = [sys.executable, "-c", LONG, sqlite_database_url, str(tmp_path / "long.csv")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    short, more = map(float, done.stdout.split())
    assert short < 200 and more < 10, done.stdout
