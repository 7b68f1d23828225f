"""Faults on order: a table of kinds, and which requests they hit. Stripe's rules stay elsewhere."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sandbox.stripe import lies
from sandbox.stripe.errors import ApiError, lock_timeout, rate_limited, server_error
from sandbox.stripe.messages import Answer
from sandbox.stripe.rules import Rule, Rules

# Runs the request: run(before=…, instead=…), see api.Api.answer.
Run = Callable[..., Answer]


@dataclass
class Fault(Rule):
    """One fault as it was ordered; `match` is a method and a path, see sandbox/README.md."""

    status: int = 502  # of `html`
    done: bool = False  # whether `html`, `empty`, `huge` and `down` come after the effect
    size: int = 10_000_000  # of `huge`, in bytes

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault: {self.kind!r}; there are {', '.join(KINDS)}")
        if not self.match.partition(" ")[2].startswith("/"):
            raise ValueError("match must look like 'POST /v1/payment_intents/*/confirm'")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        method, _, path = self.match.partition(" ")
        pattern = re.escape(path).replace(r"\*\*", ".+").replace(r"\*", "[^/]+")
        return re.compile(("[A-Z]+" if method == "*" else re.escape(method)) + " " + pattern)

    def pattern(self) -> re.Pattern[str]:
        return self._pattern


@dataclass
class Incident:
    """A rule that has hit a request; its function decides what becomes of the request."""

    rule: Fault
    pause: Callable[[float], None]
    in_background: Callable[[Callable[[], None]], None]
    shut: Callable[[float], None]

    def play(self, run: Run) -> Answer | None:
        """The answer, or None when the connection is to be dropped without one."""
        return KINDS[self.rule.kind](self, run)

    def wait(self) -> None:
        self.pause(self.rule.seconds)

    def effect_if_done(self, run: Run) -> None:
        if self.rule.done:
            run()


def _error(error: ApiError) -> Answer:
    return Answer.json(error.status, error.body("req_fault"))


def _refuse(incident: Incident, run: Run) -> None:
    """Nothing is done, nothing is said."""


def _down(incident: Incident, run: Run) -> None:
    """Nothing is said, and then nobody listens for a while: a new connection is refused."""
    incident.effect_if_done(run)
    incident.shut(incident.rule.seconds)


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


def _drip(incident: Incident, run: Run) -> Answer:
    """Done, and told one byte at a time."""
    answer = run()
    answer.between_bytes = incident.wait
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
    incident.effect_if_done(run)
    return Answer.html(incident.rule.status, "<html><head><title>Bad Gateway</title></head><body>Sorry.</body></html>")


def _empty(incident: Incident, run: Run) -> Answer:
    incident.effect_if_done(run)
    return Answer(200, b"")


def _huge(incident: Incident, run: Run) -> Answer:
    incident.effect_if_done(run)
    return Answer.json(200, {"object": "x" * incident.rule.size})


def _lying(lie: Callable[[Any], Any]) -> Callable[[Incident, Run], Answer]:
    """Everything is done and its key keeps the truth, but this answer tells something else."""

    def answer(incident: Incident, run: Run) -> Answer:
        return lies.told(run(), lie)

    return answer


KINDS: dict[str, Callable[[Incident, Run], Answer | None]] = {
    "refuse": _refuse,
    "down": _down,
    "lost": _lost,
    "error_before": _error_before,
    "error_after": _error_after,
    "hang": _hang,
    "slow": _slow,
    "drip": _drip,
    "late": _late,
    "rate_limit": _rate_limit,
    "lock_timeout": _lock_timeout,
    "html": _html,
    "empty": _empty,
    "huge": _huge,
    "wrong_id": _lying(lies.other_id),
    "wrong_amount": _lying(lies.other_amount),
    "wrong_currency": _lying(lies.other_currency),
}
# Kinds whose answers are Stripe's own and so carry Stripe's headers.
DRESSED = frozenset({"error_before", "rate_limit", "lock_timeout"})


class Faults(Rules[Fault]):
    def __init__(self) -> None:
        super().__init__(Fault)
