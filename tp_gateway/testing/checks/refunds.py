"""Giving money back: wholly, in parts, never more than was taken, and each time told by `fetch`."""

from __future__ import annotations

from dataclasses import replace

from tp_gateway.contract import OutcomeState, RefundState
from tp_gateway.testing import rules
from tp_gateway.testing.attempt import Attempt
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import check, expect, shown
from tp_gateway.testing.faults import lost

_GIVEN = (OutcomeState.SUCCEEDED, OutcomeState.PENDING)
_PART = 5_000


def _back(bench: Bench, attempt: Attempt) -> int:
    return bench.books()[attempt.reference or ""].refunded


@check("money", rule=rules.MEMBERS, needs="sends_refunds !promise")
def refunds_the_whole(bench: Bench) -> None:
    """A refund of the whole amount is accepted, settles at that amount, and is in the sandbox's books: in a currency
    of each number of decimal places that the manifest has.

    A refund that is said and not made is the patient's money.
    """
    for currency in bench.currencies:
        attempt = bench.paid(currency=currency)
        order = attempt.refund_order()
        asked, found = f"asked {order.amount} {order.currency}", attempt.refund(order)
        given = found.state in _GIVEN and found.reference
        expect(given, f"{asked}, refund said {shown(found)}, reference {found.reference}")
        if found.state is OutcomeState.SUCCEEDED:
            expect(
                (found.settled, found.currency) == (order.amount, order.currency), f"{asked}, it says {shown(found)}"
            )
            expect(found.evidence, "it is said to be made, and names no evidence")
        if not bench.able.local:
            expect(_back(bench, attempt) == order.amount, f"{asked}, the sandbox's books have {_back(bench, attempt)}")


@check("money", rule=rules.MEMBERS, needs="sends_refunds partial_refund !promise")
def refunds_in_parts(bench: Bench) -> None:
    """Parts of a payment can be given back one after the other; each has its own reference, and they add up.

    `partial_refund` is offered to staff because the manifest says so.
    """
    attempt = bench.paid()
    first = attempt.refund(attempt.refund_order(_PART))
    rest = attempt.refund(attempt.refund_order(attempt.order.amount - _PART))
    for found in (first, rest):
        expect(found.state in _GIVEN, f"refund of a part said {shown(found)}")
    expect(first.reference != rest.reference, f"both refunds have the reference {first.reference}")
    if not bench.able.local:
        expect(_back(bench, attempt) == attempt.order.amount, f"the sandbox's books have {_back(bench, attempt)}")


@check("money", rule=rules.MEMBERS, needs="sends_refunds !local")
def refunds_no_more_than_was_taken(bench: Bench) -> None:
    """A refund of more than is left is refused (DECLINED), and gives nothing back.

    The core keeps count too, but refunds are also made outside, in the service's own pages.
    """
    attempt = bench.paid()
    expect(attempt.refund(attempt.refund_order()).state in _GIVEN, "the whole could not be given back at first")
    found = attempt.refund(attempt.refund_order(1_00))
    expect(found.state is OutcomeState.DECLINED, f"{1_00} minor units more than was taken: refund said {shown(found)}")
    expect(
        _back(bench, attempt) == attempt.order.amount, f"the sandbox's books have {_back(bench, attempt)} given back"
    )


@check("money", rule=rules.OUTCOME, needs="sends_refunds fetch !local")
def fetch_lists_every_refund(bench: Bench) -> None:
    """`fetch` lists every refund with its amount, its state, and our own id of it (`RefundFact.our_id`), also where it
    was asked a moment before.

    By this list the core learns of refunds that were made outside, and what became of one whose answer was lost.
    """
    attempt = bench.paid()
    attempt.fetch()
    order = attempt.refund_order(_PART if bench.able.partial_refund else None)
    made = attempt.refund(order)
    found = attempt.fetch()
    expect(
        found.state is OutcomeState.SUCCEEDED, f"after a refund, fetch says {shown(found)}: a payment stays SUCCEEDED"
    )
    facts = [(fact.amount, fact.our_id) for fact in found.refunds if fact.state is not RefundState.FAILED]
    expect(
        facts == [(order.amount, order.id)], f"one refund of {order.amount} was made, fetch tells {len(facts)}: {facts}"
    )
    expect(found.refunds[0].reference == made.reference, "fetch and refund give it different references")
    expect(
        found.settled == attempt.order.amount, f"`settled` is what was taken, refunds not subtracted: {shown(found)}"
    )


@check("repetition", rule=rules.KEY, needs="sends_refunds repeatable !promise")
def the_same_refund_again_is_one_refund(bench: Bench) -> None:
    """The same refund order twice, even if the first answer was lost, gives the money back once, and says so.

    A person ordered it once. The sweep sends it again with the same key when nobody knows what became of it.
    """
    attempt = bench.paid()
    order = attempt.refund_order(_PART if bench.able.partial_refund else None)
    if bench.able.local:
        first = attempt.refund(order)
    else:
        with bench.proxy.fault(lost):
            unclear = attempt.refund(order)
        expect(
            unclear.state in (OutcomeState.UNKNOWN, *_GIVEN), f"the answer was lost, and refund said {shown(unclear)}"
        )
        first = attempt.refund(replace(order, deadline=order.deadline + 10))
    again = attempt.refund(replace(order, deadline=order.deadline + 10))
    expect(again.state in _GIVEN, f"the same order again: {shown(again)}")
    expect(again.reference == first.reference, f"two references, {first.reference} and {again.reference}")
    if not bench.able.local:
        expect(
            _back(bench, attempt) == order.amount, f"{order.amount} asked, the books have {_back(bench, attempt)} back"
        )


@check("truth", rule=rules.NEVER_GUESS, needs="sends_refunds !local")
def a_refund_without_an_answer_is_unknown(bench: Bench) -> None:
    """A refund whose answer was lost is UNKNOWN (or known to be made); never DECLINED or NOT_SENT.

    DECLINED would let staff order it once more, and the money went back twice.
    """
    attempt = bench.paid()
    order = attempt.refund_order()
    with bench.proxy.fault(lost):
        found = attempt.refund(order)
    expect(found.state in (OutcomeState.UNKNOWN, *_GIVEN), f"the answer was lost, and refund said {shown(found)}")
