"""Any history whatever: patients pay, repeat and give up, staff refund, the provider misbehaves, events come late,
twice or never, clocks jump. After every step the books are compared, and every answer is held against them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.clinic import manager, patient
from tests.invariants import check_invariants
from tests.properties.choices import ANY, CANCEL, CONFIRM, FETCH, GOOD_CARDS, REFUND, Breaks, breaks, jumps, some, spans
from tests.properties.model import Owed, major
from tests.properties.people import People
from tests.properties.world import World
from tests.verified import assert_verified
from tp_gateway.contract import Flow
from tp_gateway.errors import GatewayError
from tp_gateway.models.states import OPEN_STATES
from tp_gateway.registry import ProviderFailed

ways = st.sampled_from(["", "", "browser", *GOOD_CARDS])
APPOINTMENT, SHORT_APPOINTMENT, FEE, SHORT_FEE = 123, 124, 18000, 5000


class AnyHistory(People, RuleBasedStateMachine):
    """Subclasses say where: `database` gives a fresh one, `sandbox_url` the provider."""

    database: Callable[[], AbstractContextManager[str]]
    sandbox_url: str

    @initialize(paid=st.tuples(*[st.tuples(ways, breaks(CONFIRM, FETCH))] * 4))
    def open_the_clinic(self, paid: tuple[tuple[str, Breaks], ...]) -> None:
        """`paid`: what was paid before the history begins, how, and what went wrong in it."""
        self._database = type(self).database()
        self.world = World(self._database.__enter__(), self.sandbox_url).begin()
        self.world.appointment(APPOINTMENT, fee=FEE)
        self.world.appointment(SHORT_APPOINTMENT, fee=SHORT_FEE)
        self.owed = [
            Owed(FEE, invoice_id=self.world.invoice(FEE).id),
            Owed(FEE, invoice_id=self.world.invoice(FEE).id),
            Owed(FEE, appointment_id=APPOINTMENT),
            Owed(SHORT_FEE, appointment_id=SHORT_APPOINTMENT),
        ]
        self.remember_nothing()
        for owed, (card, broken) in zip(self.owed, paid, strict=True):
            self._break(broken)
            if card == "browser":
                self._pay(owed, None, amount=owed.amount, flow=Flow.BROWSER)
            elif card:
                self._pay(owed, self._key(), amount=major(owed.amount), method_id=card)
            self.world.repair()

    # --- the provider -------------------------------------------------------------------------------------------------

    @rule(broken=breaks(ANY))
    def something_breaks_or_is_repaired(self, broken: Breaks) -> None:
        if broken:
            self._break(broken)
        else:
            self.world.repair()

    @rule()
    def bank_becomes_slow_or_fast(self) -> None:
        self.slow_bank = not self.slow_bank
        self.world.change_sandbox(processing_seconds=1200 if self.slow_bank else 0)

    @precondition(lambda self: self.payments)
    @rule(which=some, part=st.sampled_from([1, 2]))
    def refund_in_the_dashboard(self, which: int, part: int) -> None:
        row, books = self._some_payment(which, "succeeded"), self._books()
        left = books.left_of(row.uuid)
        if left and books.dispute_of(row.uuid) is None:
            intent = books.charges_of(row.uuid)[0]["payment_intent"]
            self.world.refund_in_the_dashboard(intent, max(1, left // part))

    @precondition(lambda self: self.payments)
    @rule(which=some, what=st.sampled_from(["open", "inquire", "won", "lost", "due again"]))
    def dispute(self, which: int, what: str) -> None:
        if what in ("open", "inquire"):
            self._customer_disputes(which, inquiry=what == "inquire")
        elif what in ("won", "lost"):
            self._bank_decides(which, what)
        else:
            self._staff_make_it_due_again(which)

    def _customer_disputes(self, which: int, inquiry: bool) -> None:
        row, books = self._some_payment(which, "succeeded"), self._books()
        if books.left_of(row.uuid) and books.dispute_of(row.uuid) is None:
            self.world.dispute(books.charges_of(row.uuid)[0]["payment_intent"], inquiry=inquiry)

    def _bank_decides(self, which: int, outcome: str) -> None:
        books = self._books()
        disputes = [found for row in self._rows() if (found := books.dispute_of(row.uuid))]
        waiting = [found for found in disputes if found["status"] in ("needs_response", "warning_needs_response")]
        if waiting:
            self.world.dispute(self._pick(waiting, which)["payment_intent"], close=outcome)

    def _staff_make_it_due_again(self, which: int) -> None:
        disputes = self.world.gateway.disputes.list()
        if not disputes:
            return
        dispute = self._pick(disputes, which)
        try:
            after = self.world.gateway.disputes.reopen(manager, dispute.id)
        except GatewayError as error:
            assert error.code == "not_payable"
            return
        assert dispute.status == "lost" and after.reopened > dispute.reopened
        self.reopened_disputes.add(dispute.reference)

    @rule(picks=st.lists(st.integers(0, 99), min_size=1, max_size=8), at_once=st.booleans())
    def webhooks_arrive(self, picks: list[int], at_once: bool) -> None:
        """Any events of the past, in any order, some twice; the worker wakes after each or after all."""
        events = self.world.events()
        for pick in picks if events else []:
            self.world.deliver(self._pick(events, pick))
            if at_once:
                self.world.gateway.inbox.work()
        self.world.gateway.inbox.work()

    # --- time ---------------------------------------------------------------------------------------------------------

    @rule(span=spans, jump=jumps)
    def time_passes(self, span: timedelta, jump: timedelta) -> None:
        """For everybody; and our own clock goes wrong now and then."""
        self.world.let_pass(span)
        self.world.clock.wrong += jump

    @rule(broken=breaks(ANY, FETCH, REFUND, CANCEL), reverse=st.booleans())
    def the_worker_works(self, broken: Breaks, reverse: bool) -> None:
        self._break(broken)
        self.world.work()
        if reverse:
            try:
                self.world.gateway.reverse_sweep.run(since=self.world.began - timedelta(hours=1))
            except ProviderFailed:
                assert self.world.was_faulty()

    @rule()
    def everything_is_quiet(self) -> None:
        """Nothing breaks any more, and time passes: whatever the provider has decided is known here, and agrees."""
        self.world.repair()
        self.world.set_clock_right()
        for _ in range(
            28
        ):  # mostly three; a stored answer of 500 to a refund is repeated for a day, then it is given up
            self.world.let_pass(timedelta(hours=1))
            self.world.work()
            self.world.gateway.reverse_sweep.run(since=self.world.began - timedelta(hours=1))
            self.world.work()
            if not self._unfinished():
                break
        assert not (unfinished := self._unfinished()), unfinished
        books = self._books()
        check_invariants(self.world.database.engine, self.world.books())
        for row in self._rows():
            assert self.world.gateway.payments.get(patient, row.id).status == books.status_of(row.uuid), row
        for owed in self.owed:
            self._check_due(owed, books)

    # --- after every step ---------------------------------------------------------------------------------------------

    @invariant()
    def books_agree(self) -> None:
        check_invariants(self.world.database.engine, self.world.books(), at_rest=False)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if sys.exc_info()[0] is None:  # else the step that failed is the news
                self._end_well()
        finally:
            self.world.close()
            self._database.__exit__(None, None, None)

    def _end_well(self) -> None:
        """A day after the last step nothing waits for anybody, and everything was told."""
        self.everything_is_quiet()
        self.world.let_pass(timedelta(hours=26))
        self.everything_is_quiet()
        still_open = [(row.id, row.state) for row in self._rows() if row.state in OPEN_STATES]
        assert not still_open, still_open
        assert_verified(self.world.database)
