"""`make ablation`: the named tests pass; then, with one guard taken away at a time, one of its tests fails each time.

Exit status 1 if a guard is not missed. `python -m tests.ablation NAME …` for some.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

from tests.ablation.guard import Guard
from tests.ablation.guards import GUARDS

_PYTEST = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
_TESTS_FAILED = 1


def main(names: list[str]) -> int:
    guards = [guard for guard in GUARDS if not names or guard.name in names]
    if len(guards) < len(names):
        print("There is no such guard. There are:", *(guard.name for guard in GUARDS))
        return 2
    tests = sorted({test for guard in guards for test in guard.tests})
    print(f"{len(tests)} tests with all guards", flush=True)
    passed = subprocess.run([*_PYTEST, "-n", "auto", "-m", "not soak", *tests], check=False)
    if passed.returncode:
        return 1
    width = max(len(guard.name) for guard in guards)
    print(f"\n{'guard':{width}} | seconds | killed by")
    survivors = []
    for guard in guards:
        began = time.monotonic()
        killer = _without(guard)
        if killer is None:
            survivors.append(guard.name)
        print(f"{guard.name:{width}} | {time.monotonic() - began:7.1f} | {killer or 'NOTHING'}", flush=True)
    print(f"\n{len(guards) - len(survivors)} of {len(guards)} guards: a test fails without it")
    if survivors:
        print("Not missed by any test:", ", ".join(survivors))
    return bool(survivors)


def _without(guard: Guard) -> str | None:
    """The test that failed, or None. On SQLite alone where the guard is not the database's: the first failure ends
    the run."""
    done = subprocess.run(
        [*_PYTEST, "-n", "0", "-rfE", "-p", "tests.ablation.plugin", "-m", guard.marks, *guard.tests],
        env={**os.environ, "ABLATE": guard.name},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode not in (0, _TESTS_FAILED):  # not even collected: nothing is shown by that
        raise SystemExit(f"{guard.name}: pytest ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    found = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    return found[1] if done.returncode and found else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
