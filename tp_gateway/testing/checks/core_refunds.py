"""Refunds through the real core."""

from __future__ import annotations

from decimal import Decimal

from tp_gateway import money
from tp_gateway.services.facts import PaymentFacts
from tp_gateway.testing import faults, rules
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.books import expect_books_agree
from tp_gateway.testing.checking import check, expect
from tp_gateway.testing.core import Core

_PART = 5_000


def _paid(core: Core) -> PaymentFacts:
    core.pay()
    core.rest()
    paid = core.payments()[0]
    expect(paid.state == "succeeded", f"the payment ended as {paid.state}")
    return paid


def _part(core: Core) -> Decimal:
    return Decimal(money.to_decimal_text(_PART, core.bench.currency))


@check("core", rule=rules.MEMBERS, needs="sends_refunds !promise")
def a_refund_is_booked(bench: Bench) -> None:
    """A refund that staff order ends succeeded, the payment is refunded, and the books agree.

    What the patient is told and what the bank does must be one.
    """
    with Core(bench) as core:
        paid = _paid(core)
        if bench.able.partial_refund:
            core.refund(paid, amount=_part(core))
            core.rest()
            expect(core.payment(paid.id).refunded == _PART, f"{core.payment(paid.id).refunded} of {_PART} are booked")
        core.refund(paid)
        core.rest()
        expect(core.payment(paid.id).state == "refunded", f"wholly refunded, it is {core.payment(paid.id).state}")
        expect_books_agree(core)


@check("core", rule=rules.KEY, needs="sends_refunds fetch !local")
def a_process_that_dies_at_a_refund_refunds_once(bench: Bench) -> None:
    """A process that dies just before or just after `refund`, or hears no answer, gives the money back once.

    A refund was ordered by a person, so the sweep finishes it: with the same key, or by finding it.
    """
    for where in ("before", "after", "unheard"):
        bench.reset()
        with Core(bench) as core:
            paid = _paid(core)
            if where == "unheard":
                with bench.proxy.fault(faults.lost):
                    core.refund(paid)
            else:
                with core.cut_off("refund", after=where == "after"):
                    core.refund(paid)
            core.rest()
            rows = [row.state for row in core.rows("SELECT state FROM refunds")]
            done = ["succeeded"] if where != "before" else rows
            expect(rows == done and rows[0] in ("succeeded", "failed"), f"{where}: the refund is {rows}")
            expect_books_agree(core)
