"""Everything that can go wrong on the way: what is certain is said, what is not is UNKNOWN, and the deadline holds."""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.providers.stripe.canned import Canned, hang_up, http
from tests.providers.stripe.conftest import Control
from tests.providers.stripe.orders import ENVIRONMENT, method_order, order, payer, refund_order, settings
from tests.providers.stripe.test_charges import paid, prepared
from tp_gateway.contract import Flow, Outcome, OutcomeState, Reason
from tp_gateway.providers.stripe import StripeProvider

Make = Callable[..., StripeProvider]
CONFIRM = "POST /v1/payment_intents/*/confirm"


def at(url: str, **changes: Any) -> StripeProvider:
    return StripeProvider.build(settings(api_base=url, **changes), ENVIRONMENT)


@pytest.mark.catalogue(24)
@pytest.mark.parametrize(
    ("fault", "said", "reason", "truth"),
    [
        ({"kind": "refuse"}, OutcomeState.UNKNOWN, Reason.UNCLEAR, OutcomeState.NOT_SENT),
        ({"kind": "lost"}, OutcomeState.UNKNOWN, Reason.UNCLEAR, OutcomeState.SUCCEEDED),
        ({"kind": "error_before"}, OutcomeState.UNKNOWN, Reason.UNCLEAR, OutcomeState.NOT_SENT),
        ({"kind": "error_after"}, OutcomeState.UNKNOWN, Reason.UNCLEAR, OutcomeState.SUCCEEDED),
        ({"kind": "html"}, OutcomeState.UNKNOWN, Reason.UNCLEAR, OutcomeState.NOT_SENT),
        ({"kind": "html", "status": 200, "done": True}, OutcomeState.UNKNOWN, Reason.UNCLEAR, OutcomeState.SUCCEEDED),
        ({"kind": "html", "status": 403}, OutcomeState.UNKNOWN, Reason.UNCLEAR, OutcomeState.NOT_SENT),
        ({"kind": "empty", "done": True}, OutcomeState.UNKNOWN, Reason.UNCLEAR, OutcomeState.SUCCEEDED),
        ({"kind": "rate_limit"}, OutcomeState.NOT_SENT, Reason.BUSY, OutcomeState.NOT_SENT),
        ({"kind": "lock_timeout"}, OutcomeState.NOT_SENT, Reason.BUSY, OutcomeState.NOT_SENT),
        ({"kind": "slow", "seconds": 0.5}, OutcomeState.UNKNOWN, Reason.UNCLEAR, OutcomeState.SUCCEEDED),
    ],
)
def test_confirm(
    make: Make,
    sandbox: Control,
    fault: dict[str, Any],
    said: OutcomeState,
    reason: Reason,
    truth: OutcomeState,
) -> None:
    provider = make(read_timeout="0.25")
    an_order = order()
    reference = prepared(provider, an_order)
    sandbox.fault(CONFIRM, **fault)
    outcome = provider.execute(an_order, reference)
    assert (outcome.state, outcome.reason, outcome.reference) == (said, reason, reference)
    assert not outcome.closed and outcome.settled is None
    assert provider.fetch(an_order, reference).state is truth


@pytest.mark.catalogue(25)
def test_a_replayed_500_is_never_more_than_unclear(provider: StripeProvider, sandbox: Control) -> None:
    an_order = order()
    reference = prepared(provider, an_order)
    sandbox.fault(CONFIRM, "error_after")
    assert {provider.execute(an_order, reference).state for _ in range(3)} == {OutcomeState.UNKNOWN}
    assert provider.fetch(an_order, reference).state is OutcomeState.SUCCEEDED


def test_while_an_earlier_confirm_runs_nothing_is_certain(make: Make, sandbox: Control) -> None:
    provider = make(read_timeout="0.2")
    an_order = order()
    reference = prepared(provider, an_order)
    sandbox.fault(CONFIRM, "hang", seconds=1)
    assert provider.execute(an_order, reference).state is OutcomeState.UNKNOWN
    # The key is in use: this call had no effect, but the one before may still charge.
    outcome = provider.execute(an_order, reference)
    assert (outcome.state, outcome.reason) == (OutcomeState.UNKNOWN, Reason.BUSY)
    assert outcome.provider_code == "idempotency_key_in_use"


