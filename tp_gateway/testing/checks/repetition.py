"""The same thing twice, and many things at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tp_gateway.contract import Outcome, OutcomeState, Prepared
from tp_gateway.testing import faults, rules
from tp_gateway.testing.attempt import Attempt
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import check, expect, shown

_AT_ONCE = 4


def _once(bench: Bench, attempt: Attempt, what: str) -> None:
    books = bench.books()
    expect(len(books) <= 1, f"{what}: the sandbox's books have {len(books)} payments instead of one")
    expect(
        bench.taken(attempt) == attempt.order.amount or not bench.manifest.settles_exactly, f"{what}: another amount"
    )


@check("repetition", rule=rules.KEY, needs="two_step")
def preparing_again_gives_the_same_reference(bench: Bench) -> None:
    """The same order prepared twice, also after a lost answer, has one reference.

    The core tries up to three times. Each further object at the service is one that nobody closes.
    """
    attempt = bench.attempt()
    if not bench.able.local and bench.requests_of("prepare"):
        with bench.proxy.fault(faults.lost):
            attempt.prepare()
    first, second = attempt.prepare(), attempt.prepare()
    expect(isinstance(first, Prepared) and isinstance(second, Prepared), f"prepared again: {shown(second)}")
    expect(first.reference == second.reference, f"two references: {first.reference} and {second.reference}")


@check("repetition", rule=rules.KEY, needs="repeatable !promise")
def the_same_order_again_takes_once(bench: Bench) -> None:
    """`execute` for the same order twice takes the money once, and says the same both times.

    The manifest declares that it may be repeated (`two_step`, `repeat_horizon`, `resumable` or `local`).
    """
    attempt = bench.attempt()
    attempt.begin()
    attempt.execute(repeated=bench.able.resumable)
    found = attempt.wait()
    expect(found.state is OutcomeState.SUCCEEDED, f"executed twice, it ended as {shown(found)}")
    if not bench.able.local:
        _once(bench, attempt, "executed twice")


@check("repetition", rule=rules.KEY, needs="repeatable !local")
def again_after_a_lost_answer_takes_once(bench: Bench) -> None:
    """`execute` once more after its answer was lost takes the money once.

    This is what a key is for: the second request must be known as the first one.
    """
    last = max(0, bench.requests_of("execute") - 1)
    bench.subject.reset()
    attempt = bench.attempt()
    attempt.prepare()
    with bench.proxy.fault(faults.lost, first=last):
        attempt.execute()
    attempt.execute(repeated=bench.able.resumable)
    found = attempt.wait()
    expect(found.state is OutcomeState.SUCCEEDED, f"executed again, it ended as {shown(found)}")
    _once(bench, attempt, "executed again after a lost answer")


@check("repetition", rule=rules.KEY, needs="repeatable !local")
def the_same_order_at_the_same_time_takes_once(bench: Bench) -> None:
    """Several `execute` for the same order at the same moment take the money once.

    A worker that was thought dead wakes up beside the one that took its payment over.
    """
    attempt = bench.attempt()
    attempt.prepare()

    def go(_: int) -> Outcome:
        twin = Attempt(bench, attempt.order, bench.provider)
        twin.reference = attempt.reference
        return twin.execute(repeated=bench.able.resumable)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(go, range(_AT_ONCE)))
    expect(not any(one.closed for one in found), f"at the same time: {[shown(one) for one in found]}")
    best = next((one for one in found if one.provider_state is not None or one.reference), found[0])
    attempt._took(best, "execute")
    attempt.fetch() if bench.able.fetch else None
    attempt.wait()
    _once(bench, attempt, f"executed {_AT_ONCE} times at once")


@check("repetition", rule=rules.PROVIDER, needs="!promise")
def many_payments_at_once_do_not_mix(bench: Bench) -> None:
    """Different orders at the same moment each end as themselves: own reference, own amount.

    One instance serves all threads of the process.
    """
    attempts = [bench.attempt() for _ in range(_AT_ONCE)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda one: one.begin(), attempts))
    outcomes = [attempt.wait() for attempt in attempts]
    states = [shown(one) for one in outcomes]
    expect(all(one.state is OutcomeState.SUCCEEDED for one in outcomes), f"paid at the same time: {states}")
    references = {one.reference for one in outcomes}
    expect(len(references) == _AT_ONCE, f"{_AT_ONCE} payments have {len(references)} references")
    if not bench.able.local:
        expect(references == set(bench.books()), "the references are not those of the sandbox's books")
