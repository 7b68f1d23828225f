"""`fetch` and `close`: what they find out, and what they say when nobody answered them."""

from __future__ import annotations

from dataclasses import replace

from tp_gateway.contract import Flow, OutcomeState, Prepared, Reason
from tp_gateway.testing import faults, rules
from tp_gateway.testing.attempt import Attempt
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import check, expect, shown
from tp_gateway.testing.checks.truth import spoiled

_SILENCE = (("the answer was lost", faults.swallowed), ("the service answered 500", faults.answers(500)))


@check("truth", rule=rules.PROVIDER, needs="fetch !local")
def fetch_finds_what_a_lost_answer_did(bench: Bench) -> None:
    """What was paid while the answer was lost is found by `fetch`, with its amount, currency and evidence, and without
    the reference if there was no time to store it.

    This is how the gateway recovers: it never charges again, it asks.
    """
    attempt, _ = spoiled(bench, faults.lost)
    if not bench.able.two_step:
        attempt.reference = None  # the process died before it could be stored
    attempt.fetch()
    found = attempt.wait()
    expect(found.state is OutcomeState.SUCCEEDED, f"it was done, and fetch says {shown(found)}")
    if bench.manifest.settles_exactly:
        expect(found.settled == attempt.order.amount, f"{attempt.order.amount} were taken, fetch says {shown(found)}")
    expect(bench.taken(attempt) == found.settled, f"the books have {bench.taken(attempt)}, fetch says {shown(found)}")


@check("truth", rule=rules.OUTCOME, needs="fetch !local")
def fetch_and_execute_tell_the_same(bench: Bench) -> None:
    """`fetch` names the same reference, evidence, amount and currency as the answer that was given at first.

    The evidence keys the ledger: another one would book the same money twice.
    """
    attempt = bench.attempt()
    first = attempt.paid()
    again = attempt.fetch()
    for name in ("state", "reference", "evidence", "settled", "currency"):
        told = getattr(first, name), getattr(again, name)
        expect(told[0] == told[1], f"{name}: first {told[0]}, then {told[1]}")


@check("truth", rule=rules.PROVIDER, needs="fetch !local !two_step")
def fetch_knows_nothing_of_what_was_never_sent(bench: Bench) -> None:
    """Asked for an order that never reached the service, `fetch` says UNKNOWN with `Reason.NO_SUCH_OBJECT`, or makes
    sure that it never can and says DECLINED and closed.

    A payment that was cut off before it was sent must end, and must not end as paid.
    """
    attempt = bench.attempt()
    found = attempt.fetch()
    absent = found.state is OutcomeState.UNKNOWN and found.reason is Reason.NO_SUCH_OBJECT
    closed = found.state is OutcomeState.DECLINED and found.closed
    expect(absent or closed, f"it was never sent, and fetch says {shown(found)}")
    if closed:
        late = attempt.execute()
        expect(late.state is not OutcomeState.SUCCEEDED, f"fetch has closed it, and then execute said {shown(late)}")
        expect(bench.taken(attempt) == 0, "fetch has closed it, and the sandbox's books have it taken")


@check("truth", rule=rules.NEVER_GUESS, needs="fetch !local")
def a_question_without_an_answer_is_unknown(bench: Bench) -> None:
    """When `fetch` gets no usable answer it says UNKNOWN; never DECLINED, never NOT_SENT, never closed.

    It was only a question. NOT_SENT and DECLINED would be about the payment, which may have been taken.
    """
    attempt = bench.attempt()
    attempt.begin()
    for what, fault in (*_SILENCE, *((f"the service answered 200 with {n}", f) for n, f in faults.GARBAGE.items())):
        with bench.proxy.fault(fault):
            found = attempt.fetch()
        expect(found.state is OutcomeState.UNKNOWN and not found.closed, f"{what}, and fetch said {shown(found)}")
    with faults.nobody() as url:
        attempt.provider = bench.build(url)
        found = attempt.fetch()
    expect(found.state is OutcomeState.UNKNOWN and not found.closed, f"nobody listened, and fetch said {shown(found)}")


