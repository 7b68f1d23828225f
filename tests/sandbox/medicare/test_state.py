"""Books that outlive the process."""

from pathlib import Path
from typing import Any

from sandbox.medicare import MedicareSandbox
from tests.sandbox.medicare.conftest import LOCATION, Caller, bulk_bill, correlation_id


def test_what_was_lodged_and_paid_is_known_after_a_restart(tmp_path: Path) -> None:
    first, second = correlation_id(), correlation_id()
    with MedicareSandbox(state_file=tmp_path / "books.json") as sandbox:
        caller = Caller(sandbox.url)
        caller.control("settings", {"ready_after": 0, "paid_after": 0})
        assert lodge(caller, first, "80110")[0] == 200
        caller.control("clock", {"advance": 86_400})
    with MedicareSandbox(state_file=tmp_path / "books.json") as sandbox:
        caller = Caller(sandbox.url)
        assert caller.control("clock", {})["offset"] == 86_400
        status, refused = lodge(caller, first, "80115")
        assert (status, refused["serviceMessage"][0]["code"]) == (400, "9777")
        assert paid(caller, first)["paymentRun"]["runNumber"] == "0001"
        caller.control("settings", {"ready_after": 0, "paid_after": 0})
        assert lodge(caller, second, "80115")[0] == 200
        caller.control("clock", {"advance": 0})
        assert paid(caller, second)["paymentRun"]["runNumber"] == "0002"


def lodge(caller: Caller, cid: str, item: str) -> tuple[int, Any]:
    answer: tuple[int, Any] = caller.aggregated(
        "bulkbillstoreforward/specialist", bulk_bill(item) | {"correlationId": cid}
    )
    return answer


def paid(caller: Caller, cid: str) -> Any:
    claim = next(one for one in caller.control("books")["claims"] if one["correlation_id"] == cid)
    query = {"payeeProvider": {"providerNumber": "2447781L"}, "claimId": claim["claim_id"], "correlationId": cid}
    status, report = caller.aggregated("bulkbillpaymentreport", query)
    assert (status, report["status"], claim["location"]) == (200, "COMPLETE", LOCATION), report
    return report
