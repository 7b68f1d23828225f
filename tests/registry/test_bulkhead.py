"""How many threads a provider can hold: places for requests, lanes for calls."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tp_gateway.registry.bulkhead import Bulkhead, Lane


def lane(bulkhead: Bulkhead) -> Lane:
    taken = bulkhead.lane(0)
    assert taken is not None
    return taken


@pytest.mark.catalogue(98)
def test_there_are_places_for_the_lanes_and_for_those_who_wait() -> None:
    bulkhead = Bulkhead(lanes=2, waiting=1)
    with ExitStack() as inside:
        for _ in range(3):
            assert not bulkhead.is_full()
            assert inside.enter_context(bulkhead.place(0))
        assert bulkhead.is_full()
        for patience in (0, 0.01):
            with bulkhead.place(patience) as taken:
                assert not taken
    assert not bulkhead.is_full()


@pytest.mark.catalogue(98)
def test_calls_that_nobody_waits_for_any_more_fill_it_until_they_end() -> None:
    bulkhead = Bulkhead(lanes=2, waiting=5)
    first, second = lane(bulkhead), lane(bulkhead)
    assert bulkhead.lane(0.01) is None
    assert not bulkhead.is_full()
    first.give_up()
    assert not bulkhead.is_full()
    second.give_up()
    assert bulkhead.is_full()
    assert bulkhead.lane(0) is None
    first.end()
    assert not bulkhead.is_full()
    lane(bulkhead).end()
    second.end()
    lane(bulkhead).end()


def test_a_call_that_has_ended_is_not_overdue() -> None:
    bulkhead = Bulkhead(lanes=1, waiting=0)
    call = lane(bulkhead)
    call.end()
    call.give_up()
    assert not bulkhead.is_full()


def test_who_waits_gets_the_place_that_becomes_free() -> None:
    bulkhead = Bulkhead(lanes=1, waiting=0)
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with bulkhead.place(0) as taken:
            assert taken
            inside.set()
            assert leave.wait(20)

    def second() -> bool:
        leave.set()
        with bulkhead.place(20) as taken:
            return taken

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        assert inside.wait(20)
        assert pool.submit(second).result()
        one.result()


def test_it_counts_right_under_many_threads() -> None:
    bulkhead, most, now, lock = Bulkhead(lanes=2, waiting=2), 0, 0, threading.Lock()

    def request(number: int) -> bool:
        nonlocal most, now
        with bulkhead.place(0.5) as taken:
            if taken:
                with lock:
                    now += 1
                    most = max(most, now)
                call = bulkhead.lane(5)
                assert call is not None
                if number % 3 == 0:
                    call.give_up()
                call.end()
                with lock:
                    now -= 1
        return taken

    with ThreadPoolExecutor(8) as pool:
        assert any(pool.map(request, range(2000)))
    assert most <= 4
    assert not bulkhead.is_full()
    with ExitStack() as inside:
        assert all(inside.enter_context(bulkhead.place(0)) for _ in range(4))
        assert bulkhead.is_full()
