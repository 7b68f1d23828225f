"""Rules for things that go wrong: what they hit, how often, by what chance. What then happens is not known here."""

import random
import re
import threading
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar


@dataclass
class Rule:
    """One order: the kind of trouble, and when it strikes."""

    match: str
    kind: str
    times: int | None = 1  # None: for ever
    probability: float = 1.0
    seed: int | None = None
    seconds: float = 1.0
    fired: int = 0
    id: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def hits(self, what: str) -> bool:
        """Whether it strikes; each call is one throw of the dice for what matches."""
        spent = self.times is not None and self.fired >= self.times
        if spent or not self.pattern().fullmatch(what):
            return False
        return self.probability >= 1 or self.dice.random() < self.probability

    def pattern(self) -> re.Pattern[str]:
        raise NotImplementedError

    def shown(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self) if one.repr}


AnyRule = TypeVar("AnyRule", bound=Rule)


class Rules(Generic[AnyRule]):
    """Rules in the order in which they were given; the first that hits decides."""

    def __init__(self, made: type[AnyRule]) -> None:
        self.made = made
        self.rules: list[AnyRule] = []
        self._count = 0
        self._lock = threading.Lock()

    def add(self, **order: Any) -> AnyRule:
        rule = self.made(**order)
        with self._lock:
            self._count += 1
            rule.id = self._count
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        with self._lock:
            self.rules.clear()

    def pick(self, what: str, kinds: frozenset[str] | None = None) -> AnyRule | None:
        """The first rule (of these kinds) that hits; it counts as fired."""
        if not self.rules:
            return None
        with self._lock:
            for rule in self.rules:
                if (kinds is None or rule.kind in kinds) and rule.hits(what):
                    rule.fired += 1
                    return rule
        return None