@pytest.mark.parametrize(
    ("kind", "state", "reason"),
    [
        ("refuse", OutcomeState.UNKNOWN, Reason.UNCLEAR),
        ("error_after", OutcomeState.UNKNOWN, Reason.UNCLEAR),
        ("html", OutcomeState.UNKNOWN, Reason.UNCLEAR),
        ("rate_limit", OutcomeState.NOT_SENT, Reason.BUSY),
        ("lock_timeout", OutcomeState.NOT_SENT, Reason.BUSY),
    ],
)
def test_prepare_refund_and_save(
    provider: StripeProvider, sandbox: Control, kind: str, state: OutcomeState, reason: Reason
) -> None:
    sandbox.fault("POST /v1/**", kind, times=3)
    for outcome in (
        provider.prepare(order()),
        provider.refund(refund_order("pi_1")),
        provider.save_method(method_order("pm_card_visa", payer())),
    ):
        assert isinstance(outcome, Outcome)
        assert (outcome.state, outcome.reason, outcome.closed) == (state, reason, False)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("refuse", Reason.UNCLEAR), ("html", Reason.UNCLEAR), ("empty", Reason.UNCLEAR), ("rate_limit", Reason.BUSY)],
)
def test_questions_never_answer_by_themselves(
    provider: StripeProvider, sandbox: Control, soon: float, kind: str, reason: Reason
) -> None:
    an_order = order()
    reference = str(paid(provider, an_order).reference)
    sandbox.fault("* /v1/**", kind, times=4)
    for outcome in (
        provider.fetch(an_order, reference),
        provider.close(order(), reference),
        provider.fetch(an_order, None),
    ):
        assert (outcome.state, outcome.reason) == (OutcomeState.UNKNOWN, reason)
    assert not provider.check(soon).ok
    assert provider.check(soon).ok


def test_a_payment_whose_refunds_cannot_be_read_is_unknown(provider: StripeProvider, sandbox: Control) -> None:
    an_order = order()
    reference = str(paid(provider, an_order).reference)
    for _ in range(11):
        sandbox.ask("refund", {"payment_intent": reference, "amount": 100})
    sandbox.fault("GET /v1/refunds", "error_before")
    assert provider.fetch(an_order, reference).state is OutcomeState.UNKNOWN


@pytest.mark.catalogue(27)
def test_no_connection_is_certain() -> None:
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    silent = socket.create_server(("127.0.0.1", 0))
    ports = closed.getsockname()[1], silent.getsockname()[1]
    # Refused; and a TLS greeting that is never answered.
    with closed, silent:
        for url in (f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}"):
            provider = at(url, connect_timeout="0.2")
            for outcome in (provider.prepare(order()), provider.execute(order(), "pi_1")):
                assert isinstance(outcome, Outcome)
                assert (outcome.state, outcome.reason, outcome.closed) == (
                    OutcomeState.NOT_SENT,
                    Reason.UNREACHABLE,
                    False,
                )
            fetched = provider.fetch(order(), "pi_1")
            assert (fetched.state, fetched.reason) == (OutcomeState.UNKNOWN, Reason.UNREACHABLE)


