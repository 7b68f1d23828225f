"""Both ways to Medicare against the sandbox: lodging, reports, patient claims, taking back, verifying."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.providers.medicare.transports.claims import (
    MINOR_ID,
    PERSON,
    PROVIDER,
    QUERY,
    bulk_bill,
    recent,
)
from tests.providers.medicare.transports.conftest import Control
from tp_gateway.providers.medicare.transports import (
    Accepted,
    NotSent,
    PaymentReport,
    ProcessingReport,
    Refused,
    ReportStatus,
    Transport,
    Unclear,
    new_correlation_id,
)
from tp_gateway.providers.medicare.transports.values import Card, ReportQuery, Verification

NewId = Callable[[], str]


def accepted(transport: Transport, cid: str, soon: float, charge: int = 10_155, item: str = "80110") -> str:
    answer = transport.submit_bulk_bill(bulk_bill(charge, item), cid, soon)
    assert isinstance(answer, Accepted), answer
    return answer.claim_id


def test_a_bulk_bill_from_lodging_to_the_deposit(
    transport: Transport, sandbox: Control, soon: float, new_id: NewId
) -> None:
    cid = new_id()
    claim_id = accepted(transport, cid, soon)
    query = ReportQuery(PROVIDER, claim_id)
    assert transport.processing_report(query, cid, soon) == ProcessingReport(ReportStatus.NOT_READY)
    assert transport.payment_report(query, cid, soon) == PaymentReport(ReportStatus.NOT_READY)
    sandbox.advance(days=1)
    report = transport.processing_report(query, cid, soon)
    assert isinstance(report, ProcessingReport) and report.assessment
    assert (report.assessment.claim_id, report.assessment.benefit, report.assessment.charge) == (
        claim_id,
        10_155,
        10_155,
    )
    (event,) = report.assessment.events
    assert (event.on, event.card) == (recent(), PERSON.card)
    (service,) = event.services
    assert (service.item, service.benefit, service.assessment, service.error) == ("80110", 10_155, None, None)
    assert transport.payment_report(query, cid, soon) == PaymentReport(ReportStatus.NOT_READY)
    sandbox.advance(days=1)
    paid = transport.payment_report(query, cid, soon)
    assert isinstance(paid, PaymentReport) and paid.deposit
    assert paid.deposit.amount == 10_155
    (one,) = paid.deposit.claims
    assert (one.claim_id, one.transaction_id, one.benefit) == (claim_id, cid[9:], 10_155)
    sandbox.advance(days=190)
    sandbox.activate()  # a device's key does not live so long
    assert transport.processing_report(query, cid, soon) == ProcessingReport(ReportStatus.EXPIRED)
    assert transport.payment_report(query, cid, soon) == PaymentReport(ReportStatus.EXPIRED)


def test_one_deposit_for_three_claims(transport: Transport, sandbox: Control, soon: float, new_id: NewId) -> None:
    sandbox.ask("settings", {"ready_after": 0, "paid_after": None})
    ids = [new_id() for _ in range(3)]
    for cid, item, charge in zip(ids, ("80110", "80100", "91170"), (10_155, 7_200, 5_000), strict=True):
        accepted(transport, cid, soon, charge, item)
    sandbox.ask("payment-run", {})
    deposits = []
    for cid in ids:
        report = transport.payment_report(QUERY, cid, soon)
        assert isinstance(report, PaymentReport) and report.deposit
        deposits.append(report.deposit)
    assert deposits[0] == deposits[1] == deposits[2]
    assert deposits[0].amount == 22_355
    assert {claim.transaction_id for claim in deposits[0].claims} == {cid[9:] for cid in ids}


def test_reports_are_for_this_location_and_payee(
    transport: Transport, sandbox: Control, soon: float, new_id: NewId
) -> None:
    cid = new_id()
    claim_id = accepted(transport, cid, soon)
    nothing = ProcessingReport(ReportStatus.NOT_FOUND)
    assert transport.processing_report(ReportQuery("2429581T", claim_id), cid, soon) == nothing
    assert transport.processing_report(QUERY, new_id(), soon) == nothing


@pytest.mark.parametrize("by", ["rule", "charge"])
def test_a_benefit_below_the_charge(
    transport: Transport, sandbox: Control, soon: float, new_id: NewId, by: str
) -> None:
    cid = new_id()
    if by == "rule":
        sandbox.rule("benefit", benefit=7_200)
    accepted(transport, cid, soon, 10_155 if by == "rule" else 10_011)
    sandbox.advance(days=1)
    report = transport.processing_report(QUERY, cid, soon)
    assert isinstance(report, ProcessingReport) and report.assessment
    assert report.assessment.benefit == (7_200 if by == "rule" else 8_510)


def test_a_claim_that_is_worth_nothing(transport: Transport, sandbox: Control, soon: float, new_id: NewId) -> None:
    cid = new_id()
    sandbox.rule("reject", code="160", text="Maximum number of services already paid")
    accepted(transport, cid, soon)
    sandbox.advance(days=2)
    report = transport.processing_report(QUERY, cid, soon)
    assert isinstance(report, ProcessingReport) and report.assessment
    (service,) = report.assessment.events[0].services
    assert (report.assessment.benefit, service.assessment) == (0, "160")
    assert service.error and service.error.text == "Maximum number of services already paid"
    assert transport.payment_report(QUERY, cid, soon) == PaymentReport(ReportStatus.NOT_AVAILABLE)


@pytest.mark.parametrize(("charge", "code"), [(10_002, "9202"), (10_028, "9628"), (10_032, "9632")])
def test_refusals_have_codes_and_medicares_words(
    transport: Transport, sandbox: Control, soon: float, new_id: NewId, charge: int, code: str
) -> None:
    answer = transport.submit_bulk_bill(bulk_bill(charge), new_id(), soon)
    assert isinstance(answer, Refused) and answer.codes == (code,) and answer.messages[0].text
    assert sandbox.claims() == []


def test_what_medicare_finds_by_itself(transport: Transport, sandbox: Control, soon: float, new_id: NewId) -> None:
    first = bulk_bill()
    accepted(transport, new_id(), soon)

    def codes(claim: object) -> tuple[str, ...]:
        answer = transport.submit_bulk_bill(claim, new_id(), soon)  # type: ignore[arg-type]
        assert isinstance(answer, Refused), answer
        return answer.codes

    assert codes(first) == ("9632",)
    assert codes(bulk_bill(item="80100", referral=None)) == ("9628",)
    assert codes(bulk_bill(item="80100", on=recent(-2))) == ("9204",)
    assert codes(bulk_bill(item="80100", on=recent(400))) == ("9203",)
    bad = replace(PERSON, card=Card("4951525571", "1"))
    event = replace(bulk_bill(item="80100").events[0], patient=bad)
    assert codes(replace(first, events=(event,))) == ("9202",)
    assert codes(replace(bulk_bill(item="80100"), payee_number=PROVIDER)) == ("2017",)


@pytest.mark.parametrize(("charge", "code"), [(10_004, "3004"), (10_039, "3039")])
def test_an_unclear_code_hides_an_accepted_claim(
    transport: Transport, sandbox: Control, soon: float, new_id: NewId, charge: int, code: str
) -> None:
    cid = new_id()
    answer = transport.submit_bulk_bill(bulk_bill(charge), cid, soon)
    assert isinstance(answer, Unclear) and [message.code for message in answer.messages] == [code]
    assert transport.processing_report(QUERY, cid, soon) == ProcessingReport(ReportStatus.NOT_READY)
    # The same id again takes no second effect, and says nothing that could be read as "it never happened".
    again = transport.submit_bulk_bill(bulk_bill(charge), cid, soon)
    assert isinstance(again, Unclear) and len(sandbox.claims()) == 1


def test_an_unclear_code_with_nothing_behind_it(
    transport: Transport, sandbox: Control, soon: float, new_id: NewId
) -> None:
    cid = new_id()
    sandbox.rule("code", code="3004", accepted=False)
    assert isinstance(transport.submit_bulk_bill(bulk_bill(), cid, soon), Unclear)
    assert transport.processing_report(QUERY, cid, soon) == ProcessingReport(ReportStatus.NOT_FOUND)
    accepted(transport, cid, soon)


@pytest.mark.parametrize(
    "fault", [{"kind": "lost"}, {"kind": "garbage"}, {"kind": "status", "status": 500}, {"kind": "slow", "seconds": 30}]
)
@pytest.mark.parametrize("took_effect", [True, False])
def test_a_lost_answer_is_unclear_and_the_report_finds_it(
    transport: Transport, sandbox: Control, new_id: NewId, soon: float, fault: dict[str, object], took_effect: bool
) -> None:
    cid = new_id()
    transport.verify_patient(Verification(PERSON), new_id(), soon)  # a token, so that the deadline is the claim's
    sandbox.rule(**fault, accepted=took_effect)  # type: ignore[arg-type]
    deadline = time.monotonic() + 0.4 if fault["kind"] == "slow" else soon
    assert isinstance(transport.submit_bulk_bill(bulk_bill(), cid, deadline), Unclear)
    status = ReportStatus.NOT_READY if took_effect else ReportStatus.NOT_FOUND
    assert transport.processing_report(QUERY, cid, soon) == ProcessingReport(status)
    assert len(sandbox.claims()) == took_effect


def test_an_id_of_another_location_is_not_sent(
    transport: Transport, sandbox: Control, soon: float, new_id: NewId
) -> None:
    for wrong in (new_correlation_id("OTHER001"), "urn:uuid:short", new_id() + "0"):
        assert isinstance(transport.submit_bulk_bill(bulk_bill(), wrong, soon), NotSent)
    assert sandbox.claims() == [] and MINOR_ID in new_id()
