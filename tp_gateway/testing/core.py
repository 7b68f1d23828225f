"""The real core around a provider: `make_gateway` over a SQLite file, with the plugin found by its entry point and the
subject's settings, as an ini would give them. It can be cut off at a call, as by a power cut, and opened again."""

from __future__ import annotations

import io
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tp_gateway import config, make_gateway, schema
from tp_gateway.contract import Flow
from tp_gateway.errors import GatewayError
from tp_gateway.identity import Identity
from tp_gateway.models.states import OPEN_REFUND_STATES, OPEN_STATES
from tp_gateway.services import Gateway
from tp_gateway.services.facts import Answer, Key, PaymentFacts, RefundFacts, Wanted
from tp_gateway.testing.bench import ENVIRONMENT, Bench
from tp_gateway.testing.checking import Broken, expect
from tp_gateway.testing.subject import Ask, Waiting

PATIENT, PRACTITIONER, MANAGER = Identity(45, "patient"), Identity(7, "psychologist"), Identity(8, "practice_manager")
_ROUNDS = 8
_template = threading.Lock()


class PowerCut(BaseException):
    """The process is gone: nothing of the core may catch it."""


def _settings(bench: Bench, url: str) -> dict[str, str]:
    expect(bench.plugin, "the core cannot load it: no installed plugin yields this provider")
    own = {f"tp_gateway.{bench.manifest.slug}.{name}": value for name, value in bench.texts().items()}
    return {
        "tp_gateway.mode": "development",
        "tp_gateway.environment": ENVIRONMENT,
        "tp_gateway.database_url": url,
        "tp_gateway.encryption_keys": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "tp_gateway.jwt.key": "conformance-kit-key-for-users-0123456789abcdef",
        "tp_gateway.service.key": "conformance-kit-key-for-services-0123456789ab",
        "tp_gateway.providers": bench.plugin,
        "tp_gateway.currency": bench.currency,
        "tp_gateway.sweep_calls_per_second": "1000",
        "tp_gateway.breaker_failures": "1000",
        "tp_gateway.timing.prepare": "5",
        "tp_gateway.timing.execute": "5",
        "tp_gateway.timing.fetch": "5",
        "tp_gateway.timing.lease": "20",
        **own,
    }


def _empty_database(bench: Bench) -> Path:
    """Migrated once, then copied."""
    template = bench.folder / "migrated.sqlite"
    with _template:
        if not template.exists():
            schema.upgrade(f"sqlite:///{template}")
    made = bench.folder / f"core-{len(list(bench.folder.glob('core-*')))}.sqlite"
    shutil.copyfile(template, made)
    return made


