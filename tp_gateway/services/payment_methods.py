"""Saved payment methods: a patient's cards as the provider keeps them, and bank accounts for refunds, encrypted."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.contract import MethodOrder, Outcome, OutcomeState, Reason, SavedMethod
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, InsertOnce
from tp_gateway.errors import GatewayError, NotFound, ValidationError
from tp_gateway.identity import Identity
from tp_gateway.models import PaymentMethod, ProviderCustomer, User, table
from tp_gateway.registry import ProviderFailed, Registry
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import MethodFacts
from tp_gateway.services.payers import make_payer, remember_payer
from tp_gateway.timing import Timing

M, C, U = table(PaymentMethod), table(ProviderCustomer), table(User)
_METHOD = InsertOnce(M, ["provider", "reference"])
_FACTS = sa.select(
    *(M.c[name] for name in ("id", "kind", "provider", "reference", "details", "is_default", "created_at"))
)
_KEPT = M.c.removed_at.is_(None)


class PaymentMethods:
    def __init__(self, database: Database, registry: Registry, vault: Vault, timing: Timing, clock: Clock) -> None:
        self._database, self._registry, self._vault = database, registry, vault
        self._timing, self._clock = timing, clock

    def list(self, user_id: int) -> list[MethodFacts]:
        """The default first, then the newest."""
        with self._database.read() as session:
            return _list(session, user_id)

    def add(self, who: Identity, method: str, reference: str) -> MethodFacts:
        """Keep a provider's method (a card token from its browser form). NotFound if it is another patient's;
        ValidationError if it cannot be kept; `service_unavailable` if the provider did not answer (safe to send
        again)."""
        provider = self._registry.for_method(method)
        if not provider.manifest.capabilities.save_method or who.user_id is None:
            raise ValidationError({"payment_method": ["Cannot be saved"]})
        provider.require_available()
        with self._database.transaction() as session:
            owner = session.execute(
                sa.select(M.c.user_id).where(M.c.provider == provider.slug, M.c.reference == reference)
            ).scalar()
            if owner is not None and owner != who.user_id:
                raise NotFound
            payer = make_payer(session, provider.slug, who.user_id)
        saved = provider.save_method(MethodOrder(payer, reference, time.monotonic() + self._timing.execute))
        if isinstance(saved, Outcome):
            raise _not_saved(saved)
        with self._database.transaction() as session:
            remember_payer(session, provider.slug, who.user_id, saved.payer)
            keep_method(session, provider.slug, who.user_id, saved, self._clock())
            return _one(session, who.user_id, M.c.reference == saved.reference)

    def add_bank_account(
        self, user_id: int, bank_name: str, account_name: str, bsb: str, account_number: str
    ) -> MethodFacts:
        """Keep a bank account that refunds can go to. The number is encrypted; only its last four digits are shown."""
        details = {
            "bank_name": bank_name,
            "account_name": account_name,
            "bsb": bsb,
            "account_number": f"****{account_number[-4:]}",
        }
        now = self._clock()
        with self._database.transaction() as session:
            _lock(session, user_id)
            values = {
                "user_id": user_id,
                "kind": "bank_account",
                "details": details,
                "account_sealed": self._vault.seal(account_number),
                "is_default": not _has_default(session, user_id),
                "created_at": now,
            }
            new_id = session.execute(sa.insert(M).returning(M.c.id), values).scalar_one()
            return _one(session, user_id, M.c.id == new_id)

    def remove(self, user_id: int, method_id: int) -> None:
        """The provider forgets it first; it is gone here only when that has happened."""
        with self._database.read() as session:
            method = _one(session, user_id, M.c.id == method_id)
        if method.provider is not None and method.reference is not None:
            try:
                self._registry.by_slug(method.provider).drop_method(
                    method.reference, time.monotonic() + self._timing.fetch
                )
            except (ProviderFailed, KeyError):
                raise GatewayError(
                    "service_unavailable", "The card could not be removed just now", retry_after=10
                ) from None
        with self._database.transaction() as session:
            _remove(session, user_id, [method_id], self._clock())

    def make_default(self, user_id: int, method_id: int) -> MethodFacts:
        with self._database.transaction() as session:
            _lock(session, user_id)
            _one(session, user_id, M.c.id == method_id)
            session.execute(sa.update(M).where(M.c.user_id == user_id, M.c.is_default).values(is_default=False))
            session.execute(sa.update(M).where(M.c.id == method_id).values(is_default=True))
            return _one(session, user_id, M.c.id == method_id)

    def sync(self, provider_slug: str, payer: str) -> bool:
        """The provider says that a customer's methods changed: keep what it lists, drop what it does not. False: try
        again later."""
        with self._database.read() as session:
            known = sa.select(C.c.user_id).where(C.c.provider == provider_slug, C.c.reference == payer)
            user_id = session.execute(known).scalar()
        if user_id is None:
            return True
        try:
            there = self._registry.by_slug(provider_slug).list_methods(payer, time.monotonic() + self._timing.execute)
        except ProviderFailed:
            return False
        now = self._clock()
        with self._database.transaction() as session:
            for saved in there:
                keep_method(session, provider_slug, user_id, saved, now)
            references = [saved.reference for saved in there]
            gone = sa.select(M.c.id).where(
                M.c.user_id == user_id, M.c.provider == provider_slug, _KEPT, M.c.reference.not_in(references)
            )
            _remove(session, user_id, session.execute(gone).scalars().all(), now)
        return True


def saved_account(session: orm.Session, vault: Vault, user_id: int, method_id: int) -> dict[str, str] | None:
    """A bank account that the patient has saved, in the clear: the fields of `PayoutAccount`. None: there is none."""
    ours = M.c.account_sealed.is_not(None)  # a provider may keep one whose number we never hear
    kept = (M.c.user_id == user_id, M.c.id == method_id, M.c.kind == "bank_account", ours, _KEPT)
    row = session.execute(sa.select(M.c.details, M.c.account_sealed).where(*kept)).first()
    if row is None:
        return None
    number = vault.open(row.account_sealed)
    return {"name": row.details["account_name"], "bsb": row.details["bsb"], "account_number": number}


def keep_method(session: orm.Session, provider: str, user_id: int, saved: SavedMethod, now: datetime) -> None:
    """Write a method down, or bring it up to date; the first one becomes the default."""
    _lock(session, user_id)
    values = {
        "user_id": user_id,
        "provider": provider,
        "kind": saved.kind,
        "reference": saved.reference,
        "fingerprint": saved.fingerprint,
        "details": dict(saved.details),
        "is_default": not _has_default(session, user_id),
        "created_at": now,
        "removed_at": None,
    }
    if not _METHOD.new(session, values):
        # Only its owner's row is brought up to date: a method never changes hands.
        there = (M.c.provider == provider, M.c.reference == saved.reference, M.c.user_id == user_id)
        fresh = {"details": dict(saved.details), "fingerprint": saved.fingerprint, "removed_at": None}
        session.execute(sa.update(M).where(*there).values(fresh))


def _lock(session: orm.Session, user_id: int) -> None:
    """One change of a patient's methods at a time, or two first ones would both become the default."""
    session.execute(sa.select(U.c.id).where(U.c.id == user_id).with_for_update(key_share=True))


