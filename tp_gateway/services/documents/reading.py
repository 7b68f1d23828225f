"""What documents need of the store besides the invoice itself: who the clinic is, who gave the services, where to
transfer to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import documents
from tp_gateway.crypto import Vault
from tp_gateway.models import Invoice, Payment, StatementLine, StatementMatch, User, table
from tp_gateway.models.states import PaymentState
from tp_gateway.registry import Registry
from tp_gateway.services.practice_settings import PracticeSettings

P, U, V, L, M = (table(one) for one in (Payment, User, Invoice, StatementLine, StatementMatch))


@dataclass(frozen=True, slots=True)
class Context:
    """What a document says beside what it is about. `booked` is when the bank had the money of a payment, where its
    statement says so: the day that proves a payment, and not the one on which the statement was read."""

    clinic: documents.Clinic
    zone: ZoneInfo
    people: Mapping[int, documents.Practitioner]
    booked: Mapping[int, date]
    registry: Registry

    def method(self, slug: str) -> str:
        """A way to pay as people call it; of one that was switched off, its name here."""
        provider = self.registry.find(slug)
        return provider.manifest.display_name if provider else slug.replace("_", " ").capitalize()


def context(
    session: orm.Session,
    settings: PracticeSettings,
    registry: Registry,
    practitioner_ids: Iterable[int | None],
    payment_ids: Collection[int],
) -> Context:
    return Context(
        clinic=_clinic(settings),
        zone=settings.system.zone,
        people=_practitioners(session, practitioner_ids),
        booked=_booked(session, payment_ids),
        registry=registry,
    )


def _clinic(settings: PracticeSettings) -> documents.Clinic:
    known, system = settings.clinic, settings.system
    return documents.Clinic(
        name=known.name,
        address=known.address,
        phone=known.phone,
        email=known.email,
        website=known.website,
        abn=known.abn,
        provider_number=system.medicare_provider_number,
        ahpra_number=system.ahpra_registration_number,
    )


def _practitioners(session: orm.Session, ids: Iterable[int | None]) -> Mapping[int, documents.Practitioner]:
    """Those with a name; one without is nobody on paper."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    query = sa.select(U.c.id, U.c.name, U.c.provider_number, U.c.ahpra_number)
    rows = session.execute(query.where(U.c.id.in_(wanted), U.c.name.is_not(None)))
    return {row.id: documents.Practitioner(row.name, row.provider_number or "", row.ahpra_number or "") for row in rows}


def _booked(session: orm.Session, payment_ids: Collection[int]) -> Mapping[int, date]:
    """Of several lines that paid one, the last."""
    query = sa.select(M.c.payment_id, sa.func.max(L.c.booked_on).label("day")).join(L, L.c.id == M.c.line_id)
    query = query.where(M.c.payment_id.in_(payment_ids), M.c.undone_at.is_(None)).group_by(M.c.payment_id)
    return {row.payment_id: row.day for row in session.execute(query)} if payment_ids else {}


def account_to_pay_to(session: orm.Session, vault: Vault, invoice_id: int) -> documents.BankAccount | None:
    """The newest instructions that a transfer for this invoice still waits for: only a reference that was given out is
    recognised on the bank's statement."""
    query = (
        sa.select(P.c.action_sealed)
        .join(V, V.c.payable_id == P.c.payable_id)
        .where(V.c.id == invoice_id, P.c.state == PaymentState.AWAITING_CUSTOMER)
        .order_by(P.c.id.desc())
    )
    for sealed in session.execute(query).scalars():
        told = vault.open_json(sealed)
        if {"account_name", "bsb", "account_number", "reference"} <= set(told):
            bpay = told.get("bpay", {})
            return documents.BankAccount(
                account_name=told["account_name"],
                bsb=told["bsb"],
                account_number=told["account_number"],
                reference=told["reference"],
                payid=told.get("payid", ""),
                bpay_biller_code=bpay.get("biller_code", ""),
                bpay_reference=bpay.get("crn", ""),
            )
    return None