class Core:
    """Context manager. Identities: a patient who pays, and a practice manager."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.path = _empty_database(bench)
        self.gateway = self._open()
        self._slug = bench.manifest.slug
        self._count = 100

    def _open(self) -> Gateway:
        return make_gateway(config.load(_settings(self.bench, f"sqlite:///{self.path}"), {}))

    def __enter__(self) -> Core:
        people = [(PATIENT, None), (PRACTITIONER, None), (MANAGER, None)]
        more = {"active": True, "name": None, "email": None, "phone": None, "created_at": datetime.now(UTC)}
        rows = [{"id": who.user_id, "role": who.role, **more} for who, _ in people]
        self.gateway.practice.upsert_users(list(enumerate(rows)))
        return self

    def __exit__(self, *_: object) -> None:
        self.gateway.close()

    def restart(self) -> None:
        """Another process, on the same file."""
        self.gateway.close()
        self.gateway = self._open()

    # --- paying -------------------------------------------------------------------------------------------------------

    def appointment(self, ask: Ask | None = None) -> int:
        """Something to pay for."""
        self._count += 1
        service = (ask and ask.service) or self.bench.subject.appointment()
        row = {
            "id": self._count,
            "patient_id": PATIENT.user_id,
            "practitioner_id": PRACTITIONER.user_id,
            "service": "individual_therapy",
            "status": service.status,
            "starts_at": service.starts_at,
            "duration_minutes": service.minutes,
            "fee": (ask and ask.amount) or self.bench.subject.amount,
            "currency": self.bench.currency,
        }
        result = self.gateway.practice.upsert_appointments([(0, row)])
        expect(not result.errors, f"the kit's appointment was refused: {result.errors}")
        return self._count

    def pay(self, ask: Ask | None = None, appointment: int = 0, key: str = "", **more: Any) -> PaymentFacts:
        ask, staff = ask or self.bench.subject.pays(), self.bench.manifest.staff_only
        wanted = Wanted(
            **{
                "permission": "pay_invoice" if staff else "pay",
                "method": self.bench.manifest.method,
                "flow": Flow.DIRECT,
                "appointment_id": appointment or self.appointment(ask),
                "method_id": ask.method,
                "parameters": dict(ask.parameters),
                **more,
            }
        )
        who = MANAGER if staff else PATIENT
        once = Key(who.user_id or 0, "kit", key, "kit") if key else None
        answer = self.gateway.payments.pay(who, wanted, _render, once)
        return self.payment(json.loads(answer.text)["id"])

    def refund(self, payment: PaymentFacts, **more: Any) -> Any:
        return self.gateway.refunds.request(
            MANAGER, payment.id, more.get("amount"), "kit", False, _render_refund, None, more.get("to")
        )

    def payment(self, payment_id: int) -> PaymentFacts:
        return next(one for one in self.gateway.payments.list(MANAGER) if one.id == payment_id)

    def payments(self) -> list[PaymentFacts]:
        return self.gateway.payments.list(MANAGER)

    def refused(self, call: Callable[[], Any], what: str) -> GatewayError:
        try:
            call()
        except GatewayError as error:
            return error
        raise Broken(f"{what}, and the core did not refuse it")

    @contextmanager
    def cut_off(self, member: str, *, after: bool) -> Iterator[None]:
        """The process ends at the next call of this member, before or after it; then it is started again."""
        guarded = self.gateway.registry.by_slug(self._slug)
        original = getattr(guarded, member)

        def cut(*arguments: Any, **named: Any) -> Any:
            if after:
                original(*arguments, **named)
            raise PowerCut(member)

        setattr(guarded, member, cut)
        try:
            yield
        except PowerCut:
            pass
        else:
            raise Broken(f"the core never called {member}")
        finally:
            self.restart()

    # --- afterwards ---------------------------------------------------------------------------------------------------

    def work(self) -> None:
        """One round of the worker's loops, with everything due."""
        past = datetime.now(UTC) - timedelta(seconds=60)
        stale = {"payments": "next_check_at", "refunds": "next_check_at", "inbox_events": "next_attempt_at"}
        with self.gateway.database.transaction() as session:
            for table, column in stale.items():
                text = sa.text(f"UPDATE {table} SET {column} = :past WHERE {column} IS NOT NULL")  # noqa: S608
                session.execute(text.bindparams(sa.bindparam("past", past, _moment())))
        self.gateway.inbox.work()
        self.gateway.recovery.sweep()
        self.gateway.refund_sending.sweep()

    def rest(self, *, pays: bool = True) -> None:
        """Until nothing is open: the customer does his part, time passes, the worker works."""
        for _ in range(_ROUNDS):
            waiting = [one for one in self.payments() if one.state in OPEN_STATES]
            refunds = self.rows("SELECT state FROM refunds")
            if not waiting and not any(row.state in OPEN_REFUND_STATES for row in refunds):
                return
            for one in waiting:
                if one.state in ("awaiting_customer", "processing"):
                    self.bench.subject.finish(Waiting(one.reference, one.action, one.amount, one.currency), pays=pays)
            self.work()

    def import_statement(self, data: bytes) -> Any:
        return self.gateway.statements.importing.run(io.BytesIO(data), "statement.csv", "cli", self._slug)

    def rows(self, statement: str) -> list[Any]:
        with self.gateway.database.read() as session:
            return list(session.execute(sa.text(statement)).all())


def _moment() -> Any:
    from tp_gateway.models.base import UtcDateTime

    return UtcDateTime()


def _render(payment: PaymentFacts) -> Answer:
    return Answer(201, json.dumps({"id": payment.id, "state": payment.state}))


def _render_refund(refund: RefundFacts, payment: PaymentFacts) -> Answer:
    return Answer(201, json.dumps({"id": refund.id, "state": refund.state}))
