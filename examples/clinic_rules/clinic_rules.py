"""A plugin without a provider: it refuses payments above a ceiling, and tells the front desk what was paid.

Switch it on with `tp_gateway.providers = stripe clinic_rules`. `CLINIC_RULES_CEILING` is in whole dollars (2000 unless
set).
"""

import logging
import os

from tp_gateway.contract import Event, Order, Veto, hookimpl

desk = logging.getLogger("front_desk")


@hookimpl
def tp_gateway_before_submit(order: Order, method: str) -> Veto | None:
    """No transaction is open and nothing was sent: the refusal leaves no trace."""
    ceiling = int(os.environ.get("CLINIC_RULES_CEILING", "2000"))
    if method == "card" and order.amount > ceiling * 100:
        return Veto("not_payable", f"Please call the clinic to pay more than ${ceiling}")
    return None


@hookimpl
def tp_gateway_after_commit(event: Event) -> None:
    """From the outbox, at least once: `event.id` is the same when a message comes again."""
    if event.topic == "payment.succeeded":
        desk.info("payment %s of %s %s arrived", event.data["payment_id"], event.data["amount"], event.data["currency"])
