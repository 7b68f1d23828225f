"""How claims reach Medicare. `protocol.py` says what a transport is, `values.py` what goes in, `results.py` what comes
out; `services_australia.py` and `aggregator.py` are the two over HTTP. It must know no invoice and no payment."""

from tp_gateway.providers.medicare.transports.aggregator import Aggregator
from tp_gateway.providers.medicare.transports.proda import DeviceLogin, KeyTaken, Token, new_private_key
from tp_gateway.providers.medicare.transports.protocol import Transport, new_correlation_id
from tp_gateway.providers.medicare.transports.results import (
    Accepted,
    ClaimResult,
    ClaimStatus,
    Deleted,
    Failure,
    Message,
    NotSent,
    PaymentReport,
    ProcessingReport,
    Refused,
    ReportStatus,
    Unclear,
    Verified,
)
from tp_gateway.providers.medicare.transports.services_australia import ServicesAustralia
from tp_gateway.providers.medicare.transports.settings import (
    AggregatorSettings,
    ProdaSettings,
    ServicesAustraliaSettings,
)

__all__ = [
    "Accepted",
    "Aggregator",
    "AggregatorSettings",
    "ClaimResult",
    "ClaimStatus",
    "Deleted",
    "DeviceLogin",
    "Failure",
    "KeyTaken",
    "Message",
    "NotSent",
    "PaymentReport",
    "ProcessingReport",
    "ProdaSettings",
    "Refused",
    "ReportStatus",
    "ServicesAustralia",
    "ServicesAustraliaSettings",
    "Token",
    "Transport",
    "Unclear",
    "Verified",
    "new_correlation_id",
    "new_private_key",
]
