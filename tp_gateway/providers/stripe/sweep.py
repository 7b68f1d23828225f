"""What happened at Stripe since a moment, for the reverse sweep: the answer to events that never arrived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from tp_gateway.contract import Observation, Outcome, OutcomeState, Subject
from tp_gateway.providers.stripe import answers, intents, refunds
from tp_gateway.providers.stripe.client import Client, path
from tp_gateway.providers.stripe.webhooks import ENVIRONMENT


def list_since(client: Client, environment: str, moment: datetime, deadline: float) -> Iterator[Observation]:
    """Our intents made since, each with the truth; then the payments refunded since, as hints, because Stripe lists by
    creation and an old payment may have a new refund. An old payment that succeeded late is not in it: the core fetches
    what is open."""
    since = {"created": {"gte": int(moment.timestamp())}}
    told: set[str] = set()
    expand = [f"data.{name}" for name in intents.EXPAND_ALL]
    for intent in client.pages(path("payment_intents"), deadline, {**since, "expand": expand}):
        labels = answers.labels(intent)
        if labels.get(ENVIRONMENT) != environment:
            continue
        outcome = intents.read(intent, live=client.live)
        if outcome.state is OutcomeState.SUCCEEDED:
            outcome = replace(outcome, refunds=refunds.all_of(client, intent, deadline))
        told.add(intent["id"])
        yield _observed(intent, outcome, labels)
    for refund in client.pages(path("refunds"), deadline, since):
        reference = answers.reference(refund, "payment_intent", "pi_")
        if reference is None or reference in told:
            continue
        labels = answers.labels(refund)
        # A refund made by hand carries no label: the core knows whether the reference is its own.
        if labels.get(ENVIRONMENT, environment) == environment:
            told.add(reference)
            event_id = f"list:{refund['id']}:{refund.get('status')}"
            yield Observation(
                event_id,
                "refund.listed",
                Subject.PAYMENT,
                reference=reference,
                labels=labels,
                occurred_at=answers.moment(refund),
            )


def _observed(intent: dict[str, Any], outcome: Outcome, labels: dict[str, str]) -> Observation:
    """The id names the state seen, so that the same sight twice is one observation and a changed one is new."""
    seen = [intent["id"], str(intent.get("status")), str(outcome.settled or 0)]
    seen += [f"{refund.reference}={refund.state}" for refund in outcome.refunds[:5]]
    return Observation(
        ":".join(["list", *seen])[:255],
        "payment_intent.listed",
        Subject.PAYMENT,
        reference=intent["id"],
        labels=labels,
        payer=outcome.payer,
        occurred_at=answers.moment(intent),
        evidence=outcome,
    )
