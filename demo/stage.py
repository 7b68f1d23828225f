"""What the scenes play on: who calls, what can be paid, where the gateway and the stand-in are, and how an expectation
is checked."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt

import tp_gateway
from demo import clinic
from demo.client import Answer, Caller, Client
from demo.screen import Screen
from demo.seeding import Seeding
from tp_gateway.config import Settings

DAY = 86_400


class SceneBroken(Exception):
    """A scene cannot go on; the failed check is counted already."""


class Callers:
    """Everybody's tokens; users' are made here as the clinic's login (djangorestframework-simplejwt) issues them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def user(self, user_id: int, label: str) -> Caller:
        now = int(time.time())
        claims = {"token_type": "access", "user_id": str(user_id), "iat": now, "exp": now + DAY, "jti": uuid4().hex}
        return Caller(label, jwt.encode(claims, self._settings.tokens.key, "HS256"))

    def patient(self, user_id: int) -> Caller:
        return self.user(user_id, f"patient {user_id}")

    def manager(self) -> Caller:
        return self.user(clinic.MANAGER, "the practice manager")

    def admin(self) -> Caller:
        return self.user(clinic.ADMIN, "the admin")

    def service(self) -> Caller:
        token = tp_gateway.make_verifier(self._settings).mint_service_token("clinic-backend", timedelta(days=1))
        return Caller("the clinic's backend", token)


@dataclass
class Stage:
    screen: Screen
    client: Client
    callers: Callers
    seeding: Seeding
    sandbox: str
    """The address of the stand-in for Stripe."""
    medicare: str
    """The address of the stand-in for Medicare."""
    folder: Path
    """Where the demo keeps its files."""
    paid: dict[str, Any] = field(default_factory=dict)
    """The payment of the first scene, for the refund."""

    def expect(self, answer: Answer, status: int, /, **fields: Any) -> None:
        """The answer has this status and these fields (`payment__status` is `payment.status`). With another status the
        scene ends."""
        if not self.screen.check(f"answers {status}", answer.status == status, answer.status):
            raise SceneBroken
        for name, wanted in fields.items():
            found = _field(answer.body, name)
            self.screen.check(f"{name.replace('__', '.')} is {_plain(wanted)}", found == wanted, found)

    def publishable_key(self, patient: Caller) -> str:
        """What the card form in the browser needs to know."""
        answer = self.client.call(patient, "GET", "/api/billing/providers/", show=False)
        card = next(one for one in answer.body["providers"] if one["method"] == "card")
        key: str = card["settings"]["publishable_key"]
        return key

    def tell_medicare(self, path: str, order: dict[str, Any]) -> None:
        """On the control path of the stand-in."""
        answer = Client(self.medicare, self.screen).call(None, "POST", f"/_sandbox/{path}", order, show=False)
        if answer.status != 200:
            raise SceneBroken

    def look_again(self, who: Caller, payment_id: int, until: str) -> Answer:
        """The gateway's next look at the claim is due now, and not in hours. What the payment is when the claim is in
        this state, or after ten seconds."""
        self.seeding.make_due(payment_id)
        path, patience = f"/api/billing/payments/{payment_id}/", time.monotonic() + 10
        while time.monotonic() < patience:
            answer = self.client.call(who, "GET", path, show=False)
            if _field(answer.body, "claim__state") == until:
                break
            time.sleep(0.1)
        return self.client.call(who, "GET", path)


def amount(cents: int) -> str:
    return f"{Decimal(cents) / 100:.2f}"


def _field(body: Any, name: str) -> Any:
    for part in name.split("__"):
        body = body.get(part) if isinstance(body, Mapping) else None
    return body


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower()
