"""The contract check can fail, and the sandbox's own tables agree with Stripe's document."""

import json

import pytest
import stripe

from sandbox.stripe import StripeSandbox
from sandbox.stripe.contract import ContractCheck, missing_keys
from sandbox.stripe.document import FORM, document
from sandbox.stripe.params import operations
from sandbox.stripe.routes import ROUTES
from tests.sandbox.helpers import Raw, paid


def test_wrong_traffic_is_found(sandbox: StripeSandbox, api: stripe.StripeClient) -> None:
    check = sandbox.contract
    assert check is not None
    intent = paid(api).last_response
    good, wrong = intent.body, json.loads(intent.body)
    wrong["amount"] = "many"
    wrong["status"] = "happy"
    del wrong["statement_descriptor"]
    other = ContractCheck()
    assert check.violations() == []
    other._checker = check._checker  # compiled once is enough
    path, form = "/v1/payment_intents", "amount=5000&currency=aud"
    other.examine("POST", path, form, 200, good.encode())
    assert other.violations() == []
    other.examine("POST", path, f"{form}&colour=red&capture_method=never", 200, good.encode())
    other.examine("POST", path, f"{form}&colour=red", 400, b'{"error": {"type": "invalid_request_error"}}')
    other.examine("POST", path, form, 200, json.dumps(wrong).encode())
    other.examine("POST", path, form, 200, b"<html>")
    found = other.violations()
    other.stop()
    assert [one["side"] for one in found] == ["request", "answer", "answer"]
    assert "colour" in str(found[0]["errors"])
    assert "capture_method" in str(found[0]["errors"])
    assert {error.split(":")[0] for error in found[1]["errors"]} >= {"amount", "status", "/statement_descriptor"}
    assert found[2]["errors"] == ["not JSON"]


def test_the_control_api_shows_that_traffic_was_checked(api: stripe.StripeClient, raw: Raw) -> None:
    before = raw.control("GET", "violations")["checked"]
    api.v1.customers.create({})
    found = raw.control("GET", "violations")
    assert (found["checking"], found["checked"] - before, found["violations"]) == (True, 1, [])


def test_missing_keys_are_found_at_any_depth() -> None:
    assert list(missing_keys({"object": "list", "data": [{"object": "refund", "deleted": True}]})) == []
    assert "/data/0/amount: every refund of Stripe has it" in missing_keys({"data": [{"object": "refund"}]})


@pytest.mark.parametrize("operation", sorted(operations()))
def test_the_parameter_table_agrees_with_the_document(operation: str) -> None:
    method, path = operation.split()
    known = {route.operation for route in ROUTES}
    assert operation in known
    found = [
        item[method.lower()]
        for name, item in document()["paths"].items()
        if method.lower() in item and "*".join(_parts(name)) == path
    ]
    assert found, "no such operation in the document"
    names = {one["name"]: one for one in found[0].get("parameters", []) if one["in"] == "query"}
    content = found[0].get("requestBody", {}).get("content", {})
    body = content.get(FORM, {}).get("schema", {}) if method == "POST" else {}
    table = operations()[operation]
    documented = names.keys() | body.get("properties", {}).keys()
    assert table["params"].keys() <= documented
    assert set(table["required"]) == {name for name, one in names.items() if one.get("required")} | set(
        body.get("required", [])
    )
    left_out = documented - table["params"].keys() - {"payment_method_types"}  # of older versions only
    if "/payment_methods" not in path:  # there only cards are known, and the other types have a parameter each
        assert not left_out


def _parts(name: str) -> list[str]:
    out = []
    for piece in name.split("{"):
        out.append(piece.partition("}")[2] if "}" in piece else piece)
    return out


def test_every_route_has_its_parameters() -> None:
    assert {route.operation for route in ROUTES} == set(operations())