def _has_default(session: orm.Session, user_id: int) -> bool:
    return session.execute(sa.select(M.c.id).where(M.c.user_id == user_id, M.c.is_default, _KEPT)).first() is not None


def _list(session: orm.Session, user_id: int) -> list[MethodFacts]:
    query = _FACTS.where(M.c.user_id == user_id, _KEPT).order_by(M.c.is_default.desc(), M.c.id.desc())
    return [MethodFacts(**row._mapping) for row in session.execute(query)]


def _one(session: orm.Session, user_id: int, which: sa.ColumnElement[bool]) -> MethodFacts:
    row = session.execute(_FACTS.where(M.c.user_id == user_id, _KEPT, which)).first()
    if row is None:
        raise NotFound
    return MethodFacts(**row._mapping)


def _remove(session: orm.Session, user_id: int, ids: Iterable[int], now: datetime) -> None:
    """Mark as removed; if the default went, the newest of the rest takes its place."""
    gone = list(ids)
    if not gone:
        return
    _lock(session, user_id)
    session.execute(
        sa.update(M).where(M.c.user_id == user_id, M.c.id.in_(gone)).values(removed_at=now, is_default=False)
    )
    left = _list(session, user_id)
    if left and not left[0].is_default:
        session.execute(sa.update(M).where(M.c.id == left[0].id).values(is_default=True))


def _not_saved(outcome: Outcome) -> GatewayError:
    if outcome.state is OutcomeState.NEEDS_ACTION:
        return ValidationError(
            {"payment_method_id": ["Your bank wants to confirm this card: save it with a payment instead"]}
        )
    if outcome.state is OutcomeState.DECLINED and outcome.reason is Reason.REJECTED:
        return GatewayError("provider_error")
    if outcome.state is OutcomeState.DECLINED and outcome.reason is Reason.INVALID_METHOD:
        return ValidationError({"payment_method_id": ["Cannot be used"]})
    if outcome.state is OutcomeState.DECLINED:
        return GatewayError("card_declined")
    return GatewayError("service_unavailable", retry_after=10)
