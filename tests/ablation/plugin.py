"""For pytest: `ABLATE=<name of a guard> python -m pytest -p tests.ablation.plugin …` runs without that guard."""

from __future__ import annotations

import os

from tests.ablation.changes import change_functions, change_texts
from tests.ablation.guards import GUARDS

_GUARD = next(guard for guard in GUARDS if guard.name == os.environ["ABLATE"])
change_texts(_GUARD.changes)


def pytest_configure() -> None:
    change_functions(_GUARD.changes)
