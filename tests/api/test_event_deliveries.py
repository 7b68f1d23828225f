"""Deliveries of events over HTTP: many at once, of strangers, and while the store is away."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestResponse

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Api
from tests.clinic import sandbox
from tests.services.test_inbox_and_outbox import signed

HOOK = "/api/webhooks/stripe/"


def deliver(api: Api, event: dict[str, Any], **more: Any) -> TestResponse:
    body, headers = signed(event)
    return api.post(HOOK, body, as_user=None, headers=headers, **more)


def the_success(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = next(
        event for event in api.books()["events"] if event["type"] == "payment_intent.succeeded"
    )
    return found


@pytest.mark.catalogue(38)
def test_one_event_a_hundred_times_at_once(api: Api) -> None:
    api.pay_by_http(status=201)
    event = the_success(api)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: deliver(api, event), range(100)))
    assert {(one.status_code, one.text) for one in answers} == {
        (200, json.dumps({"received": True}, separators=(",", ":")))
    }
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: api.gateway.inbox.work(), range(4))) == 1
    assert [tuple(row) for row in api.rows("SELECT state, attempts FROM inbox_events")] == [("applied", 1)]


@pytest.mark.catalogue(43)
@pytest.mark.parametrize("change", [{"livemode": True}, {"account": "acct_another"}], ids=["livemode", "account"])
def test_events_of_another_mode_or_account_are_acknowledged_and_change_nothing(
    api: Api, change: dict[str, Any]
) -> None:
    asked = {"appointment_id": 123, "amount": 18000}
    intent = api.post("/api/billing/stripe/create-payment-intent/", asked, status=200).json
    api.finish_in_browser(intent["payment_intent_id"])
    deliver(api, the_success(api) | change, status=200)
    assert api.gateway.inbox.work() == 0
    assert [tuple(row) for row in api.rows("SELECT state, note FROM inbox_events")] == [("ignored", *change)]
    assert [row.state for row in api.rows("SELECT state FROM payments")] == ["awaiting_customer"]


@contextmanager
def away(url: str) -> Iterator[None]:
    """The store does not answer writers: SQLite's file is locked, PostgreSQL lets nobody in."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        other = sqlite3.connect(str(parsed.database), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()
        return
    server = sa.create_engine(parsed.set(database="postgres"), isolation_level="AUTOCOMMIT")
    name = parsed.database
    with server.connect() as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        connection.execute(sa.text(terminate), {"name": name})
        try:
            yield
        finally:
            connection.exec_driver_sql(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
    server.dispose()


@pytest.mark.catalogue(45)
def test_an_event_that_cannot_be_written_down_is_sent_again(database_url: str, stripe_sandbox: StripeSandbox) -> None:
    sandbox(stripe_sandbox.url, "POST", "reset")
    api = Api(database_url, stripe_sandbox.url, **{"tp_gateway.database_busy_seconds": "0.3"})
    try:
        api.open()
        api.appointment()
        api.pay_by_http(status=201)
        event = the_success(api)
        with away(database_url):
            for _ in range(2):
                refused = deliver(api, event, status=503)
                assert refused.json["code"] == "service_unavailable" and int(refused.headers["Retry-After"]) >= 1
        deliver(api, event, status=200)
        assert api.gateway.inbox.work() == 1
        assert [tuple(row) for row in api.rows("SELECT event_id, state FROM inbox_events")] == [
            (event["id"], "applied")
        ]
    finally:
        api.close()
