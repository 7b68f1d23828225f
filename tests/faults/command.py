"""A storm as a command that says what it has counted in one line of JSON, and ends with 1 and every contradiction if
there is one; and that command as tests give it."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.ground import ROOT
from tp_gateway import observability

Run = Callable[[str, int, int, Path | None], dict[str, Any]]


def main(module: str, about: str, run: Run) -> int:
    """`run(database, seed, kills, keep)` is the storm."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.faults.{module}", description=about.partition("\n")[0])
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--keep", type=Path, help="where the store of a run that failed is left")
    given = parser.parse_args()
    observability.configure_logging("error")
    counted = run(given.database, given.seed, given.kills, given.keep)
    found = counted.pop("contradictions")
    print(json.dumps(counted), flush=True)
    if found:
        print("\n".join([*found, f"seed {given.seed}: wrong"]), file=sys.stderr)
    return 1 if found else 0


def counted_by(module: str, **options: object) -> dict[str, Any]:
    """What the command said, which must end well. A process of its own, because storms fork."""
    command = [sys.executable, "-m", f"tests.faults.{module}"]
    command += [text for name, value in options.items() for text in (f"--{name}", str(value))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    counted: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return counted
