"""Providers that guess: each is the good example with one mistake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.conformance.broken.marking import broken
from tests.conformance.example.provider import Tally, Unclear
from tp_gateway.contract import (
    Health,
    Order,
    Outcome,
    OutcomeState,
    Prepared,
    Reason,
)

_FAILED = Outcome(OutcomeState.DECLINED, closed=True, reason=Reason.REJECTED)


@broken("truth-a_lost_answer_is_unknown")
class CallsATimeOutAFailure(Tally):
    cut = False

    def ask(self, method: str, path: str, deadline: float, body: Any = None) -> tuple[int, dict[str, Any]]:
        try:
            return super().ask(method, path, deadline, body)
        except Unclear as error:
            self.cut = error.__cause__ is not None  # it was the line, and not what was said on it
            raise

    def execute(self, order: Order, reference: str | None) -> Outcome:
        found = super().execute(order, reference)
        return _FAILED if self.cut and found.state is OutcomeState.UNKNOWN else found


@broken("truth-a_server_error_is_unknown")
class CallsA500NotSent(Tally):
    def execute(self, order: Order, reference: str | None) -> Outcome:
        self.status = 0
        found = super().execute(order, reference)
        return replace(found, state=OutcomeState.NOT_SENT) if self.status >= 500 else found

    def read(self, answer: Any) -> tuple[int, dict[str, Any]]:
        self.status = answer.status
        return super().read(answer)


@broken("truth-a_refused_connection_is_not_sent")
class DeclinesWhenNobodyListens(Tally):
    def execute(self, order: Order, reference: str | None) -> Outcome:
        found = super().execute(order, reference)
        in_time = order.seconds_left() > 0.5
        return _FAILED if found.state is OutcomeState.NOT_SENT and in_time else found


@broken("truth-an_answer_without_sense_is_unknown")
class RaisesOnNonsense(Tally):
    def execute(self, order: Order, reference: str | None) -> Outcome:
        self.raw = b""
        found = super().execute(order, reference)
        if self.raw and found.state is OutcomeState.UNKNOWN and self.status == 200:
            json.loads(self.raw)["amount"]
        return found

    def read(self, answer: Any) -> tuple[int, dict[str, Any]]:
        self.raw, self.status = answer.data, answer.status
        return super().read(answer)


@broken("truth-somebody_elses_page_closes_nothing")
class TakesEveryRefusalForADecline(Tally):
    def execute(self, order: Order, reference: str | None) -> Outcome:
        self.status = 0
        found = super().execute(order, reference)
        return _FAILED if 400 <= self.status < 500 and found.state is OutcomeState.UNKNOWN else found

    def read(self, answer: Any) -> tuple[int, dict[str, Any]]:
        self.status = answer.status
        return super().read(answer)


@broken(
    "truth-a_question_without_an_answer_is_unknown",
    "truth-a_wrong_key_ends_no_payment",
    "truth-a_new_word_ends_no_payment",
)
class KnowsWithoutAnAnswer(Tally):
    def fetch(self, order: Order, reference: str | None) -> Outcome:
        found = super().fetch(order, reference)
        return Outcome(OutcomeState.NOT_SENT) if found.reason is Reason.UNCLEAR and not found.reference else found


@broken("truth-closed_means_closed", "truth-a_decline_is_final")
class ClosesNothing(Tally):
    """It looks, and says closed."""

    def close(self, order: Order, reference: str) -> Outcome:
        found = self.fetch(order, reference)
        return replace(found, closed=True) if found.state is OutcomeState.DECLINED else found


@broken("truth-a_close_without_an_answer_closes_nothing", "truth-a_wrong_key_ends_no_payment")
class ClosesInSilence(Tally):
    def close(self, order: Order, reference: str) -> Outcome:
        found = super().close(order, reference)
        return _FAILED if found.state is OutcomeState.UNKNOWN else found


@broken("truth-a_decline_says_why_and_takes_nothing")
class DeclinesWithoutAReason(Tally):
    def execute(self, order: Order, reference: str | None) -> Outcome:
        found = super().execute(order, reference)
        return replace(found, reason=Reason.NONE) if found.state is OutcomeState.DECLINED else found


@broken("truth-preparing_moves_no_money", "truth-closed_means_closed", "truth-what_fetch_calls_closed_is_closed")
class TakesWhilePreparing(Tally):
    def prepare(self, order: Order) -> Prepared | Outcome:
        found = super().prepare(order)
        if isinstance(found, Prepared) and order.parameters["token"] == "tok_good":
            super().execute(order, found.reference)
        return found


@broken(
    "core-a_process_that_dies_at_the_charge_takes_once", only=("core-a_process_that_dies_at_the_charge_takes_once",)
)
class AdmitsOnlyWhatItSaid(Tally):
    """What it has not told itself is called declined: a process that died told nothing."""

    def execute(self, order: Order, reference: str | None) -> Outcome:
        found = super().execute(order, reference)
        self.told = {*getattr(self, "told", ()), reference}
        return found

    def fetch(self, order: Order, reference: str | None) -> Outcome:
        found = super().fetch(order, reference)
        if found.state is OutcomeState.SUCCEEDED and reference not in getattr(self, "told", ()):
            return replace(_FAILED, reference=reference)
        return found


@broken("core-a_payment_is_booked", only=("core-a_payment_is_booked",))
class SettlesAnotherReference(Tally):
    """What was prepared is one thing, what was paid another."""

    def outcome(self, found: Mapping[str, Any]) -> Outcome:
        told = super().outcome(found)
        return replace(told, reference=told.evidence) if told.evidence else told


@broken("truth-what_fetch_calls_closed_is_closed")
class TakesUnpaidForClosed(Tally):
    """Nobody has paid it yet, so it is over."""

    def fetch(self, order: Order, reference: str | None) -> Outcome:
        found = super().fetch(order, reference)
        return replace(found, closed=True) if found.state is OutcomeState.DECLINED else found


@broken("truth-a_wrong_key_ends_no_payment")
class TakesARefusalForTheEnd(Tally):
    """Whoever may not ask has not paid."""

    def look(self, method: str, path: str, deadline: float) -> Outcome:
        self.status = 0
        found = super().look(method, path, deadline)
        return _FAILED if self.status in (401, 403) and self.own else found

    def read(self, answer: Any) -> tuple[int, dict[str, Any]]:
        self.status, self.own = answer.status, b'"code"' in answer.data
        return super().read(answer)


@broken("truth-a_wrong_key_ends_no_payment")
class IsWellWithAnyKey(Tally):
    def check(self, deadline: float) -> Health:
        found = super().check(deadline)
        return found if "does not answer" in found.message else Health(True)


@broken("truth-a_new_word_ends_no_payment")
class KnowsPaidAndNotPaid(Tally):
    def outcome(self, found: Mapping[str, Any]) -> Outcome:
        if isinstance(found.get("state"), str) and found["state"] not in ("paid", "open"):
            return replace(_FAILED, reference=found["reference"])
        return super().outcome(found)


@broken("truth-preparing_moves_no_money")
class CallsALostPageNotSent(Tally):
    def prepare(self, order: Order) -> Prepared | Outcome:
        found = super().prepare(order)
        unknown = isinstance(found, Outcome) and found.state is OutcomeState.UNKNOWN
        return Outcome(OutcomeState.NOT_SENT) if unknown else found


@broken("truth-a_decline_is_final")
class CallsADeclineTheEnd(Tally):
    """Its service would take another card."""

    def execute(self, order: Order, reference: str | None) -> Outcome:
        found = super().execute(order, reference)
        return replace(found, closed=True) if found.state is OutcomeState.DECLINED else found
