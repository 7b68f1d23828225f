"""docs/contract.md is what the docstrings of the contract say, and they say everything."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any

import pytest

from tests.docs import contract as reference
from tp_gateway import contract

CLASSES = [getattr(contract, name) for name in contract.__all__ if inspect.isclass(getattr(contract, name))]


def test_the_page_is_as_the_docstrings_are() -> None:
    assert reference.PAGE.read_text("utf-8") == reference.page(), "python -m tests.docs.contract --write"


def test_everything_that_is_exported_is_on_it() -> None:
    page = reference.page()
    for value in CLASSES:
        assert f"\n### `{value.__name__}`\n" in page
    functions = [name for name in contract.__all__ if inspect.isfunction(getattr(contract, name))]
    assert functions and all(f"\n### `{name}(" in page for name in functions)
    members = ["build", "check", "execute", *contract.Capabilities(**_all_of(contract.Capabilities)).members()]
    assert len(members) > 20
    for member in [*members, *(name for name, _ in reference.specifications())]:
        assert f"# `{member}(" in page, f"Provider's docstring has no `{member}(…)`"


def _all_of(kind: type) -> dict[str, bool]:
    return {one.name: True for one in fields(kind) if one.type == "bool"}


@pytest.mark.parametrize("value", [one for one in CLASSES if is_dataclass(one)], ids=lambda one: one.__name__)
def test_each_field_is_explained(value: Any) -> None:
    below = reference.notes(value)
    for one in fields(value):
        assert f"`{one.name}`" in value.__doc__ or below.get(one.name), f"{value.__name__}.{one.name}: what is it?"


@pytest.mark.parametrize("value", [one for one in CLASSES if issubclass(one, StrEnum)], ids=lambda one: one.__name__)
def test_each_word_is_explained(value: Any) -> None:
    assert value.__doc__ and [one.name for one in value if one.name not in reference.notes(value)] == []
