"""Money taken at the desk: cash, the EFTPOS terminal, a cheque. Staff have it in their hands already, so a payment is
written down and nothing else; nobody is called. The receipt number names it, the payment's own id is its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import colander

from tp_gateway.contract import (
    Capabilities,
    ConfigurationError,
    Environment,
    Health,
    Manifest,
    Order,
    Outcome,
    OutcomeState,
    RefundOrder,
    fields,
)

KINDS = ("cash", "eftpos", "cheque")
"""EFTPOS: a terminal that is not connected to us; its slip's number goes into `slip`."""


@fields.documented(enum=list(KINDS))
def _known_kind(node: colander.SchemaNode, value: str) -> None:
    if value not in KINDS:
        raise colander.Invalid(node, f"Not one of: {', '.join(KINDS)}")


class Settings(fields.Schema):
    """`tp_gateway.in_person.*`."""

    receipt_prefix = colander.SchemaNode(
        fields.Text(), missing="R", validator=colander.Regex("^[A-Z]{1,4}$", "One to four upper-case letters")
    )


class Parameters(fields.Schema):
    """What staff say about it."""

    kind = colander.SchemaNode(
        fields.Text(), validator=_known_kind, description="How it was handed over: cash, eftpos or cheque"
    )
    slip = colander.SchemaNode(
        fields.Text(),
        missing="",
        validator=colander.Length(max=64),
        description="The number of the terminal's slip, or of the cheque",
    )


class InPersonProvider:
    manifest: ClassVar[Manifest] = Manifest(
        slug="in_person",
        method="in_person",
        display_name="At the desk",
        currencies=frozenset({"AUD"}),
        capabilities=Capabilities(local=True, refund=True, partial_refund=True, keeps_deadline=True),
        settings_schema=Settings(),
        parameters_schema=Parameters(),
        staff_only=True,
        totals_by="kind",
        examples=({"kind": "cash"}, {"kind": "eftpos", "slip": "004711"}),
    )

    def __init__(self, receipt_prefix: str) -> None:
        self._prefix = receipt_prefix

    @classmethod
    def build(cls, settings: Mapping[str, Any], environment: Environment) -> InPersonProvider:
        if not environment.id:
            raise ConfigurationError("tp_gateway.environment names this installation")
        return cls(settings["receipt_prefix"])

    def check(self, deadline: float) -> Health:
        return Health(True)

    def execute(self, order: Order, reference: str | None) -> Outcome:
        """The receipt number is the prefix, the payment's number, and four characters of its id: after a restored
        backup a number can be given out again, a receipt's may not."""
        receipt = f"{self._prefix}{order.number:06d}-{order.id[:4].upper()}"
        return Outcome(
            OutcomeState.SUCCEEDED,
            reference or receipt,
            settled=order.amount,
            currency=order.currency,
            evidence=f"{order.id}:taken",
            transaction=receipt,
            provider_state={"shown": {"receipt": {"number": receipt, **order.parameters}}},
        )

    def refund(self, order: RefundOrder) -> Outcome:
        """Handed back over the desk: done when it is written down."""
        return Outcome(
            OutcomeState.SUCCEEDED,
            f"{order.payment_reference}-{order.id[:8].upper()}",
            settled=order.amount,
            currency=order.currency,
            evidence=f"{order.id}:returned",
        )
