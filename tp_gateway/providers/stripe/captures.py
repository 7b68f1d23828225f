"""What is held is captured, or let go. docs.stripe.com/payments/place-a-hold-on-a-payment-method"""

from __future__ import annotations

from collections.abc import Callable

from tp_gateway.contract import CaptureOrder, Outcome
from tp_gateway.providers.stripe import declines, intents
from tp_gateway.providers.stripe.client import Client, path
from tp_gateway.providers.stripe.failure import Failure

Look = Callable[[str, float], Outcome]
"""(reference, deadline) -> the present truth."""


def capture(client: Client, order: CaptureOrder, look: Look) -> Outcome:
    """Stripe captures an intent once; a second request finds it in another state, whatever its key."""
    params = {"amount_to_capture": order.amount, "expand": intents.EXPAND}
    where = path("payment_intents", order.reference, "capture")
    try:
        data = client.post(where, order.deadline, params, order.idempotency_key)
    except Failure as failure:
        if failure.code.startswith("payment_intent_") and failure.status == 400:
            # Its state forbade it: captured or canceled by somebody, or expired.
            return look(order.reference, order.deadline)
        if declines.is_missing(failure):
            return declines.unanswered(failure, order.reference)
        return declines.refused(failure, reference=order.reference)
    return intents.read(data, live=client.live, reference=order.reference)


def cancel(client: Client, reference: str, deadline: float, why: str, look: Look) -> Outcome:
    """An intent, whatever it waits for, can never move money afterwards; a hold is let go. Without a key of ours:
    canceling is idempotent by nature, and a key would replay an old error for a day."""
    try:
        data = client.post(path("payment_intents", reference, "cancel"), deadline, {"cancellation_reason": why})
    except Failure as failure:
        if failure.code.startswith("payment_intent_") and failure.status == 400:
            return look(reference, deadline)
        return declines.unanswered(failure, reference)
    return intents.read(data, live=client.live, reference=reference)
