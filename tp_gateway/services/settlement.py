"""The only writer of what a provider found out. Request, webhook, sweep and staff all end in `Settlement.apply`,
under the payable's lock.

It moves a payment only along `models.states.TRANSITIONS`, books money, keeps payable and invoice in step, writes the
history and the outbox. It never calls a provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import Manifest, Outcome, OutcomeState, Reason
from tp_gateway.crypto import Vault
from tp_gateway.database import rows_changed
from tp_gateway.models import Payment, table
from tp_gateway.models.states import OPEN_STATES, RANK, TRANSITIONS
from tp_gateway.models.states import PaymentState as S
from tp_gateway.registry import Registry
from tp_gateway.services import bookkeeping, history, remittance_settlement
from tp_gateway.services.clock import Clock, end_of, next_look
from tp_gateway.services.facts import PaymentFacts
from tp_gateway.services.one_name import is_of_another_payment
from tp_gateway.services.practice_settings import PracticeSettingsStore
from tp_gateway.services.reading import CHANGE_PAYMENT, Standing, standing, standing_of
from tp_gateway.services.refund_settlement import RefundSettlement
from tp_gateway.timing import Timing

P = table(Payment)
_MONEY_IS_IN = (S.SUCCEEDED, S.REFUNDED)
_BEING_DRIVEN = (S.CREATED, S.SUBMITTING)
_HOLD = ("authorized_at", "capture_before")
_LOOKS_FOR_TRANSACTION = 20
_LONGEST_WAIT = 86_400
_NOT_ABOUT_THIS = Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR)
log = observability.logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, by whom (`actor`), and when the look at the provider began. `epoch`: only if the payment still
    has it."""

    outcome: Outcome
    actor: str
    began: datetime
    epoch: int | None = None


