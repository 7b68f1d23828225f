"""What a provider lists for the reverse sweep (`list_since`) and for the bank account (`list_remittances`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tp_gateway.contract import Label, Observation
from tp_gateway.registry.plausible import impossible, impossible_remittance
from tp_gateway.testing import faults, rules
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import Broken, check, expect, shown
from tp_gateway.testing.kept import can_be_kept
from tp_gateway.testing.proxy import Fault

_MORE_THAN_A_PAGE = 12
_HOUR, _DAYS = timedelta(hours=1), timedelta(days=40)


def _listed(bench: Bench, since: datetime, until: datetime, member: str = "list_since") -> list[Any]:
    try:
        return list(getattr(bench.provider, member)(since, until, time.monotonic() + 10))
    except Exception as error:
        raise Broken(f"{member} raised {type(error).__name__} though the sandbox answered") from error


def _now(bench: Bench, member: str = "list_since") -> list[Any]:
    now = datetime.now(UTC)
    back = _HOUR if member == "list_since" else _DAYS
    return _listed(bench, now - back, now + _HOUR, member)


@check("statements", rule=rules.PROVIDER, needs="list_since")
def lists_what_was_paid(bench: Bench) -> None:
    """A payment of the last hour is listed with what is known of it (`evidence`), and with our labels.

    After a restored backup the gateway finds by this list what it has forgotten, and by the labels whose it is.
    """
    attempt = bench.attempt()
    paid = attempt.paid()
    mine = [one for one in _now(bench) if one.labels.get(Label.PAYMENT) == attempt.order.id and one.evidence]
    expect(mine, "a payment that was made a moment ago is not listed with our label and with evidence")
    told = mine[0].evidence
    expect(not impossible(told), f"its evidence cannot be believed: {impossible(told)}")
    same = (told.state, told.settled, told.currency) == (paid.state, paid.settled, paid.currency)
    expect(same and mine[0].reference == paid.reference, f"it was {shown(paid)}, it is listed as {shown(told)}")


@check("statements", rule=rules.PROVIDER, needs="list_since")
def lists_all_of_them(bench: Bench) -> None:
    """Twelve payments of the last hour are listed, each of them.

    Services answer in pages. Who reads the first one alone finds the others never.
    """
    made = {bench.paid().order.id for _ in range(_MORE_THAN_A_PAGE)}
    missing = made - {one.labels.get(Label.PAYMENT) for one in _now(bench)}
    expect(not missing, f"{len(missing)} of {len(made)} are not listed")


@check("statements", rule=rules.PROVIDER, needs="list_since")
def lists_the_same_twice(bench: Bench) -> None:
    """The same time listed again gives the same events under the same ids, each once, and each can be kept.

    A sweep that is cut off begins again: an event under a new id is a new event.
    """
    bench.paid()
    first, second = _now(bench), _now(bench)
    expect(all(isinstance(one, Observation) and can_be_kept(one) for one in first), "something in it cannot be kept")
    ids = [one.event_id for one in first]
    expect(len(set(ids)) == len(ids), "an event is listed twice")
    expect(set(ids) == {one.event_id for one in second}, "the second time it lists other events")


@check("statements", rule=rules.PROVIDER, needs="list_since")
def lists_only_the_time_that_was_asked_for(bench: Bench) -> None:
    """A payment of now is not listed for yesterday.

    The core asks hour by hour; whoever tells everything each time is asked for everything for ever.
    """
    attempt = bench.paid()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    found = _listed(bench, yesterday - _HOUR, yesterday)
    mine = [one for one in found if one.labels.get(Label.PAYMENT) == attempt.order.id]
    expect(not mine, "it is listed for an hour of yesterday")


@check("statements", rule=rules.PROVIDER, needs="list_since")
def a_list_that_did_not_come_is_not_empty(bench: Bench) -> None:
    """When the service does not answer, `list_since` raises; it does not say that there is nothing.

    The gateway would go on, and never ask for that hour again.
    """
    _expect_raises(bench, "list_since")


def _expect_raises(bench: Bench, member: str) -> None:
    silence: tuple[tuple[str, Fault], ...] = (
        ("the connection was dropped", faults.swallowed),
        ("the service answered 500", faults.answers(500)),
        ("a page of HTML came", faults.page(200, "Welcome")),
    )
    for what, fault in silence:
        with bench.proxy.fault(fault):
            told = _raises(lambda: _asked(bench, member))
        expect(told, f"{what}, and {member} gave a list without raising")


def _asked(bench: Bench, member: str) -> list[Any]:
    now = datetime.now(UTC)
    return list(getattr(bench.provider, member)(now - _HOUR, now, time.monotonic() + 5))


def _raises(call: Callable[[], object]) -> bool:
    try:
        call()
    except Exception:
        return True
    return False


@check("statements", rule=rules.PROVIDER, needs="remittances")
def remittances_add_up(bench: Bench) -> None:
    """What was paid out to the bank account is listed in order, can be believed, is the same when it is asked again,
    and raises when the service does not answer.

    Staff compare it with the bank's statement, cent by cent.
    """
    bench.paid()
    bench.subject.pay_out()
    first, second = _now(bench, "list_remittances"), _now(bench, "list_remittances")
    expect(first, "the sandbox has paid out, and nothing is listed")
    for one in first:
        expect(not impossible_remittance(one), f"{one.reference}: {impossible_remittance(one)}")
        net = sum(item.net for item in one.items)
        expect(net == one.amount, f"{one.reference} is {one.amount}, its items come to {net}")
    expect([one.reference for one in first] == [one.reference for one in second], "the second time it lists others")
    _expect_raises(bench, "list_remittances")
