"""A small clinic for tests: a gateway on a test's own database, a Stripe sandbox over its socket, and people to pay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
import urllib3

from tp_gateway import config, make_gateway
from tp_gateway.contract import Flow
from tp_gateway.errors import GatewayError
from tp_gateway.identity import Identity
from tp_gateway.models import Dispute, InboxEvent, OutboxDelivery, Payment, RebateClaim, Refund, table
from tp_gateway.services import Gateway
from tp_gateway.services.facts import Answer, InvoiceFacts, Key, PaymentFacts, RefundFacts, Wanted
from tp_gateway.services.invoices import Credited, InvoiceDetail, Item

WEBHOOK_SECRET = "whsec_sandbox"
PATIENT, OTHER_PATIENT, PSYCHOLOGIST, MANAGER, ADMIN = 45, 46, 7, 8, 9
NOON = datetime(2025, 1, 19, 10, 30, tzinfo=UTC)

patient = Identity(PATIENT, "patient")
other_patient = Identity(OTHER_PATIENT, "patient")
manager = Identity(MANAGER, "practice_manager")
admin = Identity(ADMIN, "admin")


def settings(database_url: str, sandbox_url: str, **more: str) -> dict[str, str]:
    """An ini section for the product, with waits short enough for tests."""
    return {
        "tp_gateway.mode": "development",
        "tp_gateway.environment": "test-clinic",
        "tp_gateway.database_url": database_url,
        "tp_gateway.encryption_keys": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "tp_gateway.jwt.key": "test-key-of-the-clinic-with-more-than-32-bytes",
        "tp_gateway.service.key": "test-key-for-services-with-more-than-32-bytes",
        "tp_gateway.providers": "stripe",
        "tp_gateway.stripe.api_key": "sk_test_clinic",
        "tp_gateway.stripe.publishable_key": "pk_test_clinic",
        "tp_gateway.stripe.webhook_secret": WEBHOOK_SECRET,
        "tp_gateway.stripe.api_base": sandbox_url,
        "tp_gateway.database_pool": "8",
        "tp_gateway.provider_lanes": "32",
        "tp_gateway.sweep_calls_per_second": "1000",
        "tp_gateway.breaker_failures": "1000",
        "tp_gateway.rate_limits.payments": "100000/minute",
        "tp_gateway.rate_limits.declines": "100000/minute",
        "tp_gateway.timing.prepare": "4",
        "tp_gateway.timing.execute": "4",
        "tp_gateway.timing.fetch": "3",
        "tp_gateway.timing.lease": "12",
        "tp_gateway.timing.backoff_first": "0.05",
        **more,
    }


class Clinic:
    """`gateway` and what tests do with it. Amounts are in cents unless they are texts."""

    def __init__(self, database_url: str, sandbox_url: str, **more: str) -> None:
        self.database_url, self.sandbox_url = database_url, sandbox_url
        self.gateway: Gateway = make_gateway(config.load(settings(database_url, sandbox_url, **more), {}))
        self.database = self.gateway.database

    def close(self) -> None:
        self.gateway.close()

    # --- people and what they owe -----------------------------------------------------------------------------------

    def open(self) -> Clinic:
        people = [(PATIENT, "patient"), (OTHER_PATIENT, "patient"), (PSYCHOLOGIST, "psychologist")]
        people += [(MANAGER, "practice_manager"), (ADMIN, "admin")]
        self.push_users([self.user(user_id, role) for user_id, role in people])
        return self

    def user(self, user_id: int, role: str, *, active: bool = True) -> dict[str, Any]:
        more = {"name": None, "email": None, "phone": None, "created_at": NOON}
        return {"id": user_id, "role": role, "active": active, **more}

    def push_users(self, users: list[dict[str, Any]]) -> None:
        result = self.gateway.practice.upsert_users(list(enumerate(users)))
        assert not result.errors, result.errors

    def appointment(self, appointment_id: int = 123, patient_id: int = PATIENT, **more: Any) -> int:
        row = {
            "id": appointment_id,
            "patient_id": patient_id,
            "practitioner_id": PSYCHOLOGIST,
            "service": "individual_therapy",
            "status": "confirmed",
            "starts_at": NOON,
            "duration_minutes": 50,
            "fee": 18000,
            "currency": "AUD",
            **more,
        }
        result = self.gateway.practice.upsert_appointments([(0, row)])
        assert not result.errors, result.errors
        return appointment_id

    def invoice(
        self, amount: int = 18000, patient_id: int = PATIENT, appointment_id: int | None = None
    ) -> InvoiceFacts:
        items = [Item("Individual Therapy Session", 1, amount)]
        return self.gateway.invoices.create(manager, patient_id, items, currency="AUD", appointment_id=appointment_id)

    def void(self, invoice_id: int) -> None:
        self.gateway.invoice_operations.void(manager, invoice_id, "", render_invoice, None)

    # --- paying -----------------------------------------------------------------------------------------------------

    def wanted(self, **more: Any) -> Wanted:
        defaults: dict[str, Any] = {"permission": "pay", "method": "card", "flow": Flow.DIRECT, "currency": "AUD"}
        if "appointment_id" not in more and "invoice_id" not in more:
            defaults["appointment_id"] = 123
        if "amount" not in more:
            defaults["amount"] = Decimal("180.00")
        if more.get("flow") is not Flow.BROWSER and "method_id" not in more:
            defaults["method_id"] = "pm_card_visa"
        return Wanted(**defaults | more)

    def pay(self, who: Identity = patient, key: Key | None = None, **more: Any) -> Paid:
        return Paid(self.gateway.payments.pay(who, self.wanted(**more), render, key))

    def refund(
        self, payment_id: int, amount: str | None = None, *, key: Key | None = None, reopen: bool = False
    ) -> Paid:
        asked = Decimal(amount) if amount else None
        return Paid(self.gateway.refunds.request(manager, payment_id, asked, "asked for", reopen, render_refund, key))

    def work(self) -> None:
        """One round of every loop of the worker."""
        self.gateway.inbox.work()
        self.gateway.recovery.sweep()
        self.gateway.refund_sending.sweep()
        self.gateway.disputes.sweep()
        self.gateway.rebate_sending.sweep()
        self.gateway.rollups.work()
        self.gateway.outbox.relay()

    def pass_time(self, **more: float) -> None:
        """Everything that waits for its turn is due, as if time had passed."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        with self.database.transaction() as session:
            for model in (Payment, Refund, Dispute, RebateClaim, InboxEvent, OutboxDelivery):
                queue = table(model)
                due = queue.c.next_check_at if "next_check_at" in queue.c else queue.c.next_attempt_at
                # Time stands still for a row that is being written: nobody waits for all of them at once.
                free = sa.select(queue.c.id).where(due.is_not(None)).with_for_update(skip_locked=True)
                session.execute(sa.update(queue).where(queue.c.id.in_(free)).values({due: past}))

    # --- looking ----------------------------------------------------------------------------------------------------

    def rows(self, statement: str, **parameters: Any) -> list[Any]:
        with self.database.read() as session:
            return list(session.execute(_text(statement, **parameters)).all())

    def payment(self, payment_id: int) -> PaymentFacts:
        return self.gateway.payments.get(manager, payment_id)

    def books(self) -> dict[str, Any]:
        return sandbox(self.sandbox_url, "GET", "books")

    def fault(self, match: str, kind: str, times: int | None = 1, **more: Any) -> None:
        sandbox(self.sandbox_url, "POST", "faults", {"match": match, "kind": kind, "times": times, **more})


