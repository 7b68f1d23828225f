"""How a request is read: its bytes, its version, its parameters. Much of it was found by fuzzing."""

import json
import socket
from typing import Any
from urllib.parse import quote

import pytest
import stripe

from outside.fuzz import cut_down
from sandbox.stripe import StripeSandbox
from sandbox.stripe.document import document
from sandbox.stripe.messages import decode_form
from sandbox.stripe.routes import ROUTES
from tests.sandbox.helpers import RETURN, Raw, client, paid

INTENTS = "/v1/payment_intents"
ORDER = "amount=5000&currency=aud"


def sent(raw: Raw, request: bytes) -> tuple[int, Any]:
    host, port = raw.netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as caller:
        caller.sendall(request)
        caller.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: caller.recv(1 << 16), b""))
    return int(answer.split()[1]), json.loads(answer.partition(b"\r\n\r\n")[2])


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join([line, "Authorization: Bearer sk_test_x", "Connection: close", *headers, "", ""]).encode()


def test_a_body_in_chunks(raw: Raw) -> None:
    start = head(f"POST {INTENTS} HTTP/1.1", "Transfer-Encoding: chunked")
    status, made = sent(raw, start + b"b\r\namount=5000\r\nd;x=y\r\n&currency=aud\r\n0\r\nTrailer: t\r\n\r\n")
    assert (status, made["amount"]) == (200, 5000)
    assert sent(raw, start + b"nonsense\r\n")[0] == 400


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (head(f"GET {INTENTS}?expand={'x' * 70_000} HTTP/1.1"), 414),
        (head(f"GET {INTENTS} HTTP/1.1", "X-Long: " + "x" * 70_000), 431),
        (head(f"POST {INTENTS} HTTP/1.1", "Content-Length: 9999999"), 400),
        (head(f"POST {INTENTS} HTTP/1.1", "Content-Length: many"), 400),
    ],
    ids=["long line", "long header", "long body", "no length"],
)
def test_what_cannot_be_read_is_refused_in_stripes_shape(raw: Raw, request_: bytes, status: int) -> None:
    got, body = sent(raw, request_)
    assert (got, body["error"]["type"]) == (status, "invalid_request_error")


@pytest.mark.parametrize("query", ["0", "0=1&1=2", "a[b]", "%5B%5D=", "expand[]="])
def test_odd_queries_are_refused(raw: Raw, query: str) -> None:
    assert raw.call("GET", f"{INTENTS}?{query}")[0] in (200, 400)


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ("amount=&currency=aud", "parameter_invalid_empty", "amount"),
        (f"{ORDER}&automatic_payment_methods=", "parameter_invalid_empty", "automatic_payment_methods"),
        (f"{ORDER}&confirm=", "parameter_invalid_empty", "confirm"),
        (f"{ORDER}&shipping[name]=A", "parameter_missing", "shipping[address]"),
        (f"{ORDER}&shipping[address][line1]=1&shipping[name]=A&shipping[!]=1", "parameter_unknown", "shipping[!]"),
    ],
)
def test_parameters_are_held_to_the_document(raw: Raw, form: str, code: str, param: str) -> None:
    status, _, body = raw.call("POST", INTENTS, form)
    error = json.loads(body)["error"]
    assert (status, error["code"], error["param"]) == (400, code, param)


def test_an_empty_value_unsets(api: stripe.StripeClient) -> None:
    where = {"name": "A", "address": {"line1": "1 Some Street"}}
    customer = api.v1.customers.create({"description": "d", "shipping": where})
    customer = api.v1.customers.update(customer.id, {"description": "", "shipping": ""})
    assert (customer.description, customer.shipping) == (None, None)


def test_enhanced_evidence_is_taken_and_not_shown(api: stripe.StripeClient) -> None:
    intent = paid(api, "pm_card_createDispute")
    dispute = api.v1.disputes.list({"payment_intent": intent.id}).data[0]
    given = {"product_description": "Therapy", "enhanced_evidence": {"visa_compliance": {"fee_acknowledged": True}}}
    evidence = api.v1.disputes.update(dispute.id, {"evidence": given, "submit": False}).evidence
    assert (evidence.product_description, evidence.enhanced_evidence.to_dict()) == ("Therapy", {})


def test_versions(api: stripe.StripeClient, raw: Raw) -> None:
    form = f"{ORDER}&payment_method=pm_card_visa&confirm=true&"
    old, new = form + "payment_method_types[]=card", form + "allowed_payment_method_types[]=card"
    for version, taken, refused in (("2026-05-27.dahlia", old, new), ("2026-10-28.endive", new, old)):
        status, headers, body = raw.call("POST", INTENTS, taken, Stripe_Version=version)
        assert (status, headers["stripe-version"], json.loads(body)["status"]) == (200, version, "succeeded")
        assert raw.call("POST", INTENTS, refused, Stripe_Version=version)[0] == 400
    assert raw.call("GET", INTENTS, Stripe_Version="yesterday")[0] == 400


def test_the_accounts_version_is_for_who_names_none() -> None:
    with StripeSandbox(account_version="2026-05-27.dahlia") as sandbox:
        raw, api = Raw(sandbox.url), client(sandbox.url)
        assert raw.call("POST", INTENTS, f"{ORDER}&payment_method_types[]=card")[0] == 200
        raw.control("POST", "reset")
        status, headers, _ = raw.call("POST", INTENTS, f"{ORDER}&payment_method_types[]=card")
        assert (status, headers["stripe-version"]) == (200, "2026-05-27.dahlia")
        assert api.v1.events.list().data[0].api_version == "2026-05-27.dahlia"


def test_a_foreign_currency_settles_in_our_own(api: stripe.StripeClient) -> None:
    order = {"amount": 10_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True, **RETURN}
    intent = api.v1.payment_intents.create({**order, "expand": ["latest_charge.balance_transaction"]})
    moved = intent.latest_charge.balance_transaction
    assert (intent.currency, intent.amount_received) == ("usd", 10_000)
    assert (moved.currency, moved.amount, moved.exchange_rate, moved.fee) == ("aud", 15_000, 1.5, 285)
    back = api.v1.refunds.create({"payment_intent": intent.id, "expand": ["balance_transaction"]})
    assert (back.currency, back.amount, back.balance_transaction.amount) == ("usd", 10_000, -15_000)


def test_a_yen_has_no_cents(api: stripe.StripeClient) -> None:
    order = {"amount": 18_000, "currency": "jpy", "payment_method": "pm_card_visa", "confirm": True, **RETURN}
    intent = api.v1.payment_intents.create({**order, "expand": ["latest_charge.balance_transaction"]})  # type: ignore[arg-type]
    assert (intent.currency, intent.amount_received) == ("jpy", 18_000)
    assert intent.latest_charge.balance_transaction.amount == 18_000, "a yen is worth a cent here"  # type: ignore[union-attr]


def test_every_operation_is_fuzzed() -> None:
    ids = {name: ["x"] for name in ("customer", "payment_method", "charge")}
    cut = cut_down(document(), ids)
    assert sum(len(item) for item in cut["paths"].values()) == len(ROUTES)


@pytest.mark.parametrize("key", ["\u00b3", "\u0663", "9" * 5000])
def test_what_only_looks_like_a_position_is_a_name(key: str) -> None:
    assert decode_form(f"a[{quote(key)}]=1&b[0]=2") == {"a": {key: "1"}, "b": ["2"]}
