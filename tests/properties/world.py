"""A clinic with a clock that a test moves, and the hands of everybody else: the customer in the browser, the bank, the
provider's dashboard, the webhooks on their way."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import urllib3

from tests.clinic import WEBHOOK_SECRET, Clinic, sandbox, settings
from tp_gateway import config, make_database, make_registry
from tp_gateway.crypto import Vault
from tp_gateway.services.gateway import build_gateway

# Waits that no example lives through in real time: what is due is decided by the clock below alone.
WAITS = {"lease": "120", "backoff_first": "60", "outbox_interval": "60", "inbox_interval": "60"}
REFUND_SECONDS = 1800
"""How long a pending refund takes, and one that fails later."""


class MovableClock:
    """Real time, moved on by `passed` for everybody, and wrong by `wrong` for us alone."""

    def __init__(self) -> None:
        self.passed, self.wrong = timedelta(), timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.passed + self.wrong


class World(Clinic):
    """A clinic whose gateway lives by `clock`; `begin` opens it, with an empty sandbox."""

    def __init__(self, database_url: str, sandbox_url: str, **more: str) -> None:
        self.database_url, self.sandbox_url = database_url, sandbox_url
        waits = {f"tp_gateway.timing.{name}": seconds for name, seconds in WAITS.items()}
        loaded = config.load(settings(database_url, sandbox_url, **waits, **more), {})
        self.clock = MovableClock()
        self.database = make_database(loaded)
        self.gateway = build_gateway(
            database=self.database,
            registry=make_registry(loaded, self.database.require_no_transaction),
            vault=Vault(loaded.encryption_keys),
            timing=loaded.timing,
            environment=loaded.environment,
            time_zone=loaded.time_zone,
            currency=loaded.currency,
            sweep_calls_per_second=loaded.provider_calls_per_second,
            clock=self.clock,
        )
        self.began = self.clock()

    def begin(self) -> World:
        self.empty_the_sandbox()
        self.open()
        return self

    def empty_the_sandbox(self) -> None:
        """Nothing was ever paid there, and it is now, for both of us."""
        sandbox(self.sandbox_url, "POST", "reset")
        self.change_sandbox(refund_seconds=REFUND_SECONDS)
        self.clock.passed = self.clock.wrong = timedelta()

    # --- time ---------------------------------------------------------------------------------------------------------

    def let_pass(self, time_: timedelta) -> None:
        """For us and for the provider."""
        self.clock.passed += time_
        sandbox(self.sandbox_url, "POST", "clock", {"advance": time_.total_seconds()})

    def set_clock_right(self) -> None:
        self.clock.wrong = timedelta()

    # --- the customer, the bank, the dashboard ------------------------------------------------------------------------

    def confirm_in_browser(self, intent: str, method: str, secret: str = "") -> dict[str, Any]:
        """What Stripe.js does with the card form. Returns the intent or the error that the browser sees."""
        form = {"payment_method": method, "client_secret": secret or self.intent(intent)["client_secret"]}
        url, headers = f"{self.sandbox_url}/v1/payment_intents/{intent}/confirm", {"Authorization": "Bearer pk_test_a"}
        try:
            answer = _HTTP.request("POST", url, body=urlencode(form), headers=headers)
            found: dict[str, Any] = json.loads(answer.data)
        except (urllib3.exceptions.HTTPError, ValueError):
            return {}  # a fault hit the customer
        return found

    def answer_the_bank(self, intent: str, outcome: str) -> None:
        """`complete` or `fail` the 3-D Secure challenge, if there is one."""
        if self.intent(intent)["status"] == "requires_action":
            sandbox(self.sandbox_url, "POST", f"challenge/{intent}", {"outcome": outcome})

    def refund_in_the_dashboard(self, intent: str, amount: int) -> None:
        sandbox(self.sandbox_url, "POST", "refund", {"payment_intent": intent, "amount": amount})

    def dispute(self, intent: str, **order: Any) -> None:
        """The customer complains to the bank, or (`close`) the bank has decided."""
        sandbox(self.sandbox_url, "POST", "dispute", {"payment_intent": intent, **order})

    def change_sandbox(self, **changes: Any) -> None:
        sandbox(self.sandbox_url, "POST", "settings", changes)

    def repair(self) -> None:
        """No fault waits for its call any more."""
        sandbox(self.sandbox_url, "DELETE", "faults")

    def is_faulty(self) -> bool:
        """Does a fault wait for its call?"""
        return any(rule["fired"] < rule["times"] for rule in self._faults())

    def was_faulty(self) -> bool:
        """Has one hit since the last repair?"""
        return any(rule["fired"] for rule in self._faults())

    def _faults(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = sandbox(self.sandbox_url, "GET", "faults")["faults"]
        return found

    # --- what the provider knows --------------------------------------------------------------------------------------

    def intent(self, reference: str) -> dict[str, Any]:
        return next(one for one in self.books()["payment_intents"] if one["id"] == reference)

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.books()["events"]
        return found

    def deliver(self, event: dict[str, Any]) -> None:
        """By webhook, signed now."""
        self.gateway.inbox.receive("stripe", *signed(event))


def signed(event: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """An event's body and its headers, signed as Stripe does (docs.stripe.com/webhooks/signature)."""
    body, stamp = json.dumps(event).encode(), int(time.time())
    signature = hmac.new(WEBHOOK_SECRET.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
    return body, {"stripe-signature": f"t={stamp},v1={signature}"}


_HTTP = urllib3.PoolManager(timeout=10, retries=False)
