"""Deadlines: every call is over in time, whatever the other side does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tp_gateway.contract import OutcomeState
from tp_gateway.testing import faults, rules
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import check, expect, shown
from tp_gateway.testing.checks.truth import expect_unclear

_SECONDS, _GRACE = 0.25, 1.5
"""A busy machine may be late; a call that waits for the other side is later."""


def _in_time(what: str, call: Callable[[], Any]) -> Any:
    began = time.monotonic()
    found = call()
    took = time.monotonic() - began
    expect(took < _SECONDS + _GRACE, f"{what} had {_SECONDS} s and took {took:.1f} s")
    return found


@check("time", rule=rules.DEADLINE, needs="!local")
def a_silent_service_does_not_hold_execute(bench: Bench) -> None:
    """When the service never answers, `execute` is over at its deadline, and says UNKNOWN.

    The patient waits in front of a page, and each call that hangs holds a thread of the server.
    """
    attempt = bench.attempt()
    attempt.prepare()
    bench.requests_of("execute")
    with bench.proxy.fault(faults.hang):
        found = _in_time("execute", lambda: attempt.execute(_SECONDS))
    expect_unclear(bench, attempt, found, "the service never answered")


@check("time", rule=rules.DEADLINE, needs="!local")
def a_silent_service_holds_no_other_call(bench: Bench) -> None:
    """When the service never answers, `check`, `fetch`, `close` and `refund` are over at their deadlines too.

    The sweep looks at many payments one after the other.
    """
    attempt = bench.attempt()
    attempt.begin()
    order = attempt.refund_order(seconds=_SECONDS)
    calls: dict[str, Callable[[], Any]] = {"check": lambda: bench.provider.check(time.monotonic() + _SECONDS)}
    if bench.able.fetch:
        calls["fetch"] = lambda: attempt.fetch(_SECONDS)
    if bench.able.two_step:
        calls["close"] = lambda: attempt.close(_SECONDS)
    if bench.able.refund:
        calls["refund"] = lambda: attempt.refund(attempt.refund_order(order.amount, _SECONDS))
    for name, call in calls.items():
        with bench.proxy.fault(faults.hang):
            _in_time(name, call)


@check("time", rule=rules.CAPABILITIES, needs="keeps_deadline !local")
def a_dripping_answer_does_not_hold_execute(bench: Bench) -> None:
    """When the answer comes a byte at a time, `execute` is over at its deadline all the same.

    `keeps_deadline` is declared, so it runs on the request's own thread: a time-out of each read bounds nothing.
    """
    attempt = bench.attempt()
    attempt.prepare()
    with bench.proxy.fault(faults.drip):
        found = _in_time("execute", lambda: attempt.execute(_SECONDS))
    expect_unclear(bench, attempt, found, "the answer dripped")


@check("time", rule=rules.DEADLINE, needs="!local")
def nothing_is_begun_after_the_deadline(bench: Bench) -> None:
    """With no time left `execute` answers at once, raises nothing, and what it says is true: NOT_SENT, or UNKNOWN.

    The core gives a moment that may have passed when a call gets its turn; libraries refuse a time-out of zero.
    """
    attempt = bench.attempt()
    attempt.prepare()
    found = _in_time("execute", lambda: attempt.execute(-1.0))
    expect(
        found.state in (OutcomeState.NOT_SENT, OutcomeState.UNKNOWN), f"no time was left, execute said {shown(found)}"
    )
    if found.state is OutcomeState.NOT_SENT:
        expect(bench.taken(attempt) == 0, "it said NOT_SENT, and the sandbox's books have it taken")
