"""Cells: a piece of work x what the provider does x the step at which the process is killed.

Every work is first done once without a kill, which names its steps; then once for each of them. The expectations are
those of the table "If we die right here" in docs/how-a-payment-travels.md.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import sqlalchemy as sa
import urllib3

from sandbox.stripe.deliveries import signature
from tests.clinic import PATIENT, WEBHOOK_SECRET, Clinic, manager, patient, render
from tests.faults.crashes import Nursery, Work
from tests.faults.outcomes import CARDS_ONLY, FAULTS, OUTCOMES, REFUNDS, Outcome
from tp_gateway.contract import Event, Flow, Label
from tp_gateway.errors import GatewayError
from tp_gateway.models import Payment, table
from tp_gateway.registry import ProviderFailed
from tp_gateway.services.facts import Key

P = table(Payment)
_HTTP = urllib3.PoolManager(timeout=10, retries=False)


@dataclass(frozen=True)
class Scene:
    """`prepare(clinic, nursery, appointment_id, outcome)`: what there is before; returns the arguments of `work`.
    `calls`: the call of the provider that goes wrong. `judge(cell)`: raises AssertionError."""

    name: str
    prepare: Callable[..., tuple[Any, ...]]
    work: Work
    calls: str
    judge: Callable[[Cell], None]
    outcomes: tuple[Outcome, ...] = OUTCOMES
    pays_again: bool = True
    alone: bool = False  # what it would do for other cells too is done before it
    compared: bool = False  # what changes later at the provider is heard of by a reverse sweep


@dataclass
class Cell:
    scene: Scene
    outcome: Outcome
    die_at: str | None
    appointment_id: int
    trail: list[str]
    payments: list[Any] = field(default_factory=list)
    refunds: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.scene.name} / {self.outcome.name} / {self.die_at} / appointment {self.appointment_id}"

    def came_to(self, step: str) -> bool:
        return any(one.startswith(step) for one in self.trail)

    @property
    def states(self) -> list[str]:
        return [payment.state for payment in self.payments]


# --- what is done, and what must come of it ---------------------------------------------------------------------------


def _nothing_before(clinic: Clinic, _nursery: Nursery, appointment_id: int, outcome: Outcome) -> tuple[Any, ...]:
    return appointment_id, outcome.card


def charge(clinic: Clinic, appointment_id: int, card: str) -> None:
    clinic.pay(appointment_id=appointment_id, method_id=card, key=Key(PATIENT, "pay", f"key-{appointment_id}", card))


def _judge_charge(cell: Cell) -> None:
    """The sweep never starts a charge: what was not sent is not taken."""
    if cell.came_to("execute 1 sent"):
        assert cell.states[-1:] and cell.states[-1] in cell.outcome.ends, cell.states
    elif cell.came_to("commit 1 after"):
        assert cell.states == ["failed"], cell.states
    else:
        assert cell.states in ([], ["failed"]), cell.states


def start(clinic: Clinic, appointment_id: int, _card: str) -> None:
    clinic.pay(appointment_id=appointment_id, flow=Flow.BROWSER, amount=18000)


def _judge_start(cell: Cell) -> None:
    if cell.came_to("commit 2 after"):
        assert cell.states[-1] in ("awaiting_customer", "failed"), cell.states
    else:
        assert set(cell.states) <= {"failed", "awaiting_customer"}, cell.states


def _card_was_entered(clinic: Clinic, _nursery: Nursery, appointment_id: int, outcome: Outcome) -> tuple[Any, ...]:
    started = clinic.pay(appointment_id=appointment_id, flow=Flow.BROWSER, amount=18000)
    form = {"payment_method": outcome.card, "client_secret": started.body["action"]["client_secret"]}
    headers = {"Authorization": "Bearer pk_test_clinic"}
    url = f"{clinic.sandbox_url}/v1/payment_intents/{started.body['reference']}/confirm"
    _HTTP.request("POST", url, body=urlencode(form), headers=headers)
    return (started.body["reference"],)


def confirm(clinic: Clinic, reference: str) -> None:
    clinic.gateway.payments.confirm(patient, "stripe", reference, None, render)


def _judge_confirm(cell: Cell) -> None:
    """The customer was faster than any kill: what the provider says holds, wherever we died."""
    waits = cell.outcome.name in ("declined", "insufficient funds", "3-D Secure")  # the card form is still open
    assert cell.states == (["awaiting_customer"] if waits else ["succeeded"]), cell.states


def _abandoned_browser(clinic: Clinic, _nursery: Nursery, appointment_id: int, outcome: Outcome) -> tuple[Any, ...]:
    clinic.pay(appointment_id=appointment_id, flow=Flow.BROWSER, amount=18000)
    return appointment_id, outcome.card


def supersede(clinic: Clinic, appointment_id: int, card: str) -> None:
    try:
        clinic.pay(appointment_id=appointment_id, method_id=card)
    except GatewayError as refusal:  # the old attempt could not be closed just now
        assert refusal.code == "payment_in_progress"


def _judge_supersede(cell: Cell) -> None:
    first, *later = cell.states
    if later:
        assert first == "failed", cell.states
    if cell.came_to("execute 1 sent"):
        # What goes wrong here is the cancellation of the first, so the second one goes by its card.
        assert later == [cell.outcome.ends[0] if cell.outcome.name in CARDS_ONLY else "succeeded"], cell.states
    else:
        assert first in ("failed", "awaiting_customer") and set(later) <= {"failed"}, cell.states


def _paid(clinic: Clinic, _nursery: Nursery, appointment_id: int, outcome: Outcome) -> tuple[Any, ...]:
    return clinic.pay(appointment_id=appointment_id, method_id=outcome.card).id, appointment_id


def refund(clinic: Clinic, payment_id: int, appointment_id: int) -> None:
    clinic.refund(payment_id, "80.00", key=Key(manager.user_id or 0, "refund", f"refund-{appointment_id}", "80.00"))


def _judge_refund(cell: Cell) -> None:
    """Killed before the order was committed: nobody ordered it. Afterwards: exactly once."""
    assert cell.states == ["succeeded"]
    states = [one.state for one in cell.refunds]
    if cell.came_to("commit 1 after"):
        assert states == (["failed"] if cell.outcome.card == "pm_card_refundFail" else ["succeeded"]), states
    else:
        assert states in ([], ["succeeded"], ["failed"]), states


def _killed_charge(clinic: Clinic, nursery: Nursery, appointment_id: int, outcome: Outcome) -> tuple[Any, ...]:
    """A process died before it had written down what came of its charge; its lease is over."""
    nursery.run(charge, "commit 3 before", appointment_id, outcome.card)
    _due(clinic, appointment_id)
    return ()


def _killed_before_execute(clinic: Clinic, nursery: Nursery, appointment_id: int, outcome: Outcome) -> tuple[Any, ...]:
    nursery.run(charge, "execute 1 before", appointment_id, outcome.card)
    _due(clinic, appointment_id)
    return ()


def _due(clinic: Clinic, appointment_id: int) -> None:
    """Its turn has come, and nobody else's."""
    now = datetime.now(UTC)
    past, later = now - timedelta(seconds=1), now + timedelta(hours=1)
    with clinic.database.transaction() as session:
        session.execute(sa.update(P).where(P.c.next_check_at.is_not(None)).values(next_check_at=later))
        ours = (P.c.appointment_id == appointment_id, P.c.next_check_at.is_not(None))
        session.execute(sa.update(P).where(*ours).values(next_check_at=past))