def test_a_dead_address_is_followed_by_the_next(soon: float, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    with closed, Canned(http({"object": "balance", "livemode": False})) as server:
        port = int(server.url.rpartition(":")[2])
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", where) for where in (closed.getsockname(), ("127.0.0.1", port))
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        assert at(server.url).check(soon).ok


def test_a_resolver_that_hangs_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        released.wait(20)
        raise OSError("nobody knows")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        outcome = at("http://localhost:9").execute(order(seconds=0.3), "pi_1")
    finally:
        released.set()
    assert (outcome.state, outcome.reason) == (OutcomeState.NOT_SENT, Reason.UNREACHABLE)


@pytest.mark.catalogue(29)
@pytest.mark.parametrize("text", [http("{}")[:-2] + b" " * 4000, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 4000])
def test_an_answer_that_drips_ends_at_the_deadline(text: bytes) -> None:
    with Canned(b"") as server:
        server.reply = server.drip(text)
        provider = at(server.url)
        began = time.monotonic()
        outcome = provider.execute(order(seconds=0.4), "pi_1")
        assert 0.3 < time.monotonic() - began < 5
    assert (outcome.state, outcome.reason) == (OutcomeState.UNKNOWN, Reason.UNCLEAR)


def test_one_connection_serves_many_calls(soon: float) -> None:
    with Canned(http({"object": "balance", "livemode": False})) as server:
        provider = at(server.url, pool_size="4")
        assert all(provider.check(soon).ok for _ in range(20))
        assert server.connections == 1
        with ThreadPoolExecutor(8) as pool:
            assert all(health.ok for health in pool.map(lambda _: provider.check(soon), range(40)))
        assert server.connections < 20 and server.requests == 60


def test_each_thread_has_its_own_deadline() -> None:
    release = threading.Event()

    def reply(connection: socket.socket) -> None:
        release.wait(5)
        connection.sendall(http({"object": "balance", "livemode": False}))

    with Canned(reply) as server, ThreadPoolExecutor(2) as pool:
        provider = at(server.url)
        patient = pool.submit(provider.check, time.monotonic() + 5)
        assert not pool.submit(provider.check, time.monotonic() + 0.1).result().ok
        release.set()
        assert patient.result().ok


def test_a_connection_closed_while_idle_is_replaced(soon: float) -> None:
    closed = threading.Event()

    def reply(connection: socket.socket) -> None:
        connection.sendall(http({"object": "balance", "livemode": False}))
        hang_up(connection)
        closed.set()

    with Canned(reply) as server:
        provider = at(server.url)
        assert provider.check(soon).ok
        assert closed.wait(5)
        assert provider.check(soon).ok
        assert server.connections == 2


def test_a_reset_on_a_kept_connection_is_unclear(soon: float) -> None:
    with Canned(http({"object": "balance", "livemode": False})) as server:
        provider = at(server.url)
        assert provider.check(soon).ok
        server.reply = hang_up
        assert provider.execute(order(), "pi_1").state is OutcomeState.UNKNOWN
        assert (server.connections, server.requests) == (1, 2)


def an_error(kind: str, code: str | None = None, **more: Any) -> dict[str, Any]:
    return {"error": {"type": kind, "code": code, "message": "Invalid API Key provided: sk_test_****3456", **more}}


@pytest.mark.catalogue(34)
@pytest.mark.parametrize("status", [401, 403])
def test_a_revoked_key(status: int, soon: float) -> None:
    with Canned(http(an_error("invalid_request_error"), status)) as server:
        provider = at(server.url)
        made, executed = provider.prepare(order()), provider.execute(order(), "pi_1")
        assert isinstance(made, Outcome)
        assert (made.state, made.reason, made.closed) == (OutcomeState.DECLINED, Reason.REJECTED, True)
        assert (executed.state, executed.reason, executed.closed) == (OutcomeState.DECLINED, Reason.REJECTED, False)
        # That we may not ask says nothing about the payment.
        for outcome in (provider.fetch(order(), "pi_1"), provider.close(order(), "pi_1")):
            assert (outcome.state, outcome.reason) == (OutcomeState.UNKNOWN, Reason.REJECTED)
        health = provider.check(soon)
        assert not health.ok and "sk_" not in health.message and str(status) in health.message


@pytest.mark.catalogue(35)
@pytest.mark.parametrize(
    "answer",
    [
        http(b""),
        http("[]"),
        http("null"),
        http('"pi_1"'),
        http("{}"),
        http("<html></html>"),
        http(b"\xff\xfe{}"),
        http("[" * 100_000),
        http({"object": "payment_intent", "id": "pi_1", "status": "succeeded"}),
        http(b" " * (10 * 1024 * 1024)),
        http("{}", 302, "Location: /v1/elsewhere"),
        http({"error": None}, 400),
        http({"error": "no"}, 402),
        http({"error": []}, 402),
        http({"error": {"message": "no"}}, 402),
        http({"object": "payment_intent"}, 402),
        http("not found", 404),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"garbage\r\n\r\n",
        b"\x00" * 100,
    ],
    ids=lambda answer: repr(answer[-30:]),
)
def test_garbage_is_unclear(answer: bytes, soon: float) -> None:
    def reply(connection: socket.socket) -> None:
        connection.sendall(answer)
        hang_up(connection)

    with Canned(reply) as server:
        provider = at(server.url)
        for outcome in (
            provider.prepare(order()),
            provider.execute(order(), "pi_1"),
            provider.fetch(order(), "pi_1"),
            provider.close(order(), "pi_1"),
            provider.refund(refund_order("pi_1")),
            provider.save_method(method_order("pm_1", payer())),
        ):
            assert isinstance(outcome, Outcome)
            assert (outcome.state, outcome.reason, outcome.closed) == (OutcomeState.UNKNOWN, Reason.UNCLEAR, False)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "pi_another"},
        {"id": 7},
        {"object": "charge"},
        {"livemode": True},
        {"livemode": None},
        {"status": "fantastic"},
        {"status": None},
        {"amount": "18000"},
        {"amount_received": 0},
        {"amount_received": -1},
        {"amount_received": 180.0},
        {"amount_received": True},
        {"amount_received": float("nan")},
        {"currency": "zzz"},
        {"currency": None},
        {"latest_charge": None},
        {"latest_charge": "re_1"},
        {"latest_charge": {"id": "ch_1", "payment_intent": "pi_another"}},
    ],
    ids=str,
)
def test_a_doubtful_intent_proves_nothing(provider: StripeProvider, sandbox: Control, change: dict[str, Any]) -> None:
    reference = str(paid(provider, order()).reference)
    expand = "expand[]=latest_charge.refunds&expand[]=latest_charge.balance_transaction"
    genuine = sandbox.stripe("GET", f"/v1/payment_intents/{reference}?{expand}")
    with Canned(http(genuine)) as server:
        assert at(server.url).execute(order(), reference).state is OutcomeState.SUCCEEDED
    with Canned(http({**genuine, **change})) as server:
        for outcome in (at(server.url).execute(order(), reference), at(server.url).fetch(order(), reference)):
            assert (outcome.state, outcome.reference) == (OutcomeState.UNKNOWN, reference)


