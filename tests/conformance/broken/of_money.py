"""Providers that are wrong about money, repetition or webhooks: each is the good example with one mistake."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tests.conformance.broken.marking import broken
from tests.conformance.example.provider import Tally, signature
from tp_gateway.contract import (
    InvalidSignature,
    Label,
    Observation,
    Order,
    Outcome,
    OutcomeState,
    Prepared,
    RefundOrder,
    Subject,
)


@broken("money-settles_what_was_asked", "money-refunds_the_whole")
class ThinksInCents(Tally):
    """Yen have no cents and dinars have a thousand: their amounts are sent as if all had a hundred."""

    def ask(self, method: str, path: str, deadline: float, body: Any = None) -> tuple[int, dict[str, Any]]:
        if body and body.get("currency") == "JPY":
            body = {**body, "amount": body["amount"] // 100}
        return super().ask(method, path, deadline, body)


@broken("money-settles_to_the_cent")
class ThinksInFractions(Tally):
    """The service speaks of dollars, and this one multiplies."""

    def ask(self, method: str, path: str, deadline: float, body: Any = None) -> tuple[int, dict[str, Any]]:
        status, found = super().ask(method, path, deadline, body)
        if found.get("currency") == "AUD" and isinstance(found.get("amount"), int):
            found = {**found, "amount": int(float(f"{found['amount'] / 100:.2f}") * 100)}
        return status, found


@broken("money-refunds_the_whole")
class RefundsInCents(Tally):
    def refund(self, order: RefundOrder) -> Outcome:
        return super().refund(replace(order, amount=order.amount // 100) if order.currency == "JPY" else order)


@broken("webhooks-each_event_has_its_own_id")
class NamesNoEvent(Tally):
    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
        return [replace(one, event_id="evt") for one in super().parse_webhook(body, headers)]


@broken("webhooks-an_unsigned_one_is_refused")
class TakesAnEmptySecret(Tally):
    def secrets(self) -> list[str]:
        return [*super().secrets(), ""]


@broken("money-each_payment_has_its_own_names")
class NamesOneTransaction(Tally):
    def outcome(self, found: Mapping[str, Any]) -> Outcome:
        told = super().outcome(found)
        return replace(told, transaction="txn", fee=1) if told.evidence else told


@broken("money-fetch_lists_every_refund")
class RemembersWhatItHeard(Tally):
    """For ever."""

    def fetch(self, order: Order, reference: str | None) -> Outcome:
        known = self.__dict__.setdefault("known", {})
        found = known.get(reference) or super().fetch(order, reference)
        if found.state is OutcomeState.SUCCEEDED:
            known[reference] = found
        return found


@broken("statements-lists_all_of_them")
class ReadsTheFirstPage(Tally):
    def list_since(self, moment: datetime, until: datetime, deadline: float) -> Iterator[Observation]:
        return itertools.islice(super().list_since(moment, until, deadline), 10)


@broken("webhooks-an_unsigned_one_is_refused")
class ComparesTheBeginning(Tally):
    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        stamp, _, mark = headers.get("tally-signature", "").partition(".")
        whole = [signature(body, one, stamp).decode() for one in self.secrets()]
        [found] = [one for one in whole if mark[:8] == one[:8]] or [mark]
        super().verify(body, {"tally-signature": f"{stamp}.{found}"})


@broken("money-tells_what_settled")
class SaysWhatWasAsked(Tally):
    def execute(self, order: Order, reference: str | None) -> Outcome:
        found = super().execute(order, reference)
        return replace(found, settled=order.amount) if found.state is OutcomeState.SUCCEEDED else found


@broken("money-tells_the_currency_that_settled")
class KnowsOneCurrency(Tally):
    def execute(self, order: Order, reference: str | None) -> Outcome:
        found = super().execute(order, reference)
        return replace(found, currency=order.currency) if found.settled else found


@broken("money-refunds_no_more_than_was_taken")
class AlwaysRefunds(Tally):
    """A refund that was refused is told as made."""

    def refund(self, order: RefundOrder) -> Outcome:
        found = super().refund(order)
        if found.state is not OutcomeState.DECLINED:
            return found
        return Outcome(OutcomeState.SUCCEEDED, order.id, order.amount, order.currency, evidence=order.id)


@broken("money-fetch_lists_every_refund")
class ForgetsRefunds(Tally):
    def fetch(self, order: Order, reference: str | None) -> Outcome:
        return replace(super().fetch(order, reference), refunds=())


@broken("shape-answers_can_be_believed", "statements-lists_what_was_paid", "statements-lists_the_same_twice")
class GivesNoEvidence(Tally):
    def outcome(self, found: Mapping[str, Any]) -> Outcome:
        told = super().outcome(found)
        return replace(told, evidence=f"chg {'x' * 300} {told.reference}" if told.evidence else None)


@broken("repetition-preparing_again_gives_the_same_reference")
class NewKeyEachTime(Tally):
    counted = itertools.count()

    def prepare(self, order: Order) -> Prepared | Outcome:
        return super().prepare(replace(order, idempotency_key=f"{next(self.counted)}:{order.idempotency_key}"))


@broken(
    "repetition-the_same_order_again_takes_once",
    "repetition-again_after_a_lost_answer_takes_once",
    "repetition-the_same_order_at_the_same_time_takes_once",
)
class OpensAnotherWhenAskedAgain(Tally):
    """What was paid is paid once more, under another reference, by whoever executes it again."""

    def execute(self, order: Order, reference: str | None) -> Outcome:
        before = self.fetch(order, reference)
        if before.state is OutcomeState.SUCCEEDED:
            other = self.prepare(replace(order, idempotency_key=f"again:{order.idempotency_key}"))
            super().execute(order, getattr(other, "reference", None))
        return super().execute(order, reference)


@broken("repetition-the_same_refund_again_is_one_refund")
class RefundsAgain(Tally):
    counted = itertools.count()

    def refund(self, order: RefundOrder) -> Outcome:
        found = super().refund(replace(order, id=f"{next(self.counted)}:{order.id}"))
        return found

    def outcome(self, found: Mapping[str, Any]) -> Outcome:
        told = super().outcome(found)
        return replace(
            told, refunds=tuple(replace(one, our_id=(one.our_id or "").split(":")[-1]) for one in told.refunds)
        )


@broken("repetition-many_payments_at_once_do_not_mix")
class KeepsTheOrderOnItself(Tally):
    """The order of this instant stands on the instance, and another thread comes between."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.here = threading.Barrier(2)

    def prepare(self, order: Order) -> Prepared | Outcome:
        self.current = order
        if threading.current_thread() is not threading.main_thread():
            self.here.wait(5)  # nothing depends on luck: two always meet here
        return super().prepare(self.current)


