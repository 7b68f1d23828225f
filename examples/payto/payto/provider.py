"""PayTo: the patient approves one payment in his banking app. An agreement is drafted first and can take nothing;
executing puts it to the patient's bank, and the service collects once he has approved. A webhook says that something
happened, and then the service is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from payto.agreements import UNKNOWN, outcome, refund_outcome
from payto.service import Answer, NotSent, Service, Unclear
from payto.settings import Parameters, Settings
from payto.webhooks import Webhooks
from tp_gateway.contract import (
    Capabilities,
    ConfigurationError,
    Environment,
    Health,
    Label,
    Manifest,
    Observation,
    Order,
    Outcome,
    OutcomeState,
    Prepared,
    Reason,
    RefundOrder,
)

_NOT_SENT = Outcome(OutcomeState.NOT_SENT, reason=Reason.UNREACHABLE)


class PayToProvider:
    manifest = Manifest(
        slug="payto",
        method="payto",
        display_name="PayTo",
        currencies=frozenset({"AUD"}),
        capabilities=Capabilities(
            two_step=True, fetch=True, refund=True, partial_refund=True, webhooks=True, list_since=True
        ),
        settings_schema=Settings(),
        parameters_schema=Parameters(),
        examples=({"payid": "pat@example.com"}, {"payid": "0491 570 156"}),
    )

    def __init__(self, service: Service, webhooks: Webhooks, environment: str, settings: Mapping[str, Any]) -> None:
        self._service, self._webhooks, self._environment = service, webhooks, environment
        self._payee, self._within = settings["payee_name"], timedelta(days=settings["approve_within_days"])

    @classmethod
    def build(cls, settings: Mapping[str, Any], environment: Environment) -> PayToProvider:
        if environment.production and not settings["base_url"].startswith("https://"):
            raise ConfigurationError("tp_gateway.payto.base_url must be https in production")
        secrets = tuple(word.strip() for word in settings["webhook_secret"].split(",") if word.strip())
        if not secrets:
            raise ConfigurationError("tp_gateway.payto.webhook_secret names no secret")
        service = Service(settings["base_url"], settings["api_key"])
        return cls(service, Webhooks(secrets, environment.id), environment.id, settings)

    def check(self, deadline: float) -> Health:
        try:
            answer = self._service.call("GET", "/account", deadline)
        except (NotSent, Unclear) as problem:
            return Health(False, f"the PayTo service: {problem}")
        well = answer.status == 200 and answer.body.get("payto") == "enabled"
        return Health(well, "" if well else f"the PayTo service: status {answer.status}, PayTo is not enabled")

    def prepare(self, order: Order) -> Prepared | Outcome:
        """The same order again is the same agreement: the service knows it by our id. The bank shows the description,
        so it says nothing but a number."""
        body = {
            "payid": order.parameters["payid"],
            "amount": order.amount,
            "currency": order.currency,
            "payee": self._payee,
            "description": f"Payment {order.number}",
            "approve_by": (order.made_on + self._within).isoformat(),
            "labels": {**order.labels, Label.ENVIRONMENT: self._environment, Label.PAYMENT: order.id},
        }
        try:
            answer = self._service.call("PUT", f"/agreements/by-client-id/{order.id}", order.deadline, body)
        except NotSent:
            return _NOT_SENT
        except Unclear:
            return UNKNOWN
        if answer.status == 422 and answer.body["error"] == "unknown_payid":
            message = "No bank knows this PayID"
            return Outcome(OutcomeState.DECLINED, closed=True, reason=Reason.INVALID_METHOD, message=message)
        reference = answer.body.get("id")
        return Prepared(reference) if answer.status == 200 and isinstance(reference, str) else UNKNOWN

    def execute(self, order: Order, reference: str | None) -> Outcome:
        try:
            return _read(self._service.call("POST", f"/agreements/{reference}/submit", order.deadline))
        except NotSent:
            return _NOT_SENT
        except Unclear:
            return UNKNOWN

    def fetch(self, order: Order, reference: str | None) -> Outcome:
        path = f"/agreements/{reference}" if reference else f"/agreements/by-client-id/{order.id}"
        return self._asked("GET", path, order.deadline)

    def close(self, order: Order, reference: str) -> Outcome:
        return self._asked("POST", f"/agreements/{reference}/cancel", order.deadline)

    def refund(self, order: RefundOrder) -> Outcome:
        """PayTo only takes; the service pays back to the same account as an ordinary fast payment."""
        path = f"/agreements/{order.payment_reference}/refunds/by-client-id/{order.id}"
        try:
            answer = self._service.call("PUT", path, order.deadline, {"amount": order.amount})
        except NotSent:
            return _NOT_SENT
        except Unclear:
            return UNKNOWN
        if answer.status == 409:
            code = answer.body["error"]
            return Outcome(OutcomeState.DECLINED, closed=True, reason=Reason.REJECTED, provider_code=code)
        return refund_outcome(answer.body) if answer.status == 200 else UNKNOWN

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
        return self._webhooks.parse(body, headers)

    def list_since(self, moment: datetime, until: datetime, deadline: float) -> Iterator[Observation]:
        """The same events as by webhook. Raises what `Service.call` raises: an empty list would say that there was
        nothing."""
        path = f"/events?since={moment.timestamp()}&until={until.timestamp()}"
        answer = self._service.call("GET", path, deadline)
        if answer.status != 200:
            raise Unclear(f"status {answer.status}")
        for event in answer.body["events"]:
            seen = self._webhooks.observation(event)
            now = outcome(event["agreement"]) if seen.kind == "agreement.paid" else None
            yield replace(seen, evidence=now) if seen.labels else seen

    def _asked(self, method: str, path: str, deadline: float) -> Outcome:
        """A question that got no answer says nothing about the payment."""
        try:
            return _read(self._service.call(method, path, deadline))
        except (NotSent, Unclear):
            return UNKNOWN


def _read(answer: Answer) -> Outcome:
    if answer.status == 404:
        return Outcome(OutcomeState.UNKNOWN, reason=Reason.NO_SUCH_OBJECT)
    return outcome(answer.body) if answer.status == 200 else UNKNOWN
