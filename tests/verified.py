"""The product's own opinion of a store (`tp-gateway verify`), beside that of tests/invariants.py."""

from __future__ import annotations

from collections.abc import Collection

from tp_gateway.database import Database
from tp_gateway.services.verification import verify


def found_by_verify(database: Database, sole_payers: Collection[str] = ()) -> list[str]:
    """One line for each contradiction, up to twenty of each check."""
    results = list(verify(database, sole_payers, 20))
    assert all(bool(one.first) == bool(one.contradictions) for one in results)
    return [f"{one.check.name}: {text}" for one in results for text in one.first]


def assert_verified(database: Database, sole_payers: Collection[str] = ()) -> None:
    """Raises AssertionError with the contradictions."""
    found = found_by_verify(database, sole_payers)
    assert not found, "\n".join(found)
