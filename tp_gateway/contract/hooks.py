"""The four hooks of the gateway. A plugin is a module (or object) named in the entry-point group `tp_gateway` and
switched on in the ini. A complete one that brings a provider:

    # setup.py
    setup(name="acme-pay", py_modules=["acme_pay"], entry_points={"tp_gateway": ["acme_pay = acme_pay"]})

    # acme_pay.py
    from tp_gateway.contract import hookimpl

    @hookimpl
    def tp_gateway_providers():
        yield AcmePay                      # a class with `manifest`, `build`, `check`, `execute`

    # production.ini
    tp_gateway.providers = stripe acme_pay
    tp_gateway.acme_pay.api_key = …

Wrappers on these hooks are refused: a plugin may not replace what another one answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from tp_gateway.contract.orders import Order
from tp_gateway.contract.outcomes import Event, Veto
from tp_gateway.contract.texts import TextMessage

if TYPE_CHECKING:
    from tp_gateway.contract.provider import Provider

PROJECT = "tp_gateway"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def tp_gateway_providers() -> Iterable[type[Provider]]:  # type: ignore[empty-body]
    """Yield provider classes. Called once at start; no I/O."""


@hookspec
def tp_gateway_before_submit(order: Order, method: str) -> Veto | None:
    """Policy: refuse a payment before anything is written or sent, by returning a `Veto`.

    Called with no transaction open, for every charge and browser intent. `order.id` is not in the store yet. An
    exception refuses the payment too (`service_unavailable`), because a policy that cannot answer must not be
    skipped.

        @hookimpl
        def tp_gateway_before_submit(order, method):
            if order.amount > 500_00:
                return Veto("not_payable", "Please call the clinic to pay more than $500")
    """


@hookspec
def tp_gateway_after_commit(event: Event) -> None:
    """Told about a committed fact, from the outbox, at least once and in order per payment; `event.id` is stable over
    repeats. Raise to be told again later.

        @hookimpl
        def tp_gateway_after_commit(event):
            if event.topic == "payment.succeeded":
                tell_the_front_desk(event.data["payment_id"])
    """


@hookspec
def tp_gateway_send_text(message: TextMessage) -> bool | None:
    """Send a short text to a patient, by SMS or WhatsApp; asked only while the clinic's settings allow that channel.

    Return True once your service has taken it, and None for a channel that is not yours: the next plugin is asked then.
    Raise to be asked again later. At least once: `message.id` is the same when it comes again.

        @hookimpl
        def tp_gateway_send_text(message):
            if message.channel == Channel.SMS:
                post("https://sms.example/messages", to=message.to, text=message.text, idempotency_key=message.id)
                return True
    """