class Settlement:
    def __init__(
        self,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        refunds: RefundSettlement,
        settings: PracticeSettingsStore,
        clock: Clock,
    ) -> None:
        self._registry, self._vault, self._timing, self._refunds = registry, vault, timing, refunds
        self._settings, self._clock = settings, clock

    def apply(self, session: orm.Session, known: PaymentFacts, finding: Finding) -> PaymentFacts:
        """Bring the payment, last read as `known`, to what was found. Returns it as it stands afterwards; a stale or
        fenced finding changes nothing."""
        if finding.epoch is not None and known.state in _BEING_DRIVEN:
            before = standing_of(session, self._vault, known)
        else:
            before = standing(session, self._vault, known.id, lock=True)
        payment, outcome = before.payment, finding.outcome
        if finding.epoch is not None and payment.epoch != finding.epoch:
            return payment
        manifest = self._registry.by_slug(payment.provider).manifest
        problem = _mismatch(payment, outcome, manifest)
        if is_of_another_payment(session, payment, outcome.reference):
            problem, outcome = "the provider answered for another payment", _NOT_ABOUT_THIS
        target = _target(payment, outcome, manifest, problem)
        no_news = (*_BEING_DRIVEN, S.UNKNOWN, *((S.AUTHORIZED,) if payment.authorized_at else ()))
        if finding.epoch is None and payment.state in _BEING_DRIVEN and target in no_news:
            return payment  # no news for the one who drives it, and his turn is not to be taken away
        if (
            payment.observed_at
            and finding.began < payment.observed_at
            and RANK.get(target, 9) <= RANK.get(S(payment.state), 9)
        ):
            return payment
        now = self._clock()
        changes = _facts_of(outcome, payment, target, self._vault)
        if outcome.state is not OutcomeState.UNKNOWN and outcome.reference is not None:
            changes["observed_at"] = max(finding.began, payment.observed_at or finding.began)
        if target is S.AUTHORIZED and payment.authorized_at is None:
            changes["authorized_at"] = now
        if target is S.AWAITING_CUSTOMER and outcome.waits_until is not None:
            changes["expires_at"] = end_of(outcome.waits_until, self._settings.zone(payment.zone_name))
        booking = bookkeeping.Booking(session, before, finding.actor, now)
        facts = {"state": str(target), **_plain(changes, outcome, target)}
        if problem:
            self._review(booking, problem, outcome, changes)
        elif outcome.state is OutcomeState.SUCCEEDED:
            booked, invoice = self._book(booking, before, outcome, manifest)
            changes |= booked
            facts |= booked | invoice
        changes |= {"updated_at": now, "next_check_at": self._next_check(payment, target, facts, outcome, now)}
        after = replace(payment, **facts, next_check_at=changes["next_check_at"])
        moved = self._moved(payment, after, finding)
        unchanged = {"payment": payment.id, "held": payment.epoch, "was": payment.state}
        if rows_changed(session, CHANGE_PAYMENT, changes | moved | unchanged) != 1:
            raise RuntimeError("a locked payment changed under its lock")
        if moved and after.state == S.AUTHORIZED and payment.authorized_at is None:
            history.tell(session, "payment.authorized", after, now)
        if moved and after.state in (S.SUCCEEDED, S.FAILED) and payment.state != S.REFUNDED:
            history.tell(session, f"payment.{after.state}", after, now)
        if outcome.remittance is not None and outcome.state is OutcomeState.SUCCEEDED and not problem:
            mine = {one.transaction: after.id for one in outcome.remittance.items if one.reference == after.reference}
            look = remittance_settlement.Look(payment.provider, now, now)
            remittance_settlement.apply(session, look, outcome.remittance, mine, now)
        if outcome.refunds and target in _MONEY_IS_IN:
            refunded = self._refunds.sync(session, after.id, outcome.refunds, f"provider:{payment.provider}")
            after = replace(refunded, next_check_at=after.next_check_at)
        return after

    def _book(
        self, booking: bookkeeping.Booking, before: Standing, outcome: Outcome, manifest: Manifest
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Money is there. Returns (columns of the payment that change, how its invoice reads afterwards)."""
        payment, settled, evidence = before.payment, outcome.settled or 0, outcome.evidence or ""
        known = payment.transaction_id is not None and not payment.needs_review
        fee = (outcome.fee or 0, outcome.transaction) if outcome.transaction and not known else (0, "")
        if settled <= payment.captured:
            booking.fee(*fee)
            return {}, {}
        changes: dict[str, Any] = {"captured": settled, "evidence": evidence, "settled_at": booking.at}
        if payment.needs_review:
            booking.release_suspense()
            changes["needs_review"] = False
        book = booking.sole_charge if manifest.sole_payer else booking.charge
        paid, credit = book(settled - payment.captured, evidence, *fee)
        status = bookkeeping.update_invoice_status(booking.session, before, paid, booking.at)
        if payment.state == S.FAILED:
            changes["late_success"] = True
            log.error("late_success", payment_id=payment.id, provider=payment.provider)
            able = manifest.capabilities
            if credit and able.refund and not able.refund_files:
                # The patient may have paid another way since: what is too much goes back, exactly once. Where nobody
                # knows to which account, it is the patient's credit until staff decide.
                self._refunds.order(
                    booking.session, payment, credit, actor="sweep", reason="over_collected", at=booking.at
                )
        invoice = payment.invoice
        if invoice is None or status is None or invoice.id != before.live_invoice_id:
            return changes, {}
        return changes, {"invoice": replace(invoice, amount_paid=invoice.amount_paid + paid, status=status)}

    def _review(self, booking: bookkeeping.Booking, problem: str, outcome: Outcome, changes: dict[str, Any]) -> None:
        if outcome.state is OutcomeState.SUCCEEDED and not booking.payment.captured:
            booking.suspense(outcome.settled or 0, outcome.currency or "", outcome.evidence or "")
        changes |= {"needs_review": True, "review_note": problem}
        if not booking.payment.needs_review:
            observability.REVIEWS.labels(booking.payment.provider).inc()
            log.error("needs_review", payment_id=booking.payment.id, provider=booking.payment.provider, problem=problem)
            history.tell(booking.session, "payment.needs_review", booking.payment, booking.at)

    def _next_check(
        self, payment: PaymentFacts, target: S, facts: Mapping[str, Any], outcome: Outcome, now: datetime
    ) -> datetime | None:
        waiting_for_transaction = target is S.SUCCEEDED and not facts.get("transaction_id", payment.transaction_id)
        waiting_for_transaction &= payment.checks < _LOOKS_FOR_TRANSACTION  # a provider may have none
        if target not in OPEN_STATES and not waiting_for_transaction:
            return None
        if target is S.AWAITING_CUSTOMER and outcome.waits_until is not None:
            return max(now, end_of(outcome.waits_until, self._settings.zone(payment.zone_name)))
        if outcome.check_after is not None:
            return now + timedelta(seconds=min(max(outcome.check_after, 1), _LONGEST_WAIT))
        return next_look(self._timing, now, payment.checks if target == payment.state else 0)

    def _moved(self, payment: PaymentFacts, after: PaymentFacts, finding: Finding) -> dict[str, str]:
        """The columns of the payment's move; nothing where it stays as it is. Another attempt of the customer that
        failed is a move too: the table of states has it."""
        codes = ("", payment.provider_code)
        if after.state == payment.state and (after.state != S.AWAITING_CUSTOMER or after.provider_code in codes):
            return {}
        reason = after.reason or finding.outcome.provider_code
        return history.payment_move(payment.provider, payment.state, after.state, actor=finding.actor, reason=reason)


def _target(payment: PaymentFacts, outcome: Outcome, manifest: Manifest, problem: str | None) -> S:
    """The state that the outcome asks for, or the present one if it asks for nothing legal."""
    state = S(payment.state)
    if problem:
        wanted = S.UNKNOWN
    elif outcome.state is OutcomeState.SUCCEEDED:
        wanted = state if state in _MONEY_IS_IN else S.SUCCEEDED
    elif state in (*_MONEY_IS_IN, S.FAILED):
        wanted = state  # money evidence outranks whatever is said afterwards; a closed payment stays closed
    elif outcome.state is OutcomeState.AUTHORIZED:
        wanted = S.AUTHORIZED
    elif outcome.state is OutcomeState.PENDING:
        wanted = S.PROCESSING
    elif outcome.state is OutcomeState.NEEDS_ACTION:
        wanted = S.AWAITING_CUSTOMER
    elif outcome.state is OutcomeState.DECLINED:
        # `failed` is said only when the object is closed, or never existed, or cannot be closed at this kind of
        # provider.
        definite = outcome.closed or state is S.CREATED or not manifest.capabilities.two_step
        wanted = S.FAILED if definite else state
    else:
        wanted = S.UNKNOWN if state is S.SUBMITTING else state
    return wanted if wanted is state or (state, wanted) in TRANSITIONS else state


def _mismatch(payment: PaymentFacts, outcome: Outcome, manifest: Manifest) -> str | None:
    """Why a person must look: what the provider says cannot be what we asked for."""
    absent = outcome.reason is Reason.NO_SUCH_OBJECT and not manifest.capabilities.resumable
    if absent and payment.reference and payment.state in OPEN_STATES:
        return "the provider does not know the reference that it gave us"
    if outcome.state is OutcomeState.AUTHORIZED and not payment.manual_capture:
        return "holds an amount that was to be taken"
    if outcome.state is OutcomeState.AUTHORIZED and outcome.authorized != payment.amount:
        return f"holds {outcome.authorized}, asked {payment.amount} minor units"
    if outcome.state is not OutcomeState.SUCCEEDED:
        return None
    if payment.reference and outcome.reference != payment.reference:
        return "another reference was settled"
    if outcome.currency != payment.currency:
        return f"settled in {outcome.currency}, asked in {payment.currency}"
    if payment.manual_capture and 0 < (outcome.settled or 0) <= payment.amount:
        return None  # a part of a hold may be captured, also in the provider's dashboard
    if payment.captured and outcome.settled == payment.captured:
        return None  # staff have accepted it
    if manifest.settles_exactly and outcome.settled != payment.amount:
        return f"settled {outcome.settled}, asked {payment.amount} minor units"
    return None


def _facts_of(outcome: Outcome, payment: PaymentFacts, target: S, vault: Vault) -> dict[str, Any]:
    """Columns that the outcome fills. What is known is never overwritten with nothing."""
    changes: dict[str, Any] = {}
    if outcome.reference and payment.reference is None:
        changes["reference"] = outcome.reference
    for column, value in (("transaction_id", outcome.transaction), ("receipt_url", outcome.receipt_url)):
        if value:
            changes[column] = value
    if outcome.provider_state is not None:
        changes["provider_state_sealed"] = vault.seal_json(dict(outcome.provider_state))
    if outcome.capture_before is not None:
        changes["capture_before"] = outcome.capture_before
    if target not in OPEN_STATES or target is S.AUTHORIZED:
        changes["action_sealed"] = None
    elif outcome.action:
        changes["action_sealed"] = vault.seal_json(dict(outcome.action))
    if target in (S.SUCCEEDED, S.REFUNDED):
        changes |= {"reason": "", "provider_code": ""}
    elif outcome.state is not OutcomeState.UNKNOWN and payment.state not in (*_MONEY_IS_IN, S.FAILED):
        changes |= {"reason": str(outcome.reason), "provider_code": outcome.provider_code[:200]}
    return changes


def _plain(changes: Mapping[str, Any], outcome: Outcome, target: S) -> dict[str, Any]:
    """The same changes as they read in `PaymentFacts`."""
    names = (
        "reference",
        "transaction_id",
        "receipt_url",
        "reason",
        "provider_code",
        "observed_at",
        "expires_at",
        *_HOLD,
    )
    plain = {name: changes[name] for name in names if name in changes}
    if "action_sealed" in changes:
        plain["action"] = dict(outcome.action) if target in OPEN_STATES else {}
    if outcome.provider_state is not None:
        plain["provider_state"] = dict(outcome.provider_state)
    return plain
