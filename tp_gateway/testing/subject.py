"""What a provider's author supplies, so that the kit can try the provider: settings, a sandbox, and a way to pay.

Four members are enough for a provider that charges at once: `provider`, `start`, `settings`, `books`, and the two
orders `pays` and `declines`. The kit puts a proxy of its own between provider and sandbox, and makes the faults there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from tp_gateway.contract import Manifest, Service


@dataclass(frozen=True, slots=True)
class Ask:
    """A payment request of a frontend: the provider's own `parameters`, and the payment method's reference if it needs
    one. `amount` in minor units, None for the subject's; `service`: what is paid for, None for the
    subject's `appointment`."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    method: str | None = None
    amount: int | None = None
    service: Service | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A payment that is not over: the provider's `reference`, and what the customer's browser was given."""

    reference: str | None
    action: Mapping[str, Any]
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment in the sandbox's own books: `amount` minor units were taken, `refunded` of them given back. `reference`
    as in `Outcome.reference`."""

    reference: str
    amount: int
    currency: str
    refunded: int = 0


class Subject:
    """One for each test class; `url` and `webhook_secrets` are given by the kit before `settings` is asked."""

    provider: ClassVar[type[Any]]
    """The class to be tried."""
    amount: int = 18_000
    """Minor units of an ordinary payment, with five digits: it is looked for in answers."""

    no_dispute: str = "dp_nobody_knows"
    """For `disputes`: a reference of a dispute, as the service writes them, that does not exist."""

    url: str = ""
    """Where the provider has to call: the kit's proxy before the address that `start` gave."""
    webhook_secrets: tuple[str, ...] = ()
    """What the provider has to accept: one, and two while one is being replaced."""

    @property
    def manifest(self) -> Manifest:
        found: Manifest = self.provider.manifest
        return found

    # --- the sandbox --------------------------------------------------------------------------------------------------

    def start(self) -> str:
        """Start the sandbox. Its base URL (plain HTTP on this machine)."""
        raise NotImplementedError("the provider calls somebody: `start` has to start a sandbox and say where it is")

    def stop(self) -> None:
        """Stop it."""

    def reset(self) -> None:
        """Empty its books: before each check."""

    def settings(self) -> Mapping[str, str]:
        """As in the ini, without `tp_gateway.<slug>.`, texts: with `self.url` as the address to call."""
        return {}

    def books(self) -> Sequence[Taken]:
        """Every payment that the sandbox says was taken, in whatever order."""
        raise NotImplementedError("the provider calls somebody: `books` has to say what the sandbox has taken")

    # --- orders -------------------------------------------------------------------------------------------------------

    def pays(self) -> Ask:
        """A request that is paid. Called for each order, so that each can be another."""
        return Ask()

    def declines(self) -> Ask:
        """A request that is declined."""
        raise NotImplementedError

    def pays_less(self) -> tuple[Ask, int]:
        """A request of which less is paid than was asked for, and how much is (minor units)."""
        raise NotImplementedError

    def finish(self, waiting: Waiting, *, pays: bool) -> None:
        """What still has to happen after `execute`: the customer pays (or refuses) on the page, a night passes. Called
        again while the payment is open."""

    # --- what comes by itself -----------------------------------------------------------------------------------------

    def event(self, waiting: Waiting) -> bytes:
        """The body of the webhook that says that this payment was paid, as the sandbox has it."""
        raise NotImplementedError("the provider declares `webhooks`: `event` has to give the body of one")

    def sign(self, body: bytes, secret: str, at: float) -> Mapping[str, str]:
        """The headers (names in lower case) that sign a webhook with `secret` at the Unix time `at`, no others: each is
        emptied and spoiled, and the webhook has to be refused then."""
        raise NotImplementedError("the provider declares `webhooks`: `sign` has to give the headers of one")

    def statement(self, lines: Sequence[tuple[int, str]]) -> bytes:
        """A bank's file of (minor units, description) from the oldest to the newest."""
        raise NotImplementedError("the provider declares `statements`: `statement` has to write a file")

    # --- for capabilities of their own --------------------------------------------------------------------------------

    def saves(self) -> str:
        """The reference of a payment method that can be saved, as a browser would get it."""
        raise NotImplementedError("the provider declares `save_method`: `saves` has to name a method to save")

    def pay_out(self) -> None:
        """For `remittances`: the sandbox pays out what it has taken."""
        raise NotImplementedError("the provider declares `remittances`: `pay_out` has to make the sandbox pay out")

    def claims(self) -> Ask:
        """For `rebates`: the fields of a claim that is lodged. Called for each claim, so that each can be another."""
        raise NotImplementedError("the provider declares `rebates`: `claims` has to give the fields of a claim")

    def lodged(self) -> Sequence[str]:
        """For `rebates`: the references of the claims that the sandbox says are lodged, without those deleted."""
        raise NotImplementedError("the provider declares `rebates`: `lodged` has to say which claims the sandbox has")

    def evidence(self) -> Mapping[str, Any]:
        """For `evidence`: what staff could find out about a payment that was just begun, by the `evidence_schema`."""
        raise NotImplementedError("the provider declares `evidence`: `evidence` has to give what staff could find out")

    # --- for a provider that screens ----------------------------------------------------------------------------------

    def appointment(self) -> Service:
        """What is paid for, unless `Ask.service` says."""
        return Service(datetime.now(UTC).replace(microsecond=0) - timedelta(days=1), 50, "completed", 7)

    def supplies(self, member: str) -> bool:
        """Has the author written this member?"""
        return getattr(type(self), member) is not getattr(Subject, member)
