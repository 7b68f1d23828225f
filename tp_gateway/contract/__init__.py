"""Everything a provider author imports: the hooks, the values that go in and come out, and the shared fields and
errors.

A provider is an object that is told (`Order`) and asked (`Outcome`); it never sees a database session, a request or
another provider. Start with `hooks.py` (registration, with a complete example), then `manifest.py` and
`provider.py` (the members), `orders.py` (what goes in) and `outcomes.py` (what comes out).
"""

from tp_gateway import fields, money
from tp_gateway.contract.disputes import DisputeFact, DisputeMovement, DisputeStatus
from tp_gateway.contract.hooks import PROJECT, hookimpl, hookspec
from tp_gateway.contract.manifest import CONTRACT_VERSION, Capabilities, Environment, Manifest
from tp_gateway.contract.orders import CaptureOrder, Flow, Label, MethodOrder, Order, Payer, RefundOrder
from tp_gateway.contract.outcomes import (
    Event,
    Health,
    Observation,
    Outcome,
    OutcomeState,
    Prepared,
    Reason,
    RefundFact,
    RefundState,
    SavedMethod,
    Subject,
    Veto,
)
from tp_gateway.contract.payment_files import CannotWrite, PaymentFile, PayoutAccount, QueuedRefund
from tp_gateway.contract.provider import Provider
from tp_gateway.contract.rebates import PreparedRebate, RebateFact, RebateOrder, RebateState
from tp_gateway.contract.remittances import Remittance, RemittanceItem, RemittanceKind, RemittanceState
from tp_gateway.contract.service import Earlier, Service
from tp_gateway.contract.statements import MalformedStatement, Recognised, Recogniser, Statement, StatementLine
from tp_gateway.contract.texts import Channel, TextMessage
from tp_gateway.errors import ConfigurationError, InvalidSignature
from tp_gateway.identifiers import InvalidIdentifier, account_number, bsb, provider_number

__all__ = [
    "CONTRACT_VERSION",
    "PROJECT",
    "CannotWrite",
    "Capabilities",
    "CaptureOrder",
    "Channel",
    "ConfigurationError",
    "DisputeFact",
    "DisputeMovement",
    "DisputeStatus",
    "Earlier",
    "Environment",
    "Event",
    "Flow",
    "Health",
    "InvalidIdentifier",
    "InvalidSignature",
    "Label",
    "MalformedStatement",
    "Manifest",
    "MethodOrder",
    "Observation",
    "Order",
    "Outcome",
    "OutcomeState",
    "Payer",
    "PaymentFile",
    "PayoutAccount",
    "Prepared",
    "PreparedRebate",
    "Provider",
    "QueuedRefund",
    "Reason",
    "RebateFact",
    "RebateOrder",
    "RebateState",
    "Recognised",
    "Recogniser",
    "RefundFact",
    "RefundOrder",
    "RefundState",
    "Remittance",
    "RemittanceItem",
    "RemittanceKind",
    "RemittanceState",
    "SavedMethod",
    "Service",
    "Statement",
    "StatementLine",
    "Subject",
    "TextMessage",
    "Veto",
    "account_number",
    "bsb",
    "fields",
    "hookimpl",
    "hookspec",
    "money",
    "provider_number",
]
