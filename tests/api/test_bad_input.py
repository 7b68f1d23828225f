"""Every bad value ends as a 400 that names its field, before anything is written or sent."""

import json
from typing import Any

import pytest

from tests.api.conftest import Api

PAY = "/api/billing/payments/"
INTENT = "/api/billing/stripe/create-payment-intent/"
CARD = {"payment_method": "card", "payment_method_id": "pm_card_visa"}


def raw(amount: str) -> bytes:
    return (
        b'{"appointment_id": 123, "payment_method": "card", "payment_method_id": "pm_card_visa", "amount": %s}'
        % amount.encode()
    )


BAD_AMOUNTS = [
    *(
        '"1.005"',
        '"1e2"',
        '"NaN"',
        '"Infinity"',
        '"sNaN"',
        '"\uff11\uff18\uff10"',
        '"1_000"',
        '" 180"',
        '"180 "',
        '"-0"',
        '"0.00"',
        '"0"',
        '"-1"',
    ),
    *(
        "true",
        "180.005",
        "1.8e2",
        "0",
        "-1",
        "-0",
        '"' + "9" * 5000 + '"',
        '"100000000.00"',
        '""',
        "null",
        "[]",
        "{}",
        '"180,00"',
    ),
    *('"+180"', '"180."', '".5"', '"0180"', '"١٨٠"', '"180\\u0000"', '"0x10"', "9" * 99, '"$180"'),
]


@pytest.mark.parametrize("amount", BAD_AMOUNTS, ids=lambda text: text[:20])
@pytest.mark.catalogue(56)
def test_bad_amounts(quiet_api: Api, amount: str) -> None:
    response = quiet_api.post(PAY, raw(amount), status=400)
    assert response.json["code"] == "validation_error"
    assert list(response.json["details"]) == ["amount"]
    assert nothing_happened(quiet_api)


@pytest.mark.parametrize("fee", [18000, 18050])
@pytest.mark.catalogue(56)
def test_good_amounts_are_taken_exactly(api: Api, fee: int) -> None:
    spellings = {18000: ['"180"', '"180.0"', '"180.00"', "180", "180.00"], 18050: ['"180.5"', '"180.50"', "180.50"]}[
        fee
    ]
    for number, amount in enumerate(spellings, start=1000):
        api.appointment(number, fee=fee)
        response = api.post(PAY, raw(amount).replace(b"123", str(number).encode()), status=201)
        assert response.json["amount"] == f"{fee // 100}.{fee % 100:02}"
    assert {charge["amount"] for charge in api.books()["charges"]} == {fee}


@pytest.mark.parametrize(
    "amount", ["18000.5", "18000.0", '"18000"', "true", "0", "-1", "1000000000000", "null", '"180.00"']
)
@pytest.mark.catalogue(57)
def test_bad_minor_units(quiet_api: Api, amount: str) -> None:
    response = quiet_api.post(
        INTENT, b'{"appointment_id": 123, "currency": "aud", "amount": %s}' % amount.encode(), status=400
    )
    assert list(response.json["details"]) == ["amount"]
    assert nothing_happened(quiet_api)


@pytest.mark.parametrize("currency", ["JPY", "usd", "BHD", "XXX", "AUD\0", "A", "", 36, True, "\uff21\uff35\uff24"])
@pytest.mark.catalogue(58)
def test_bad_currencies(quiet_api: Api, currency: Any) -> None:
    assert list(quiet_api.pay_by_http(status=400, currency=currency).json["details"]) == ["currency"]
    assert nothing_happened(quiet_api)


@pytest.mark.catalogue(58)
def test_currency_in_any_case(api: Api) -> None:
    assert api.pay_by_http(status=201, currency="aud").json["currency"] == "AUD"
    api.appointment(124)
    asked = {"appointment_id": 124, "amount": 18000, "currency": "AUD"}
    assert api.post(INTENT, asked, status=200).json["currency"] == "aud"


@pytest.mark.parametrize("amount", ["1.00", "179.99", "180.01", "99999999.99"])
@pytest.mark.catalogue(59)
def test_a_client_does_not_choose_its_price(quiet_api: Api, amount: str) -> None:
    assert list(quiet_api.pay_by_http(status=400, amount=amount).json["details"]) == ["amount"]
    body = {"appointment_id": 123, "amount": int(amount.replace(".", "")), "currency": "aud"}
    assert list(quiet_api.post(INTENT, body, status=400).json["details"]) == ["amount"]
    assert nothing_happened(quiet_api)


