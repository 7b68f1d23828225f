"""What is held is captured by staff, wholly or in part, or let go. Commit, call, commit, as for a charge.

A capture is ordered by moving `authorized → submitting` under the payable's lock, so there is one at a time. The sweep
finds out what became of it and never sends it again: what was not captured is `authorized` as before, and staff see it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import orm

from tp_gateway import money
from tp_gateway.contract import CaptureOrder, Outcome, OutcomeState
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, rows_changed
from tp_gateway.errors import GatewayError, ValidationError
from tp_gateway.identity import Identity
from tp_gateway.models import Payment, table
from tp_gateway.models.states import PaymentState as S
from tp_gateway.registry import GuardedProvider, Registry
from tp_gateway.services import history
from tp_gateway.services.charge import Charge, Drive
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import Answer, Key, PaymentFacts, RenderPayment
from tp_gateway.services.idempotency import Idempotency, in_progress
from tp_gateway.services.reading import CHANGE_PAYMENT, Standing, present, standing
from tp_gateway.timing import Timing

P = table(Payment)


class Capturing:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        charge: Charge,
        idempotency: Idempotency,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._charge, self._idempotency, self._clock = charge, idempotency, clock

    def capture(
        self, who: Identity, payment_id: int, amount: Decimal | None, render: RenderPayment, key: Key | None
    ) -> Answer:
        """Take `amount` (major units; None for all that is held and due) of an authorized payment. The rest is let go.

        GatewayError: NotFound, ValidationError on `amount`, `not_payable` (nothing is held), `already_paid` (it was
        captured, or nothing is due), `payment_in_progress`, `provider_error` (the provider refused it; it is still
        held), `service_unavailable` (nothing was sent).
        """
        provider = self._provider(payment_id)
        ordered = self._order(who, payment_id, amount, render, key)
        if isinstance(ordered, Answer):
            return ordered
        payment, units = ordered
        began = self._clock()
        sent = provider.capture(
            CaptureOrder(
                id=payment.uuid,
                reference=payment.reference or "",
                amount=units,
                currency=payment.currency,
                # The epoch is this order's own: another try by staff must not be answered with this one's refusal.
                idempotency_key=f"{payment.uuid}:capture:{payment.epoch}",
                deadline=time.monotonic() + self._timing.execute,
                state=payment.provider_state,
            )
        )
        after = self._settle(payment, sent, began, Drive(who.actor, key, render))
        if after.state in (S.AUTHORIZED, S.UNKNOWN):
            self._refuse_if_certain(after, sent, key)
        return render(after)

    def void(self, who: Identity, payment_id: int) -> PaymentFacts:
        """Let go what is held. `payment_in_progress` if the provider did not say that it is gone, `already_paid` if a
        capture was faster, `not_payable` if nothing is held."""
        provider = self._provider(payment_id)
        with self._database.transaction() as session:
            before = standing(session, self._vault, payment_id, lock=True)
            _require_held(before.payment)
            payment = self._take(session, before.payment, {})
        began = self._clock()
        outcome = provider.void(payment.reference or "", time.monotonic() + self._timing.fetch)
        after = self._settle(payment, outcome, began, Drive(who.actor))
        if after.state == S.FAILED:
            return after
        if after.is_open:
            raise _busy(after)
        raise GatewayError("already_paid", "It was captured before it could be let go", payment_id=after.id)

    def _provider(self, payment_id: int) -> GuardedProvider:
        """Able and ready, before anything is written."""
        payment = present(self._database, self._vault, payment_id)
        provider = self._registry.find(payment.provider)
        if provider is None or not provider.manifest.capabilities.capture:
            raise GatewayError("not_payable", "This payment method cannot hold an amount", payment_id=payment_id)
        provider.require_available()
        return provider

    def _order(
        self, who: Identity, payment_id: int, amount: Decimal | None, render: RenderPayment, key: Key | None
    ) -> tuple[PaymentFacts, int] | Answer:
        """Commit that this much is being captured; or the answer to a repeat."""
        with self._database.transaction() as session:
            before = standing(session, self._vault, payment_id, lock=True)
            payment = before.payment
            repeat = self._idempotency.claim(session, key, self._clock())
            if repeat is not None and repeat.answer is not None:
                return repeat.answer
            if repeat is not None and payment.state != S.AUTHORIZED:
                return self._repeat(session, payment, render, key)
            _require_held(payment)
            units = _units(before, amount)
            what = f"capture {money.to_decimal_text(units, payment.currency)}"
            move = history.payment_move(payment.provider, S.AUTHORIZED, S.SUBMITTING, actor=who.actor, reason=what)
            taken = self._take(session, payment, move)
            self._idempotency.attach(session, key, payment_id=payment.id)
        return taken, units

    def _repeat(self, session: orm.Session, payment: PaymentFacts, render: RenderPayment, key: Key | None) -> Answer:
        """The same key again, after the first request was cut off: what it came to, once that is known."""
        if payment.is_open:
            raise in_progress()
        answer = render(payment)
        self._idempotency.finish(session, key, payment.id, answer, self._clock())
        return Answer(answer.status, answer.text, replayed=True)

    def _take(self, session: orm.Session, payment: PaymentFacts, more: dict[str, str]) -> PaymentFacts:
        """Raise the epoch: whatever anybody else still does with it is fenced off."""
        now = self._clock()
        lease = now + timedelta(seconds=self._timing.lease)
        values = {"epoch": payment.epoch + 1, "checks": 0, "next_check_at": lease, "updated_at": now, **more}
        unchanged = {"payment": payment.id, "held": payment.epoch, "was": str(S.AUTHORIZED)}
        if rows_changed(session, CHANGE_PAYMENT, values | unchanged) != 1:
            raise RuntimeError("a locked payment changed under its lock")
        state = more.get("state", payment.state)
        return replace(payment, epoch=payment.epoch + 1, checks=0, next_check_at=lease, state=state)

    def _settle(self, payment: PaymentFacts, outcome: Outcome, began: datetime, drive: Drive) -> PaymentFacts:
        """Only money or a closed object is an answer; for everything else the provider is asked how it stands now."""
        if outcome.state is not OutcomeState.SUCCEEDED and not outcome.closed:
            outcome, began = self._charge.look(payment)
        return self._charge.settle(payment, outcome, began, drive)

    def _refuse_if_certain(self, payment: PaymentFacts, sent: Outcome, key: Key | None) -> None:
        """Where certainly nothing was captured the caller is told so, and the key is free for another try. Anything
        unclear is no error: it is shown as it stands."""
        if sent.state not in (OutcomeState.NOT_SENT, OutcomeState.DECLINED):
            return
        with self._database.transaction() as session:
            self._idempotency.release(session, key, payment.id)
        if sent.state is OutcomeState.NOT_SENT:
            raise GatewayError("service_unavailable", payment_id=payment.id, retry_after=5)
        text = "The payment provider refused the capture. The amount is still held"
        raise GatewayError("provider_error", text, payment_id=payment.id)


def _require_held(payment: PaymentFacts) -> None:
    """It is held, and nobody captures it just now."""
    if payment.state == S.AUTHORIZED:
        return
    if payment.is_open:
        raise _busy(payment)
    if payment.state == S.FAILED:
        raise GatewayError("not_payable", "Nothing is held any more", payment_id=payment.id)
    raise GatewayError("already_paid", "This payment was captured already", payment_id=payment.id)


def _units(before: Standing, amount: Decimal | None) -> int:
    """What to capture: at most what is held, and never more than is due."""
    payment = before.payment
    most = min(payment.amount, before.due)
    if most == 0:
        raise GatewayError("already_paid", "Nothing is due any more: let it go", payment_id=payment.id)
    if amount is None:
        return most
    try:
        units = money.to_minor_units(amount, payment.currency)
    except ValueError as error:
        raise ValidationError({"amount": [str(error)]}) from None
    if units > most:
        raise ValidationError({"amount": [f"At most {money.to_decimal_text(most, payment.currency)}"]})
    return units


def _busy(payment: PaymentFacts) -> GatewayError:
    text = f"Payment {payment.id} is being worked on. Please look again in a moment"
    return GatewayError("payment_in_progress", text, payment_id=payment.id, retry_after=5)
