"""Everything a provider author imports: the hooks, the values that go in and come out, and the shared fields and
errors.

A provider is an object that is told (`Order`) and asked (`Outcome`); it never sees a database session, a request or
another provider. Start with `hooks.py` (registration, with a complete example), then `provider.py` (the members).
"""

from tp_gateway import fields, money
from tp_gateway.contract.disputes import DisputeFact, DisputeMovement, DisputeStatus
from tp_gateway.contract.hooks import PROJECT, hookimpl, hookspec
from tp_gateway.contract.payment_files import CannotWrite, PaymentFile, PayoutAccount, QueuedRefund
from tp_gateway.contract.provider import CONTRACT_VERSION, Capabilities, Environment, Manifest, Provider
from tp_gateway.contract.rebates import PreparedRebate, RebateFact, RebateOrder, RebateState
from tp_gateway.contract.remittances import Remittance, RemittanceItem, RemittanceKind, RemittanceState
from tp_gateway.contract.service import Earlier, Service
from tp_gateway.contract.statements import MalformedStatement, Recognised, Recogniser, Statement, StatementLine
from tp_gateway.contract.types import (
    CaptureOrder,
    Event,
    Flow,
    Health,
    Label,
    MethodOrder,
    Observation,
    Order,
    Outcome,
    OutcomeState,
    Payer,
    Prepared,
    Reason,
    RefundFact,
    RefundOrder,
    RefundState,
    SavedMethod,
    Subject,
    Veto,
)
from tp_gateway.errors import ConfigurationError, InvalidSignature

__all__ = [
    "CONTRACT_VERSION",
    "PROJECT",
    "CannotWrite",
    "Capabilities",
    "CaptureOrder",
    "ConfigurationError",
    "DisputeFact",
    "DisputeMovement",
    "DisputeStatus",
    "Earlier",
    "Environment",
    "Event",
    "Flow",
    "Health",
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
    "Veto",
    "fields",
    "hookimpl",
    "hookspec",
    "money",
]