class Paid:
    """An answer, taken apart."""

    def __init__(self, answer: Answer) -> None:
        self.status, self.replayed, self.text = answer.status, answer.replayed, answer.text
        self.body: dict[str, Any] = json.loads(answer.text)
        self.id: int = self.body["id"]


def render(payment: PaymentFacts) -> Answer:
    body = {"id": payment.id, "status": payment.status, "state": payment.state, "reason": payment.reason}
    return Answer(201, json.dumps(body | {"action": dict(payment.action), "reference": payment.reference}))


def render_invoice(found: InvoiceDetail, credited: Credited | None = None) -> Answer:
    facts = found.facts
    figures = {name: getattr(found, name) for name in ("money_paid", "credited", "written_off", "given_up")}
    more = {"note": credited.number, "refunds": credited.refunds} if credited is not None else {}
    body = {"id": facts.id, "number": facts.number, "status": found.status, "due": facts.amount_due}
    return Answer(200, json.dumps(body | figures | more))


def render_refund(refund: RefundFacts, payment: PaymentFacts) -> Answer:
    body = {"id": refund.id, "status": refund.status, "state": refund.state, "payment": payment.status}
    return Answer(201, json.dumps(body | {"amount_refunded": payment.refunded}))


def refused(call: Any, *arguments: Any, **more: Any) -> GatewayError:
    """Run `call` and return the refusal that it must end in."""
    try:
        answer = call(*arguments, **more)
    except GatewayError as error:
        return error
    raise AssertionError(f"was not refused: {getattr(answer, 'text', answer)}")


def sandbox(url: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Call the sandbox's control API."""
    sent = (body or {}) if method == "POST" else body
    answer = _HTTP.request(method, f"{url}/_sandbox/{path}", json=sent)
    found: dict[str, Any] = json.loads(answer.data or b"{}")
    assert answer.status < 400, found
    return found


_HTTP = urllib3.PoolManager(timeout=60, retries=False)  # the books of 5000 payments, on a busy machine


def _text(statement: str, **parameters: Any) -> Any:
    import sqlalchemy as sa

    from tp_gateway.models.base import UtcDateTime

    moments = [
        sa.bindparam(name, type_=UtcDateTime()) for name, value in parameters.items() if isinstance(value, datetime)
    ]
    return sa.text(statement).bindparams(*moments).bindparams(**parameters)
