"""Each kind of fault does what its name says, and only to the requests it was ordered for."""

import http.client
import json
from collections.abc import Callable

import pytest
import stripe

from sandbox.stripe.faults import KINDS, Faults, Rule
from tests.sandbox.helpers import Raw, client, eventually

INTENTS = "/v1/payment_intents"
ORDER = "amount=5000&currency=aud"
Post = Callable[[], tuple[int, dict[str, str], bytes]]


@pytest.fixture
def post(raw: Raw) -> Post:
    return lambda: raw.call("POST", INTENTS, ORDER, Idempotency_Key="k1")


def count(raw: Raw) -> int:
    return len(raw.control("GET", "books")["payment_intents"])


def test_refuse(raw: Raw, post: Post) -> None:
    raw.fault("refuse")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        post()
    assert count(raw) == 0
    assert post()[0] == 200


def test_lost(raw: Raw, post: Post) -> None:
    raw.fault("lost")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        post()
    assert count(raw) == 1
    status, headers, _ = post()
    assert (status, headers["idempotent-replayed"], count(raw)) == (200, "true", 1)


def test_error_before(raw: Raw, post: Post) -> None:
    raw.fault("error_before")
    status, headers, body = post()
    assert (status, json.loads(body)["error"]["type"], count(raw)) == (500, "api_error", 0)
    assert headers["request-id"]
    assert post()[0] == 200


def test_error_after(raw: Raw, post: Post) -> None:
    raw.fault("error_after")
    first = post()
    assert (first[0], count(raw)) == (500, 1)
    again = post()
    assert (again[0], again[2], again[1]["idempotent-replayed"], count(raw)) == (500, first[2], "true", 1)


def test_slow(raw: Raw) -> None:
    raw.fault("slow", seconds=0.3)
    with pytest.raises(TimeoutError):
        raw.call("POST", INTENTS, ORDER, timeout=0.05)
    assert count(raw) == 1  # done although nobody waited


def test_hang(raw: Raw) -> None:
    raw.fault("hang", seconds=0.15)
    with pytest.raises(TimeoutError):
        raw.call("POST", INTENTS, ORDER, timeout=0.05)
    assert count(raw) == 0
    assert eventually(lambda: count(raw) == 1)


def test_late(raw: Raw, post: Post) -> None:
    raw.fault("late", seconds=0.1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        post()
    assert count(raw) == 0
    assert eventually(lambda: count(raw) == 1)
    assert post()[1]["idempotent-replayed"] == "true"


def test_refusals(raw: Raw, post: Post) -> None:
    raw.fault("rate_limit")
    raw.fault("lock_timeout")
    codes = [(got[0], json.loads(got[2])["error"]["code"]) for got in (post(), post())]
    assert codes == [(429, "rate_limit"), (429, "lock_timeout")]
    assert (count(raw), post()[0]) == (0, 200)


def test_html_and_empty(raw: Raw, post: Post) -> None:
    raw.fault("html")
    raw.fault("html", status=200, done=True)
    raw.fault("empty")
    first, second, third = post(), post(), post()
    assert (first[0], first[1]["content-type"]) == (502, "text/html; charset=utf-8")
    assert second[0] == 200
    assert b"<html>" in second[2]
    assert (third[0], third[2]) == (200, b"")
    assert count(raw) == 1


def test_every_kind_has_a_test() -> None:
    assert set(KINDS) == {
        "refuse",
        "lost",
        "error_before",
        "error_after",
        "hang",
        "slow",
        "late",
        "rate_limit",
        "lock_timeout",
        "html",
        "empty",
    }


def test_the_library_gets_over_a_lost_answer(raw: Raw, sandbox: object) -> None:
    raw.fault("lost")
    api = client(f"http://{raw.netloc}", max_network_retries=2)
    api.v1.payment_intents.create({"amount": 5000, "currency": "aud"})
    assert count(raw) == 1
    log = raw.control("GET", "requests")["requests"]
    assert [(one["status"], one["fault"], one["replayed"]) for one in log] == [(None, "lost", False), (200, None, True)]
    assert log[0]["idempotency_key"] == log[1]["idempotency_key"]
    assert log[0]["form"] == {"amount": "5000", "currency": "aud"}
    assert "sk_test" not in json.dumps(log)
    assert raw.control("GET", f"requests?since={log[0]['sequence']}")["requests"] == log[1:]


def test_patterns_and_counts(api: stripe.StripeClient, raw: Raw) -> None:
    raw.fault("error_before", match="POST /v1/payment_intents/*/cancel", times=None)
    intent = api.v1.payment_intents.create({"amount": 5000, "currency": "aud"})
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            api.v1.payment_intents.cancel(intent.id, options={"max_network_retries": 0})
    assert api.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"
    assert raw.control("GET", "faults")["faults"][0]["fired"] == 2
    assert raw.control("DELETE", "faults") == {"faults": []}
    assert api.v1.payment_intents.cancel(intent.id).status == "canceled"


def test_chance_is_repeatable() -> None:
    def hits(seed: int) -> list[bool]:
        faults = Faults()
        faults.add(match="* /v1/**", kind="refuse", times=None, probability=0.5, seed=seed)
        return [faults.pick("GET", "/v1/charges/ch_1") is not None for _ in range(40)]

    assert hits(7) == hits(7)
    assert hits(7) != hits(8)
    assert 5 < sum(hits(7)) < 35


@pytest.mark.parametrize(
    "order",
    [
        {"match": "POST /v1/refunds", "kind": "earthquake"},
        {"match": "/v1", "kind": "lost"},
    ],
)
def test_nonsense_is_refused(order: dict) -> None:
    with pytest.raises(ValueError, match=r"fault|match"):
        Rule(**order)
