"""A provider in two steps for the service beside it, as good as we can make one."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import colander
import urllib3

from tp_gateway.contract import (
    Capabilities,
    Environment,
    Health,
    InvalidSignature,
    Label,
    Manifest,
    Observation,
    Order,
    Outcome,
    OutcomeState,
    Prepared,
    Reason,
    RefundFact,
    RefundOrder,
    RefundState,
    Subject,
    fields,
    hookimpl,
)

TOLERANCE = 300
_UNKNOWN = Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR)
_NOT_SENT = Outcome(OutcomeState.NOT_SENT, reason=Reason.UNREACHABLE)


class Settings(fields.Schema):
    base_url = colander.SchemaNode(fields.Text())
    api_key = colander.SchemaNode(fields.Text(), secret=True)
    webhook_secret = colander.SchemaNode(fields.Text(), secret=True)


class Parameters(fields.Schema):
    token = colander.SchemaNode(fields.Text(), validator=colander.Length(max=40))


class NotSent(Exception):
    """It certainly had no effect."""


class Unclear(Exception):
    """It may have had one."""


class Tally:
    manifest = Manifest(
        slug="tally",
        method="tally",
        display_name="Tally",
        currencies=frozenset({"AUD", "JPY", "BHD"}),
        capabilities=Capabilities(
            two_step=True,
            fetch=True,
            refund=True,
            partial_refund=True,
            webhooks=True,
            list_since=True,
            repeat_horizon=3600,
        ),
        settings_schema=Settings(),
        parameters_schema=Parameters(),
        examples=({"token": "tok_good"},),
    )

    def __init__(self, settings: Mapping[str, Any], environment: Environment) -> None:
        self.settings, self.environment = settings, environment.id
        self.http = urllib3.PoolManager(retries=False, headers={"Authorization": f"Bearer {settings['api_key']}"})

    @classmethod
    def build(cls, settings: Mapping[str, Any], environment: Environment) -> Tally:
        return cls(settings, environment)

    # --- asking the service -------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, deadline: float, body: Any = None) -> tuple[int, dict[str, Any]]:
        """(status, body) of an answer that is the service's own."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotSent
        url = self.settings["base_url"].rstrip("/") + path
        try:
            answer = self.http.request(method, url, json=body, timeout=urllib3.Timeout(total=left))
        except urllib3.exceptions.ConnectTimeoutError:
            raise NotSent from None
        except urllib3.exceptions.HTTPError as error:
            raise Unclear from error
        return self.read(answer)

    def read(self, answer: Any) -> tuple[int, dict[str, Any]]:
        try:
            found = json.loads(answer.data)
        except ValueError:
            raise Unclear from None
        own = isinstance(found, dict) and isinstance(found.get("reference" if answer.status == 200 else "code"), str)
        listed = isinstance(found, dict) and ("payments" in found or "open" in found)
        if answer.status >= 500 or not (own or listed):
            raise Unclear
        return answer.status, found

    def outcome(self, found: Mapping[str, Any]) -> Outcome:
        """What a payment of the service's means."""
        state, reference = found.get("state"), found["reference"]
        if state == "open":
            return Outcome(OutcomeState.DECLINED, reference, reason=Reason.UNCLEAR)
        if state == "closed":
            return Outcome(OutcomeState.DECLINED, reference, closed=True, reason=Reason.CANCELED)
        if state != "paid" or not isinstance(found.get("amount"), int) or not found.get("charge"):
            return _UNKNOWN
        return Outcome(
            OutcomeState.SUCCEEDED,
            reference,
            settled=found["amount"],
            currency=found["currency"],
            evidence=found["charge"],
            refunds=tuple(
                RefundFact(one["reference"], one["amount"], RefundState.SUCCEEDED, one["key"])
                for one in found["refunds"]
            ),
        )

    # --- the members --------------------------------------------------------------------------------------------------

    def check(self, deadline: float) -> Health:
        try:
            status, _ = self.ask("GET", "/account", deadline)
        except (NotSent, Unclear) as error:
            return Health(False, f"the service does not answer ({type(error).__name__})")
        return Health(status == 200, "" if status == 200 else f"the service answers {status}")

    def prepare(self, order: Order) -> Prepared | Outcome:
        labels = {**order.labels, Label.ENVIRONMENT: self.environment, Label.PAYMENT: order.id}
        body = {"key": order.idempotency_key, "amount": order.amount, "currency": order.currency, "labels": labels}
        try:
            _, found = self.ask("POST", "/payments", order.deadline, body)
        except NotSent:
            return _NOT_SENT
        except Unclear:
            return _UNKNOWN
        return Prepared(found["reference"])

    def execute(self, order: Order, reference: str | None) -> Outcome:
        try:
            path, body = f"/payments/{reference}/confirm", {"token": order.parameters["token"]}
            status, found = self.ask("POST", path, order.deadline, body)
        except NotSent:
            return _NOT_SENT
        except Unclear:
            return _UNKNOWN
        if status == 402:
            return Outcome(OutcomeState.DECLINED, reference, reason=Reason.INSUFFICIENT_FUNDS)
        if status == 409:
            return Outcome(OutcomeState.DECLINED, reference, closed=True, reason=Reason.CANCELED)
        return self.outcome(found) if status == 200 else _UNKNOWN

    def fetch(self, order: Order, reference: str | None) -> Outcome:
        return self.look("GET", f"/payments/{reference}", order.deadline)

    def close(self, order: Order, reference: str) -> Outcome:
        return self.look("POST", f"/payments/{reference}/close", order.deadline)

    def look(self, method: str, path: str, deadline: float) -> Outcome:
        try:
            status, found = self.ask(method, path, deadline)
        except (NotSent, Unclear):
            return _UNKNOWN
        missing = Outcome(OutcomeState.UNKNOWN, reason=Reason.NO_SUCH_OBJECT)
        return self.outcome(found) if status == 200 else missing if status == 404 else _UNKNOWN

    def refund(self, order: RefundOrder) -> Outcome:
        body = {"key": order.id, "amount": order.amount}
        try:
            path = f"/payments/{order.payment_reference}/refunds"
            status, found = self.ask("POST", path, order.deadline, body)
        except NotSent:
            return _NOT_SENT
        except Unclear:
            return _UNKNOWN
        if status == 409:
            return Outcome(OutcomeState.DECLINED, closed=True, reason=Reason.REJECTED, provider_code=found["code"])
        if status != 200:
            return _UNKNOWN
        reference = found["reference"]
        return Outcome(OutcomeState.SUCCEEDED, reference, found["amount"], currency=order.currency, evidence=reference)

    def list_since(self, moment: datetime, until: datetime, deadline: float) -> Iterator[Observation]:
        path = f"/payments?since={moment.timestamp()}&until={until.timestamp()}"
        _, found = self.ask("GET", path, deadline)
        for one in found["payments"]:
            made, outcome = datetime.fromtimestamp(one["made_at"], UTC), self.outcome(one)
            name = f"{one['reference']}:{one['state']}"
            yield Observation(
                name, "payment", Subject.PAYMENT, one["reference"], one["labels"], occurred_at=made, evidence=outcome
            )

    # --- webhooks -----------------------------------------------------------------------------------------------------

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
        self.verify(body, headers)
        try:
            event = json.loads(body)
            seen = Observation(
                event["id"], event["kind"], Subject.PAYMENT, event["payment"]["reference"], event["payment"]["labels"]
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InvalidSignature("not an event") from None
        if seen.labels.get(Label.ENVIRONMENT) != self.environment:
            return [Observation(seen.event_id, seen.kind, Subject.NOTHING, note="environment")]
        return [seen]

    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        stamp, _, mark = headers.get("tally-signature", "").partition(".")
        if not any(hmac.compare_digest(signature(body, one, stamp), mark.encode()) for one in self.secrets()):
            raise InvalidSignature("no valid signature")
        if not self.fresh(time.time() - float(stamp)):
            raise InvalidSignature("too old, or from the future")

    def secrets(self) -> list[str]:
        found: list[str] = self.settings["webhook_secret"].split(",")
        return found

    def fresh(self, age: float) -> bool:
        return abs(age) <= TOLERANCE


def signature(body: bytes, secret: str, stamp: str) -> bytes:
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest().encode()


@hookimpl
def tp_gateway_providers() -> Iterator[type[Tally]]:
    yield Tally
