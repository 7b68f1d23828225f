"""Faults on order: a table of kinds, and the rules that say which requests they hit. Stripe's rules stay elsewhere."""

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.stripe.errors import ApiError, lock_timeout, rate_limited, server_error
from sandbox.stripe.messages import Answer

# Runs the request: run(before=…, instead=…), see api.Api.answer.
Run = Callable[..., Answer]


@dataclass
class Rule:
    """One fault as it was ordered."""

    match: str
    kind: str
    times: int | None = 1  # None: for ever
    probability: float = 1.0
    seed: int | None = None
    seconds: float = 1.0
    status: int = 502  # of `html`
    done: bool = False  # whether `html` and `empty` come after the effect
    fired: int = 0
    id: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault: {self.kind!r}; there are {', '.join(KINDS)}")
        method, _, path = self.match.partition(" ")
        if not path.startswith("/"):
            raise ValueError("match must look like 'POST /v1/payment_intents/*/confirm'")
        pattern = re.escape(path).replace(r"\*\*", ".+").replace(r"\*", "[^/]+")
        self.pattern = re.compile(("[A-Z]+" if method == "*" else re.escape(method)) + " " + pattern)
        self.dice = random.Random(self.seed)

    def shown(self) -> dict[str, Any]:
        return {
            name: getattr(self, name)
            for name in ("id", "match", "kind", "times", "probability", "seed", "seconds", "status", "done", "fired")
        }


@dataclass
class Incident:
    """A rule that has hit a request; its function decides what becomes of the request."""

    rule: Rule
    pause: Callable[[float], None]
    in_background: Callable[[Callable[[], None]], None]

    def play(self, run: Run) -> Answer | None:
        """The answer, or None when the connection is to be dropped without one."""
        return KINDS[self.rule.kind](self, run)

    def wait(self) -> None:
        self.pause(self.rule.seconds)


def _error(error: ApiError) -> Answer:
    return Answer.json(error.status, error.body("req_fault"))


def _refuse(incident: Incident, run: Run) -> None:
    """Nothing is done, nothing is said."""


def _lost(incident: Incident, run: Run) -> None:
    """Everything is done, nothing is said."""
    run()


def _error_before(incident: Incident, run: Run) -> Answer:
    return _error(server_error())


def _error_after(incident: Incident, run: Run) -> Answer:
    """Done, but answered with a 500, which its key replays for ever (docs.stripe.com/error-low-level)."""
    return run(instead=server_error())


def _hang(incident: Incident, run: Run) -> Answer:
    """The key is held while nothing happens."""
    return run(before=incident.wait)


def _slow(incident: Incident, run: Run) -> Answer:
    answer = run()
    incident.wait()
    return answer


def _late(incident: Incident, run: Run) -> None:
    """The request lingers on its way: the caller is cut off now, the sandbox sees the request later."""

    def arrive() -> None:
        incident.wait()
        run()

    incident.in_background(arrive)


def _rate_limit(incident: Incident, run: Run) -> Answer:
    return _error(rate_limited())


def _lock_timeout(incident: Incident, run: Run) -> Answer:
    return _error(lock_timeout())


def _html(incident: Incident, run: Run) -> Answer:
    if incident.rule.done:
        run()
    return Answer.html(incident.rule.status, "<html><head><title>Bad Gateway</title></head><body>Sorry.</body></html>")


def _empty(incident: Incident, run: Run) -> Answer:
    if incident.rule.done:
        run()
    return Answer(200, b"")


KINDS: dict[str, Callable[[Incident, Run], Answer | None]] = {
    "refuse": _refuse,
    "lost": _lost,
    "error_before": _error_before,
    "error_after": _error_after,
    "hang": _hang,
    "slow": _slow,
    "late": _late,
    "rate_limit": _rate_limit,
    "lock_timeout": _lock_timeout,
    "html": _html,
    "empty": _empty,
}
# Kinds whose answers are Stripe's own and so carry Stripe's headers.
DRESSED = frozenset({"error_before", "rate_limit", "lock_timeout"})


class Faults:
    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._count = 0
        self._lock = threading.Lock()

    def add(self, **order: Any) -> Rule:
        rule = Rule(**order)
        with self._lock:
            self._count += 1
            rule.id = self._count
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        with self._lock:
            self.rules.clear()

    def pick(self, method: str, path: str) -> Rule | None:
        """The first rule that hits this request; it counts as fired."""
        with self._lock:
            for rule in self.rules:
                spent = rule.times is not None and rule.fired >= rule.times
                if spent or not rule.pattern.fullmatch(f"{method} {path}"):
                    continue
                if rule.probability >= 1 or rule.dice.random() < rule.probability:
                    rule.fired += 1
                    return rule
        return None