@broken(
    "webhooks-a_tampered_one_is_refused",
    "webhooks-an_unsigned_one_is_refused",
    "webhooks-both_secrets_are_good_while_one_is_replaced",
)
class TrustsAnybody(Tally):
    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        stamp = headers.get("tally-signature", "").partition(".")[0]
        if not stamp.isdecimal() or not self.fresh(datetime.now().timestamp() - float(stamp)):
            raise InvalidSignature("too old, or from the future")


@broken("webhooks-an_old_one_is_refused")
class TakesOldOnes(Tally):
    def fresh(self, age: float) -> bool:
        return age > -300


@broken("webhooks-one_from_the_future_is_refused")
class TakesThoseOfTomorrow(Tally):
    def fresh(self, age: float) -> bool:
        return age < 300


@broken("webhooks-both_secrets_are_good_while_one_is_replaced")
class KnowsOneSecret(Tally):
    def secrets(self) -> list[str]:
        return super().secrets()[:1]


@broken("webhooks-one_is_only_a_hint")
class BelievesTheBody(Tally):
    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
        [seen] = super().parse_webhook(body, headers)
        return [replace(seen, evidence=self.outcome(json.loads(body)["payment"]))]


@broken("webhooks-one_of_another_installation_is_ignored")
class HearsEverything(Tally):
    """Whosever it is, it is said to be ours."""

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
        [seen] = super().parse_webhook(body, headers)
        about = json.loads(body)["payment"]
        labels = {**about["labels"], Label.ENVIRONMENT: self.environment}
        return [replace(seen, subject=Subject.PAYMENT, reference=about["reference"], labels=labels)]


@broken("webhooks-nonsense_that_is_signed_raises_nothing_else")
class TripsOverNonsense(Tally):
    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
        self.verify(body, headers)
        json.loads(body)["payment"]["reference"]
        return super().parse_webhook(body, headers)


@broken("statements-a_list_that_did_not_come_is_not_empty")
class ListsNothingWhenNobodyAnswers(Tally):
    def list_since(self, moment: datetime, until: datetime, deadline: float) -> Iterator[Observation]:
        try:
            yield from super().list_since(moment, until, deadline)
        except Exception:
            return


@broken("statements-lists_only_the_time_that_was_asked_for")
class ListsEverything(Tally):
    def list_since(self, moment: datetime, until: datetime, deadline: float) -> Iterator[Observation]:
        return super().list_since(datetime.fromtimestamp(0), until.replace(year=2100), deadline)


@broken("statements-lists_the_same_twice")
class NamesEventsAnew(Tally):
    counted = itertools.count()

    def list_since(self, moment: datetime, until: datetime, deadline: float) -> Iterator[Observation]:
        for one in super().list_since(moment, until, deadline):
            yield replace(one, event_id=f"{one.event_id}:{next(self.counted)}")
