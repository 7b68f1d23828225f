"""The reader of answers, without a socket: what makes no sense is unclear, and no answer can make it raise."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.providers.medicare.transports import (
    Accepted,
    PaymentReport,
    ProcessingReport,
    Refused,
    Unclear,
    answers,
)

CID = "urn:uuid:TST000010123456789abcdef"
LODGED = {"claimId": "A0001@", "status": "SUCCESS"}
REPORT: dict[str, Any] = {
    "status": "COMPLETE",
    "claimAssessment": {
        "claimId": "A0001@",
        "benefitPaid": "7200",
        "chargeAmount": "10155",
        "medicalEvent": [
            {
                "id": "01",
                "eventDate": "2026-11-02",
                "service": [{"id": "0001", "itemNumber": "80110", "benefitPaid": "7200", "chargeAmount": "10155"}],
            }
        ],
    },
}
PAID: dict[str, Any] = {
    "status": "COMPLETE",
    "paymentRun": {"runDate": "2026-11-03", "runNumber": "699"},
    "paymentInfo": {
        "depositAmount": "300",
        "accountInfo": {"accountName": "THE CLINIC", "accountNumber": "*****1", "bsbCode": "062290"},
    },
    "claimSummary": [{"claimId": "A0001@", "benefit": "100"}, {"claimId": "A0002@", "benefit": "200"}],
}


def read(kind: str, value: Any, status: int = 200) -> Any:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    meaning: Any = {
        "lodged": answers.bulk_bill(CID),
        "claim": answers.patient_claim(CID),
        "report": answers.processing_report("A0001@"),
        "paid": answers.payment_report("A0001@"),
        "deleted": answers.deleted,
        "verified": answers.verified,
    }[kind]
    return answers.submitted(status, body, meaning)


def changed(value: dict[str, Any], path: str, to: Any) -> dict[str, Any]:
    found = deepcopy(value)
    *most, last = path.split(".")
    place: Any = found
    for part in most:
        place = place[int(part) if part.isdecimal() else part]
    if to is None:
        del place[last]
    else:
        place[last] = to
    return found


def test_what_makes_sense() -> None:
    assert read("lodged", LODGED) == Accepted("A0001@")
    assert read("lodged", LODGED | {"correlationId": CID}) == Accepted("A0001@")
    assert isinstance(read("report", REPORT), ProcessingReport)
    assert isinstance(read("paid", PAID), PaymentReport)


SERVICE = "claimAssessment.medicalEvent.0.service.0"


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("lodged", LODGED | {"status": "MAYBE"}),
        ("lodged", LODGED | {"claimId": ""}),
        ("lodged", LODGED | {"claimId": 5}),
        ("lodged", LODGED | {"correlationId": CID[:-1] + "0"}),
        ("lodged", b""),
        ("lodged", b"[]"),
        ("lodged", b"\xff"),
        ("lodged", b'{"claimId": "A0001@", "claimId": "A0002@", "status": "SUCCESS"}'),
        ("lodged", b"[" * 100_000),
        ("report", changed(REPORT, "claimAssessment.benefitPaid", "7201")),
        ("report", changed(REPORT, "claimAssessment.claimId", "A0009@")),
        ("report", changed(REPORT, "claimAssessment.chargeAmount", "10000")),
        ("report", changed(REPORT, "claimAssessment.medicalEvent", None)),
        ("report", changed(REPORT, f"{SERVICE}.benefitPaid", "10156")),
        ("report", changed(REPORT, f"{SERVICE}.benefitPaid", 7200)),
        ("report", changed(REPORT, f"{SERVICE}.benefitPaid", "-7200")),
        ("report", changed(REPORT, f"{SERVICE}.benefitPaid", "72.00")),
        ("report", changed(REPORT, "status", "SOON")),
        ("report", {"status": "COMPLETE"}),
        ("paid", changed(PAID, "paymentInfo.depositAmount", "301")),
        ("paid", changed(PAID, "claimSummary.0.claimId", "A0002@")),
        ("paid", changed(PAID, "claimSummary.0.claimId", "A0003@")),
        ("paid", changed(PAID, "paymentRun.runDate", "2026-02-30")),
        ("paid", changed(PAID, "claimSummary", [])),
        ("claim", {"status": "MEDICARE_PENDED", "claimAssessment": REPORT["claimAssessment"]}),
        ("claim", {"status": "MEDICARE_ASSESSED"}),
        ("verified", {"medicareStatus": {"status": {"text": "OK"}}}),
        ("deleted", {"status": "FAILED"}),
    ],
)
def test_nonsense_is_unclear(kind: str, answer: Any) -> None:
    found = read(kind, answer)
    assert isinstance(found, Unclear) and found.status == 200


def message(code: str, severity: str = "Error") -> dict[str, str]:
    return {"code": code, "severity": severity, "reason": "words of Medicare's"}


@pytest.mark.parametrize(
    ("status", "messages", "kind"),
    [
        (400, [message("9202")], Refused),
        (400, [message("8005", "Warning"), message("9202")], Refused),
        (400, [message("8005", "Warning")], Unclear),
        (400, [message("9202"), message("3004", "Fatal")], Unclear),
        (400, [message("9777")], Unclear),
        (400, [message("9202", "Terrible")], Unclear),
        (400, [{"code": "9202", "severity": "Error"}], Unclear),
        (400, [], Unclear),
        (401, [message("9202")], Unclear),
        (404, [message("9202")], Unclear),
        (500, [message("9202")], Unclear),
        (202, [message("9202")], Unclear),
        (302, [message("9202")], Unclear),
    ],
)
def test_what_counts_as_a_refusal(status: int, messages: list[dict[str, str]], kind: type) -> None:
    assert isinstance(read("lodged", {"highestSeverity": "Error", "serviceMessage": messages}, status), kind)


def test_a_200_with_messages_is_no_refusal() -> None:
    assert isinstance(read("lodged", {"highestSeverity": "Error", "serviceMessage": [message("9202")]}), Unclear)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["status", "claimId", "service", "serviceMessage", "code"]), inner)
    ),
    max_leaves=12,
)


@fixed(150)
@given(st.sampled_from(["lodged", "claim", "report", "paid", "deleted", "verified"]), st.sampled_from([200, 400]), JSON)
def test_no_answer_makes_it_raise(kind: str, status: int, answer: Any) -> None:
    read(kind, answer, status)


@fixed(60)
@given(st.sampled_from([("report", REPORT), ("paid", PAID)]), st.data())
def test_one_changed_value_is_unclear_or_the_same_money(whole: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    kind, value = whole
    path = data.draw(st.sampled_from(sorted(leaves(value))))
    found = read(kind, changed(value, path, data.draw(JSON.filter(lambda one: one is not None))))
    if isinstance(found, ProcessingReport) and found.assessment:
        assert found.assessment.benefit == 7200
    if isinstance(found, PaymentReport) and found.deposit:
        assert found.deposit.amount == 300


def leaves(value: Any, before: str = "") -> list[str]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [leaf for name, inner in items for leaf in leaves(inner, f"{before}.{name}")] or [before[1:]]
