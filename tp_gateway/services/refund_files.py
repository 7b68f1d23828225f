"""Refunds that no provider sends: they wait until staff have the clinic's bank pay a file of them, and are done when
staff, or the bank's statement, say so."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import CannotWrite, PayoutAccount, QueuedRefund
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, InsertOnce
from tp_gateway.errors import GatewayError, NotFound, ValidationError
from tp_gateway.identity import Identity
from tp_gateway.models import Refund, RefundFile, RefundFileItem, table
from tp_gateway.models.states import OPEN_REFUND_STATES
from tp_gateway.models.states import RefundState as R
from tp_gateway.registry import GuardedProvider, Registry
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import RefundFacts
from tp_gateway.services.practice_settings import PracticeSettingsStore
from tp_gateway.services.reading import REFUNDS, standing, to_refund
from tp_gateway.services.refund_settlement import RefundSettlement

T, F, ITEMS = table(Refund), table(RefundFile), table(RefundFileItem)
_ITEM = InsertOnce(ITEMS, ["refund_id"])
_FACTS = sa.select(*(column for column in F.c if column.name != "content_sealed"))
log = observability.logger(__name__)
_VOIDED = "This file was voided: its refunds are in another one, or wait"
_LARGEST = 5000
"""Refunds in one file."""


@dataclass(frozen=True, slots=True)
class RefundFileFacts:
    """A file for the bank; `total` in minor units of `currency`, moments aware UTC."""

    id: int
    provider: str
    title: str
    name: str
    media_type: str
    count: int
    total: int
    currency: str
    made_by: str
    made_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    voided_by: str | None
    voided_at: datetime | None


class RefundFiles:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        settlement: RefundSettlement,
        settings: PracticeSettingsStore,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault = database, registry, vault
        self._settlement, self._settings, self._clock = settlement, settings, clock

    def queue(
        self, *, status: str | None, limit: int, before_id: int | None = None
    ) -> list[tuple[RefundFacts, dict[str, str] | None]]:
        """Refunds of every provider, newest first, with the bank account they go to, its number masked; `status` is
        pending, succeeded or failed."""
        states = {"pending": OPEN_REFUND_STATES, "succeeded": (R.SUCCEEDED,), "failed": (R.FAILED,)}
        query = REFUNDS.order_by(T.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(T.c.state.in_(states[status]))
        if before_id is not None:
            query = query.where(T.c.id < before_id)
        with self._database.read() as session:
            found = [to_refund(row) for row in session.execute(query)]
            accounts = sa.select(T.c.id, T.c.account_sealed).where(T.c.id.in_([one.id for one in found]))
            sealed = {row.id: row.account_sealed for row in session.execute(accounts)}
        return [(one, _masked(self._vault.open_json(sealed[one.id]))) for one in found]

    def make(self, who: Identity, provider_slug: str | None) -> RefundFileFacts:
        """A file of every refund that waits and is in none. GatewayError: `not_found` (nothing waits), ValidationError
        (no such provider; it cannot be written), `payment_in_progress` (somebody else has just made one)."""
        provider = self._writer(provider_slug)
        with self._database.read() as session:
            found = session.execute(self._waiting(provider.slug)).all()
            zone = self._settings.current(session).system.zone
        if not found:
            raise GatewayError("not_found", "No refund waits for a file")
        currency = found[0].currency
        rows = [row for row in found if row.currency == currency]
        now = self._clock()
        title = f"RF{base64.b32encode(secrets.token_bytes(5)).decode()}"
        queued = [
            QueuedRefund(
                row.reference, row.amount, row.currency, PayoutAccount(**self._vault.open_json(row.account_sealed))
            )
            for row in rows
        ]
        try:
            file = provider.write_refunds(queued, title, now.astimezone(zone).date())
        except CannotWrite as problem:
            raise ValidationError({"provider": [str(problem)]}) from None
        values = {
            "provider": provider.slug,
            "title": title,
            "name": file.name,
            "media_type": file.media_type,
            "content_sealed": self._vault.seal(base64.b64encode(file.content).decode()),
            "count": len(rows),
            "total": sum(row.amount for row in rows),
            "currency": currency,
            "made_by": who.actor,
            "made_at": now,
        }
        with self._database.transaction() as session:
            ids = [row.id for row in rows]
            # One that staff have just confirmed by hand must not be paid by this file too.
            still = sa.select(T.c.id).where(T.c.id.in_(ids), T.c.state == R.PENDING).with_for_update()
            file_id = session.execute(sa.insert(F).returning(F.c.id), values).scalar_one()
            items = [{"refund_file_id": file_id, "refund_id": refund_id} for refund_id in ids]
            if len(session.execute(still).all()) != len(ids) or len(_ITEM.new(session, items)) != len(ids):
                raise GatewayError("payment_in_progress", "Another file of these refunds was just made")
            return _one(session, file_id)

    def list(self, *, limit: int, before_id: int | None = None) -> list[RefundFileFacts]:
        """Newest first."""
        query = _FACTS.order_by(F.c.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(F.c.id < before_id)
        with self._database.read() as session:
            return [RefundFileFacts(**row._mapping) for row in session.execute(query)]

    def content(self, file_id: int) -> tuple[RefundFileFacts, bytes]:
        """The file as it was made. NotFound; GatewayError `not_payable` for one that was voided."""
        with self._database.read() as session:
            facts = _one(session, file_id)
            if facts.voided_at is not None:
                raise GatewayError("not_payable", _VOIDED)
            sealed = session.execute(sa.select(F.c.content_sealed).where(F.c.id == file_id)).scalar_one()
        return facts, base64.b64decode(self._vault.open(sealed))

    def confirm_file(self, actor: str, file_id: int) -> RefundFileFacts:
        """The bank has paid the file: every refund of it that still waits is done. It may be said again, and is, by the
        worker, where a process died in the middle. NotFound; GatewayError `not_payable` for one that was voided."""
        with self._database.transaction() as session:
            if _one(session, file_id, lock=True).voided_at is not None:
                raise GatewayError("not_payable", _VOIDED)
            once = sa.update(F).where(F.c.id == file_id, F.c.confirmed_at.is_(None))
            session.execute(once.values(confirmed_at=self._clock(), confirmed_by=actor))
        with self._database.read() as session:
            of_file = sa.select(ITEMS.c.refund_id).where(ITEMS.c.refund_file_id == file_id)
            ids = session.execute(sa.select(T.c.id).where(T.c.id.in_(of_file), T.c.state == R.PENDING)).scalars().all()
        for refund_id in ids:
            try:
                self.confirm(actor, refund_id, paid=True)
            except GatewayError as error:  # somebody has said meanwhile that the bank sent this one back
                log.warning("refund_settled_otherwise", refund_id=refund_id, error=error.code)
        with self._database.read() as session:
            return _one(session, file_id)

    def half_confirmed(self) -> Sequence[int]:
        """Files that were confirmed, and have a refund that still waits."""
        waits = sa.select(ITEMS.c.refund_file_id).join(T, T.c.id == ITEMS.c.refund_id).where(T.c.state == R.PENDING)
        query = sa.select(F.c.id).where(F.c.id.in_(waits), F.c.confirmed_at.is_not(None))
        with self._database.read() as session:
            return session.execute(query.order_by(F.c.id)).scalars().all()

    def void(self, who: Identity, file_id: int) -> RefundFileFacts:
        """The bank has not got the file, and never will: its refunds wait for another one. It may be said again.
        NotFound; GatewayError `not_payable` for one that was confirmed."""
        with self._database.transaction() as session:
            facts = _one(session, file_id, lock=True)
            if facts.confirmed_at is not None:
                raise GatewayError("not_payable", "The bank has paid this file")
            if facts.voided_at is None:
                voided = sa.update(F).where(F.c.id == file_id)
                session.execute(voided.values(voided_at=self._clock(), voided_by=who.actor))
                session.execute(sa.delete(ITEMS).where(ITEMS.c.refund_file_id == file_id))
            return _one(session, file_id)

    def confirm(self, actor: str, refund_id: int, *, paid: bool, note: str = "") -> RefundFacts:
        """The bank has paid one refund, or (`paid` False) sent it back. It may be said again.

        GatewayError: NotFound; `not_payable` (its provider settles it by itself, the other was said before and cannot
        be true any more, or it is said not to be paid and stands in a file that the bank may still pay).
        """
        with self._database.transaction() as session:
            refund = _refund(session, refund_id)
            provider = self._registry.find(refund.provider)
            if paid and refund.state == R.FAILED:
                raise GatewayError("not_payable", "This refund was sent back or withdrawn; order another one")
            if provider is None or not provider.manifest.capabilities.refund_files:
                raise GatewayError("not_payable", "The provider of this refund says by itself what became of it")
            before = standing(session, self._vault, refund.payment_id, lock=True)
            refund = _refund(session, refund_id)
            if not paid and refund.state == R.PENDING:
                _require_in_no_open_file(session, refund_id)
            target = R.SUCCEEDED if paid else R.FAILED
            after = self._settlement.settle(session, before, refund, target, refund.reference, actor, note)
        if after.state != target:
            raise GatewayError("not_payable", f"The refund is {after.state}")
        return after

    def _writer(self, slug: str | None) -> GuardedProvider:
        able: list[GuardedProvider] = [
            one for one in self._registry if one.manifest.capabilities.refund_files and slug in (None, one.slug)
        ]
        if len(able) != 1:
            problem = "No such provider that pays refunds by a file" if not able else "Say which provider"
            raise ValidationError({"provider": [problem]})
        return able[0]

    def _waiting(self, slug: str) -> sa.Select[tuple[int, str, int, str, str]]:
        columns = (T.c.id, T.c.reference, T.c.amount, T.c.currency, T.c.account_sealed)
        in_a_file = sa.exists().where(ITEMS.c.refund_id == T.c.id)
        waits = (T.c.provider == slug, T.c.state == R.PENDING, T.c.account_sealed.is_not(None), ~in_a_file)
        return sa.select(*columns).where(*waits).order_by(T.c.id).limit(_LARGEST)


def _masked(account: dict[str, str] | None) -> dict[str, str] | None:
    return {**account, "account_number": f"****{account['account_number'][-3:]}"} if account else None


def _require_in_no_open_file(session: orm.Session, refund_id: int) -> None:
    file = sa.select(F.c.id).join(ITEMS, ITEMS.c.refund_file_id == F.c.id).where(ITEMS.c.refund_id == refund_id)
    waiting = session.execute(file.where(F.c.confirmed_at.is_(None)).with_for_update(of=F)).scalar()
    if waiting is not None:
        text = f"It stands in file {waiting}, which the bank may pay. Confirm that file first, or void it"
        raise GatewayError("not_payable", text)


def _one(session: orm.Session, file_id: int, *, lock: bool = False) -> RefundFileFacts:
    query = _FACTS.where(F.c.id == file_id)
    row = session.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound
    return RefundFileFacts(**row._mapping)


def _refund(session: orm.Session, refund_id: int) -> RefundFacts:
    row = session.execute(REFUNDS.where(T.c.id == refund_id)).first()
    if row is None:
        raise NotFound
    return to_refund(row)
