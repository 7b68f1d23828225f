"""Refunds as staff order them: reserved under the payable's lock, so that never more goes back than was taken. Sending
one is `refund_sending`'s."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money, observability
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, StoreUnavailable
from tp_gateway.errors import GatewayError, ValidationError
from tp_gateway.identity import Identity
from tp_gateway.models import Refund, table
from tp_gateway.models.states import OPEN_REFUND_STATES
from tp_gateway.models.states import PaymentState as S
from tp_gateway.models.states import RefundState as R
from tp_gateway.registry import Registry
from tp_gateway.services.clock import Clock
from tp_gateway.services.dispute_reading import left_by_disputes
from tp_gateway.services.facts import Answer, Key, PaymentFacts, RefundFacts, RenderRefund
from tp_gateway.services.idempotency import Idempotency, Repeat, in_progress
from tp_gateway.services.payment_methods import saved_account
from tp_gateway.services.reading import REFUNDS, Standing, present, standing, to_refund
from tp_gateway.services.refund_sending import RefundSending
from tp_gateway.services.refund_settlement import RefundSettlement
from tp_gateway.timing import Timing

T = table(Refund)
PayTo = int | Mapping[str, str]
"""A bank account that the patient saved, by its id, or the fields of `PayoutAccount`."""
log = observability.logger(__name__)


class Refunds:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        settlement: RefundSettlement,
        sending: RefundSending,
        idempotency: Idempotency,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._settlement, self._sending = settlement, sending
        self._idempotency, self._clock = idempotency, clock

    def request(
        self,
        who: Identity,
        payment_id: int,
        amount: Decimal | None,
        reason: str,
        reopen: bool,
        render: RenderRefund,
        key: Key | None,
        to: PayTo | None = None,
    ) -> Answer:
        """Give `amount` (major units; None for all that is left) of a payment back. `reopen`: what was paid for
        becomes due again. `to`: the customer's bank account, where the provider cannot give it back by itself.

        GatewayError: NotFound, `not_payable` (nothing was captured), `payment_disputed`, `refund_exceeds_balance`,
        ValidationError on `amount`, `bank_account` or `payment_method_id`.
        """
        with self._database.transaction() as session:
            before = standing(session, self._vault, payment_id, lock=True)
            repeat = self._idempotency.claim(session, key, self._clock())
            if repeat is None:
                refund = self._reserve(session, who, before, amount, reason, reopen, to)
                self._idempotency.attach(session, key, payment_id=payment_id, refund_id=refund.id)
        if repeat is not None:
            return self._repeat(repeat, render)
        # From here on money may be on its way: whatever the store does, the answer is never an error.
        try:
            # A refund that was ordered stays ordered: where its provider has no room, the sweep sends it.
            with self._registry.by_slug(refund.provider).place() as taken:
                refund = self._sending.send(refund, who.actor) if taken else refund
            return self._answer(refund, render, key)
        except StoreUnavailable:
            log.warning("refund_answered_without_store", refund_id=refund.id)
            return render(refund, before.payment)

    def of_payment(self, payment_id: int) -> list[RefundFacts]:
        """Every refund of a payment, oldest first."""
        with self._database.read() as session:
            rows = session.execute(REFUNDS.where(T.c.payment_id == payment_id).order_by(T.c.id))
            return [to_refund(row) for row in rows]

    def _reserve(
        self,
        session: orm.Session,
        who: Identity,
        before: Standing,
        amount: Decimal | None,
        reason: str,
        reopen: bool,
        to: PayTo | None,
    ) -> RefundFacts:
        payment = before.payment
        provider = self._registry.find(payment.provider)
        if provider is None or not provider.manifest.capabilities.refund:
            raise GatewayError("not_payable", "This payment method cannot give money back by itself")
        if payment.state == S.REFUNDED:
            raise GatewayError("refund_exceeds_balance", "Everything was given back already")
        if payment.state != S.SUCCEEDED:
            raise GatewayError("not_payable", "Only a payment that succeeded can be refunded")
        open_sum = sa.select(sa.func.coalesce(sa.func.sum(T.c.amount), 0))
        waiting = session.execute(
            open_sum.where(T.c.payment_id == payment.id, T.c.state.in_(OPEN_REFUND_STATES))
        ).scalar_one()
        left = max(0, left_by_disputes(session, payment) - payment.refunded - int(waiting))
        asked = left if amount is None else _minor_units(amount, payment)
        if asked > payment.captured:
            raise ValidationError({"amount": ["More than was paid"]})
        if asked > left or left == 0:
            text = money.to_decimal_text(left, payment.currency)
            raise GatewayError("refund_exceeds_balance", f"At most {text} can still be refunded")
        account = self._account(session, payment, to, needed=provider.manifest.capabilities.refund_files)
        if asked < payment.captured and not provider.manifest.capabilities.partial_refund:
            raise ValidationError({"amount": ["This payment method can only be refunded in full"]})
        return self._settlement.order(
            session,
            payment,
            asked,
            actor=who.actor,
            reason=reason,
            at=self._clock(),
            reopen=reopen,
            wait=self._timing.lease,
            account=account,
        )

    def _account(
        self, session: orm.Session, payment: PaymentFacts, to: PayTo | None, *, needed: bool
    ) -> Mapping[str, str] | None:
        """The fields of `PayoutAccount`, given or saved by this patient."""
        if not needed and to is not None:
            field = "payment_method_id" if isinstance(to, int) else "bank_account"
            raise ValidationError({field: ["This payment method gives money back the way it came"]})
        if needed and to is None:
            raise ValidationError(
                {"bank_account": ["Required, or the payment_method_id of one that the patient saved"]}
            )
        if not isinstance(to, int):
            return to
        saved = saved_account(session, self._vault, payment.patient_id, to)
        if saved is None:
            raise ValidationError({"payment_method_id": ["Not a bank account that this patient saved"]})
        return saved

    def _repeat(self, repeat: Repeat, render: RenderRefund) -> Answer:
        if repeat.answer is not None:
            return repeat.answer
        if repeat.refund_id is None:
            raise in_progress()
        refund = self._sending.present(repeat.refund_id)
        answer = render(refund, present(self._database, self._vault, refund.payment_id))
        return Answer(answer.status, answer.text, replayed=True)

    def _answer(self, refund: RefundFacts, render: RenderRefund, key: Key | None) -> Answer:
        answer = render(refund, present(self._database, self._vault, refund.payment_id))
        if key is not None and refund.state in (R.SUCCEEDED, R.FAILED):
            with self._database.transaction() as session:
                self._idempotency.finish(session, key, refund.payment_id, answer, self._clock())
        return answer


def _minor_units(amount: Decimal, payment: PaymentFacts) -> int:
    try:
        return money.to_minor_units(amount, payment.currency)
    except ValueError as error:
        raise ValidationError({"amount": [str(error)]}) from None
