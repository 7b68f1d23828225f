"""The guarded look-ups of a provider: a part of `GuardedProvider`, whose guards they use. Charges never come here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from typing import Any

from tp_gateway import observability
from tp_gateway.contract import DisputeFact, Health, Observation, Remittance, SavedMethod
from tp_gateway.registry.exact import Nonsense, exactly
from tp_gateway.registry.plausible import (
    impossible_dispute,
    impossible_method,
    impossible_observation,
    impossible_remittance,
)
from tp_gateway.registry.threads import Overrun

_MOST_METHODS = 1000
_MOST_LISTED = 100_000
"""A list without an end must not fill the memory while somebody waits for it."""
log = observability.logger(__name__)


class ProviderFailed(Exception):
    """A look-up (health, saved methods, lists) that gave no usable answer. Charges never raise it: they are
    `UNKNOWN`. `why` is for an operator, and repeats nothing that the plugin said."""

    def __init__(self, call: str, why: str) -> None:
        super().__init__(call)
        self.why = why


class LookUps:
    """All of them raise ProviderFailed."""

    _provider: Any
    slug: str
    _nonsense: Any
    _call: Any

    def check(self, seconds: float) -> Health:
        deadline = time.monotonic() + seconds
        found: Health = self._look_up("check", deadline, deadline, take=_exact(Health))
        return found

    def list_methods(self, payer: str, deadline: float) -> list[SavedMethod]:
        found: list[SavedMethod] = self._look_up("list_methods", deadline, payer, deadline, take=_methods)
        return found

    def drop_method(self, reference: str, deadline: float) -> None:
        self._look_up("drop_method", deadline, reference, deadline, take=_exact(type(None)))

    def fetch_dispute(self, reference: str, deadline: float) -> DisputeFact | None:
        """None: the provider knows no such dispute."""
        take = _exact(DisputeFact, type(None))
        found: DisputeFact | None = self._look_up("fetch_dispute", deadline, reference, deadline, take=take)
        if found is None:
            return None
        problem = impossible_dispute(found)
        if found.reference != reference:
            problem = "another dispute than was asked for"
        if problem:
            self._nonsense("fetch_dispute", problem)
            raise ProviderFailed(f"{self.slug}.fetch_dispute", f"`fetch_dispute` answered {problem}")
        return found

    def list_since(self, moment: datetime, until: datetime, deadline: float) -> list[Observation]:
        """Those that can be."""
        told = self._look_up("list_since", deadline, moment, until, deadline, take=_each(Observation))
        found, _ = self._possible("list_since", told, impossible_observation)
        return found

    def list_remittances(self, since: datetime, until: datetime, deadline: float) -> tuple[list[Remittance], bool]:
        """Those that can be, and whether these are all that were told."""
        told = self._look_up("list_remittances", deadline, since, until, deadline, take=_each(Remittance))
        return self._possible("list_remittances", told, impossible_remittance)

    def _possible(self, member: str, told: list[Any], impossible: Callable[[Any], str]) -> tuple[list[Any], bool]:
        problems = [str(one) if isinstance(one, Nonsense) else impossible(one) for one in told]
        for problem in filter(None, problems):
            self._nonsense(member, problem)
        return [one for one, problem in zip(told, problems, strict=True) if not problem], not any(problems)

    def _look_up(self, member: str, deadline: float, *arguments: Any, take: Callable[[Any], Any]) -> Any:
        try:
            return self._call(member, deadline, arguments, take)
        except Nonsense as problem:
            self._nonsense(member, str(problem))
            raise ProviderFailed(f"{self.slug}.{member}", f"`{member}` answered {problem}") from problem
        except Overrun as error:
            log.warning(
                "provider_look_up_failed", provider=self.slug, member=member, error=observability.class_name(error)
            )
            raise ProviderFailed(f"{self.slug}.{member}", "it did not answer in time") from error
        except Exception as error:
            log.warning(
                "provider_look_up_failed", provider=self.slug, member=member, error=observability.class_name(error)
            )
            raise ProviderFailed(
                f"{self.slug}.{member}", f"`{member}` raised {observability.class_name(error)}"
            ) from error


def _exact(*kinds: type) -> Callable[[Any], Any]:
    return lambda answer: exactly(answer, kinds)


def _each(kind: type) -> Callable[[Iterable[Any]], list[Any]]:
    """Each one that was listed, or the Nonsense that it is."""

    def take(answer: Iterable[Any]) -> list[Any]:
        listed = list(islice(iter(answer), _MOST_LISTED + 1))
        if len(listed) > _MOST_LISTED:
            raise Nonsense("a list that is too long")
        return [_one(kind, one) for one in listed]

    return take


def _one(kind: type, value: Any) -> Any:
    try:
        return exactly(value, (kind,))
    except Nonsense as problem:
        return problem


def _methods(answer: Any) -> list[SavedMethod]:
    """All of them, or none: what is not listed is forgotten here."""
    if type(answer) is not list or len(answer) > _MOST_METHODS:
        raise Nonsense("no list of methods")
    found = [exactly(one, (SavedMethod,)) for one in answer]
    for problem in filter(None, map(impossible_method, found)):
        raise Nonsense(problem)
    return found
