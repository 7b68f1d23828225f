"""What happened at Stripe since a moment, for the reverse sweep: the answer to events that never arrived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tp_gateway.contract import Observation, Outcome, OutcomeState, Subject
from tp_gateway.providers.stripe import answers, intents, refunds
from tp_gateway.providers.stripe.client import Client, path
from tp_gateway.providers.stripe.webhooks import ENVIRONMENT, Webhooks

_EXPANDED_PAGE, _EVENTS_PAGE = 25, 50


def payments(client: Client, environment: str, created: dict[str, int], deadline: float) -> Iterator[Observation]:
    """Our intents made in that time, each with the truth. Small pages, because every intent comes with its charge."""
    expand = [f"data.{name}" for name in intents.EXPAND_ALL]
    params = {"created": created, "expand": expand, "limit": _EXPANDED_PAGE}
    for intent in client.pages(path("payment_intents"), deadline, params):
        labels = answers.labels(intent)
        if labels.get(ENVIRONMENT) != environment:
            continue
        outcome = intents.read(intent, live=client.live)
        if outcome.state is OutcomeState.SUCCEEDED:
            outcome = replace(outcome, refunds=refunds.all_of(client, intent, deadline))
        yield _observed(intent, outcome, labels)


def events(client: Client, webhooks: Webhooks, created: dict[str, int], deadline: float) -> Iterator[Observation]:
    """Events of that time as a webhook would have told them, for where one never arrived. Stripe keeps them for 30
    days (docs.stripe.com/api/events), and an old payment may have a new refund."""
    for event in client.pages(path("events"), deadline, {"created": created, "limit": _EVENTS_PAGE}):
        observation = webhooks.observe(event)
        if observation.subject is not Subject.NOTHING:
            yield observation


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
