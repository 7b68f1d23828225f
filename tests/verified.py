"""The product's own opinion of a store (`tp-gateway verify`), beside that of tests/invariants.py."""

from __future__ import annotations

from collections.abc import Collection

from tp_gateway.database import Database
from tp_gateway.services.verification import verify


def assert_verified(database: Database, sole_payers: Collection[str] = ()) -> None:
    """Raises AssertionError with the contradictions that it finds."""
    results = list(verify(database, sole_payers, 20))
    found = [f"{one.check.name}: {text}" for one in results for text in one.first]
    assert not found and not any(one.contradictions for one in results), "\n".join(found)
