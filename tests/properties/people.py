"""What patients and staff do, and what they must be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.clinic import MANAGER, Paid, patient, render
from tests.properties.choices import ANY, CANCEL, CONFIRM, CREATE, FETCH, REFUND, Breaks, breaks, cards, some
from tests.properties.model import major
from tests.properties.witness import Witness
from tp_gateway.contract import Flow
from tp_gateway.errors import GatewayError
from tp_gateway.models.states import OPEN_STATES


class People(Witness):
    # --- patients -----------------------------------------------------------------------------------------------------

    @rule(
        which=some,
        card=cards,
        keyed=st.booleans(),
        part=st.sampled_from([1, 1, 3]),
        broken=breaks(CONFIRM, CONFIRM, FETCH, CANCEL, CREATE, ANY),
    )
    def pay(self, which: int, card: str, keyed: bool, part: int, broken: Breaks) -> None:
        self._break(broken)
        owed = self._pick(self.owed, which)
        amount = max(1, (self._due(owed) or owed.amount) // (part if owed.invoice_id else 1))
        self._pay(owed, self._key() if keyed else None, amount=major(amount), method_id=card)

    @rule(which=some, keyed=st.booleans())
    def start_in_browser(self, which: int, keyed: bool) -> None:
        owed = self._pick(self.owed, which)
        amount = self._due(owed) or owed.amount
        self._pay(owed, self._key() if keyed else None, amount=amount, flow=Flow.BROWSER)

    @precondition(lambda self: self.asked)
    @rule(which=some, change=st.booleans())
    def repeat(self, which: int, change: bool) -> None:
        """The same key again: the same answer to the same request, a refusal to another."""
        asked = self._pick(self.asked, which)
        if change:
            if asked.bound:
                key = replace(asked.key, body_hash="another")
                assert self._refusal(lambda: self.world.pay(key=key, **asked.wanted)) == "idempotency_key_reuse"
            return
        try:
            paid = self.world.pay(key=asked.key, **asked.wanted)
        except GatewayError as error:
            assert asked.text is None, f"{error.code} instead of the stored answer"
            assert error.code == "idempotency_in_progress" or not asked.bound, error.code
            return
        self._hear(paid)
        if asked.text is not None:
            assert paid.replayed and paid.text == asked.text
        if asked.bound:
            assert paid.id == asked.payment_id and paid.replayed
        asked.payment_id, asked.bound = paid.id, True
        asked.heard(paid.body["status"], paid.body["reason"], paid.text)

    @precondition(lambda self: self.payments)
    @rule(which=some, broken=breaks(FETCH, CANCEL))
    def confirm(self, which: int, broken: Breaks) -> None:
        """The browser says that it is done."""
        self._break(broken)
        row, faulty = self._some_payment(which, "awaiting_customer", "processing"), self.world.is_faulty()
        if row.reference is None:
            return
        told = Paid(self.world.gateway.payments.confirm(patient, "stripe", row.reference, None, render))
        self._hear(told)
        if not faulty and not self.world.clock.wrong and row.state in OPEN_STATES:
            assert told.body["status"] == self._books().status_of(row.uuid)

    @precondition(lambda self: self.payments)
    @rule(which=some)
    def look_it_up(self, which: int) -> None:
        found = self.world.gateway.payments.get(patient, self._some_payment(which, *OPEN_STATES).id)
        self._tell(found.id, found.status)

    @precondition(lambda self: self.payments)
    @rule(which=some, broken=breaks(FETCH, CANCEL))
    def cancel(self, which: int, broken: Breaks) -> None:
        self._break(broken)
        row = self._some_payment(which, "awaiting_customer")
        try:
            after = self.world.gateway.payments.cancel(patient, row.id)
        except GatewayError as error:
            over = row.state not in OPEN_STATES
            assert error.code == "not_payable" if over else error.code in ("payment_in_progress", "already_paid")
            if error.code == "already_paid":
                self._tell(row.id, "succeeded")
            return
        assert after.status == "failed"
        self._tell(row.id, "failed")

    @precondition(lambda self: self.payments)
    @rule(which=some, how=cards | st.sampled_from(["complete", "fail"]))
    def customer_acts(self, which: int, how: str) -> None:
        """Enters a card in the browser, with the client secret, whatever we think of the payment by now; or answers the
        bank."""
        reference = self._some_payment(which, "awaiting_customer").reference
        if reference is not None and how in ("complete", "fail"):
            self.world.answer_the_bank(reference, how)
        elif reference is not None:
            self.world.confirm_in_browser(reference, how)

    # --- staff --------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.payments)
    @rule(
        which=some,
        part=st.sampled_from([1, 2]),
        keyed=st.booleans(),
        reopen=st.booleans(),
        broken=breaks(REFUND, FETCH),
    )
    def refund(self, which: int, part: int, keyed: bool, reopen: bool, broken: Breaks) -> None:
        self._break(broken)
        row, books, faulty = self._some_payment(which, "succeeded"), self._books(), self.world.is_faulty()
        left = row.captured - row.refunded - row.waiting
        amount = None if part == 1 else str(major(max(1, left // part)))
        key = replace(self._key(), user_id=MANAGER, route="refund") if keyed else None
        try:
            told = self.world.refund(row.id, amount, key=key, reopen=reopen)
        except GatewayError as error:
            if row.disputed:
                assert error.code in ("payment_disputed", "refund_exceeds_balance", "validation_error")
            else:
                assert error.code == (_too_much(row, left) if row.state in ("succeeded", "refunded") else "not_payable")
            return
        assert row.state == "succeeded" and left > 0
        if reopen:
            self.reopening.add(told.id)
        if key is not None:
            self.refunds_asked.append((key, row.id, amount, reopen, told))
        if not faulty and books.dispute_of(row.uuid) is None:
            possible = books.left_of(row.uuid) >= (left if amount is None else max(1, left // part))
            card = self._card_of(row.reference, books)
            expected = "pending" if card == "pending" else "succeeded"
            assert told.body["status"] == (expected if possible else "failed")

    @precondition(lambda self: self.refunds_asked)
    @rule(which=some)
    def repeat_a_refund(self, which: int) -> None:
        key, payment_id, amount, reopen, first = self._pick(self.refunds_asked, which)
        again = self.world.refund(payment_id, amount, key=key, reopen=reopen)
        assert again.id == first.id and again.replayed
        if first.body["status"] != "pending":
            assert again.text == first.text

    @rule(which=some, what=st.sampled_from(["cancelled", "confirmed", "billed"]))
    def appointment_changes(self, which: int, what: str) -> None:
        owed = self._pick([one for one in self.owed if one.appointment_id], which)
        if what != "billed":
            self.world.appointment(owed.appointment_id, fee=owed.amount, status=what)
            owed.cancelled = what == "cancelled"
            return
        try:
            owed.invoice_id = self.world.invoice(owed.amount, appointment_id=owed.appointment_id).id
        except GatewayError as error:
            assert error.code == ("not_payable" if owed.invoice_id else "payment_in_progress")


def _too_much(row: Any, left: int) -> str:
    assert row.state == "refunded" or left <= 0, f"{left} could be refunded"
    return "refund_exceeds_balance"
