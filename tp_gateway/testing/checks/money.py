"""Amounts: what settled, in which currency, as whole minor units."""

from __future__ import annotations

from tp_gateway import money
from tp_gateway.contract import Outcome, OutcomeState
from tp_gateway.testing import rules
from tp_gateway.testing.attempt import Attempt
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import check, expect, shown
from tp_gateway.testing.faults import rewritten

_LESS = 100
_NOT_BINARY = (1_999, 435)


@check("money", rule=rules.AMOUNTS, needs="!promise")
def settles_what_was_asked(bench: Bench) -> None:
    """What is paid settles at exactly the minor units that were asked, and so do the sandbox's books: in a currency of
    each number of decimal places that the manifest has.

    JPY has no decimal places and BHD three: whoever divides by a hundred takes a hundredth, or ten times as much.
    """
    for currency in bench.currencies:
        _expect_settled(bench, bench.attempt(currency=currency))


@check("money", rule=rules.AMOUNTS, needs="!promise")
def settles_to_the_cent(bench: Bench) -> None:
    """19.99 settles as 1999 and 4.35 as 435, here and in the sandbox's books.

    Binary fractions have no such numbers: `int(19.99 * 100)` is 1998. Amounts are integers, or decimals.
    """
    for amount in _NOT_BINARY:
        _expect_settled(bench, bench.attempt(amount=amount))


def _expect_settled(bench: Bench, attempt: Attempt) -> None:
    found, asked = attempt.paid(), (attempt.order.amount, attempt.order.currency)
    if bench.manifest.settles_exactly:
        expect((found.settled, found.currency) == asked, f"asked {asked}, it says {shown(found)}")
    if not bench.able.local:
        book = bench.books().get(found.reference or "")
        there = (book.amount, book.currency) if book else None
        expect(there == (found.settled, found.currency), f"it says {shown(found)}, the sandbox's books {there}")


@check("money", rule=rules.AMOUNTS, needs="!local")
def tells_what_settled(bench: Bench) -> None:
    """Where the service says that less was taken than was asked, the outcome says so too, or UNKNOWN; never the
    amount that was asked.

    The patient would be told that all is paid, and the ledger would not add up with the bank account.
    """
    attempt = bench.attempt()
    amount, currency = attempt.order.amount, attempt.order.currency
    whole = [amount, money.to_decimal_text(amount, currency)]
    less = [amount - _LESS, money.to_decimal_text(amount - _LESS, currency)]
    found = _told(bench, attempt, [(str(a), str(b)) for a, b in zip(whole, less, strict=True)])
    lied = found is not None and found.state is OutcomeState.SUCCEEDED and found.settled == amount
    expect(not lied, f"the service said {amount - _LESS} {currency}, and the outcome {shown(found)}")


@check("money", rule=rules.AMOUNTS, needs="!local")
def tells_the_currency_that_settled(bench: Bench) -> None:
    """Where the service says another currency, the outcome says so too, or UNKNOWN; never the one that was asked.

    180.00 dollars that were taken as 180.00 of another currency are another sum.
    """
    attempt = bench.attempt()
    currency = attempt.order.currency
    other = "USD" if currency != "USD" else "NZD"
    pairs = [(f'"{currency}"', f'"{other}"'), (f'"{currency.lower()}"', f'"{other.lower()}"')]
    found = _told(bench, attempt, pairs)
    lied = found is not None and found.state is OutcomeState.SUCCEEDED and found.currency == currency
    expect(not lied, f"the service said {other}, and the outcome {shown(found)}")


def _told(bench: Bench, attempt: Attempt, pairs: list[tuple[str, str]]) -> Outcome | None:
    """What becomes of a payment whose service says something else from `execute` on. None: it never said that."""
    lies: list[bytes] = []

    def change(body: bytes) -> bytes:
        told = body
        for said, instead in pairs:
            told = told.replace(said.encode(), instead.encode())
        lies.extend([told] if told != body else [])
        return told

    attempt.prepare()
    with bench.proxy.fault(rewritten(change)):
        attempt.execute()
        found = attempt.wait()
    return found if lies else None


@check("money", rule=rules.AMOUNTS, needs="paying_less")
def settles_less_than_asked(bench: Bench) -> None:
    """What is paid only in part settles at that part.

    A benefit is often less than the fee: the rest is still due, or given up, and that depends on this number.
    """
    ask, part = bench.subject.pays_less()
    attempt = bench.attempt(ask)
    found = attempt.paid()
    expect(found.settled == part, f"{part} of {attempt.order.amount} were paid, it says {shown(found)}")
    if not bench.able.local:
        there = bench.books()[found.reference or ""].amount
        expect(there == part, f"the sandbox's books have {there}")


@check("money", rule=rules.OUTCOME, needs="!promise")
def each_payment_has_its_own_names(bench: Bench) -> None:
    """Two payments never have the same reference, the same evidence or the same `transaction`.

    Both key the ledger: the second payment would not be booked, and its money belonged to nobody.
    """
    first, second = bench.attempt(), bench.attempt()
    one, two = first.paid(), second.paid()
    expect(one.reference != two.reference, f"both have the reference {one.reference}")
    expect(one.evidence != two.evidence, f"both have the evidence {one.evidence}")
    shared = one.transaction is not None and one.transaction == two.transaction
    expect(not shared, f"both have the transaction {one.transaction}")
