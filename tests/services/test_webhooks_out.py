"""The clinic's backend hears facts over a socket: signed by the scheme of Standard Webhooks, and again until it says
2xx."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import Clinic, sandbox
from tests.listening import Backend, Ears
from tp_gateway.services.outbox.webhook import signature

OLD, NEW = b"the backend's old secret, 32 bytes", b"the backend's new secret, 32 bytes"
SETTING = " ".join(f"whsec_{base64.b64encode(secret).decode()}" for secret in (NEW, OLD))


@pytest.fixture
def backend() -> Iterator[Backend]:
    server = Backend()
    yield server
    server.stop()


@pytest.fixture
def told(database_url: str, stripe_sandbox: StripeSandbox, backend: Backend) -> Iterator[Clinic]:
    """A clinic whose backend listens."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    more = {
        "tp_gateway.notifications.webhook_url": backend.url,
        "tp_gateway.notifications.webhook_secret": SETTING,
    }
    clinic = Clinic(database_url, stripe_sandbox.url, **more).open()
    yield clinic
    clinic.close()


def relay(clinic: Clinic, rounds: int = 2) -> None:
    for _ in range(rounds):
        clinic.pass_time()
        clinic.gateway.outbox.relay()


def types(backend: Backend) -> list[str]:
    return [json.loads(body)["type"] for _, body in backend.calls]


def is_genuine(secret: bytes, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver does it, written from the specification."""
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    right = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return any(version == "v1" and found == right for version, _, found in (
        word.partition(",") for word in headers["webhook-signature"].split(" ")
    ))  # fmt: skip


def test_the_published_example_has_its_published_signature() -> None:
    """Of the scheme's reference libraries."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signature([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_fact_is_told_and_signed_with_each_secret(told: Clinic, backend: Backend) -> None:
    told.appointment()
    payment_id = told.pay().id
    told.gateway.outbox.relay()
    [(headers, body)] = backend.calls
    assert all(is_genuine(secret, headers, body) for secret in (OLD, NEW))
    assert not is_genuine(b"another secret", headers, body) and not is_genuine(NEW, headers, body + b" ")
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["content-type"] == "application/json"
    [row] = told.rows("SELECT uuid, sent_at FROM outbox_messages")
    assert headers["webhook-id"] == row.uuid and row.sent_at is not None
    event = json.loads(body)
    assert set(event) == {"type", "timestamp", "data"} and event["timestamp"].endswith("Z")
    expected = {"payment_id": payment_id, "appointment_id": 123, "patient_id": 45, "amount": "180.00"}
    assert event["type"] == "payment.succeeded" and expected.items() <= event["data"].items()
    assert not {"client_secret", "parameters", "service", "description"} & set(event["data"])


def test_it_hears_what_concerns_it(told: Clinic, backend: Backend) -> None:
    invoice = told.invoice()
    payment_id = told.pay(invoice_id=invoice.id).id
    told.refund(payment_id)
    relay(told, 6)
    assert sorted(types(backend)) == [
        *("invoice.created", "invoice.paid", "invoice.refunded", "payment.succeeded", "refund.succeeded")
    ]
    about_payment = [one for one in types(backend) if one != "invoice.created"]
    assert about_payment.index("payment.succeeded") < about_payment.index("refund.succeeded")


@pytest.mark.parametrize("status", [301, 400, 401, 410, 429, 500, 503])
def test_whatever_is_not_2xx_is_told_again_the_same(told: Clinic, backend: Backend, status: int) -> None:
    told.appointment()
    told.pay()
    backend.status, backend.headers = status, {"location": f"{backend.url}elsewhere/"}
    told.gateway.outbox.relay()
    [row] = told.rows("SELECT note, attempts, told_at FROM outbox_deliveries")
    assert (row.note, row.attempts, row.told_at) == (f"answered {status}", 1, None)
    backend.status = 200
    relay(told)
    (first, body), (second, same_body) = backend.calls
    assert body == same_body and first["webhook-id"] == second["webhook-id"] and is_genuine(NEW, second, body)
    assert len(backend.calls) == 2, "nobody followed it elsewhere, and once it has heard it is left in peace"


def test_a_backend_that_is_away_or_hangs_up_keeps_no_plugin_waiting(told: Clinic, backend: Backend) -> None:
    ears = Ears()
    told.gateway.outbox.destinations += (ears,)
    told.appointment()
    told.refund(told.pay().id)
    backend.stop()
    relay(told, 3)
    assert ears.topics_heard == ["payment.succeeded", "refund.succeeded"]
    notes = {row.note for row in told.rows("SELECT note FROM outbox_deliveries WHERE attempts > 0 AND told_at IS NULL")}
    assert notes and all(note.startswith("no answer: ") for note in notes)


def test_a_slow_backend_is_not_waited_for_longer_than_its_time(
    told: Clinic, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    import urllib3

    released = threading.Event()
    backend.before = lambda: released.wait(60)
    [webhook] = told.gateway.outbox.destinations
    webhook._http = urllib3.PoolManager(timeout=0.2, retries=False)  # type: ignore[attr-defined]
    told.appointment()
    told.pay()
    told.gateway.outbox.relay()
    released.set()
    [row] = told.rows("SELECT note, told_at FROM outbox_deliveries")
    assert (row.note, row.told_at) == ("no answer: ReadTimeoutError", None)


def test_secrets_are_not_shown(told: Clinic) -> None:
    [webhook] = told.gateway.outbox.destinations
    assert "secret" not in repr(webhook._endpoint).replace("webhook_secret", "")  # type: ignore[attr-defined]
