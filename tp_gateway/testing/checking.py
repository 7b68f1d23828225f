"""What a check is: a function with a name, a group, and the rule that it keeps. Its docstring's first paragraph is what
is expected, the rest why that matters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tp_gateway.testing.applies import unmet

if TYPE_CHECKING:
    from tp_gateway.testing.bench import Bench
    from tp_gateway.testing.subject import Subject

GROUPS = ("shape", "money", "truth", "repetition", "webhooks", "statements", "privacy", "time", "purity", "core")


class Broken(AssertionError):
    """A promise was not kept: `found` says what happened instead."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found


def expect(kept: object, found: str) -> None:
    if not kept:
        raise Broken(found)


@dataclass(frozen=True)
class Check:
    """`needs` are words of `applies`: what the provider must have declared for the check to make sense."""

    group: str
    name: str
    expected: str
    why: str
    rule: str
    needs: tuple[str, ...]
    function: Callable[[Bench], None]

    @property
    def id(self) -> str:
        return f"{self.group}-{self.name}"

    def not_run(self, subject: Subject) -> str:
        """Why it does not apply to this provider; "" if it does."""
        return unmet(self.needs, subject)

    def explained(self, found: str, last: str = "") -> str:
        """`last`: what was asked of the sandbox at last, and its answer."""
        return (
            f"expected: {self.expected}\nfound:    {found}\n"
            + (f"last:     {last}\n" if last else "")
            + f"why:      {self.why}\nrule:     {self.rule}\ncheck:    {self.id}"
        )


CHECKS: dict[str, Check] = {}
"""Every check by its id, in the order of the groups once `tp_gateway.testing.checks` is imported."""


def check(group: str, *, rule: str, needs: str = "") -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """Register a function as a check. `rule` is where it is written: `docs/providers.md#…`, with the rule's number, or
    a name of the contract whose docstring says so."""

    def register(function: Callable[[Bench], None]) -> Callable[[Bench], None]:
        expected, _, why = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
        made = Check(group, function.__name__, _line(expected), _line(why), rule, tuple(needs.split()), function)
        if group not in GROUPS or not why or made.id in CHECKS:
            raise ValueError(f"{made.id}: another group, name or docstring is needed")
        CHECKS[made.id] = made
        return function

    return register


def _line(text: str) -> str:
    return " ".join(text.split())


def shown(value: Any) -> str:
    """An outcome in a few words."""
    state = getattr(value, "state", None)
    if state is None:
        return type(value).__name__
    words = [str(state)]
    words += ["closed"] if getattr(value, "closed", False) else []
    words += [f"reason {value.reason}"] if getattr(value, "reason", "") else []
    words += [f"settled {value.settled} {value.currency}"] if getattr(value, "settled", None) is not None else []
    return " ".join(words)
