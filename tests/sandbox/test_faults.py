"""Each kind of fault does what its name says, and only to the requests it was ordered for."""

import http.client
import json
import socket
from collections.abc import Callable

import pytest
import stripe

from sandbox.stripe import StripeSandbox
from sandbox.stripe.faults import KINDS, Fault, Faults
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


def test_nobody_listens_for_a_while(sandbox: StripeSandbox, raw: Raw, post: Post) -> None:
    assert raw.control("POST", "down", {"seconds": 60}) == {"seconds": 60}
    with pytest.raises(ConnectionRefusedError):
        post()
    sandbox.open()
    assert eventually(lambda: answers(post))
    assert count(raw) == 1


def test_down(raw: Raw, post: Post) -> None:
    raw.fault("down", seconds=0.2, done=True)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        post()
    assert eventually(lambda: answers(post))
    assert (count(raw), post()[1]["idempotent-replayed"]) == (1, "true")


def answers(post: Post) -> bool:
    try:
        return post()[0] == 200
    except OSError:
        return False


def test_down_cuts_whoever_waits(raw: Raw, sandbox: StripeSandbox) -> None:
    waiting = http.client.HTTPConnection(raw.netloc, timeout=5)
    waiting.request("GET", "/v1/balance", headers={"Authorization": "Bearer sk_test_clinic"})
    waiting.getresponse().read()
    raw.control("POST", "down", {"seconds": 60})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        waiting.request("GET", "/v1/balance", headers={"Authorization": "Bearer sk_test_clinic"})
        waiting.getresponse()
    sandbox.open()
    assert eventually(lambda: answers(lambda: raw.call("GET", "/v1/balance")))


def test_drip(raw: Raw) -> None:
    raw.fault("drip", seconds=10)
    with socket.create_connection(raw.netloc.split(":"), timeout=5) as caller:
        head = f"POST {INTENTS} HTTP/1.1\r\nAuthorization: Bearer sk_test_x\r\nContent-Length: {len(ORDER)}\r\n\r\n"
        caller.sendall((head + ORDER).encode())
        assert caller.recv(100) == b"H"
    assert count(raw) == 1
    raw.fault("drip", seconds=0)
    assert raw.call("POST", INTENTS, ORDER)[0] == 200


def test_huge(raw: Raw, post: Post) -> None:
    raw.fault("huge")
    raw.fault("huge", size=100, done=True)
    status, _, body = post()
    assert (status, len(body) > 10_000_000, count(raw)) == (200, True, 0)
    assert (len(post()[2]) < 200, count(raw)) == (True, 1)


def test_wrong_id(raw: Raw, post: Post) -> None:
    raw.fault("wrong_id")
    told, true = json.loads(post()[2]), json.loads(post()[2])
    assert told["id"] != true["id"]
    assert told == {**true, "id": told["id"], "client_secret": true["client_secret"].replace(true["id"], told["id"])}
    assert [one["id"] for one in raw.control("GET", "books")["payment_intents"]] == [true["id"]]
    assert raw.call("GET", f"{INTENTS}/{told['id']}")[0] == 404
    raw.fault("wrong_id", match=f"GET {INTENTS}")
    assert json.loads(raw.call("GET", INTENTS)[2])["data"][0]["id"] != true["id"]


@pytest.mark.parametrize(
    ("kind", "changed"), [("wrong_amount", {"amount": 5100}), ("wrong_currency", {"currency": "usd"})]
)
def test_another_amount_or_currency(raw: Raw, post: Post, kind: str, changed: dict) -> None:
    raw.fault(kind)
    told, true = json.loads(post()[2]), json.loads(post()[2])
    assert told == {**true, **changed}
    assert raw.control("GET", "books")["payment_intents"] == [true]


def test_errors_do_not_lie(raw: Raw) -> None:
    raw.fault("wrong_id", match=f"GET {INTENTS}/*")
    assert json.loads(raw.call("GET", f"{INTENTS}/pi_nobody")[2])["error"]["code"] == "resource_missing"


def test_every_kind_has_a_test() -> None:
    assert set(KINDS) == {
        "refuse",
        "down",
        "drip",
        "huge",
        "wrong_id",
        "wrong_amount",
        "wrong_currency",
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
        return [faults.pick("GET /v1/charges/ch_1") is not None for _ in range(40)]

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
        Fault(**order)
