"""A flood of events over HTTP, a third of them for the second time, on a real server with its worker: each is taken,
none is left over, and the books agree."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3

from sandbox.stripe import StripeSandbox
from tests.api.test_servers import GUNICORN, ROOT, WAITRESS, running
from tests.clinic import NOON, PATIENT, PSYCHOLOGIST, WEBHOOK_SECRET
from tests.conftest import SHORT
from tests.invariants import check_invariants
from tests.properties.conftest import Fresh
from tests.properties.world import World, signed
from tp_gateway.contract import Flow

CONNECTIONS = 12
DUPLICATES = 0.3
SECONDS_A_CHECK = 0.5
KEYS = "tp_gateway.encryption_keys"
"""The server is to open what we sealed, and it starts from `development.ini`."""
Event = dict[str, Any]


@pytest.mark.long
@pytest.mark.parametrize("fresh", SHORT, indirect=True)
def test_a_thousand_events(fresh: Fresh, tmp_path: Path) -> None:
    flood(fresh, tmp_path, payments=20, deliveries=1_000)


@pytest.mark.soak
def test_a_hundred_thousand_events(fresh: Fresh, tmp_path: Path) -> None:
    flood(fresh, tmp_path, payments=2_000, deliveries=100_000)


def flood(fresh: Fresh, folder: Path, payments: int, deliveries: int) -> None:
    """`deliveries` events, of which `DUPLICATES` were delivered before, about `payments` that the customers finished in
    their browsers without telling us."""
    dice = random.Random(deliveries)
    with fresh() as url, StripeSandbox(webhook_secrets=(WEBHOOK_SECRET,)) as provider:
        world = World(url, provider.url, **{KEYS: development(KEYS)}).begin()
        pay_in_the_browser(world, payments, dice)
        different = copies_of(world.events(), round(deliveries * (1 - DUPLICATES)))
        sent = different + dice.choices(different, k=deliveries - len(different))
        dice.shuffle(sent)
        kind = WAITRESS if url.startswith("sqlite") else GUNICORN
        with running(kind, world, folder) as server:
            began = time.monotonic()
            answers = post(f"http://127.0.0.1:{server.port}/api/webhooks/stripe/", sent)
            acknowledged = time.monotonic() - began
            assert answers == {200: deliveries}, answers
            wait_until_drained(world, deadline=time.monotonic() + 60 + deliveries / 20)
            drained = time.monotonic() - began
            assert server.stop() == 0
        print(
            f"{deliveries} events, {1 - len(different) / deliveries:.0%} duplicates, {payments} payments:"
            f" {deliveries / acknowledged:.0f} acknowledged a second, all applied after {drained:.0f} s"
        )
        assert len(different) == world.rows("SELECT COUNT(*) FROM inbox_events")[0][0]
        assert {tuple(row) for row in world.rows("SELECT state, captured > 0 FROM payments")} == {("succeeded", True)}
        check_invariants(world.database.engine, world.books())
        world.close()


def pay_in_the_browser(world: World, payments: int, dice: random.Random) -> None:
    """Every third payment is also given back in part, in the provider's dashboard."""
    appointments = [(number, appointment(1000 + number)) for number in range(payments)]
    assert not world.gateway.practice.upsert_appointments(appointments).errors

    def pay(number: int) -> None:
        waiting = world.pay(appointment_id=1000 + number, flow=Flow.BROWSER, amount=18000)
        secret = waiting.body["action"]["client_secret"]
        assert world.confirm_in_browser(waiting.body["reference"], "pm_card_visa", secret)["status"] == "succeeded"
        if number % 3 == 0:
            world.refund_in_the_dashboard(waiting.body["reference"], 100 * (1 + number % 90))

    with ThreadPoolExecutor(4) as customers:
        list(customers.map(pay, dice.sample(range(payments), payments)))


def development(setting: str) -> str:
    lines = (ROOT / "development.ini").read_text().splitlines()
    return next(line.partition("=")[2].strip() for line in lines if line.startswith(setting))


def appointment(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "patient_id": PATIENT,
        "practitioner_id": PSYCHOLOGIST,
        "service": "individual_therapy",
        "status": "confirmed",
        "starts_at": NOON,
        "duration_minutes": 50,
        "fee": 18000,
        "currency": "AUD",
    }


def copies_of(events: Sequence[Event], number: int) -> list[Event]:
    """Different events: all that there are about payments, then as many more that tell the same again under an id of
    their own, as Stripe sometimes does (docs.stripe.com/webhooks#handle-duplicate-events)."""
    about_payments = [one for one in events if one["type"].startswith(("payment_intent.", "charge.", "refund."))]
    return [
        event | {"id": f"{event['id']}{position // len(about_payments) or ''}"}
        for position in range(number)
        for event in [about_payments[position % len(about_payments)]]
    ]


def post(url: str, events: Sequence[Event]) -> Counter[int]:
    """HTTP status -> how often it was the answer."""
    http = urllib3.PoolManager(maxsize=CONNECTIONS, block=True, timeout=60, retries=False)

    def one(event: Event) -> int:
        body, headers = signed(event)
        return http.request("POST", url, body=body, headers={"Content-Type": "application/json", **headers}).status

    with ThreadPoolExecutor(CONNECTIONS) as provider:
        return Counter(provider.map(one, events))


def wait_until_drained(world: World, deadline: float) -> None:
    while time.monotonic() < deadline:
        counted = dict(tuple(row) for row in world.rows("SELECT state, COUNT(*) FROM inbox_events GROUP BY state"))
        if set(counted) == {"applied"}:
            return
        time.sleep(SECONDS_A_CHECK)
    raise AssertionError(counted)
