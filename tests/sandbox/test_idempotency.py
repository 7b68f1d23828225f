"""Idempotency keys as Stripe documents them."""

import json
import threading

import pytest
import stripe

from tests.sandbox.helpers import RETURN, Raw, eventually, paid

ORDER = "amount=5000&currency=aud"
INTENTS = "/v1/payment_intents"


def test_replay(raw: Raw) -> None:
    first = raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1")
    again = raw.call("POST", INTENTS, "currency=aud&amount=5000", Idempotency_Key="k1")
    assert first[0] == again[0] == 200
    assert first[2] == again[2]
    assert "idempotent-replayed" not in first[1]
    assert again[1]["idempotent-replayed"] == "true"
    assert again[1]["original-request"] == first[1]["request-id"]
    assert again[1]["idempotency-key"] == "k1"
    assert again[1]["stripe-version"] == "2026-10-28.endive"
    assert len(raw.control("GET", "books")["payment_intents"]) == 1


def test_a_refusal_is_replayed_too(raw: Raw) -> None:
    order = f"{ORDER}&confirm=true&return_url=https://a.example&payment_method=pm_card_chargeDeclined"
    first = raw.call("POST", INTENTS, order, Idempotency_Key="k1")
    again = raw.call("POST", INTENTS, order, Idempotency_Key="k1")
    assert first[0] == 402
    assert (again[0], again[2]) == (402, first[2])
    assert len(raw.control("GET", "books")["charges"]) == 1


def test_clash(api: stripe.StripeClient) -> None:
    options = {"idempotency_key": "k1"}
    api.v1.payment_intents.create({"amount": 5000, "currency": "aud"}, options)
    with pytest.raises(stripe.IdempotencyError) as caught:
        api.v1.payment_intents.create({"amount": 6000, "currency": "aud"}, options)
    assert caught.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        api.v1.customers.create({}, options)


def test_in_flight(raw: Raw) -> None:
    raw.fault("hang", seconds=0.4)
    answers: list[tuple[int, dict, bytes]] = []
    slow = threading.Thread(target=lambda: answers.append(raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1")))
    slow.start()
    eventually(lambda: raw.control("GET", "requests")["last"] and raw.control("GET", "faults")["faults"][0]["fired"])
    status, _, body = eventually(
        lambda: (got := raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1"))[0] == 409 and got
    )
    error = json.loads(body)["error"]
    assert (status, error["type"], error["code"]) == (409, "idempotency_error", "idempotency_key_in_use")
    slow.join()
    assert answers[0][0] == 200
    assert raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1")[2] == answers[0][2]


@pytest.mark.parametrize("wrong", ["amount=49&currency=aud", f"{ORDER}&colour=red", "currency=aud"])
def test_nothing_is_kept_of_what_failed_validation(raw: Raw, wrong: str) -> None:
    assert raw.call("POST", INTENTS, wrong, Idempotency_Key="k1")[0] == 400
    assert raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1")[0] == 200


def test_nothing_is_kept_of_401_and_429(raw: Raw) -> None:
    assert raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1", Authorization="")[0] == 401
    raw.fault("rate_limit")
    raw.fault("lock_timeout")
    assert raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1")[0] == 429
    assert raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1")[0] == 429
    assert raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1")[0] == 200


def test_a_refused_state_is_kept(api: stripe.StripeClient, raw: Raw) -> None:
    intent = paid(api)
    first = raw.call("POST", f"{INTENTS}/{intent.id}/cancel", "", Idempotency_Key="k1")
    again = raw.call("POST", f"{INTENTS}/{intent.id}/cancel", "", Idempotency_Key="k1")
    assert first[0] == again[0] == 400
    assert again[1]["idempotent-replayed"] == "true"


def test_keys_are_forgotten_after_a_day(raw: Raw) -> None:
    first = raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1")
    raw.control("POST", "clock", {"advance": 24 * 3600 - 60})
    assert raw.control("POST", "idempotency/prune") == {"pruned": 0}
    assert raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1")[2] == first[2]
    raw.control("POST", "clock", {"advance": 60})
    assert raw.control("POST", "idempotency/prune") == {"pruned": 1}
    assert raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1")[2] != first[2]


def test_keys_count_for_post_only_and_have_a_limit(api: stripe.StripeClient, raw: Raw) -> None:
    intent = api.v1.payment_intents.create({"amount": 5000, "currency": "aud"})
    path = f"{INTENTS}/{intent.id}"
    raw.call("GET", path, Idempotency_Key="k1")
    api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", **RETURN})
    assert json.loads(raw.call("GET", path, Idempotency_Key="k1")[2])["status"] == "succeeded"
    assert raw.call("POST", INTENTS, ORDER, Idempotency_Key="k" * 256)[0] == 400