@check("truth", rule=rules.CLOSED, needs="two_step")
def closed_means_closed(bench: Bench) -> None:
    """What was prepared can be closed (DECLINED and closed, also the second time); after that `execute` takes nothing.

    The patient is told that it failed and pays another way, while a request of the first try is still on its way.
    """
    attempt = _prepared(bench)
    found = attempt.close()
    if bench.able.resumable and found.state is OutcomeState.UNKNOWN:
        return  # it cannot be taken back, and the core will finish it
    expect((found.state, found.closed) == (OutcomeState.DECLINED, True), f"close said {shown(found)}")
    again = attempt.close()
    expect((again.state, again.closed) == (OutcomeState.DECLINED, True), f"closed twice, close said {shown(again)}")
    late = attempt.execute()
    expect(late.state is not OutcomeState.SUCCEEDED, f"it was closed, and execute said {shown(late)}")
    bench.subject.finish(attempt.waiting, pays=True)
    if not bench.able.local:
        expect(bench.taken(attempt) == 0, f"closed, and the sandbox's books have {bench.taken(attempt)} taken")


@check("truth", rule=rules.CLOSED, needs="two_step fetch !local")
def what_fetch_calls_closed_is_closed(bench: Bench) -> None:
    """Of what was prepared and not executed `fetch` says `closed` only if it is: then `execute` takes nothing.

    The gateway believes it, and lets the patient pay again, while the first request may still be on its way.
    """
    attempt = _prepared(bench)
    found = attempt.fetch()
    expect(found.state is not OutcomeState.SUCCEEDED, "nothing was executed, and fetch says SUCCEEDED")
    if found.closed:
        late = attempt.execute()
        expect(late.state is not OutcomeState.SUCCEEDED, f"fetch said closed, and then execute said {shown(late)}")


@check("truth", rule=rules.PROVIDER, needs="two_step !local")
def close_tells_when_the_customer_was_faster(bench: Bench) -> None:
    """`close` of what was paid meanwhile says SUCCEEDED with the amount.

    Somebody cancels while the customer confirms in his browser: one of the two was first.
    """
    attempt = bench.paid()
    found = attempt.close()
    told = (found.state, found.settled, found.closed)
    if bench.able.resumable and found.state is OutcomeState.UNKNOWN:
        return
    expected = (OutcomeState.SUCCEEDED, bench.taken(attempt), False)
    expect(told[:2] == expected[:2], f"it was paid, and close said {shown(found)}")


@check("truth", rule=rules.CLOSED, needs="two_step !local")
def a_close_without_an_answer_closes_nothing(bench: Bench) -> None:
    """When `close` gets no usable answer it says UNKNOWN and not `closed`.

    `closed` ends the payment and lets the patient pay again.
    """
    attempt = _prepared(bench)
    for what, fault in (*_SILENCE, ("an empty object came", faults.answers(200))):
        with bench.proxy.fault(fault):
            found = attempt.close()
        expect(not found.closed and found.state is OutcomeState.UNKNOWN, f"{what}, and close said {shown(found)}")


@check("truth", rule=rules.CAPABILITIES, needs="browser")
def a_browser_gets_what_it_needs(bench: Bench) -> None:
    """For `Flow.BROWSER`, `prepare` gives the browser something to go on with, and takes nothing.

    The core never calls `execute` then: what `Prepared.action` has is all that the customer gets.
    """
    attempt = bench.attempt()
    attempt.order = replace(attempt.order, flow=Flow.BROWSER, method_reference=None)
    found = attempt.prepare()
    expect(isinstance(found, Prepared), f"prepare answered {shown(found)}")
    expect(dict(found.action), "`Prepared.action` is empty")
    expect(bench.taken(attempt) == 0, "the sandbox's books have a payment before the customer did anything")
    waits = attempt.fetch()
    expect(waits.state is OutcomeState.NEEDS_ACTION, f"the customer has done nothing, and fetch says {shown(waits)}")


def _prepared(bench: Bench) -> Attempt:
    attempt = bench.attempt()
    found = attempt.prepare()
    expect(isinstance(found, Prepared), f"prepare answered {shown(found)}")
    return attempt
