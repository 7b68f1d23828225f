"""Money that the provider has, with our label on it, and no row here: after a restored backup. It is written down as
what it is, not lost."""

from __future__ import annotations

import sqlalchemy as sa

from tp_gateway import observability
from tp_gateway.contract import Flow, Label, Observation, Outcome
from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.models import Payable, Payment, table
from tp_gateway.models.states import PaymentState
from tp_gateway.registry import GuardedProvider
from tp_gateway.services import history
from tp_gateway.services.bookkeeping import Booking, update_invoice_status
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import PaymentFacts
from tp_gateway.services.reading import standing

P, Y = table(Payment), table(Payable)
ACTOR = "sweep"
log = observability.logger(__name__)


class Adoption:
    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database, self._vault, self._clock = database, vault, clock

    def adopt(self, provider: GuardedProvider, observation: Observation, evidence: Outcome) -> PaymentFacts | None:
        """Make the payment from the labels (`Label.PAYMENT`, `Label.PAYABLE`) and proven money. False, with a log
        line for a person, where the labels lead nowhere."""
        uuid, payable = observation.labels.get(Label.PAYMENT), observation.labels.get(Label.PAYABLE)
        named = evidence.reference in (None, observation.reference)
        if not uuid or not payable or not evidence.settled or not evidence.currency or not named:
            log.error("money_without_owner", provider=provider.slug, reference=observation.reference)
            return None
        now = self._clock()
        with self._database.transaction() as session:
            owner = session.execute(sa.select(Y).where(Y.c.uuid == payable).with_for_update()).first()
            if owner is None or owner.currency != evidence.currency:
                log.error("money_without_owner", provider=provider.slug, reference=observation.reference)
                return None
            if session.execute(sa.select(P.c.id).where(P.c.uuid == uuid)).first() is not None:
                return None
            same = sa.or_(P.c.reference == observation.reference, P.c.evidence == evidence.evidence)
            if session.execute(sa.select(P.c.id).where(P.c.provider == provider.slug, same)).first() is not None:
                log.error("money_is_of_another_payment", provider=provider.slug, reference=observation.reference)
                return None
            values = {
                "uuid": uuid,
                "payable_id": owner.id,
                "patient_id": owner.patient_id,
                "appointment_id": owner.appointment_id,
                "invoice_id": owner.invoice_id,
                "provider": provider.slug,
                "method": provider.manifest.method,
                "flow": str(Flow.DIRECT),
                "single_flight": provider.manifest.single_flight,
                "amount": evidence.settled,
                "currency": evidence.currency,
                **history.payment_move(provider.slug, None, PaymentState.SUCCEEDED, actor=ACTOR, reason="adopted"),
                "reference": observation.reference,
                "captured": evidence.settled,
                "evidence": evidence.evidence,
                "transaction_id": evidence.transaction,
                "receipt_url": evidence.receipt_url,
                "late_success": True,
                "expires_at": now,
                "created_by": ACTOR,
                "created_at": now,
                "updated_at": now,
                "settled_at": now,
            }
            new_id = session.execute(sa.insert(P).returning(P.c.id), values).scalar_one()
            adopted = standing(session, self._vault, new_id)
            booking = Booking(session, adopted, ACTOR, now)
            fee = (evidence.fee or 0, evidence.transaction) if evidence.transaction else (0, "")
            paid, _credit = booking.charge(evidence.settled, evidence.evidence or uuid, *fee)
            update_invoice_status(session, adopted, paid, now)
            history.tell(session, "payment.succeeded", adopted.payment, now)
            payment = standing(session, self._vault, new_id).payment
        log.error("money_adopted", payment_id=new_id, provider=provider.slug)
        return payment
