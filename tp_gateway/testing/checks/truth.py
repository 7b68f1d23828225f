"""What `prepare` and `execute` say when the line is bad: never more than they can know."""

from __future__ import annotations

from typing import Any

from tp_gateway.contract import Outcome, OutcomeState, Prepared, Reason
from tp_gateway.testing import faults, rules
from tp_gateway.testing.attempt import OPEN, Attempt
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import check, expect, shown
from tp_gateway.testing.proxy import Fault


def spoiled(bench: Bench, fault: Fault, seconds: float = 10.0) -> tuple[Attempt, Outcome]:
    """A payment whose `execute` meets the fault at its last request."""
    last = max(0, bench.requests_of("execute") - 1)
    attempt = bench.attempt()
    attempt.prepare()
    with bench.proxy.fault(fault, first=last):
        return attempt, attempt.execute(seconds)


def expect_unclear(bench: Bench, attempt: Attempt, found: Outcome, what: str) -> None:
    """Nobody can know: UNKNOWN. A provider that has asked again itself may know better."""
    looked = found.state is OutcomeState.SUCCEEDED and bench.taken(attempt) == found.settled
    kept = (found.state is OutcomeState.UNKNOWN or found.state in OPEN or looked) and not found.closed
    expect(kept, f"{what}, and execute said {shown(found)}")


@check("truth", rule=rules.OUTCOMES, needs="!local")
def a_refused_connection_is_not_sent(bench: Bench) -> None:
    """When connecting is refused, `execute` says NOT_SENT: the request certainly had no effect.

    UNKNOWN would keep the patient waiting for nothing; DECLINED would blame his card.
    """
    attempt = bench.attempt()
    attempt.prepare()
    with faults.nobody() as url:
        attempt.provider = bench.build(url)
        found = attempt.execute()
    expect(found.state is OutcomeState.NOT_SENT, f"nobody listened, and execute said {shown(found)}")


@check("truth", rule=rules.OUTCOMES, needs="!local")
def no_connection_in_time_is_not_sent(bench: Bench) -> None:
    """When connecting takes longer than the deadline, `execute` says NOT_SENT, in time.

    A time-out before anything was sent is another thing than one after: only the second may have taken money.
    """
    attempt = bench.attempt()
    attempt.prepare()
    with faults.nobody_answers() as url:
        attempt.provider = bench.build(url)
        found = attempt.execute(0.3)
    expect(found.state is OutcomeState.NOT_SENT, f"no connection came about, and execute said {shown(found)}")


@check("truth", rule=rules.NEVER_GUESS, needs="!local")
def a_lost_answer_is_unknown(bench: Bench) -> None:
    """When the answer is lost after the request was sent, `execute` says UNKNOWN; also when the request was lost.

    The money may have moved. Whoever calls that a failure has the patient pay twice.
    """
    for fault, what in ((faults.lost, "the answer was lost"), (faults.swallowed, "the connection was dropped")):
        expect_unclear(bench, *spoiled(bench, fault), what)


@check("truth", rule=rules.NEVER_GUESS, needs="!local")
def a_server_error_is_unknown(bench: Bench) -> None:
    """A 5xx is UNKNOWN, whether or not the service has done what was asked.

    A server that fails while it answers has often finished its work before.
    """
    for status, effect in ((500, False), (500, True), (502, True), (503, True), (504, True)):
        found = spoiled(bench, faults.answers(status, effect=effect))
        expect_unclear(bench, *found, f"the service answered {status}")


@check("truth", rule=rules.NEVER_GUESS, needs="!local")
def an_answer_without_sense_is_unknown(bench: Bench) -> None:
    """A 200 with a body that is not the service's (empty, HTML, half of it, another type) is UNKNOWN, and raises
    nothing.

    The money may have moved. A traceback in the log tells nobody that, and may show what was sent.
    """
    for name, fault in faults.GARBAGE.items():
        expect_unclear(bench, *spoiled(bench, fault), f"the service answered 200 with {name}")


@check("truth", rule=rules.CLOSED, needs="!local")
def somebody_elses_page_closes_nothing(bench: Bench) -> None:
    """A 403 or 404 page of HTML, which the service never sends, does not end a payment: never `closed`, never
    SUCCEEDED.

    Firewalls and load balancers answer with such pages, also after the service has done its work.
    """
    for status in (403, 404):
        attempt, found = spoiled(bench, faults.page(status, "Access denied", effect=True))
        ended = found.closed or (found.state is OutcomeState.SUCCEEDED and bench.taken(attempt) == 0)
        expect(not ended, f"a page with status {status} came, and execute said {shown(found)}")


@check("truth", rule=rules.OUTCOMES, needs="declining")
def a_decline_says_why_and_takes_nothing(bench: Bench) -> None:
    """What is declined ends DECLINED with a reason, and nothing was taken.

    The patient reads the reason, and tries another way.
    """
    attempt = bench.attempt(bench.subject.declines())
    found = attempt.run(pays=False)
    expect(found.state is OutcomeState.DECLINED, f"what the subject says is declined ended as {shown(found)}")
    expect(found.reason is not Reason.NONE, "the reason is empty")
    expect(bench.taken(attempt) == 0, f"the sandbox's books have {bench.taken(attempt)} taken")


@check("truth", rule=rules.CLOSED, needs="declining repeatable !local")
def a_decline_is_final(bench: Bench) -> None:
    """After a decline (and `close`, for two steps) the payment is closed, and doing it again takes nothing, nor with
    another card where the payment is an object of the service's (two steps).

    `closed` is a promise: the patient is told that it failed, and pays again.
    """
    attempt = bench.attempt(bench.subject.declines())
    found = attempt.run(pays=False)
    if bench.able.two_step and not found.closed and attempt.reference:
        found = attempt.close()
    expect((found.state, found.closed) == (OutcomeState.DECLINED, True), f"in the end it is {shown(found)}")
    if attempt.reference or not bench.able.two_step:
        good = bench.attempt().order
        another: dict[str, Any] = {"parameters": good.parameters, "method_reference": good.method_reference}
        for ask in ({}, another) if bench.able.two_step else ({},):
            again = attempt.execute(**ask)
            expect(again.state is not OutcomeState.SUCCEEDED, f"closed, and executed again it said {shown(again)}")
    expect(bench.taken(attempt) == 0, f"closed, and the sandbox's books have {bench.taken(attempt)} taken")


@check("truth", rule=rules.TWO_STEPS, needs="two_step")
def preparing_moves_no_money(bench: Bench) -> None:
    """`prepare` gives a reference, and takes nothing; if its answer is lost, it says no reference that is not there.

    From a reference on our disk everything else is found out. Before there is one, no money may move.
    """
    attempt = bench.attempt()
    found = attempt.prepare()
    expect(isinstance(found, Prepared) and found.reference, f"prepare answered {shown(found)}")
    if not bench.able.local:
        expect(bench.taken(attempt) == 0, "the sandbox's books have a payment after `prepare` alone")
    if not bench.able.local and bench.requests_of("prepare"):
        other = bench.attempt()
        with bench.proxy.fault(faults.answers(500)):
            spoilt = other.prepare()
        made_up = isinstance(spoilt, Prepared) or spoilt.state is OutcomeState.SUCCEEDED
        expect(not made_up, f"the service answered 500, and prepare answered {shown(spoilt)}")
        with bench.proxy.fault(faults.lost, first=max(0, bench.requests_of("prepare") - 1)):
            cut = bench.attempt().prepare()
        guessed = getattr(cut, "state", None) is OutcomeState.NOT_SENT
        expect(not guessed, f"the answer was lost after it was sent, and prepare answered {shown(cut)}")