@pytest.mark.catalogue(64)
def test_an_appointment_and_an_invoice_that_do_not_belong_together(quiet_api: Api) -> None:
    invoice = quiet_api.invoice()
    assert list(quiet_api.pay_by_http(status=400, invoice_id=invoice.id).json["details"]) == ["invoice_id"]


def test_a_payment_is_for_something(quiet_api: Api) -> None:
    for body in (
        {"amount": "180.00", **CARD},
        {"amount": "180.00", **CARD, "appointment_id": None, "invoice_id": None},
    ):
        assert list(quiet_api.post(PAY, body, status=400).json["details"]) == ["appointment_id"]


@pytest.mark.catalogue(66)
def test_metadata_is_kept_and_never_believed_nor_sent_on(api: Api) -> None:
    forged = {"patient_id": "99999999", "status": "paid", "amount": "0.01"}
    response = api.pay_by_http(status=201, metadata=forged, description="Individual Therapy Session")
    assert response.json["metadata"] == forged
    assert (response.json["status"], response.json["amount"]) == ("succeeded", "180.00")
    sent = json.dumps(api.books())
    assert "99999999" not in json.dumps([intent["metadata"] for intent in api.books()["payment_intents"]])
    assert "Individual Therapy" not in sent


SERVER_OWNED = [
    *(
        "id",
        "status",
        "patient_id",
        "created_at",
        "amount_paid",
        "amount_due",
        "provider_ref",
        "invoice_number",
        "state",
    ),
    *(
        "transaction_id",
        "receipt_url",
        "refunded",
        "captured",
        "role",
        "user_id",
        "parameters",
        "customer",
        "off_session",
    ),
]


@pytest.mark.parametrize("name", SERVER_OWNED)
@pytest.mark.catalogue(70)
def test_keys_that_are_not_the_clients(quiet_api: Api, name: str) -> None:
    invoice = quiet_api.invoice()
    bodies = {
        PAY: {"appointment_id": 123, "amount": "180.00", **CARD},
        INTENT: {"appointment_id": 123, "amount": 18000},
        "/api/billing/stripe/confirm-payment/": {"payment_intent_id": "pi_1"},
        f"/api/billing/invoices/{invoice.id}/pay/": dict(CARD),
        "/api/billing/payment-methods/": {"payment_method_id": "pm_card_visa"},
    }
    for path, body in bodies.items():
        response = quiet_api.post(path, body | {name: "x"}, status=400)
        assert response.json["details"] == {name: ["Unknown field"]}, path
    assert nothing_happened(quiet_api)


BODIES = {
    "empty": b"",
    "list": b"[]",
    "null": b"null",
    "text": b'"x"',
    "number": b"1",
    "NaN": raw("NaN"),
    "duplicate key": raw('"180.00", "amount": "180.00"'),
    "byte-order mark": b"\xef\xbb\xbf" + raw('"180.00"'),
    "not UTF-8": b'{"description": "\xff"}',
    "UTF-16": '{"amount": "180.00"}'.encode("utf-16"),
    "deep": b'{"metadata":' * 100_00 + b"}" * 100_00,
    "5000 digits": raw("9" * 5000),
    "trailing comma": b'{"amount": "180.00",}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.catalogue(71)
def test_bodies_that_are_not_a_json_object(quiet_api: Api, body: bytes) -> None:
    assert quiet_api.post(PAY, body, status="*").json["code"] == (
        "invalid_json" if len(body) < 65_536 else "payload_too_large"
    )
    assert nothing_happened(quiet_api)


TYPES = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "application/jsonx",
    "",
    "text/json",
]


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.catalogue(71)
def test_other_types_of_body(quiet_api: Api, content_type: str) -> None:
    response = quiet_api.post(PAY, raw('"180.00"'), headers={"Content-Type": content_type}, status=415)
    assert response.json["code"] == "unsupported_media_type"


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON", 'application/json;charset="UTF-8"'])
def test_spellings_of_the_type(quiet_api: Api, content_type: str) -> None:
    quiet_api.post(PAY, b"{}", headers={"Content-Type": content_type}, status=400)


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "x" * 501])
@pytest.mark.catalogue(72)
def test_texts_that_cannot_be_kept(quiet_api: Api, text: str) -> None:
    assert list(quiet_api.pay_by_http(status=400, description=text).json["details"]) == ["description"]
    assert list(quiet_api.pay_by_http(status=400, metadata={"a": text}).json["details"]) == ["metadata"]
    assert nothing_happened(quiet_api)


