"""Providers that are badly shaped, leak, linger, or reach too far: each is the good example with one mistake."""

from __future__ import annotations

import logging
import socket
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import colander

from tests.conformance.broken.marking import broken
from tests.conformance.example.provider import Parameters, Tally
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


@broken("shape-check_says_when_it_cannot_work", "truth-a_wrong_key_ends_no_payment")
class AlwaysWell(Tally):
    def check(self, deadline: float) -> Health:
        super().check(deadline)
        return Health(True)


@broken("privacy-no_secret_in_a_repr")
class ShowsItself(Tally):
    def __repr__(self) -> str:
        return f"Tally({dict(self.settings)})"


class _Talkative:
    def __init__(self, key: str) -> None:
        self.key = key

    def __repr__(self) -> str:
        return f"Talkative({self.key})"


@broken("privacy-no_secret_in_a_repr")
class ShowsWhatItHolds(Tally):
    def __init__(self, settings: Mapping[str, Any], environment: Environment) -> None:
        super().__init__(settings, environment)
        self.client = _Talkative(settings["api_key"])


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
