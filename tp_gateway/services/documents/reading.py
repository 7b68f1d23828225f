"""What documents need of the store besides the invoice itself: who the clinic is, who gave the services, where to
transfer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import documents
from tp_gateway.crypto import Vault
from tp_gateway.models import Invoice, Payment, User, table
from tp_gateway.models.states import PaymentState
from tp_gateway.services.practice_settings import PracticeSettings

P, U, V = table(Payment), table(User), table(Invoice)


def clinic(settings: PracticeSettings) -> documents.Clinic:
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


def practitioners(session: orm.Session, ids: Iterable[int | None]) -> Mapping[int, documents.Practitioner]:
    """Those with a name; one without is nobody on paper."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    query = sa.select(U.c.id, U.c.name, U.c.provider_number, U.c.ahpra_number)
    rows = session.execute(query.where(U.c.id.in_(wanted), U.c.name.is_not(None)))
    return {row.id: documents.Practitioner(row.name, row.provider_number or "", row.ahpra_number or "") for row in rows}


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
