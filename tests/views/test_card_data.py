"""Card numbers and security codes are refused wherever they are; ids and amounts that look like them are not."""

import random
from typing import Any
from uuid import UUID

import pytest

from tp_gateway.errors import GatewayError
from tp_gateway.views.card_data import refuse_in_body, refuse_in_request

CARD = "4242424242424242"

BODIES: dict[str, Any] = {
    "text": {"description": f"my card is {CARD}"},
    "spaces": {"description": "4242 4242 4242 4242"},
    "dashes": {"description": "4242-4242-4242-4242"},
    "no-break spaces": {"description": "4242\u00a04242\u00a04242\u00a04242"},
    "en dashes": {"description": "4242\u20134242\u20134242\u20134242"},
    "zero-width spaces": {"description": "4242\u200b4242\u200b4242\u200b4242"},
    "full-width digits": {"description": "\uff14\uff12" * 8},
    "Arabic digits": {"description": "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"},
    "integer": {"appointment_id": 4242424242424242},
    "after a word": {"a": f"card_{CARD}", "b": "x"},
    "run on to a word": {"a": f"card_number{CARD}"},
    "run on to a word, with an expiry": {"a": f"card_no{CARD}exp1230"},
    "run on to what begins like an id": {"a": f"pi_ab{CARD}"},
    "in groups after what looks like an id": {"a": "xx_abcdefghij4242 4242 4242 4242"},
    "between words": {"a": f"note: card_nr{CARD} cvc 123"},
    "after a word, with one letter": {"a": f"card_{CARD}x"},
    "before an id": {"a": f"{CARD}_pi_3SMxYrKJUKribcBj"},
    "key": {"metadata": {CARD: "x"}},
    "deep": {"a": [{"b": [["c", {"d": CARD}]]}]},
    "top level list": [CARD],
    "JSON inside a text": {"metadata": {"raw": f'{{"pan":"{CARD}"}}'}},
    "13 digits": {"a": "4222222222222"},
    "19 digits": {"a": "6304000000000000000"[:18] + "0"},
    "Amex": {"a": "378282246310005"},
    "Mastercard": {"a": "5555 5555 5555 4444"},
    "Mastercard 2-series": {"a": "2223003122003222"},
    "Discover": {"a": "6011111111111117"},
    "JCB": {"a": "3566002020360505"},
    "Diners": {"a": "30569309025904"},
    "UnionPay": {"a": "6200000000000005"},
    "cvc": {"cvc": "123"},
    "nested cvv": {"card": {"CVV": 123}},
    "number": {"card": {"number": "x"}},
    "form spelling": {"card[number]": "x"},
    "camel case": {"cardNumber": "x"},
    "security code": {"security_code": ""},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.catalogue(81)
def test_card_data_in_a_body_is_refused(body: Any) -> None:
    if body == BODIES["19 digits"]:
        body = {"a": _with_check_digit("630400000000000000")}
    with pytest.raises(GatewayError) as refusal:
        refuse_in_body(body)
    assert refusal.value.code == "card_data_not_accepted"
    assert "4242" not in str(refusal.value.details)


ACCEPTED: dict[str, Any] = {
    "wrong check digit": {"a": "4242424242424241"},
    "an invoice number": {"a": "INV-2025-001"},
    "a short Luhn-valid id": {"invoice_id": 18},
    "a Luhn-valid 12-digit id": {"a": "424242424242"},
    "milliseconds": {"a": 1737282600000},
    "a phone number": {"a": "+61 3 9000 0000"},
    "a Stripe id": {"a": "pm_1QxYz24242424242abc"},
    "a Stripe id with many digits": {"a": "pi_3SMx4242424242424242"},
    "a client secret of one": {"a": "pi_3SMx4242424242424242_secret_YrKJUKribcBj"},
    "an amount": {"amount": "180.00"},
    "a UUID of digits": {"a": "42424242-4242-4242-4242-424242424242"},
    "a trace id": {"a": "4bf92f3577b34da6a4242424242424242"},
    "a key that only contains one": {"metadata": {"invoice_number": "7", "booking number": "8", "panel": "9"}},
    "true": {"a": True},
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_only_looks_like_it_is_accepted(body: Any) -> None:
    refuse_in_body(body)


def test_random_ids_are_hardly_ever_taken_for_cards() -> None:
    dice = random.Random(20250119)
    ids = [str(UUID(int=dice.getrandbits(128), version=4)) for _ in range(20_000)]
    ids += [f"{dice.getrandbits(256):064x}" for _ in range(20_000)]
    assert sum(_refused_in_request({"HTTP_X_ID": one}) for one in ids) <= 4


@pytest.mark.parametrize(
    "environ",
    [
        {"QUERY_STRING": f"note={CARD}"},
        {"QUERY_STRING": "note=4242+4242+4242+4242"},
        {"QUERY_STRING": "note=4242%204242%204242%204242"},
        {"QUERY_STRING": "cvc=123"},
        {"PATH_INFO": f"/api/billing/payments/{CARD}/"},
        {"HTTP_IDEMPOTENCY_KEY": CARD},
        {"HTTP_X_REQUEST_ID": CARD},
        {"HTTP_USER_AGENT": f"curl {CARD}"},
        {"HTTP_REFERER": f"https://clinic.example/pay?card={CARD}"},
    ],
    ids=str,
)
@pytest.mark.catalogue(81)
def test_card_data_outside_of_the_body_is_refused(environ: dict[str, str]) -> None:
    assert _refused_in_request(environ)


def test_tokens_and_cookies_are_not_looked_at() -> None:
    assert not _refused_in_request({"HTTP_AUTHORIZATION": f"Bearer {CARD}", "HTTP_COOKIE": f"a={CARD}"})


def _refused_in_request(environ: dict[str, str]) -> bool:
    try:
        refuse_in_request(environ)
    except GatewayError as error:
        assert error.code == "card_data_not_accepted"
        return True
    return False


def _with_check_digit(digits: str) -> str:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 - position % 2)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)
