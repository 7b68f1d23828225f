"""What the claiming functions check before anything else, and the control path."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import urllib3

from sandbox.medicare import MedicareSandbox
from tests.sandbox.medicare.conftest import CARD, LOCATION, Caller, bulk_bill, correlation_id

LODGE = "bulkbillstoreforward/specialist"
QUERY = {"payeeProvider": {"providerNumber": "2447781L"}}
ROOT = Path(__file__).parents[3]


def code(answer: tuple[int, Any]) -> str:
    status, value = answer
    assert status == 400, value
    assert value["highestSeverity"] == value["serviceMessage"][0]["severity"]
    return str(value["serviceMessage"][0]["code"])


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_only_loopback(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        MedicareSandbox(host=host)


def test_a_correlation_id_is_good_for_one_claim(caller: Caller) -> None:
    cid = correlation_id()
    status, lodged = caller.claim(LODGE, bulk_bill(), cid)
    assert (status, lodged["status"], len(lodged["claimId"])) == (200, "SUCCESS", 6)
    assert code(caller.claim(LODGE, bulk_bill("80100"), cid)) == "9777"
    assert code(caller.claim(LODGE, bulk_bill(), correlation_id())) == "9632"
    books = caller.control("books")
    assert books["correlation_ids"] == {cid: "bulk_bill"}
    assert [(claim["charge"], claim["state"]) for claim in books["claims"]] == [(10155, "lodged")]


def test_a_refused_claim_does_not_use_its_id_up(caller: Caller) -> None:
    cid = correlation_id()
    assert code(caller.claim(LODGE, bulk_bill(charge="10028"), cid)) == "9628"
    assert caller.claim(LODGE, bulk_bill(), cid)[0] == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer guess"},
        {"X_IBM_Client_Id": "wrong"},
    ],
)
def test_who_may_not_call(caller: Caller, changes: dict[str, str]) -> None:
    assert caller.claim(LODGE, bulk_bill(), correlation_id(), **changes)[0] == 401
    assert caller.control("books")["claims"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"dhs_auditIdType": "Minor Id"},
        {"dhs_auditId": "OTHER001"},
        {"dhs_subjectIdType": "N/A"},
        {"dhs_subjectId": "2951201842"},
        {"dhs_productId": ""},
        {"dhs_messageId": "1"},
        {"dhs_correlationId": correlation_id("OTHER001")},
        {"dhs_correlationId": "urn:uuid:1"},
    ],
)
def test_headers(caller: Caller, changes: dict[str, str]) -> None:
    assert code(caller.claim(LODGE, bulk_bill(), correlation_id(), **changes)) == "9201"


def test_a_message_id_is_new_each_time(caller: Caller) -> None:
    message = {"dhs_messageId": "urn:uuid:0b9d7a0e-3c7e-4b8a-9a5d-6c1f3f2b1a10"}
    assert caller.claim("bulkbillprocessingreport", QUERY, correlation_id(), **message)[0] == 200
    assert code(caller.claim("bulkbillprocessingreport", QUERY, correlation_id(), **message)) == "9201"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "9201"),
        ([], "9201"),
        (bulk_bill(submissionAuthorityInd="N"), "9202"),
        (bulk_bill(charge="101.55"), "9202"),
        (bulk_bill(medicalEventDate="03/02/2026"), "9202"),
        (bulk_bill(service=[]), "9201"),
        (bulk_bill(surprise=1), "9201"),
        (bulk_bill(referralOverrideCode="H"), "9202"),
        (bulk_bill(medicalEventDate="2099-01-01"), "9204"),
        (bulk_bill(medicalEventDate="2020-01-01"), "9203"),
    ],
)
def test_bodies(caller: Caller, body: Any, expected: str) -> None:
    assert code(caller.claim(LODGE, body, correlation_id())) == expected


def test_an_aggregators_dialect(caller: Caller) -> None:
    cid = correlation_id()
    status, lodged = caller.aggregated(LODGE, bulk_bill() | {"correlationId": cid})
    assert (status, lodged["correlationId"]) == (200, cid)
    made = caller.aggregated(LODGE, bulk_bill("80100"))[1]["correlationId"]
    assert made.startswith(f"urn:uuid:{LOCATION}") and made != cid
    assert code(caller.aggregated("bulkbillprocessingreport", QUERY)) == "9201"
    found = caller.aggregated("bulkbillprocessingreport", QUERY | {"correlationId": cid})[1]
    assert found == {"status": "REPORT_NOT_READY", "correlationId": cid}
    assert caller.aggregated(LODGE, bulk_bill(), api_key="wrong")[0] == 401
    assert code(caller.aggregated(LODGE, bulk_bill() | {"correlationId": cid}, "OTHER001")) == "9201"
    assert caller.aggregated("dvaclaim/general", {})[0] == 404


def test_rules_are_used_up(caller: Caller) -> None:
    caller.control("rules", {"kind": "refuse", "code": "9202", "text": "As you wish", "item": "80110", "times": 2})
    assert caller.claim(LODGE, bulk_bill("80100"), correlation_id())[0] == 200
    for _ in range(2):
        answer = caller.claim(LODGE, bulk_bill(), correlation_id())
        assert code(answer) == "9202" and answer[1]["serviceMessage"][0]["reason"] == "As you wish"
    assert caller.claim(LODGE, bulk_bill(), correlation_id())[0] == 200
    (rule,) = caller.control("rules")["rules"]
    assert rule["fired"] == 2


def test_a_rule_hits_as_often_as_its_dice_say(caller: Caller) -> None:
    caller.control("rules", {"kind": "refuse", "code": "9202", "probability": 0.5, "seed": 7, "times": None})
    told = [caller.claim(LODGE, bulk_bill(f"8{number:04}"), correlation_id())[0] for number in range(40)]
    assert 8 < told.count(400) < 32
    (rule,) = caller.control("rules")["rules"]
    assert (rule["fired"], rule["seed"], "dice" in rule) == (told.count(400), 7, False)


def test_a_disturbed_call_comes_to_what_it_would_have_come_to(caller: Caller) -> None:
    """What is refused is refused, though nobody hears of it."""
    for _ in range(2):
        caller.control("rules", {"kind": "status"})
    assert caller.claim(LODGE, bulk_bill(charge="10102"), correlation_id())[0] == 500
    assert caller.claim(LODGE, bulk_bill(charge="10161"), correlation_id())[0] == 500
    (claim,) = caller.control("books")["claims"]
    assert (claim["charge"], claim["benefit"]) == (10161, 0)


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("rules", {"kind": "sideways"}),
        ("rules", {"kind": "refuse"}),
        ("rules", {"kind": "lost", "surprise": 1}),
        ("clock", {"advance": -1}),
        ("devices", {}),
        ("settings", {"ready_after": "soon"}),
    ],
)
def test_orders_that_cannot_be(caller: Caller, path: str, order: dict[str, Any]) -> None:
    assert caller.call("POST", f"/_sandbox/{path}", order)[0] == 400
    assert caller.call("POST", "/_sandbox/nonsense", {})[0] == 404


def test_nothing_is_paid_twice(caller: Caller) -> None:
    caller.control("settings", {"ready_after": 0, "paid_after": None})
    for item in ("80110", "80100"):
        assert caller.claim(LODGE, bulk_bill(item), correlation_id())[0] == 200
    (run,) = caller.control("payment-run", {})["payment_runs"]
    assert run["amount"] == 20310 and len(run["claims"]) == 2
    assert caller.control("payment-run", {})["payment_runs"] == []
    assert {claim["state"] for claim in caller.control("books")["claims"]} == {"paid"}
    assert CARD in str(caller.control("books")["claims"][0]["body"])


def test_what_was_assessed_at_nothing_may_be_claimed_again(caller: Caller) -> None:
    caller.control("settings", {"ready_after": 0})
    caller.control("rules", {"kind": "reject"})
    assert caller.claim(LODGE, bulk_bill(), correlation_id())[0] == 200
    caller.control("clock", {"advance": 1})
    assert caller.claim(LODGE, bulk_bill(), correlation_id())[0] == 200
    assert code(caller.claim(LODGE, bulk_bill(), correlation_id())) == "9632"


def test_it_runs_as_a_process() -> None:
    command = [sys.executable, "-m", "sandbox.medicare", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        assert urllib3.request("GET", f"{url}/_sandbox/books", retries=False).status == 200
        process.terminate()
        assert process.wait(10) == 0