def sweep(clinic: Clinic) -> None:
    clinic.gateway.recovery.sweep()


def _judge_found_out(cell: Cell) -> None:
    """The money was moved, or not, before: whoever dies while finding out is followed by another one."""
    expected = cell.outcome.ends[0] if cell.outcome.name in CARDS_ONLY else "succeeded"
    assert cell.states == [expected], cell.states


def _judge_closed(cell: Cell) -> None:
    """What nobody had confirmed is closed, never confirmed."""
    assert cell.states == ["failed"], cell.states


def _event_on_its_way(clinic: Clinic, nursery: Nursery, appointment_id: int, outcome: Outcome) -> tuple[Any, ...]:
    """A process died in a charge, and the provider tells by a webhook."""
    nursery.run(charge, "commit 3 before", appointment_id, outcome.card)
    reference = clinic.rows("SELECT reference FROM payments WHERE appointment_id = :id", id=appointment_id)[0][0]
    headers = {"Authorization": "Bearer sk_test_clinic"}
    newest = _HTTP.request("GET", f"{clinic.sandbox_url}/v1/events?limit=20", headers=headers).json()["data"]
    body = json.dumps(next(event for event in newest if event["data"]["object"]["id"] == reference)).encode()
    return body, signature(body, [WEBHOOK_SECRET], int(time.time()))


