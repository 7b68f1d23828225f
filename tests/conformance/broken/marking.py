"""How a provider is marked as broken: which check has to catch it, and which ones may as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tests.conformance.example.provider import Tally

MISTAKES: dict[str, Mistake] = {}
T = TypeVar("T", bound=type[Tally])


@dataclass(frozen=True)
class Mistake:
    """`meant` is the check that has to catch it. `also` see the same mistake from another side, and could not but see
    it. `only` groups or checks are tried, where the mistake is in everybody's way."""

    provider: type[Tally]
    meant: str
    also: frozenset[str]
    only: tuple[str, ...]


def broken(meant: str, *also: str, only: tuple[str, ...] = ()) -> Callable[[T], T]:
    def mark(provider: T) -> T:
        MISTAKES[provider.__name__] = Mistake(provider, meant, frozenset(also), only)
        return provider

    return mark
