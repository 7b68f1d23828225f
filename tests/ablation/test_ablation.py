"""The guards that `make ablation` takes away are still where it looks for them, and the page lists them."""

from __future__ import annotations

import re

import pytest

from tests.ablation.changes import Text
from tests.ablation.guard import Guard
from tests.ablation.guards import GUARDS
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/reliability.md").read_text("utf-8")


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_can_still_be_taken_away(guard: Guard) -> None:
    for change in guard.changes:
        if isinstance(change, Text):
            assert change.times() == 1, f"{change.module} has no longer, or not once: {change.old}"
            assert change.new != change.old
        else:
            change.owner()


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_its_tests_are_still_there(guard: Guard) -> None:
    assert guard.tests
    for test in guard.tests:
        path, _, name = test.partition("::")
        name = name.partition("[")[0]
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE), test


def test_every_guard_has_a_name_of_its_own_and_a_row_in_the_page() -> None:
    names = [guard.name for guard in GUARDS]
    assert len(set(names)) == len(names) >= 20
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [(guard.name, guard.removed) for guard in GUARDS]
