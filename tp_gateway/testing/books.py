"""Compares the core's books with the sandbox's own, with SQL of its own: every cent that the sandbox took is booked
once, to a payment that says so, and no other."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tp_gateway.testing.checking import expect
from tp_gateway.testing.subject import Taken

if TYPE_CHECKING:
    from tp_gateway.testing.core import Core

_MONEY_IS_IN = ("succeeded", "refunded")


def expect_books_agree(core: Core) -> None:
    _double_entry(core)
    if not core.bench.able.local:
        expect(_here(core) == _there(core), f"booked here {_here(core)}, in the sandbox's books {_there(core)}")


def expect_one(core: Core, *, amount: int | None = None) -> None:
    """One payment succeeded, and nothing else was taken."""
    states = [one.state for one in core.payments()]
    expect(sorted(states).count("succeeded") == 1, f"the payments ended as {states}")
    done = next(one for one in core.payments() if one.state == "succeeded")
    if core.bench.manifest.settles_exactly or amount is not None:
        expect(done.captured == (amount or done.amount), f"of {done.amount} asked, {done.captured} are booked")
    expect(not done.needs_review, "a person has to look at it")
    expect_books_agree(core)


def expect_nothing_taken(core: Core) -> None:
    states = [one.state for one in core.payments()]
    expect(not any(one.captured for one in core.payments()), f"something is booked: {states}")
    expect_books_agree(core)


def _here(core: Core) -> dict[str, Taken]:
    rows = core.rows("SELECT reference, captured, currency, refunded FROM payments WHERE captured > 0")
    return {row.reference: Taken(row.reference, row.captured, row.currency, row.refunded) for row in rows}


def _there(core: Core) -> dict[str, Taken]:
    return {one.reference: one for one in core.bench.subject.books() if one.amount}


def _double_entry(core: Core) -> None:
    """What each payment says of itself is what the ledger's entries add up to."""
    held: defaultdict[int, int] = defaultdict(int)
    clearing = "clearing:"
    for entry in core.rows("SELECT payment_id, debit, credit, amount, kind FROM ledger_entries"):
        expect(entry.amount > 0 and entry.debit != entry.credit, f"an entry of the ledger is {entry.amount}")
        if "fee" not in entry.kind:
            sign = entry.debit.startswith(clearing) - entry.credit.startswith(clearing)
            held[entry.payment_id] += sign * entry.amount
    for row in core.rows("SELECT id, captured, refunded, state FROM payments"):
        expect(held[row.id] == row.captured - row.refunded, f"a payment says {row.captured}, the ledger {held[row.id]}")
        expect(
            bool(row.captured) == (row.state in _MONEY_IS_IN), f"a payment is {row.state} with {row.captured} booked"
        )
