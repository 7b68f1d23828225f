"""What a client is told when the provider is slow, busy, wrong, or has thrown us out; and what became of the money."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.clinic import _text, sandbox
from tests.invariants import check_invariants
from tests.providers.stripe.canned import Canned, http
from tp_gateway.contract import Outcome
from tp_gateway.providers.stripe.client import Client
from tp_gateway.providers.stripe.transport import Transport
from tp_gateway.registry import GuardedProvider

PAY = "/api/billing/payments/"
INTENT = "/api/billing/stripe/create-payment-intent/"
CONFIRM = "POST /v1/payment_intents/*/confirm"
RETRIEVE = "GET /v1/payment_intents/*"


def confirms(api: Api) -> list[dict[str, Any]]:
    """The confirmations that reached the sandbox."""
    sent = sandbox(api.sandbox_url, "GET", "requests")["requests"]
    return [one for one in sent if one["path"].endswith("/confirm")]


@pytest.mark.catalogue(24)
def test_a_lost_answer_is_pending_and_the_next_look_shows_the_truth(api: Api) -> None:
    api.fault(CONFIRM, "lost")
    api.fault(RETRIEVE, "error_before")
    pending = api.pay_by_http(status=201).json
    assert pending["status"] == "pending"
    api.pass_time()
    shown = api.get(f"{PAY}{pending['id']}/", status=200).json
    assert (shown["status"], shown["amount"]) == ("succeeded", "180.00")
    assert len(api.books()["charges"]) == len(confirms(api)) == 1


@pytest.mark.catalogue(25)
def test_a_500_that_its_key_replays_for_ever_is_got_round_by_looking(api: Api) -> None:
    """The confirmation is never sent again under another key: that could charge twice."""
    api.fault(CONFIRM, "error_after")
    api.fault(RETRIEVE, "error_before", times=2)
    pending = api.pay_by_http(status=201, headers={"Idempotency-Key": "k"}).json
    assert pending["status"] == "pending"
    for _ in range(3):
        api.pass_time()
        api.work()
    again = api.pay_by_http(status=201, headers={"Idempotency-Key": "k"}).json
    assert (again["id"], again["status"]) == (pending["id"], "succeeded")
    assert len(confirms(api)) == 1


@pytest.mark.catalogue(26)
@pytest.mark.parametrize("kind", ["rate_limit", "lock_timeout"])
def test_a_provider_that_stays_busy(api: Api, kind: str) -> None:
    """Certainly nothing happened: one more try, then 503, and the patient may try again at once."""
    api.fault(CONFIRM, kind, times=2)
    busy = api.pay_by_http(status=503)
    assert busy.json["code"] == "service_unavailable" and int(busy.headers["Retry-After"]) >= 1
    assert [tuple(row) for row in api.rows("SELECT state, reason FROM payments")] == [("failed", "provider_busy")]
    assert len(confirms(api)) == 2
    assert api.pay_by_http(status=201).json["status"] == "succeeded"
    assert len(api.books()["charges"]) == 1


@pytest.mark.catalogue(30)
def test_three_d_secure_from_end_to_end(api: Api) -> None:
    asked = api.pay_by_http(status=201, payment_method_id="pm_card_threeDSecureRequired").json
    assert asked["status"] == "pending" and {"type", "client_secret"} <= set(asked["next_action"])
    confirm = {"payment_intent_id": asked["payment_intent_id"], "appointment_id": 123}
    early = api.post("/api/billing/stripe/confirm-payment/", confirm, status=200)
    assert early.json["status"] == "pending"
    sandbox(api.sandbox_url, "POST", f"challenge/{asked['payment_intent_id']}", {"outcome": "complete"})
    done = api.post("/api/billing/stripe/confirm-payment/", confirm, status=200)
    assert (done.json["status"], done.json["id"]) == ("succeeded", asked["id"])


def expire(api: Api) -> None:
    with api.database.transaction() as session:
        old = datetime.now(UTC) - timedelta(hours=25)
        session.execute(_text("UPDATE payments SET created_at = :old, expires_at = :old", old=old))
    api.pass_time()


@pytest.mark.catalogue(31)
def test_what_nobody_finished_is_closed_after_a_day_and_can_be_paid_again(api: Api) -> None:
    waiting = api.pay_by_http(status=201, payment_method_id="pm_card_threeDSecureRequired").json
    expire(api)
    api.work()
    ended = api.get(f"{PAY}{waiting['id']}/").json
    assert (ended["status"], ended["failure"]) == ("failed", {"code": "expired"})
    assert [one["status"] for one in api.books()["payment_intents"]] == ["canceled"]
    assert api.pay_by_http(status=201).json["status"] == "succeeded"


@pytest.mark.catalogue(31)
def test_a_customer_who_is_faster_than_the_closing_has_paid(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    intent = api.post(INTENT, {"appointment_id": 123, "amount": 18000}, status=200).json
    expire(api)
    close = GuardedProvider.close

    def overtaken(provider: GuardedProvider, order: Any, reference: str) -> Outcome:
        assert api.finish_in_browser(reference)["status"] == "succeeded"
        return close(provider, order, reference)

    monkeypatch.setattr(GuardedProvider, "close", overtaken)
    api.work()
    assert api.get(f"{PAY}{intent['payment_id']}/").json["status"] == "succeeded"
    assert api.pay_by_http(status=409).json["code"] == "already_paid"
    check_invariants(api.database.engine, api.books())


@pytest.mark.catalogue(34)
@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_was_revoked_is_an_operators_affair(database_url: str, status: int) -> None:
    """The patient hears that no money was taken, and nothing of the reason; the log calls for a person."""
    said = "Invalid API Key provided: sk_test_****inic"
    with Canned(http({"error": {"type": "invalid_request_error", "message": said}}, status)) as server:
        api = Api(database_url, server.url)
        try:
            api.open()
            api.appointment()
            refused = api.pay_by_http(status=502)
            assert refused.json["code"] == "provider_error"
            assert not [word for word in ("key", "sk_", "Invalid", "stripe") if word in refused.text]
            assert [tuple(row) for row in api.rows("SELECT state, reason FROM payments")] == [("failed", "rejected")]
            (line,) = api.log_lines("provider_refused_request")
            assert (line["level"], line["provider"], line["member"]) == ("error", "stripe", "prepare")
            assert said not in api.log.getvalue()
        finally:
            api.close()


@pytest.mark.catalogue(35)
@pytest.mark.parametrize(
    "answer",
    [
        http("<html><body>All is well</body></html>"),
        http(""),
        http(b"{" + b" " * 10_000_000 + b"}"),
        http({"id": "pi_of_somebody_else", "object": "payment_intent", "status": "succeeded"}),
    ],
    ids=["html", "empty", "10 MB", "another id"],
)
def test_nonsense_to_a_step_that_moves_money_is_looked_up(
    api: Api, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """The money moves; what comes back is nonsense. It is never read as a success, nor as a failure."""
    client = api.gateway.registry.by_slug("stripe")._provider._client
    post, fetched = type(client).post, list[str]()
    fetch = GuardedProvider.fetch

    with Canned(answer) as server:
        other = Client("sk_test_clinic", server.url, Transport(server.url, 5, 5, 1))

        def garbled(self: Client, path: str, deadline: float, params: Any, key: str | None = None) -> Any:
            found = post(self, path, deadline, params, key)
            return post(other, path, deadline, params, key) if path.endswith("/confirm") else found

        def noted(provider: GuardedProvider, order: Any, reference: str | None) -> Outcome:
            fetched.append(str(reference))
            return fetch(provider, order, reference)

        monkeypatch.setattr(type(client), "post", garbled)
        monkeypatch.setattr(GuardedProvider, "fetch", noted)
        paid = api.pay_by_http(status=201).json
        assert server.requests == 1
    assert (paid["status"], fetched) == ("succeeded", [paid["payment_intent_id"]])
    assert len(api.books()["charges"]) == 1
