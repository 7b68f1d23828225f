"""Webhooks and what is listed, through the real core."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tp_gateway.testing import rules
from tp_gateway.testing.bench import SECRETS, Bench
from tp_gateway.testing.books import expect_books_agree, expect_one
from tp_gateway.testing.checking import check, expect
from tp_gateway.testing.core import Core
from tp_gateway.testing.subject import Waiting

_AT_ONCE = 4


def _unsettled(core: Core) -> Waiting:
    """A payment that was made, and of which the gateway does not know yet how it ended."""
    with core.cut_off("execute", after=True):
        core.pay()
    one = core.payments()[0]
    waiting = Waiting(one.reference, one.action, one.amount, one.currency)
    if one.reference is None:
        waiting = Waiting(next(iter(core.bench.books()), None), {}, one.amount, one.currency)
    core.bench.subject.finish(waiting, pays=True)
    return waiting


def _deliver(core: Core, body: bytes) -> Callable[[], None]:
    headers = core.bench.subject.sign(body, SECRETS[0], time.time())
    return lambda: core.gateway.inbox.receive(core.bench.manifest.slug, body, headers)


@check("core", rule=rules.HINT, needs="webhooks fetch")
def a_webhook_settles_once(bench: Bench) -> None:
    """A webhook, delivered several times and at once, settles its payment once; the books agree.

    Services deliver at least once, and two deliveries can meet.
    """
    with Core(bench) as core:
        waiting = _unsettled(core)
        deliver = _deliver(core, bench.subject.event(waiting))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda _: deliver(), range(_AT_ONCE)))
        core.work()
        deliver()
        core.work()
        expect_one(core)
        count = core.rows("SELECT count(*) FROM inbox_events")[0][0]
        expect(count == len({row.event_id for row in core.rows("SELECT event_id FROM inbox_events")}), "kept twice")


@check("core", rule=rules.HINT, needs="webhooks fetch sends_refunds")
def webhooks_in_another_order_change_nothing(bench: Bench) -> None:
    """A webhook of the payment that comes after its refund, and once more at the end, changes nothing.

    No service promises an order. Whoever believes an old body un-does a refund.
    """
    with Core(bench) as core:
        waiting = _unsettled(core)
        late = bench.subject.event(waiting)
        core.rest()
        core.refund(core.payments()[0])
        core.rest()
        for _ in range(2):
            _deliver(core, late)()
            core.work()
        expect(core.payments()[0].state == "refunded", f"after the late webhook it is {core.payments()[0].state}")
        expect_books_agree(core)


@check("core", rule=rules.HINT, needs="webhooks fetch")
def a_webhook_that_lies_about_the_amount_books_the_truth(bench: Bench) -> None:
    """A rightly signed webhook with another amount in it books what `fetch` says.

    Amounts are believed where they were asked for.
    """
    with Core(bench) as core:
        waiting = _unsettled(core)
        body = bench.subject.event(waiting)
        amount = str(waiting.amount).encode()
        _deliver(core, body.replace(amount, amount + b"7"))()
        core.work()
        core.rest()
        expect_one(core)


@check("core", rule=rules.LABELS, needs="list_since")
def what_was_forgotten_is_found_by_listing(bench: Bench) -> None:
    """A payment that the gateway has forgotten (a restored backup) is found by the reverse sweep and its labels; run
    twice, it is booked once.

    Money without a row here is money that nobody gives back.
    """
    with Core(bench) as core:
        _unsettled(core)
        for _ in range(2):
            core.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
            core.work()
        core.rest()
        expect_one(core)
