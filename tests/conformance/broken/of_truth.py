"""Providers that guess, leak, linger, or reach for what is not theirs: each is the good example with one mistake."""

from __future__ import annotations

import json
import logging
import socket
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import colander

from tests.conformance.broken.marking import broken
from tests.conformance.example.provider import Parameters, Tally, Unclear
from tp_gateway.contract import (
    Environment,
    Health,
    Order,
    Outcome,
    OutcomeState,
    Prepared,
    Reason,
    RefundOrder,
    fields,
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


@broken("truth-a_question_without_an_answer_is_unknown")
class KnowsWithoutAnAnswer(Tally):
    def fetch(self, order: Order, reference: str | None) -> Outcome:
        found = super().fetch(order, reference)
        return Outcome(OutcomeState.NOT_SENT) if found.reason is Reason.UNCLEAR and not found.reference else found


@broken("truth-closed_means_closed")
class ClosesNothing(Tally):
    """It looks, and says closed."""

    def close(self, order: Order, reference: str) -> Outcome:
        found = self.fetch(order, reference)
        return replace(found, closed=True) if found.state is OutcomeState.DECLINED else found


@broken("truth-a_close_without_an_answer_closes_nothing")
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


@broken("shape-build_does_no_io")
class LogsInWhenBuilt(Tally):
    @classmethod
    def build(cls, settings: Mapping[str, Any], environment: Environment) -> Tally:
        made = super().build(settings, environment)
        with socket.socket() as probe:
            probe.connect_ex(("127.0.0.1", 9))
        return made


@broken("shape-members_take_what_they_are_given", only=("shape",))
class RefundsByTwo(Tally):
    """As its author remembered the contract."""

    def refund(self, order: RefundOrder, amount: int = 0, *, reason: str) -> Outcome:  # type: ignore[override]
        return super().refund(order)


@broken("shape-check_says_when_it_cannot_work")
class AlwaysWell(Tally):
    def check(self, deadline: float) -> Health:
        super().check(deadline)
        return Health(True)


@broken("privacy-no_secret_in_a_repr")
class ShowsItself(Tally):
    def __repr__(self) -> str:
        return f"Tally({dict(self.settings)})"


@broken("privacy-no_secret_in_the_logs")
class LogsItsHeaders(Tally):
    def check(self, deadline: float) -> Health:
        logging.getLogger("tally").debug("asking with %s", self.http.headers)
        return super().check(deadline)


@broken("privacy-no_secret_comes_back_with_an_answer")
class RepeatsWhatItHeard(Tally):
    def read(self, answer: Any) -> tuple[int, dict[str, Any]]:
        self.heard = answer.data.decode("utf-8", "replace")
        return super().read(answer)

    def execute(self, order: Order, reference: str | None) -> Outcome:
        found = super().execute(order, reference)
        return replace(found, message=self.heard) if found.state is OutcomeState.UNKNOWN else found

    heard = ""


@broken("time-a_silent_service_does_not_hold_execute", only=("time",))
class WaitsForEver(Tally):
    def execute(self, order: Order, reference: str | None) -> Outcome:
        late = order.seconds_left() > 0
        return super().execute(replace(order, deadline=order.deadline + 2.0 * late), reference)


@broken("purity-what_was_given_stays_as_it_was")
class TakesOutWhatItReads(Tally):
    def execute(self, order: Order, reference: str | None) -> Outcome:
        found = super().execute(order, reference)
        order.parameters.pop("token", None)  # type: ignore[attr-defined]
        return found


@broken("purity-another_process_can_finish_it")
class KeepsItInMemory(Tally):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.mine: dict[str, Order] = {}

    def prepare(self, order: Order) -> Prepared | Outcome:
        found = super().prepare(order)
        self.mine[getattr(found, "reference", "")] = order
        return found

    def execute(self, order: Order, reference: str | None) -> Outcome:
        if reference not in self.mine and order.seconds_left() > 1 and self.check(time.monotonic() + 1).ok:
            return Outcome(OutcomeState.UNKNOWN, reason=Reason.NO_SUCH_OBJECT)
        return super().execute(order, reference)


@broken("purity-it_opens_no_database_and_no_process")
class KeepsADatabase(Tally):
    def check(self, deadline: float) -> Health:
        sqlite3.connect(":memory:").close()
        return super().check(deadline)


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


class _Clashing(Parameters):
    amount = colander.SchemaNode(fields.Text(), missing="")


@broken("shape-manifest_is_complete", only=("shape",))
class TakesTheCoresName(Tally):
    manifest = replace(Tally.manifest, parameters_schema=_Clashing())


class _Counting(Parameters):
    token = colander.SchemaNode(fields.Amount())


@broken("shape-parameters_can_be_kept", only=("shape-parameters_can_be_kept", "shape-manifest_is_complete"))
class KeepsADecimal(Tally):
    """JSON has none."""

    manifest = replace(Tally.manifest, parameters_schema=_Counting(), examples=({"token": "12.50"},))
