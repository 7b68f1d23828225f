"""Deliveries that go wrong on order: late, doubled, out of order, badly signed. Sending itself is deliveries.py's."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property

from sandbox.stripe.rules import Rule, Rules

# Strike when an event is about to be queued …
QUEUED = frozenset({"late", "reordered", "doubled"})
# … and these at one try to send it: the next try, after the endpoint has refused it, is in order.
SENT = frozenset({"body", "secret", "old", "future"})


@dataclass
class DeliveryFault(Rule):
    """`match` is an event's type, with asterisks; `seconds`: how late, how far out of order, how old, how early."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in QUEUED | SENT:
            kinds = ", ".join(sorted(QUEUED | SENT))
            raise ValueError(f"unknown kind of delivery fault: {self.kind!r}; there are {kinds}")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(translate(self.match))

    def pattern(self) -> re.Pattern[str]:
        return self._pattern


@dataclass
class Sending:
    """What one try is about to send."""

    payload: bytes
    secrets: Sequence[str]
    at: int  # the time in the signature
    spoilt: bool = False  # whether a byte changes after signing


class DeliveryFaults(Rules[DeliveryFault]):
    def __init__(self) -> None:
        super().__init__(DeliveryFault)

    def delays(self, kind: str) -> list[float]:
        """For an event of this type: in how many seconds each of its deliveries is due. Usually one, now."""
        rule = self.pick(kind, QUEUED)
        if rule is None:
            return [0.0]
        if rule.kind == "doubled":
            return [0.0, 0.0]
        # Out of order: each waits a while of its own, so that those queued in the meantime overtake it.
        return [rule.seconds if rule.kind == "late" else rule.dice.random() * rule.seconds]

    def spoil(self, kind: str, sending: Sending) -> None:
        rule = self.pick(kind, SENT)
        if rule is None:
            return
        if rule.kind == "body":
            sending.spoilt = True
        elif rule.kind == "secret":
            sending.secrets = ["whsec_of_somebody_else"]
        else:
            sending.at += int(rule.seconds) * (-1 if rule.kind == "old" else 1)


def one_byte_changed(payload: bytes) -> bytes:
    """Still JSON, still an event, and not what was signed: a digit of `created`."""
    place = payload.index(b'"created":') + len(b'"created":')
    other = b"2" if payload[place : place + 1] == b"1" else b"1"
    return payload[:place] + other + payload[place + 1 :]
