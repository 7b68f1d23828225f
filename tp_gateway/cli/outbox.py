"""`tp-gateway outbox`: what was told to whom, and telling it again."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from tp_gateway.cli.commands import Add, opened
from tp_gateway.errors import ConfigurationError
from tp_gateway.services import Gateway
from tp_gateway.services.outbox import Destination, replaying
from tp_gateway.services.outbox.replaying import DeliveryFacts, MessageFacts


def add(command: Add) -> None:
    parser = command("outbox", _outbox, "list what was told to whom, show it, tell it again")
    parser.add_argument("what", choices=("list", "show", "replay"))
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="of messages, as the webhook-id header and the list show them"
    )
    parser.add_argument("--untold", action="store_true", help="list: only what somebody has not been told")
    parser.add_argument("--topic", default="*", help="list, replay: such as payment.succeeded or refund.*")
    parser.add_argument("--payment", type=int, metavar="ID", help="list: only about this payment")
    parser.add_argument("--limit", type=int, default=50, help="list: how many, newest first (default 50)")
    parser.add_argument("--to", default="webhook", metavar="DESTINATION", help="replay: to whom (default webhook)")
    parser.add_argument("--since", type=_moment, metavar="MOMENT", help="replay: from then on, 2025-01-19T10:30:00Z")
    parser.add_argument("--until", type=_moment, metavar="MOMENT", help="replay: and before then")


def _outbox(given: argparse.Namespace) -> int:
    with opened(given) as gateway:
        return run(gateway, given)


def run(gateway: Gateway, given: argparse.Namespace) -> int:
    """ConfigurationError for what does not go together. GatewayError: NotFound."""
    if given.what == "list":
        return _list(gateway, given)
    if given.what == "show":
        if len(given.ids) != 1:
            raise ConfigurationError("outbox show: name one ID")
        return _show(replaying.one(gateway.database, given.ids[0]))
    return _replay(gateway, given)


def _list(gateway: Gateway, given: argparse.Namespace) -> int:
    asked = {"untold": given.untold, "topic": given.topic, "payment_id": given.payment, "limit": given.limit}
    found = replaying.find(gateway.database, **asked)
    for message in found:
        whom = ", ".join(f"{one.destination} {_state(one)}" for one in message.deliveries)
        about = f"payment {message.payment_id}" if message.payment_id else "-"
        nobody = "to nobody" if message.sent_at else "not yet on its way"
        print(f"{message.uuid}  {_time(message.created_at)}  {message.topic:<22} {about:<16} {whom or nobody}")
    return 0


def _show(message: MessageFacts) -> int:
    print(f"{message.uuid}  {message.topic}  {_time(message.created_at)}")
    print(json.dumps(message.data, indent=2, ensure_ascii=False, sort_keys=True))
    for one in message.deliveries:
        again = f", again at {_time(one.next_attempt_at)}" if one.next_attempt_at else ""
        note = f" ({one.note})" if one.note else ""
        print(f"{one.destination}: {_state(one)}{note}, {one.attempts} attempts{again}")
    return 0


def _replay(gateway: Gateway, given: argparse.Namespace) -> int:
    if bool(given.ids) == bool(given.since):
        raise ConfigurationError("outbox replay: name message IDs, or a time with --since")
    destination = _destination(gateway.outbox.destinations, given.to)
    for uuid in given.ids:
        replaying.one(gateway.database, uuid)
    count = replaying.replay(
        gateway.database,
        destination,
        gateway.clock(),
        uuids=given.ids,
        since=given.since,
        until=given.until,
        topic=given.topic,
    )
    print(f"{count} messages are told to {destination.name} again, by the worker")
    return 0


def _destination(there: Sequence[Destination], name: str) -> Destination:
    for one in there:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in there) or "nobody is told anything here"
    raise ConfigurationError(f"outbox replay: {name} is none of: {names}")


def _state(one: DeliveryFacts) -> str:
    if one.next_attempt_at is not None:
        return "waits" if one.attempts == 0 else "is tried again"
    return "told" if one.told_at is not None else "not told"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError("a moment with its offset, such as 2025-01-19T10:30:00Z")
    return moment
