"""The Stripe provider: its manifest and the members the contract asks for, each a few lines over the parts beside it.

The charge is in two steps, so that money moves only through a payment intent whose id the core has stored: `prepare`
creates it unconfirmed, `execute` confirms it. What Stripe's JSON means is not decided here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from tp_gateway.contract import (
    CaptureOrder,
    DisputeFact,
    Environment,
    Flow,
    Health,
    Label,
    Manifest,
    MethodOrder,
    Observation,
    Order,
    Outcome,
    OutcomeState,
    Prepared,
    Reason,
    RefundOrder,
    Remittance,
    SavedMethod,
)
from tp_gateway.providers.stripe import (
    answers,
    captures,
    declines,
    disputes,
    intents,
    methods,
    refunds,
    remittances,
    sweep,
)
from tp_gateway.providers.stripe.client import Client, path
from tp_gateway.providers.stripe.failure import Failure
from tp_gateway.providers.stripe.manifest import MANIFEST
from tp_gateway.providers.stripe.settings import refuse_unsafe, webhook_secrets
from tp_gateway.providers.stripe.transport import Transport
from tp_gateway.providers.stripe.webhooks import ENVIRONMENT, Webhooks

ORDER = Label.PAYMENT
_LOOK_BACK = 24 * 3600


class StripeProvider:
    """One per process; safe for threads. `now` is the wall clock that webhooks are judged by."""

    manifest: ClassVar[Manifest] = MANIFEST

    def __init__(
        self, settings: Mapping[str, Any], environment: Environment, now: Callable[[], float] = time.time
    ) -> None:
        transport = Transport(
            settings["api_base"], settings["connect_timeout"], settings["read_timeout"], settings["pool_size"]
        )
        self._client = Client(settings["api_key"], settings["api_base"], transport)
        self._environment = environment.id
        self._now = now
        secrets = webhook_secrets(settings["webhook_secret"])
        self._webhooks = Webhooks(secrets, self._client.live, environment.id, now)

    @classmethod
    def build(cls, settings: Mapping[str, Any], environment: Environment) -> StripeProvider:
        refuse_unsafe(settings, environment)
        return cls(settings, environment)

    def __repr__(self) -> str:
        return f"<StripeProvider {self._client!r}>"

    def check(self, deadline: float) -> Health:
        try:
            balance = self._client.get(path("balance"), deadline)
        except Failure as failure:
            return Health(False, f"Stripe: {failure}")
        if balance.get("livemode") is not self._client.live:
            return Health(False, "Stripe: the answer is not for this key's mode")
        return Health(True)

    def prepare(self, order: Order) -> Prepared | Outcome:
        try:
            payer = order.payer.reference if order.payer else None
            if order.save_method and order.payer and payer is None:
                payer = methods.customer(self._client, order.payer, self._labels(), order.deadline)
            params = self._intent_params(order, payer)
            data = self._client.post(
                path("payment_intents"), order.deadline, params, f"{order.idempotency_key}:prepare"
            )
        except Failure as failure:
            outcome = declines.refused(failure, repeat_is_open=False)
            return replace(outcome, closed=outcome.state is OutcomeState.DECLINED)
        # An intent that is not exactly what was asked for must never be confirmed.
        made = intents.is_intent(data, self._client.live) and data["amount"] == order.amount
        if not made or answers.currency(data) != order.currency or answers.labels(data).get(ORDER) != order.id:
            return intents.unclear(None)
        action = intents.browser_action(data) if order.flow is Flow.BROWSER else {}
        return Prepared(data["id"], action=action, payer=payer)

    def execute(self, order: Order, reference: str | None) -> Outcome:
        if reference is None:
            return Outcome(OutcomeState.NOT_SENT, reason=Reason.NO_SUCH_OBJECT)
        params: dict[str, Any] = {"expand": intents.EXPAND, "return_url": order.parameters.get("return_url")}
        if order.flow is Flow.OFF_SESSION:
            params["off_session"] = True
        elif params["return_url"] is None:
            # docs.stripe.com/payments/finalize-payments-on-the-server: 3-D Secure by Stripe.js or by redirect.
            params["use_stripe_sdk"] = True
        try:
            where = path("payment_intents", reference, "confirm")
            data = self._client.post(where, order.deadline, params, f"{order.idempotency_key}:execute")
        except Failure as failure:
            return self._not_confirmed(failure, order, reference)
        return intents.read(data, live=self._client.live, reference=reference, flow=order.flow)

    def _not_confirmed(self, failure: Failure, order: Order, reference: str) -> Outcome:
        if failure.code.startswith("payment_intent_") and failure.status == 400:
            # Its state forbade confirming (it may have succeeded already): ask.
            return self._look(reference, order.deadline, order.flow)
        inside, live = failure.payment_intent, self._client.live
        # One that names this intent and tells no more of it leaves the error's own word, that it was declined.
        tells_more = inside is not None and (intents.is_intent(inside, live) or not intents.is_named(inside, reference))
        if tells_more and failure.status == 402:
            outcome = intents.read(inside, live=live, reference=reference, flow=order.flow)
            if outcome.reason in (Reason.NONE, Reason.UNCLEAR) and outcome.state is OutcomeState.DECLINED:
                return declines.refused(failure, reference=reference)
            return outcome
        if declines.is_missing(failure) and not declines.is_about_method(failure):
            return declines.unanswered(failure, reference)
        return declines.refused(failure, reference=reference)

    def close(self, order: Order, reference: str) -> Outcome:
        return captures.cancel(self._client, reference, order.deadline, "abandoned", self._look)

    def fetch(self, order: Order, reference: str | None) -> Outcome:
        if reference is not None:
            return self._look(reference, order.deadline, order.flow)
        try:
            # Listing, because Stripe's search lags behind writes (docs.stripe.com/search#data-freshness).
            since = {"created": {"gte": int(self._now()) - _LOOK_BACK}}
            for data in self._client.pages(path("payment_intents"), order.deadline, since):
                if answers.labels(data).get(ORDER) == order.id:
                    return self._look(data["id"], order.deadline, order.flow)
        except Failure as failure:
            return declines.unanswered(failure, None)
        return Outcome(OutcomeState.UNKNOWN, reason=Reason.NO_SUCH_OBJECT)

    def _look(self, reference: str, deadline: float, flow: Flow | None = None) -> Outcome:
        try:
            data = self._client.get(path("payment_intents", reference), deadline, {"expand": intents.EXPAND_ALL})
            outcome = intents.read(data, live=self._client.live, reference=reference, flow=flow)
            if outcome.state is OutcomeState.SUCCEEDED:
                return replace(outcome, refunds=refunds.all_of(self._client, data, deadline))
        except Failure as failure:
            return declines.unanswered(failure, reference)
        return outcome

    def capture(self, order: CaptureOrder) -> Outcome:
        return captures.capture(self._client, order, self._look)

    def void(self, reference: str, deadline: float) -> Outcome:
        return captures.cancel(self._client, reference, deadline, "requested_by_customer", self._look)

    def fetch_dispute(self, reference: str, deadline: float) -> DisputeFact | None:
        return disputes.fetch(self._client, reference, deadline)

    def refund(self, order: RefundOrder) -> Outcome:
        return refunds.refund(self._client, order, {**order.labels, **self._labels()})

    def save_method(self, order: MethodOrder) -> SavedMethod | Outcome:
        return methods.save(self._client, order, self._labels())

    def list_methods(self, payer: str, deadline: float) -> list[SavedMethod]:
        return methods.all_of(self._client, payer, deadline)

    def drop_method(self, reference: str, deadline: float) -> None:
        methods.drop(self._client, reference, deadline)

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
        return self._webhooks.parse(body, headers)

    def list_since(self, moment: datetime, until: datetime, deadline: float) -> Iterator[Observation]:
        created = _between(moment, until)
        yield from sweep.payments(self._client, self._environment, created, deadline)
        yield from disputes.opened(self._client, created, deadline)
        yield from sweep.events(self._client, self._webhooks, created, deadline)

    def list_remittances(self, since: datetime, until: datetime, deadline: float) -> Iterator[Remittance]:
        return remittances.made(self._client, _between(since, until), deadline)

    def _labels(self) -> dict[str, str]:
        return {ENVIRONMENT: self._environment}

    def _intent_params(self, order: Order, payer: str | None) -> dict[str, Any]:
        """Opaque ids only: no description, no name, nothing about the patient or the service leaves the clinic."""
        here = order.flow is not Flow.OFF_SESSION
        return {
            "amount": order.amount,
            "currency": order.currency.lower(),
            "customer": payer,
            "payment_method": None if order.flow is Flow.BROWSER else order.method_reference,
            "allowed_payment_method_types": list(order.parameters.get("payment_method_types", ["card"])),
            "capture_method": "manual" if order.manual_capture else None,
            "setup_future_usage": "off_session" if order.save_method and payer and here else None,
            "metadata": {**order.labels, **self._labels(), ORDER: order.id},
        }


def _between(since: datetime, until: datetime) -> dict[str, int]:
    """As Stripe's lists are asked: from the second of `since` on, before `until`."""
    return {"gte": int(since.timestamp()), "lt": math.ceil(until.timestamp())}
