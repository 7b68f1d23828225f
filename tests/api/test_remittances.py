"""What Stripe has paid out, as staff see it: totals that agree, pages, filters, and nothing about patients."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.clinic import ADMIN, MANAGER, PATIENT, sandbox
from tests.services.test_disputes import at_bank, hear
from tests.services.test_remittances import ITEM, TOLD, look, pay_out, write

PATH = "/api/billing/remittances/"


@pytest.fixture
def paying(api: Api) -> Api:
    sandbox(api.sandbox_url, "POST", "settings", {"settlement_days": 0, "payouts": "manual"})
    return api


def seen(api: Api, query: str = "", **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{PATH}{query}", as_user=MANAGER, status=200, **more).json["remittances"]
    return found


def test_one_with_its_items(paying: Api) -> None:
    payment = paying.pay_by_http(status=201).json
    other = paying.pay_by_http(status=201, appointment_id=paying.appointment(124)).json
    paying.post(f"/api/billing/payments/{other['id']}/refund/", {"amount": "60.00"}, as_user=ADMIN, status=201)
    at_bank(paying, payment["id"])
    hear(paying)
    payout = pay_out(paying)
    look(paying)
    [listed] = seen(paying)
    assert listed == {
        "id": listed["id"],
        "provider": "stripe",
        "reference": payout["id"],
        "amount": "88.28",
        "currency": "AUD",
        "state": "in_transit",
        "arrives_on": listed["arrives_on"],
        "statement_text": "STRIPE",
        "statement_line_id": None,
        "explained": True,
        "note": "",
        "totals": {
            "items": 4,
            "unknown": 0,
            "gross": "120.00",
            "fees": "31.72",
            "net": "88.28",
            "difference": "0.00",
        },
        "created_at": listed["created_at"],
    }
    shown = paying.get(f"{PATH}{listed['id']}/", as_user=ADMIN, status=200).json
    items = shown.pop("items")
    assert shown == listed
    first = {"transaction_id": payment["transaction_id"], "kind": "payment", "payment_id": payment["id"]}
    assert items[0] == first | {
        "description": f"Payment {payment['id']}",
        "reference": items[0]["reference"],
        "gross": "180.00",
        "fee": "3.36",
        "net": "176.64",
    }
    assert [(item["description"], item["gross"], item["fee"], item["net"]) for item in items[1:]] == [
        (f"Payment {other['id']}", "180.00", "3.36", "176.64"),
        (f"Refund of payment {other['id']}", "-60.00", "0.00", "-60.00"),
        (f"Dispute of payment {payment['id']}", "-180.00", "25.00", "-205.00"),
    ]


def test_filters_and_pages(paying: Api) -> None:
    paying.pay_by_http(status=201)
    payout = pay_out(paying)["id"]
    look(paying)
    write(paying, TOLD)
    assert [one["reference"] for one in seen(paying)] == ["run_7", payout]
    for query, found in {
        "?provider=acme": ["run_7"],
        "?provider=stripe&state=in_transit": [payout],
        "?provider=stripe&state=paid": [],
        "?unexplained=true": ["run_7"],
        "?unexplained=false": [payout],
        "?state=canceled": [],
    }.items():
        assert [one["reference"] for one in seen(paying, query)] == found, query
    page = paying.get(f"{PATH}?limit=1", as_user=MANAGER, status=200).json
    assert [one["reference"] for one in page["remittances"]] == ["run_7"]
    rest = paying.get(page["next"], as_user=MANAGER, status=200).json
    assert ([one["reference"] for one in rest["remittances"]], rest["next"]) == ([payout], None)
    filtered = paying.get(f"{PATH}?limit=1&unexplained=false", as_user=MANAGER, status=200).json
    assert filtered["next"] is None


def test_what_is_not_explained_says_so(paying: Api) -> None:
    write(paying, TOLD)
    [found] = seen(paying)
    assert (found["explained"], found["note"]) == (False, "the items come to -1.50")
    assert found["totals"]["net"] == "-1.50" and found["totals"]["difference"] == "100.45"
    [item] = paying.get(f"{PATH}{found['id']}/", as_user=MANAGER, status=200).json["items"]
    assert (item["description"], item["payment_id"]) == ("Fee of the provider", None)
    assert item["transaction_id"] == ITEM.transaction


def test_what_is_asked_wrongly_or_by_others(paying: Api) -> None:
    for query in (
        "?state=lost",
        "?unexplained=yes",
        "?provider=",
        "?limit=0",
        "?limit=101",
        "?before_id=x",
        "?patient=1",
    ):
        assert paying.get(f"{PATH}{query}", as_user=MANAGER, status=400).json["code"] == "validation_error", query
    for path in (PATH, f"{PATH}1/"):
        assert paying.get(path, as_user=PATIENT, status=403).json["code"] == "permission_denied"
    for identity in (1, 2**63 - 1, 10**18 * 9 + 1):
        assert paying.get(f"{PATH}{identity}/", as_user=MANAGER, status=404).json["code"] == "not_found"
