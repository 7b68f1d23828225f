"""Each check says where its rule is written; the rule is there."""

from __future__ import annotations

import re

import pytest

import tp_gateway.contract
from tests.docs.pages import ROOT, anchors
from tp_gateway.testing.checking import Check
from tp_gateway.testing.runner import all_checks

PAGE = ROOT / "docs/providers.md"


def test_there_are_as_many_as_were_promised() -> None:
    assert len(all_checks()) >= 95
    assert len({one.group for one in all_checks()}) == 10


@pytest.mark.parametrize("one", all_checks(), ids=lambda one: one.id)
def test_a_rule_is_where_the_check_says(one: Check) -> None:
    place, _, rule = one.rule.partition(", rule ")
    if place.startswith("tp_gateway.contract."):
        value = getattr(tp_gateway.contract, place.removeprefix("tp_gateway.contract."))
        assert value.__doc__ and len(value.__doc__) > 40
        return
    page, _, anchor = place.partition("#")
    assert ROOT / page == PAGE and anchor in anchors(PAGE)
    assert not rule or re.search(rf"^{rule}\. \*\*", PAGE.read_text("utf-8"), re.MULTILINE)
