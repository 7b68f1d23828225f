"""`Idempotency-Key`: one key of one user on one route starts one thing, and a repeat gets the same answer, byte for
byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.crypto import Vault
from tp_gateway.database import Database, InsertOnce, rows_changed
from tp_gateway.errors import GatewayError
from tp_gateway.models import IdempotencyRecord, Payment, Refund, table
from tp_gateway.models.states import OPEN_REFUND_STATES, OPEN_STATES
from tp_gateway.services.facts import Answer, Key

K = table(IdempotencyRecord)
_CLAIM = InsertOnce(K, ["user_id", "route", "key"])
KEPT = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Repeat:
    """The key was used before: with a stored `answer`, or for a payment or refund that has none yet."""

    answer: Answer | None
    payment_id: int | None
    refund_id: int | None


class Idempotency:
    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def claim(self, session: orm.Session, key: Key | None, now: datetime) -> Repeat | None:
        """Take the key, in the transaction that starts the work. None: it is ours now. GatewayError
        `idempotency_key_reuse` for another body under the same key."""
        if key is None:
            return None
        values = {
            "user_id": key.user_id,
            "route": key.route,
            "key": key.key,
            "body_hash": key.body_hash,
            "created_at": now,
        }
        if _CLAIM.new(session, values):
            return None
        record = session.execute(sa.select(K).where(*_is(key))).one()
        if record.body_hash != key.body_hash:
            raise GatewayError("idempotency_key_reuse", "This Idempotency-Key was used with another request")
        answer = self._open(record.answer_sealed) if record.answer_sealed else None
        return Repeat(answer, record.payment_id, record.refund_id)

    def attach(
        self, session: orm.Session, key: Key | None, *, payment_id: int | None = None, refund_id: int | None = None
    ) -> None:
        """Say what the key has started, in the same transaction."""
        if key is not None:
            session.execute(sa.update(K).where(*_is(key)).values(payment_id=payment_id, refund_id=refund_id))

    def once(
        self,
        database: Database,
        key: Key | None,
        now: datetime,
        work: Callable[[orm.Session], tuple[int, Answer]],
    ) -> Answer:
        """For what is done in one transaction, without a provider: `work` gives the invoice that it has changed and the
        answer, which is stored with it. A repeat waits for the first, and gets its answer."""
        with database.transaction() as session:
            repeat = self.claim(session, key, now)
            if repeat is not None:
                if repeat.answer is None:
                    raise in_progress()
                return repeat.answer
            invoice_id, answer = work(session)
            if key is not None:
                values = {"invoice_id": invoice_id, "answer_sealed": self._seal(answer), "finished_at": now}
                session.execute(sa.update(K).where(*_is(key)).values(values))
            return answer

    def release(self, session: orm.Session, key: Key | None, payment_id: int | None = None) -> None:
        """Nothing was started after all, or nothing came of `payment_id`: the key may be used again. A key that belongs
        to another payment by now stays."""
        if key is not None:
            session.execute(sa.delete(K).where(*_is(key, payment_id), K.c.finished_at.is_(None)))

    def finish(self, session: orm.Session, key: Key | None, payment_id: int, answer: Answer, now: datetime) -> None:
        """Store the final answer, in the transaction that makes it true."""
        if key is not None:
            ours = sa.update(K).where(*_is(key, payment_id), K.c.finished_at.is_(None))
            session.execute(ours.values(answer_sealed=self._seal(answer), finished_at=now))

    def stored(self, session: orm.Session, key: Key) -> Answer | None:
        """The answer that a repeat of this very request would get, if it is final already."""
        record = session.execute(sa.select(K).where(*_is(key))).first()
        if record is None or record.body_hash != key.body_hash or not record.answer_sealed:
            return None
        return self._open(record.answer_sealed)

    def begun(self, session: orm.Session, key: Key | None) -> Repeat | None:
        """What this very request has started before; None if nothing."""
        record = session.execute(sa.select(K).where(*_is(key))).first() if key is not None else None
        if key is None or record is None or record.body_hash != key.body_hash:
            return None
        answer = self._open(record.answer_sealed) if record.answer_sealed else None
        return Repeat(answer, record.payment_id, record.refund_id)

    def _seal(self, answer: Answer) -> str:
        return self._vault.seal(f"{answer.status} {answer.text}")

    def _open(self, sealed: str) -> Answer:
        status, text = self._vault.open(sealed).split(" ", 1)
        return Answer(int(status), text, replayed=True)

    def reap(self, session: orm.Session, now: datetime) -> int:
        """Delete what is old enough, but never a record whose payment or refund is still open."""
        open_payments = sa.select(Payment.id).where(Payment.state.in_(OPEN_STATES))
        open_refunds = sa.select(Refund.id).where(Refund.state.in_(OPEN_REFUND_STATES))
        old = sa.delete(K).where(
            K.c.created_at < now - KEPT,
            sa.or_(K.c.payment_id.is_(None), K.c.payment_id.not_in(open_payments)),
            sa.or_(K.c.refund_id.is_(None), K.c.refund_id.not_in(open_refunds)),
        )
        return rows_changed(session, old)


def _is(key: Key, payment_id: int | None = None) -> tuple[sa.ColumnElement[bool], ...]:
    same = (K.c.user_id == key.user_id, K.c.route == key.route, K.c.key == key.key)
    return same if payment_id is None else (*same, K.c.payment_id == payment_id)


def in_progress() -> GatewayError:
    return GatewayError(
        "idempotency_in_progress", "The first request with this key is still being worked on", retry_after=2
    )