def webhook(clinic: Clinic, body: bytes, signed: str) -> None:
    clinic.gateway.inbox.receive("stripe", body, {"stripe-signature": signed})
    clinic.gateway.inbox.work()


def _something_to_tell(clinic: Clinic, nursery: Nursery, appointment_id: int, outcome: Outcome) -> tuple[Any, ...]:
    nursery.run(relay, None)  # while it gets ready it tells whatever is there
    clinic.gateway.outbox.destinations = (Everybody(),)  # who goes on with it tells the same
    clinic.pay(appointment_id=appointment_id, method_id=outcome.card)
    return ()


class Everybody:
    """A destination that hears everything and says nothing."""

    name, longest = "everybody", 1.0

    def wants(self, _topic: str) -> bool:
        return True

    def tell(self, _event: Event) -> str:
        return ""


def relay(clinic: Clinic) -> None:
    clinic.gateway.outbox.destinations = (Everybody(),)
    clinic.gateway.outbox.relay()


def _judge_told(cell: Cell) -> None:
    assert cell.states == [cell.outcome.ends[0]], cell.states


def _money_without_a_row(clinic: Clinic, _nursery: Nursery, appointment_id: int, outcome: Outcome) -> tuple[Any, ...]:
    """Paid at the provider with our labels on it, and no row here: a restored backup."""
    payable = clinic.rows("SELECT uuid FROM payables WHERE appointment_id = :id", id=appointment_id)[0][0]
    labels = {Label.ENVIRONMENT: "test-clinic", Label.PAYMENT: str(uuid4()), Label.PAYABLE: payable}
    form = {f"metadata[{name}]": value for name, value in labels.items()}
    form |= {"amount": "18000", "currency": "aud", "confirm": "true", "payment_method": outcome.card}
    form |= {"allowed_payment_method_types[]": "card"}
    headers = {"Authorization": "Bearer sk_test_clinic"}
    began = datetime.now(UTC) - timedelta(seconds=2)
    answer = _HTTP.request("POST", f"{clinic.sandbox_url}/v1/payment_intents", body=urlencode(form), headers=headers)
    assert answer.json()["status"] == "succeeded", answer.json()
    return (began,)


def compare(clinic: Clinic, since: datetime) -> None:
    with suppress(ProviderFailed):  # the provider does not answer: another time
        clinic.gateway.reverse_sweep.run(since=since)


def _judge_adopted(cell: Cell) -> None:
    assert cell.states == ["succeeded"], cell.states


_INTENTS, _INTENT = "/v1/payment_intents", "/v1/payment_intents/*"

SCENES = (
    Scene("charge", _nothing_before, charge, f"POST {_INTENT}/confirm", _judge_charge),
    Scene("start in the browser", _nothing_before, start, f"POST {_INTENTS}", _judge_start, FAULTS),
    Scene("confirm from the browser", _card_was_entered, confirm, f"GET {_INTENT}", _judge_confirm),
    Scene("supersede", _abandoned_browser, supersede, f"POST {_INTENT}/cancel", _judge_supersede),
    Scene("refund", _paid, refund, "POST /v1/refunds", _judge_refund, REFUNDS, pays_again=False, compared=True),
    Scene("sweep: find out", _killed_charge, sweep, f"GET {_INTENT}", _judge_found_out, alone=True),
    Scene("sweep: close", _killed_before_execute, sweep, f"POST {_INTENT}/cancel", _judge_closed, FAULTS, alone=True),
    Scene("webhook", _event_on_its_way, webhook, f"GET {_INTENT}", _judge_found_out, alone=True),
    Scene("outbox", _something_to_tell, relay, f"GET {_INTENT}", _judge_told, OUTCOMES[:1], alone=True),
    Scene("reverse sweep", _money_without_a_row, compare, f"GET {_INTENTS}", _judge_adopted, FAULTS, alone=True),
)