def test_more_than_a_mebibyte_is_not_read(provider: StripeProvider, sandbox: Control) -> None:
    reference = str(paid(provider, order()).reference)
    genuine = json.dumps(sandbox.stripe("GET", f"/v1/payment_intents/{reference}"))
    for padding, state in ((1000, OutcomeState.SUCCEEDED), (1024 * 1024, OutcomeState.UNKNOWN)):
        with Canned(http(genuine + " " * padding)) as server:
            assert at(server.url).execute(order(), reference).state is state


@pytest.mark.parametrize("change", [{"data": []}, {"has_more": True}], ids=str)
def test_refunds_that_may_not_be_all_are_listed(
    provider: StripeProvider, sandbox: Control, change: dict[str, Any]
) -> None:
    reference = str(paid(provider, order()).reference)
    provider.refund(refund_order(reference, 700))
    genuine = sandbox.stripe("GET", f"/v1/payment_intents/{reference}?expand[]=latest_charge.refunds")
    listed = genuine["latest_charge"]["refunds"]
    genuine["latest_charge"]["refunds"] = {**listed, **change}
    answers = iter([genuine, listed])
    with Canned(lambda connection: connection.sendall(http(next(answers)))) as server:
        outcome = at(server.url).fetch(order(), reference)
        assert [fact.amount for fact in outcome.refunds] == [700] and server.requests == 2


