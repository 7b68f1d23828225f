"""Amounts that are held first, and taken or let go later (`Capabilities.capture`)."""

from __future__ import annotations

import time
from dataclasses import replace

from tp_gateway.contract import CaptureOrder, Outcome, OutcomeState
from tp_gateway.testing import rules
from tp_gateway.testing.attempt import Attempt, answered
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import check, expect, shown


def _held(bench: Bench) -> Attempt:
    attempt = bench.attempt(manual_capture=True)
    found = attempt.run()
    expect(found.state is OutcomeState.AUTHORIZED, f"an order with `manual_capture` ended as {shown(found)}")
    expect(found.authorized == attempt.order.amount, f"{found.authorized} is held of {attempt.order.amount}")
    return attempt


def _order(attempt: Attempt, amount: int, key: str = "capture") -> CaptureOrder:
    order = attempt.order
    deadline = time.monotonic() + 10
    return CaptureOrder(order.id, attempt.reference or "", amount, order.currency, f"{order.id}:{key}", deadline)


def _take(bench: Bench, order: CaptureOrder) -> Outcome:
    found: Outcome = answered("capture", bench.provider.capture, order)
    return found


@check("money", rule=rules.CAPTURE, needs="capture")
def holding_takes_nothing(bench: Bench) -> None:
    """An order with `manual_capture` ends AUTHORIZED with the amount that is held, and nothing was taken.

    A hold that takes is a charge that nobody has ordered yet.
    """
    attempt = _held(bench)
    expect(bench.taken(attempt) == 0, f"the sandbox's books have {bench.taken(attempt)} taken")


@check("money", rule=rules.CAPTURE, needs="capture")
def captures_a_part(bench: Bench) -> None:
    """A part of what is held can be taken; the rest is let go, and the outcome and the books have the part.

    The session was shorter, or a discount was given.
    """
    attempt = _held(bench)
    part = attempt.order.amount - 5_000
    found = _take(bench, _order(attempt, part))
    expect((found.state, found.settled) == (OutcomeState.SUCCEEDED, part), f"asked {part}, capture said {shown(found)}")
    expect(bench.taken(attempt) == part, f"the sandbox's books have {bench.taken(attempt)}")


@check("repetition", rule=rules.PROVIDER, needs="capture")
def captures_at_most_once(bench: Bench) -> None:
    """A second capture of the same payment has no effect, under whatever key, and tells what was taken.

    Two people press the button, or one presses it again after a time-out.
    """
    attempt = _held(bench)
    part = attempt.order.amount - 5_000
    first = _order(attempt, part)
    _take(bench, first)
    again = [
        _take(bench, replace(first, idempotency_key=key)) for key in (first.idempotency_key, f"{attempt.order.id}:2")
    ]
    for found in again:
        expect(found.settled == part, f"captured before, it says {shown(found)}")
    expect(bench.taken(attempt) == part, f"{part} was to be taken, the sandbox's books have {bench.taken(attempt)}")


@check("truth", rule=rules.PROVIDER, needs="capture")
def a_hold_that_was_let_go_stays_let_go(bench: Bench) -> None:
    """After `void` the outcome is DECLINED and closed, also the second time, and a capture takes nothing.

    The patient was told that his money is free again.
    """
    attempt = _held(bench)
    for _ in range(2):
        found = answered("void", bench.provider.void, attempt.reference, time.monotonic() + 10)
        expect((found.state, found.closed) == (OutcomeState.DECLINED, True), f"void said {shown(found)}")
    late = _take(bench, _order(attempt, attempt.order.amount))
    expect(late.state is not OutcomeState.SUCCEEDED, f"it was let go, and capture said {shown(late)}")
    expect(bench.taken(attempt) == 0, f"the sandbox's books have {bench.taken(attempt)} taken")
