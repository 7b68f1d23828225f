"""Promises to pay through the real core: instructions, then lines of a bank's statement."""

from __future__ import annotations

from tp_gateway.testing import rules
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.books import expect_books_agree, expect_one
from tp_gateway.testing.checking import check, expect
from tp_gateway.testing.core import Core


@check("core", rule=rules.CAPABILITIES, needs="promise statements")
def a_line_of_a_statement_settles_a_promise_once(bench: Bench) -> None:
    """The line that names a promise settles it; the same statement again, and a revised one that has it among others,
    add nothing to it.

    Statements overlap, and are sent again corrected.
    """
    with Core(bench) as core:
        promise = core.pay()
        line = (promise.amount, f"TRANSFER {promise.reference}")
        statement = bench.subject.statement([line])
        for data in (statement, statement, bench.subject.statement([line, (5_00, "SOMETHING ELSE")])):
            core.import_statement(data)
            expect_one(core)


@check("core", rule=rules.AMOUNTS, needs="promise statements")
def a_late_part_adds_up(bench: Bench) -> None:
    """A first part settles as that part, the rest, days later in another statement, completes it.

    People pay in parts, and pay too little by a slip of the finger.
    """
    with Core(bench) as core:
        promise = core.pay()
        part, rest = 10_000, promise.amount - 10_000
        first = (part, f"TRANSFER {promise.reference}")
        core.import_statement(bench.subject.statement([first]))
        booked = core.payment(promise.id).captured
        expect(booked == part, f"{part} came, {booked} are booked")
        core.import_statement(bench.subject.statement([first, (rest, f"REST {promise.reference}")]))
        booked = core.payment(promise.id).captured
        expect(booked == promise.amount, f"{promise.amount} came in two parts, {booked} are booked")
        expect_books_agree(core)


@check("core", rule=rules.CAPABILITIES, needs="promise")
def a_process_that_dies_at_a_promise_gives_the_same_instructions(bench: Bench) -> None:
    """A process that dies around `execute` leaves a promise that waits, with the instructions that it would have had.

    It is local: asking again is free, and gives the same.
    """
    with Core(bench) as core:
        with core.cut_off("execute", after=True):
            core.pay()
        core.work()
        [promise] = core.payments()
        expect(promise.state == "awaiting_customer", f"it is {promise.state}")
        expect(promise.reference and promise.action, "it has no reference, or no instructions")