def test_a_list_of_refunds_that_is_not_there(provider: StripeProvider, sandbox: Control) -> None:
    """It says nothing about the payment, whose money is there; where nothing was refunded it is not needed."""
    reference = str(paid(provider, order()).reference)
    genuine = sandbox.stripe("GET", f"/v1/payment_intents/{reference}?expand[]=latest_charge")
    genuine["latest_charge"].pop("refunds", None)
    with Canned(http(genuine)) as server:
        assert at(server.url).fetch(order(), reference).state is OutcomeState.SUCCEEDED and server.requests == 1
    genuine["latest_charge"]["amount_refunded"] = 700
    missing = {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such thing"}}
    answers = iter([http(genuine), http(missing, 404)])
    with Canned(lambda connection: connection.sendall(next(answers))) as server:
        outcome = at(server.url).fetch(order(), reference)
        assert (outcome.state, outcome.reason) == (OutcomeState.UNKNOWN, Reason.UNCLEAR) and server.requests == 2


def test_closing_again_after_an_error_is_not_a_replay(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    reference = prepared(provider, order())
    sandbox.fault("POST /v1/payment_intents/*/cancel", "error_after")
    assert provider.close(order(), reference).state is OutcomeState.UNKNOWN
    assert provider.close(order(), reference).closed


@pytest.mark.catalogue(32)
def test_amounts_are_what_the_object_says(provider: StripeProvider, sandbox: Control) -> None:
    reference = str(paid(provider, order()).reference)
    genuine = sandbox.stripe("GET", f"/v1/payment_intents/{reference}?expand[]=latest_charge.balance_transaction")
    with Canned(http({**genuine, "amount_received": 1, "currency": "jpy"})) as server:
        outcome = at(server.url).execute(order(), reference)
    assert (outcome.state, outcome.settled, outcome.currency) == (OutcomeState.SUCCEEDED, 1, "JPY")
    # The fee is in Australian cents: another currency than the charge's.
    assert outcome.fee is None and outcome.transaction


@pytest.mark.parametrize("change", [{"amount": 1}, {"currency": "usd"}, {"metadata": {}}, {"id": "ch_1"}], ids=str)
def test_a_wrong_intent_is_never_prepared(provider: StripeProvider, sandbox: Control, change: dict[str, Any]) -> None:
    an_order = order()
    genuine = sandbox.stripe("GET", f"/v1/payment_intents/{prepared(provider, an_order)}")
    with Canned(http({**genuine, **change})) as server:
        outcome = at(server.url).prepare(an_order)
    assert isinstance(outcome, Outcome) and outcome.state is OutcomeState.UNKNOWN


def test_an_embedded_intent_is_checked_too(provider: StripeProvider, sandbox: Control) -> None:
    reference = str(paid(provider, order("pm_card_visa_chargeDeclined")).reference)
    genuine = sandbox.stripe("GET", f"/v1/payment_intents/{reference}")
    body = an_error("card_error", "card_declined", decline_code="stolen_card", payment_intent=genuine)
    with Canned(http(body, 402)) as server:
        right = at(server.url).execute(order(), reference)
        assert (right.state, right.provider_code) == (OutcomeState.DECLINED, "generic_decline")
        assert at(server.url).execute(order(), "pi_another").state is OutcomeState.UNKNOWN
    # Without one, or with no more of it than its name, the error itself is Stripe's word that the card was declined.
    for inside in ({}, {"payment_intent": {"id": reference, "object": "payment_intent"}}):
        del body["error"]["payment_intent"]
        body["error"] |= inside
        with Canned(http(body, 402)) as server:
            outcome = at(server.url).execute(order(), reference)
        found = (outcome.state, outcome.provider_code, outcome.closed)
        assert found == (OutcomeState.DECLINED, "stolen_card", False)
        body["error"].setdefault("payment_intent", None)


def test_waiting_for_capture_is_authorized(provider: StripeProvider, sandbox: Control) -> None:
    genuine = sandbox.stripe("GET", f"/v1/payment_intents/{prepared(provider, order())}")
    held = {**genuine, "status": "requires_capture", "amount_capturable": 18000}
    with Canned(http(held)) as server:
        outcome = at(server.url).fetch(order(), genuine["id"])
        assert (outcome.state, outcome.authorized, outcome.settled) == (OutcomeState.AUTHORIZED, 18000, None)
    with Canned(http({**held, "amount_capturable": 0})) as server:
        assert at(server.url).fetch(order(), genuine["id"]).state is OutcomeState.UNKNOWN


@pytest.mark.parametrize(
    "change", [{"payment_intent": "pi_another"}, {"amount": 0}, {"status": "odd"}, {"metadata": {}}, {"id": 1}], ids=str
)
def test_a_doubtful_refund_proves_nothing(provider: StripeProvider, sandbox: Control, change: dict[str, Any]) -> None:
    a_refund = refund_order(str(paid(provider, order()).reference))
    provider.refund(a_refund)
    genuine = {**sandbox.books("refunds")[0], **change}
    with Canned(http(genuine)) as server:
        assert at(server.url).refund(a_refund).state is OutcomeState.UNKNOWN


def test_a_list_that_does_not_end(soon: float) -> None:
    page = {"object": "list", "has_more": True, "data": [{"id": "pi_1"}]}
    with Canned(http(page)) as server:
        outcome = at(server.url).fetch(replace(order(), flow=Flow.BROWSER), None)
        assert (outcome.state, outcome.reason) == (OutcomeState.UNKNOWN, Reason.UNCLEAR)
        assert server.requests == 2
