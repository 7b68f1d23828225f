"""Which outcome a call gets: by a rule of the control path, else by the cents of the first charge. Real benefits are
whole multiples of five cents, so that the cents below are free for testers."""

import random
from dataclasses import dataclass, field, fields
from typing import Any

KINDS = {
    "benefit": "assessed at `benefit` cents for each service, or 85 % of the charge",
    "refuse": "HTTP 400 with `code`",
    "reject": "assessed at nothing, with `code` on each service",
    "pendable": "patient claim: MEDICARE_PENDABLE with `code`",
    "pended": "patient claim: MEDICARE_PENDED",
    "verified": "patient verification: `code`",
    "code": "HTTP 400 with `code` (3004, 3039), `accepted` behind it or not",
    "lost": "the connection is closed without an answer",
    "garbage": "200 with a page of HTML",
    "status": "`status`, such as 500, with nothing in it",
    "slow": "the answer comes after `seconds`",
}
DISTURBANCES = frozenset({"code", "lost", "garbage", "status", "slow"})


@dataclass
class Rule:
    """`function` as in calls.py, or token or device; `item` of any service. `times` None: for ever; `probability` that
    it hits a call, by dice that start at `seed`. `accepted`: whether a disturbed call takes effect."""

    kind: str
    function: str = "bulk_bill"
    times: int | None = 1
    item: str | None = None
    code: str | None = None
    text: str | None = None
    benefit: int | None = None
    accepted: bool = True
    status: int = 500
    seconds: float = 0.0
    probability: float = 1.0
    seed: int | None = None
    fired: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}; there are {', '.join(KINDS)}")
        if self.kind in ("refuse", "code", "verified") and not self.code:
            raise ValueError("which code?")
        self.dice = random.Random(self.seed)

    def hits(self, function: str, items: set[Any]) -> bool:
        """Whether it strikes; each call that it fits is one throw of the dice."""
        spent = self.times is not None and self.fired >= self.times
        if spent or self.function != function or self.item not in (None, *items):
            return False
        return self.probability >= 1 or self.dice.random() < self.probability

    def shown(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self) if one.repr}


BY_CENTS = {
    2: Rule("refuse", code="9202"),
    4: Rule("code", code="3004"),
    7: Rule("pendable"),
    8: Rule("pended"),
    11: Rule("benefit"),
    28: Rule("refuse", code="9628"),
    32: Rule("refuse", code="9632"),
    39: Rule("code", code="3039"),
    61: Rule("reject", code="160"),
}


class Rules:
    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def take(self, function: str, services: list[dict[str, Any]]) -> Rule | None:
        """The first rule that hits is used up by one."""
        items = {service.get("itemNumber") for service in services}
        for rule in self.rules:
            if rule.hits(function, items):
                rule.fired += 1
                return rule
        return None

    def of(self, function: str, services: list[dict[str, Any]]) -> tuple[Rule | None, Rule | None]:
        """(a disturbance that a rule orders, what the call comes to). A disturbed call comes to what its cents say,
        unseen."""
        rule, usual = self.take(function, services), _by_cents(services)
        if rule is not None and rule.kind in DISTURBANCES:
            return rule, usual
        return None, rule or usual


def _by_cents(services: list[dict[str, Any]]) -> Rule | None:
    charge = services[0].get("chargeAmount", "") if services else ""
    return BY_CENTS.get(int(charge[-2:])) if isinstance(charge, str) and charge[-2:].isdecimal() else None
