"""The sandbox as a process of its own: what it has answered survives a kill."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.stripe import StripeSandbox
from sandbox.stripe.books import Books
from tests.sandbox.helpers import Raw, Receiver, client, eventually, paid

ROOT = Path(__file__).parents[2]


@contextmanager
def process(state: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "sandbox.stripe", "--port", "0", "--state", str(state), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        try:
            assert running.stdout
            yield running, running.stdout.readline().split()[-1]
        finally:
            running.kill()


def test_kill(tmp_path: Path) -> None:
    state = tmp_path / "books.sqlite"
    order = {"amount": 5000, "currency": "aud"}
    with process(state) as (running, url):
        api = client(url)
        kept = [paid(api).id for _ in range(5)]
        keyed = api.v1.payment_intents.create(order, {"idempotency_key": "k1"})
        Raw(url).control("POST", "clock", {"advance": 500})
        before = Raw(url).control("GET", "books")
        running.send_signal(signal.SIGKILL)
        running.wait()
    with process(state) as (running, url):
        api, raw = client(url), Raw(url)
        assert raw.control("GET", "books") == before
        assert {one.id for one in api.v1.payment_intents.list().data} == {*kept, keyed.id}
        assert api.v1.payment_intents.create(order, {"idempotency_key": "k1"}).id == keyed.id
        assert api.v1.refunds.create({"payment_intent": kept[0]}).status == "succeeded"
        assert raw.control("GET", "clock")["offset"] == 500
        running.send_signal(signal.SIGTERM)
        assert running.wait(5) == 0


def test_what_was_not_delivered_and_not_yet_due_goes_on_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "books.sqlite"
    with StripeSandbox(state_file=state, deliver_to=receiver.url) as sandbox:
        raw = Raw(sandbox.url)
        raw.control("POST", "deliveries", {"mode": "hold"})
        raw.control("POST", "settings", {"refund_seconds": 0.3})
        api = client(sandbox.url)
        api.v1.refunds.create({"payment_intent": paid(api, "pm_card_pendingRefund").id})
    with StripeSandbox(state_file=state, deliver_to=receiver.url) as sandbox:
        assert set(receiver.types(5)) == {
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "refund.created",
            "charge.refunded",
        }
        assert receiver.types(1) == ["refund.updated"]
        assert eventually(lambda: Raw(sandbox.url).control("GET", "books")["refunds"][0]["status"] == "succeeded")
        assert len(Raw(sandbox.url).control("GET", "books")["webhook_endpoints"]) == 1


def test_a_transaction_is_all_or_nothing() -> None:
    books = Books()
    with books.transaction():
        books.put("thing", "a", {"object": "thing", "id": "a", "list": [1]})
    with pytest.raises(RuntimeError), books.transaction():
        books.touch("thing", "a")["list"].append(2)
        books.put("thing", "b", {"object": "thing", "id": "b"})
        books.remove("thing", "a")
        raise RuntimeError
    assert books.all("thing") == {"a": {"object": "thing", "id": "a", "list": [1]}}