STRANGE = [
    "\u202egnp.exe",
    "🙂 e\u0301",
    "' OR 1=1--",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "../../etc/passwd",
    "<script>",
    "a\r\nb\x1b[31m",
]


@pytest.mark.parametrize("text", STRANGE)
@pytest.mark.catalogue(72)
@pytest.mark.catalogue(73)
@pytest.mark.catalogue(74)
def test_other_texts_come_back_unchanged(api: Api, text: str) -> None:
    made = api.pay_by_http(status=201, description=text, metadata={"note": text})
    again = api.get(f"{PAY}{made.json['id']}/", status=200).json
    assert (again["description"], again["metadata"]) == (text, {"note": text})
    assert all(json.loads(line) for line in api.log.getvalue().splitlines())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("appointment_id", "123 OR 1=1"),
        ("appointment_id", 0),
        ("appointment_id", -1),
        ("appointment_id", 1.0),
        ("appointment_id", True),
        ("appointment_id", 2**63),
        ("invoice_id", "x"),
        ("payment_method", "card'--"),
        ("payment_method", "bitcoin"),
        ("payment_method", None),
        ("payment_method_id", "pm card"),
        ("payment_method_id", "../pm_1"),
        ("payment_method_id", 1.5),
        ("payment_method_id", "x" * 256),
        ("metadata", []),
        ("metadata", {"a": 1}),
        ("metadata", {str(number): "" for number in range(51)}),
        ("metadata", {"a": {"b": "c"}}),
        ("save_payment_method", "true"),
        ("save_payment_method", 1),
        ("payment_method_types", ["bank"]),
        ("return_url", "javascript:alert(1)"),
    ],
    ids=str,
)
def test_other_fields(quiet_api: Api, field: str, value: Any) -> None:
    response = quiet_api.pay_by_http(status=400, **{field: value})
    assert response.json["code"] == "validation_error"
    assert list(response.json["details"]) == [field]
    assert nothing_happened(quiet_api)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "before_id=0",
        "status=paid",
        "status=' OR 1=1--",
        "patient_id=1%00",
        "order=id",
        "limit=1&limit=2",
    ],
)
@pytest.mark.catalogue(73)
def test_query_strings(quiet_api: Api, query: str) -> None:
    assert quiet_api.get(f"{PAY}?{query}", status=400).json["code"] == "validation_error"


def test_a_query_that_is_not_text(quiet_api: Api) -> None:
    assert quiet_api.get(f"{PAY}?status=%ff", status=400).json["code"] == "validation_error"


@pytest.mark.parametrize(
    "path", ["0", "-1", "01", "1.0", "x", "1%00", "%ff", "99999999999999999999", "9223372036854775808"]
)
def test_ids_in_paths(quiet_api: Api, path: str) -> None:
    assert quiet_api.get(f"{PAY}{path}/", status=404).json["code"] == "not_found"


def test_bank_accounts(quiet_api: Api) -> None:
    account = {"bank_name": "CBA", "account_name": "John Doe", "bsb": "062-000", "account_number": "12341234"}
    wrong = {
        "bsb": ["62000", "0620001", "06-2000", "062  000", 62000, "\uff10\uff16\uff12\uff10\uff10\uff10"],
        "account_number": ["123", "12345678901", "12a4", 12341234, "", "0000", " 1234"],
        "account_name": ["", "x" * 33, None],
        "bank_name": ["", "x" * 33],
    }
    for name, values in wrong.items():
        for value in values:
            body = {"type": "bank_account", "bank_account": account | {name: value}}
            details = quiet_api.post("/api/billing/payment-methods/", body, status=400).json["details"]
            assert list(details["bank_account"]) == [name]
    for body in ({"type": "bank_account"}, {"type": "card"}, {"type": "card", "bank_account": account}, {}):
        quiet_api.post("/api/billing/payment-methods/", body, status=400)


def nothing_happened(api: Api) -> bool:
    return not api.rows("SELECT id FROM payments")
