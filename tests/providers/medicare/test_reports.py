"""What is believed of Medicare's reports: only what is about this claim."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tp_gateway.contract import Outcome, OutcomeState
from tp_gateway.providers.medicare.claim import BulkBillClaim, State
from tp_gateway.providers.medicare.rendered import Rendered
from tp_gateway.providers.medicare.reports import Reports
from tp_gateway.providers.medicare.transports import PaymentReport, ProcessingReport, ReportStatus
from tp_gateway.providers.medicare.transports.results import (
    AssessedEvent,
    AssessedService,
    Assessment,
    Deposit,
    PaidClaim,
)
from tp_gateway.providers.medicare.transports.values import Account

REFERENCE = "urn:uuid:TST000010123456789abcdef"
NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAY = date(2026, 11, 19)
WHAT = Rendered("21234567011", DAY, NOW, 50, (("80110", 18000),), "2447781L", "")
CLAIM = BulkBillClaim(State.WITH_MEDICARE, WHAT.plain(), NOW.isoformat())
SERVICE = AssessedService("0001", "80110", 18000, 10155, None)
EVENT = AssessedEvent("01", DAY, (SERVICE,))
ASSESSMENT = Assessment("A0001@", 18000, 10155, (EVENT,))
PAID = PaidClaim("A0001@", 10155, transaction_id=REFERENCE.removeprefix("urn:uuid:"))
DEPOSIT = Deposit("0012", date(2026, 11, 20), 10155, (PAID,), Account("CLINIC", "***1234", "062000"), None)


class Medicare:
    """Answers with these reports."""

    def __init__(self, assessment: Assessment = ASSESSMENT, deposit: Deposit = DEPOSIT) -> None:
        self.assessment, self.deposit = assessment, deposit

    def processing_report(self, *_: Any) -> ProcessingReport:
        return ProcessingReport(ReportStatus.COMPLETE, self.assessment)

    def payment_report(self, *_: Any) -> PaymentReport:
        return PaymentReport(ReportStatus.COMPLETE, self.deposit)


def told(medicare: Any, claim: BulkBillClaim = CLAIM, payee: str | None = None) -> Outcome:
    return Reports(medicare, payee).ask(claim, REFERENCE, time.monotonic() + 5, NOW)


def about(event: AssessedEvent) -> Assessment:
    return replace(ASSESSMENT, events=(event,))


def test_the_claims_own_report_settles_it() -> None:
    outcome = told(Medicare())
    assert (outcome.state, outcome.settled) == (OutcomeState.SUCCEEDED, 10155)


@pytest.mark.parametrize(
    "assessment",
    [
        about(replace(EVENT, on=date(2026, 11, 12))),
        about(replace(EVENT, services=(replace(SERVICE, item="80010"),))),
        about(replace(EVENT, services=(replace(SERVICE, charge=25000),))),
        about(replace(EVENT, services=(SERVICE, replace(SERVICE, id="0002")))),
    ],
    ids=["day", "item", "charge", "services"],
)
def test_a_report_about_another_service_settles_nothing(assessment: Assessment) -> None:
    """Claim ids are six characters and come round again; whoever stands in between can mix answers up."""
    outcome = told(Medicare(assessment))
    assert (outcome.state, outcome.provider_code) == (OutcomeState.UNKNOWN, "nonsense")


def test_what_a_report_leaves_out_is_not_held_against_it() -> None:
    service = replace(SERVICE, charge=None)
    assert told(Medicare(about(replace(EVENT, on=None, services=(service,))))).settled == 10155


def test_two_payees_of_one_run_are_two_sums() -> None:
    """Each practitioner's number is paid into an account of its own."""
    other = replace(CLAIM, rendered=replace(WHAT, provider_number="2429581T").plain())
    first, second = told(Medicare()).remittance, told(Medicare(), other).remittance
    assert first is not None and second is not None and first.reference != second.reference
    of_clinic = [told(Medicare(), one, payee="2409661B").remittance for one in (CLAIM, other)]
    assert of_clinic[0] is not None and of_clinic[0] == of_clinic[1]
