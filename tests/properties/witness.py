"""What was asked and told so far, and what must be true of it. No rules in here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.clinic import PATIENT, Paid
from tests.properties.choices import Breaks
from tests.properties.model import CARDS, Asked, Books, Owed, major, paid_at_rest
from tests.properties.world import World
from tp_gateway.contract import Flow
from tp_gateway.errors import GatewayError
from tp_gateway.models.states import OPEN_REFUND_STATES, OPEN_STATES
from tp_gateway.services.facts import Key

MOST = 9_999_999_900
"""Cents. More than anything costs: who asks to pay this is told what is due, and nothing else happens."""


class Witness:
    world: World
    owed: list[Owed]

    def remember_nothing(self) -> None:
        self.payments: list[int] = []
        self.asked: list[Asked] = []
        self.refunds_asked: list[tuple[Key, int, str | None, bool, Paid]] = []
        self.reopening: set[int] = set()
        self.reopened_disputes: set[str] = set()
        self.slow_bank = False
        self.keys = 0

    def _pay(self, owed: Owed, key: Key | None, **wanted: Any) -> None:
        wanted |= owed.door
        due, faulty = self._due(owed), self.world.is_faulty()
        waiting = [row for row in self._rows() if row.state in OPEN_STATES and self._is_for(row, owed)]
        try:
            paid = self.world.pay(key=key, **wanted)
        except GatewayError as error:
            if error.code == "payment_in_progress":
                assert waiting
            elif error.code == "already_paid" and waiting and due:
                self._tell(waiting[0].id, "succeeded")  # the customer was faster
            else:
                assert error.code == ("already_paid" if owed.payable else "not_payable") and not due, error.code
            return
        assert due and owed.payable
        self._hear(paid)
        if key is not None:
            self.asked.append(Asked(key, wanted, paid.id))
            self.asked[-1].heard(paid.body["status"], paid.body["reason"], paid.text)
        if not faulty and not waiting:
            assert _outcome(paid) == self._expected(wanted)

    def _expected(self, wanted: dict[str, Any]) -> str:
        if wanted.get("flow") is Flow.BROWSER:
            return "awaiting_customer"
        outcome = CARDS[wanted["method_id"]]
        return "processing" if outcome == "succeeded" and self.slow_bank else outcome

    def _hear(self, paid: Paid) -> None:
        if paid.id not in self.payments:
            self.payments.append(paid.id)
        # A stored answer was true when it was given; what it says now may be history.
        if not paid.replayed or paid.body["status"] == "failed":
            self._tell(paid.id, paid.body["status"])

    def _tell(self, payment_id: int, status: str) -> None:
        problem = self._books().why_not(self._row(payment_id), status)
        assert problem is None, f"payment {payment_id}: {problem}"

    def _due(self, owed: Owed) -> int | None:
        """Cents, as a patient is told them who offers too much; None if nothing can be paid."""
        offer: dict[str, Any] = {"amount": major(MOST), **owed.door}
        error = self._refusal_of(lambda: self.world.pay(**offer))
        if error.code in ("already_paid", "not_payable"):
            assert (error.code == "not_payable") == (not owed.payable)
            return None
        assert error.code == "validation_error", error.code
        text: str = error.details["amount"][0]  # type: ignore[index]
        return int(text.rpartition(" ")[2].replace(".", ""))

    def _check_due(self, owed: Owed, books: Books) -> None:
        rows = [row for row in self._rows() if self._is_for(row, owed)]
        references = {
            row.reference for row in self.world.rows("SELECT id, reference FROM refunds") if row.id in self.reopening
        }
        paid = paid_at_rest(owed, books, [row.uuid for row in rows], references | self.reopened_disputes)
        due = self._due(owed)
        if paid is not None and owed.payable:
            assert (due or 0) == owed.amount - paid, f"{owed}: {due} due, {paid} paid"

    def _unfinished(self) -> list[Any]:
        found = [row for row in self._rows() if row.state in OPEN_STATES and row.state != "awaiting_customer"]
        found += [row for row in self.world.rows("SELECT * FROM refunds") if row.state in OPEN_REFUND_STATES]
        found += self.world.rows("SELECT * FROM inbox_events WHERE state NOT IN ('applied', 'ignored')")
        return found + self.world.rows("SELECT * FROM outbox_messages WHERE sent_at IS NULL")

    def _card_of(self, reference: str, books: Books) -> str:
        """How refunds to the card of a payment go: at once, or `pending` first."""
        method = books.intents[reference]["payment_method"]
        token = next(one for one in self.world.books()["payment_methods"] if one["id"] == method)
        return "pending" if token["card"]["last4"] == "7726" else "at once"

    def _is_for(self, row: Any, owed: Owed) -> bool:
        if owed.appointment_id is not None:
            return bool(row.appointment_id == owed.appointment_id)
        return bool(row.invoice_id == owed.invoice_id)

    def _rows(self) -> list[Any]:
        waiting = (
            "(SELECT COALESCE(SUM(r.amount), 0) FROM refunds r WHERE r.payment_id = p.id"
            " AND r.state NOT IN ('succeeded', 'failed')) AS waiting"
        )
        sent = (
            "(SELECT COUNT(*) FROM transitions t WHERE t.payment_id = p.id AND t.refund_id IS NULL"
            " AND t.to_state IN ('submitting', 'awaiting_customer')) AS sent"
        )
        return self.world.rows(f"SELECT p.*, {waiting}, {sent} FROM payments p ORDER BY p.id")

    def _row(self, payment_id: int) -> Any:
        return next(row for row in self._rows() if row.id == payment_id)

    def _books(self) -> Books:
        return Books(self.world.books())

    def _key(self) -> Key:
        self.keys += 1
        return Key(user_id=PATIENT, route="payments", key=f"key-{self.keys}", body_hash="one")

    def _refusal_of(self, call: Callable[[], Any]) -> GatewayError:
        try:
            answer = call()
        except GatewayError as error:
            return error
        raise AssertionError(f"was not refused: {answer.text}")

    def _refusal(self, call: Callable[[], Any]) -> str:
        return self._refusal_of(call).code

    def _break(self, broken: Breaks) -> None:
        for call, fault, times in broken:
            self.world.fault(call, times=times, **fault)

    def _some_payment(self, which: int, *states: str) -> Any:
        """One in one of the states, where there is one and `which` is not the last."""
        rows = [self._row(payment_id) for payment_id in self.payments]
        return self._pick([row for row in rows if row.state in states and which < 9] or rows, which)

    @staticmethod
    def _pick(things: list[Any], which: int) -> Any:
        return things[which % len(things)]


def _outcome(paid: Paid) -> str:
    """As `CARDS` says it."""
    state: str = paid.body["state"]
    return str(paid.body["reason"]) if state == "failed" else state
