"""Secrets are planted wherever a client can put one, with everything logged at debug level, SQL echo on: none of them
comes out in the log or in an error."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from webtest import TestResponse

from tests.api.conftest import Api, token
from tests.clinic import MANAGER, PATIENT
from tests.services.test_inbox_and_outbox import signed

PAY = "/api/billing/payments/"
METHODS = "/api/billing/payment-methods/"
LOUD = ("stripe", "urllib3", "sqlalchemy.pool", "tp_gateway", "txn", "alembic", "")


@dataclass(frozen=True, slots=True)
class Canaries:
    """Made up for one request; each in the form of something secret."""

    key: str
    webhook: str
    client: str
    card: str
    medicare: str
    jwt: str

    @property
    def all(self) -> tuple[str, ...]:
        return (self.key, self.webhook, self.client, self.card, self.medicare, self.jwt.rpartition(".")[2])


def canaries(dice: random.Random) -> Canaries:
    def letters(count: int) -> str:
        return "".join(dice.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHIJKLMNPQRSTUVWXYZ", k=count))

    digits = "4" + "".join(dice.choices("0123456789", k=14))
    card = next(digits + check for check in "0123456789" if _luhn(digits + check))
    medicare = str(dice.randrange(2_000_000_000, 7_000_000_000))
    return Canaries(
        key=f"sk_live_{letters(24)}",
        webhook=f"whsec_{letters(32)}",
        client=f"pi_{letters(16)}_secret_{letters(16)}",
        card=card,
        medicare=medicare,
        jwt=token(PATIENT, note=letters(12)),
    )


def _luhn(digits: str) -> bool:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


Send = Callable[[Api, Canaries, int], TestResponse]


def _bearer(one: Canaries) -> dict[str, str]:
    return {"Authorization": f"Bearer {one.jwt}"}


def _with(text: Callable[[Canaries], str]) -> Send:
    """A charge of an appointment of its own, with `text` where a client may write what he likes."""

    def send(api: Api, one: Canaries, number: int) -> TestResponse:
        api.appointment(number)
        more = {"description": text(one), "metadata": {"note": text(one)}}
        return api.pay_by_http(appointment_id=number, headers=_bearer(one), **more)

    return send


def _declined(api: Api, one: Canaries, number: int) -> TestResponse:
    api.appointment(number)
    more = {"payment_method_id": "pm_card_visa_chargeDeclined", "metadata": {"note": one.client}}
    return api.pay_by_http(appointment_id=number, headers=_bearer(one), **more)


def _broken(api: Api, one: Canaries, _number: int) -> TestResponse:
    """A fault of ours whose text holds whatever was at hand."""

    def fail(*_: Any) -> None:
        raise RuntimeError(f"{one.key} {one.webhook} {one.client} {one.card} {one.jwt}")

    kind = type(api.gateway.payment_methods)
    original = kind.list
    kind.list = fail  # type: ignore[assignment, method-assign]
    try:
        return api.get(METHODS, headers=_bearer(one), status=500)
    finally:
        kind.list = original  # type: ignore[method-assign]


def _everything(one: Canaries) -> str:
    return f"{one.key} {one.webhook} {one.client} {one.medicare} {one.jwt}"


REQUESTS: list[Send] = [
    _with(lambda one: f"{one.key} {one.webhook}"),
    _with(lambda one: f"{one.client} Medicare {one.medicare}"),
    _with(lambda one: f"my card is {one.card}"),
    _declined,
    _broken,
    lambda api, one, _: api.get(f"{PAY}?status={one.key}", headers=_bearer(one)),
    lambda api, one, _: api.get(f"{PAY}?{one.client}={one.card}", headers=_bearer(one)),
    lambda api, one, _: api.get(f"{PAY}{one.medicare}{one.medicare[:6]}/", headers=_bearer(one)),
    lambda api, one, _: api.get(f"/{one.key}/{one.client}", headers=_bearer(one)),
    lambda api, one, _: api.get(METHODS, headers={"Authorization": f"Bearer {one.key}"}),
    lambda api, one, _: api.get(METHODS, headers={"Authorization": f"Bearer {one.jwt}x"}),
    lambda api, one, _: api.get(METHODS, headers=_bearer(one) | {"User-Agent": one.webhook, "Cookie": one.client}),
    lambda api, one, _: api.get(METHODS, headers=_bearer(one) | {"X-Request-Id": one.card}),
    lambda api, one, _: api.post(PAY, f'{{"description": "{_everything(one)}"'.encode(), headers=_bearer(one)),
    lambda api, one, _: api.post(PAY, {"appointment_id": _everything(one), "amount": one.key}, headers=_bearer(one)),
    lambda api, one, _: api.pay_by_http(payment_method_id=one.client, appointment_id=one.medicare),
    lambda api, one, _: api.pay_by_http(headers=_bearer(one) | {"Idempotency-Key": f"{one.key},{one.key}"}),
    lambda api, one, _: api.post("/api/billing/stripe/confirm-payment/", {"payment_intent_id": one.client}),
    lambda api, one, _: api.post(f"{PAY}1/refund/", {"reason": _everything(one), "amount": "x"}, as_user=MANAGER),
    lambda api, one, _: api.post("/api/webhooks/stripe/", _everything(one).encode(), as_user=None),
    lambda api, one, _: api.post(
        "/api/webhooks/stripe/",
        signed({"id": one.client, "object": "event", "type": one.key})[0],
        as_user=None,
        headers={"Stripe-Signature": f"t=1,v1={one.webhook}"},
    ),
    lambda api, one, _: api.post(
        METHODS,
        {
            "type": "bank_account",
            "bank_account": {
                "bank_name": "CBA",
                "account_name": "Casey",
                "bsb": "062-000",
                "account_number": one.medicare[:9],
            },
        },
    ),
    # Claims with real numbers, lodged and refused, are in tests/medicare/test_privacy.py.
    lambda api, one, _: api.pay_by_http(
        payment_method="medicare", patient={"medicare_number": one.medicare, "irn": "1"}
    ),
    lambda api, one, _: api.post(f"{PAY}1/medicare-claim/", {"patient": {"medicare_number": one.medicare}}),
    lambda api, one, _: api.post(
        f"{PAY}1/evidence/", {"consent": {"document_ref": _everything(one)}, "text": one.medicare}, as_user=MANAGER
    ),
    lambda api, one, _: api.put("/api/practice/users/", {"users": [{"id": one.key, "name": one.medicare}]}),
]


@pytest.fixture
def loud(api: Api) -> Iterator[Api]:
    """Everybody logs everything, and every statement is echoed (not the rows that come back: SQLAlchemy's
    `echo="debug"` is for nobody's eyes)."""
    before = {name: logging.getLogger(name).level for name in (*LOUD, "sqlalchemy.engine")}
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
    yield api
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.catalogue(82)
@pytest.mark.parametrize(
    "requests", [pytest.param(115, id="short"), pytest.param(10_000, id="full", marks=pytest.mark.soak)]
)
def test_no_planted_secret_comes_out(loud: Api, requests: int) -> None:
    dice = random.Random(82)
    statuses, echoed = set[int](), False
    for number in range(requests):
        one = canaries(dice)
        answer = REQUESTS[number % len(REQUESTS)](loud, one, 1000 + number)
        statuses.add(answer.status_code)
        written = loud.log.getvalue()
        assert written, "nothing is logged any more"
        for secret in one.all:
            assert secret not in written, (number, secret)
            assert answer.status_code < 400 or secret not in answer.text, (number, secret)
        echoed = echoed or "UPDATE payments SET" in written
        loud.log.seek(0)
        loud.log.truncate()
    assert {200, 201, 400, 401, 402, 404, 500} <= statuses, statuses
    assert echoed, "the SQL is not echoed"
