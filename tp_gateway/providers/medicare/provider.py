"""Medicare: bulk bills as payments, patient claims as rebates. It puts the parts of this folder together; the rules are
in them. Nothing here stores anything or knows an invoice."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from tp_gateway.contract import (
    Environment,
    Health,
    Manifest,
    Order,
    Outcome,
    OutcomeState,
    Prepared,
    PreparedRebate,
    Reason,
    RebateFact,
    RebateOrder,
    RebateState,
    Veto,
)
from tp_gateway.providers.medicare import evidence, lodging, patient_claims, screening, settings
from tp_gateway.providers.medicare.claim import IS_PAID, MAY_BE_THERE, NOT_LODGED, BulkBillClaim, State
from tp_gateway.providers.medicare.dates import local_day
from tp_gateway.providers.medicare.items import Catalogue
from tp_gateway.providers.medicare.limits import Claim, Finding, Policy, last_day
from tp_gateway.providers.medicare.manifest import MANIFEST
from tp_gateway.providers.medicare.parameters import BulkBillFields, RebateFields
from tp_gateway.providers.medicare.rendered import Rendered, rendered
from tp_gateway.providers.medicare.reports import Reports, settled
from tp_gateway.providers.medicare.transports import NotSent, ProcessingReport, Refused, Transport, Unclear
from tp_gateway.providers.medicare.transports.values import DeleteReason, ReportQuery

_BULK_BILL, _REBATE = BulkBillFields(), RebateFields()


class MedicareProvider:
    """`transport` is None where staff lodge by hand. `now` gives the aware present."""

    manifest: ClassVar[Manifest] = MANIFEST

    def __init__(
        self,
        given: Mapping[str, Any],
        environment: Environment,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._transport: Transport | None = settings.transport(given, environment)
        self._given, self._now = given, now
        self._minor_id, self._consent_days = given["minor_id"], timedelta(days=given["consent_days"])
        self._numbers, self._payee = settings.numbers(given), settings.payee(given)
        self._catalogue = Catalogue.load(Path(given["items_file"]) if given["items_file"] else None)

    @classmethod
    def build(cls, given: Mapping[str, Any], environment: Environment) -> MedicareProvider:
        return cls(given, environment)

    def check(self, deadline: float) -> Health:
        """A report is asked for that nobody has: whoever says that there is none, works."""
        if self._transport is None:
            return Health(True, "staff lodge claims by hand and record them")
        number = self._payee or next(iter(self._numbers.values()), None)
        if number is None:
            return Health(True, "not asked: the settings name no provider number")
        nobodys = self._correlation_id(str(time.time()))
        answer = self._transport.processing_report(ReportQuery(number), nobodys, deadline)
        if isinstance(answer, ProcessingReport):
            return Health(True)
        return Health(False, f"Medicare: {_why(answer)}")

    # --- bulk bills ---------------------------------------------------------------------------------------------------

    def screen(self, order: Order) -> Veto | None:
        asked = _BULK_BILL.typed(order.parameters)
        what = self._rendered(asked, order)
        if isinstance(what, Veto):
            return what
        refused = screening.refusal(self._findings(Claim.BULK_BILL, what, asked, order))
        return refused or screening.consent_refusal(asked["consent"], what.day, self._policy(order))

    def prepare(self, order: Order) -> Prepared | Outcome:
        """Names the claim and nothing more: nobody is called. The same order gives the same correlation id, also after
        a restored backup."""
        asked = _BULK_BILL.typed(order.parameters)
        what = self._rendered(asked, order)
        if isinstance(what, Veto):
            return Outcome(OutcomeState.DECLINED, closed=True, reason=Reason.REJECTED, provider_code=what.code)
        found = self._findings(Claim.BULK_BILL, what, asked, order)
        claim = BulkBillClaim(
            state=State.AWAITING_CONSENT,
            rendered=what.plain(),
            made_at=self._now().isoformat(),
            warnings=screening.warnings(found) + screening.referral_warning(asked, what),
            unclear=_unclear(order, what),
        )
        if asked["consent"] is not None:
            state = State.DRAFT if self._transport is None else State.SUBMITTING
            claim = evidence.with_consent(claim, asked["consent"], state, order.time_zone)
        return Prepared(self._correlation_id(order.id), state=claim.kept())

    def execute(self, order: Order, reference: str | None) -> Outcome:
        if reference is None or not order.state:
            return Outcome(OutcomeState.NOT_SENT, reason=Reason.NO_SUCH_OBJECT)
        claim = BulkBillClaim.read(order.state)
        if self._transport is None or claim.state in NOT_LODGED or claim.consent is None:
            return lodging.waiting(claim, reference, self._waits_until(claim, order))
        asked = _BULK_BILL.typed(order.parameters)
        consented_at = datetime.fromisoformat(claim.consent["assigned_at"])
        bill = lodging.bulk_bill(claim, asked, consented_at, self._payee, order.time_zone)
        answer = self._transport.submit_bulk_bill(bill, reference, order.deadline)
        return lodging.answered(claim, reference, answer, self._now(), repeated=order.repeated)

    def fetch(self, order: Order, reference: str | None) -> Outcome:
        if reference is None or not order.state:
            return Outcome(OutcomeState.UNKNOWN, reason=Reason.NO_SUCH_OBJECT)
        claim = BulkBillClaim.read(order.state)
        if claim.state in NOT_LODGED:
            return lodging.waiting(claim, reference, self._waits_until(claim, order))
        if claim.state in IS_PAID:
            return settled(claim, reference)
        if claim.state not in MAY_BE_THERE:
            return lodging.rejected(claim, reference, claim.code, claim.text)
        if self._transport is None:
            return lodging.pending(claim, reference, 86_400)
        return Reports(self._transport, self._payee).ask(claim, reference, order.deadline, self._now())

    def close(self, order: Order, reference: str) -> Outcome:
        """What was not lodged ends here. What may be with Medicare cannot be taken back: there is no call for it."""
        if not order.state:
            return Outcome(OutcomeState.UNKNOWN, reference, reason=Reason.NO_SUCH_OBJECT)
        claim = BulkBillClaim.read(order.state)
        if claim.state not in NOT_LODGED:
            return self.fetch(order, reference)
        over = replace(claim, state=State.WITHDRAWN)
        return Outcome(
            OutcomeState.DECLINED, reference, closed=True, reason=Reason.CANCELED, provider_state=over.kept()
        )

    def read_evidence(self, order: Order, reference: str, parameters: Mapping[str, Any]) -> Outcome | Prepared | Veto:
        claim, said = BulkBillClaim.read(order.state), evidence.EvidenceFields().typed(parameters)
        refused = screening.consent_refusal(said["consent"], claim.what().day, self._policy(order))
        if refused is not None:
            return refused
        if said["paid_on"] is not None and said["paid_on"] > local_day(self._now(), order.time_zone):
            return Veto("validation_error", "In the future", "paid_on")
        by_hand, until = self._transport is None, last_day(Claim.BULK_BILL, claim.what().day)
        return evidence.read(claim, reference, said, by_hand=by_hand, until=until, zone=order.time_zone)

    # --- patient claims -----------------------------------------------------------------------------------------------

    def prepare_rebate(self, order: RebateOrder) -> PreparedRebate | Veto:
        if self._transport is None:
            return Veto("not_payable", "Claims are lodged by hand here: lodge this one in HPOS")
        asked = _REBATE.typed(order.parameters)
        what = self._rendered(asked, order)
        if isinstance(what, Veto):
            return what
        found = self._findings(Claim.PATIENT_CLAIM, what, asked, order)
        refused = screening.refusal(found)
        if refused is not None:
            return refused
        warnings = screening.warnings(found) + screening.referral_warning(asked, what)
        kept = patient_claims.Kept(what, local_day(self._now(), order.time_zone), warnings)
        return PreparedRebate(self._correlation_id(order.id), what.subject, kept.state())

    def lodge_rebate(self, order: RebateOrder, reference: str) -> RebateFact:
        if self._transport is None:
            return RebateFact(RebateState.UNKNOWN, final=True)
        kept = patient_claims.Kept.read(order.state)
        claim = patient_claims.patient_claim(kept, _REBATE.typed(order.parameters), self._payee)
        answer = self._transport.submit_patient_claim(claim, reference, order.deadline)
        return patient_claims.answered(kept, order, answer, self._now())

    def delete_rebate(self, order: RebateOrder, reference: str) -> RebateFact:
        if self._transport is None:
            return RebateFact(RebateState.UNKNOWN, final=True)
        patient = lodging.person(_REBATE.typed(order.parameters)["patient"])
        return patient_claims.deleted(
            self._transport.delete_same_day(patient, DeleteReason.OTHER, reference, order.deadline)
        )

    # --- what both have in common -------------------------------------------------------------------------------------

    def _rendered(self, asked: Mapping[str, Any], order: Order | RebateOrder) -> Rendered | Veto:
        return rendered(asked, order.amount, order.currency, order.service, self._numbers, order.time_zone)

    def _findings(
        self, claim: Claim, what: Rendered, asked: Mapping[str, Any], order: Order | RebateOrder
    ) -> list[Finding]:
        policy = self._policy(order)
        return screening.findings(claim, what, asked, order.earlier, self._catalogue, policy, self._now())

    def _policy(self, order: Order | RebateOrder) -> Policy:
        return settings.policy(self._given, order.time_zone)

    def _correlation_id(self, order_id: str) -> str:
        """A claim's identity at Medicare: our location's Minor ID and 16 hexadecimal digits."""
        return f"urn:uuid:{self._minor_id}{hashlib.sha256(order_id.encode()).hexdigest()[:16]}"

    def _waits_until(self, claim: BulkBillClaim, order: Order) -> date:
        until = last_day(Claim.BULK_BILL, claim.what().day)
        if claim.state is State.AWAITING_CONSENT:
            until = min(until, order.made_on + self._consent_days)
        return until


def _unclear(order: Order, what: Rendered) -> list[str]:
    """Correlation ids of this patient's claims for the same service that were given up without anybody knowing."""
    return [
        str(one.state["in_doubt"])
        for one in order.earlier
        if one.state.get("in_doubt") and Rendered.read(one.state["rendered"]).is_same_service(what)
    ]


def _why(answer: Refused | NotSent | Unclear) -> str:
    return " ".join(answer.codes) if isinstance(answer, Refused) else answer.why
