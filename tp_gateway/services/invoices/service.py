"""Invoices as the outside asks for them: made, found, looked at, explained. What changes one afterwards is
`operations`'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from sqlalchemy import orm

from tp_gateway.database import Database
from tp_gateway.identity import Identity
from tp_gateway.registry import Registry
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import Answer, InvoiceFacts, Key
from tp_gateway.services.idempotency import Idempotency
from tp_gateway.services.invoices.explaining import Explanation, explain
from tp_gateway.services.invoices.facts import InvoiceDetail
from tp_gateway.services.invoices.lines import Item
from tp_gateway.services.invoices.listing import Listed, Wish, find
from tp_gateway.services.invoices.making import Draft, Setting, make_invoice
from tp_gateway.services.invoices.reading import read_detail
from tp_gateway.services.practice_settings import PracticeSettingsStore


class Invoices:
    """`currency` is the practice's own (ISO 4217)."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        settings: PracticeSettingsStore,
        idempotency: Idempotency,
        currency: str,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._settings = database, registry, settings
        self._idempotency, self._currency, self._clock = idempotency, currency, clock

    def create(
        self,
        who: Identity,
        patient_id: int,
        items: Sequence[Item],
        *,
        currency: str,
        appointment_id: int | None = None,
        description: str = "",
        due_date: date | None = None,
    ) -> InvoiceFacts:
        """Make an invoice and return it; what can be refused is `make_invoice`'s."""
        draft = Draft(
            patient_id=patient_id,
            items=items,
            currency=currency,
            appointment_id=appointment_id,
            description=description,
            due_date=due_date,
        )
        with self._database.transaction() as session:
            return make_invoice(self._here(session, who), draft)

    def order(self, who: Identity, draft: Draft, render: Callable[[InvoiceDetail], Answer], key: Key | None) -> Answer:
        """The same for a caller who may repeat it."""

        def work(session: orm.Session) -> tuple[int, Answer]:
            here = self._here(session, who)
            made = make_invoice(here, draft)
            return made.id, render(read_detail(session, made.id, here.settings.system.zone, here.at))

        return self._idempotency.once(self._database, key, self._clock(), work)

    def detail(self, who: Identity, invoice_id: int) -> InvoiceDetail:
        """NotFound if it is not there, or not the caller's."""
        with self._database.read(snapshot=True) as session:
            zone = self._settings.current(session).system.zone
            return read_detail(session, invoice_id, zone, self._clock(), who)

    def find(self, who: Identity, wish: Wish) -> Listed:
        """A patient finds own ones. ValidationError for a `sort` or `text` that cannot be."""
        with self._database.read(snapshot=True) as session:
            today = self._clock().astimezone(self._settings.current(session).system.zone).date()
            return find(session, who, wish, today, self._currency, self._registry.sole_payers)

    def explain(self, who: Identity, invoice_id: int) -> Explanation:
        """NotFound if it is not there, or not the caller's."""
        with self._database.read(snapshot=True) as session:
            zone = self._settings.current(session).system.zone
            return explain(session, read_detail(session, invoice_id, zone, self._clock(), who), self._registry)

    def _here(self, session: orm.Session, who: Identity) -> Setting:
        return Setting(session, self._settings.current(session), self._currency, who.actor, self._clock())
