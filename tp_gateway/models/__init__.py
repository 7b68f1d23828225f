"""The tables, one noun per file. No queries, no rules beyond what the database itself enforces."""

from tp_gateway.models.analytics import AnalyticsBasis, AnalyticsChange, AnalyticsEntry, AnalyticsSum
from tp_gateway.models.base import Base, table
from tp_gateway.models.dispute import Dispute
from tp_gateway.models.invoice import Counter, Invoice, InvoiceItem, InvoiceWord
from tp_gateway.models.invoice_operation import CreditNoteLine, InvoiceOperation
from tp_gateway.models.ledger import LedgerEntry
from tp_gateway.models.messages import (
    Cursor,
    IdempotencyRecord,
    InboxEvent,
    InvoiceReminder,
    OutboxDelivery,
    OutboxMessage,
)
from tp_gateway.models.payable import Payable
from tp_gateway.models.payment import Payment, Refund, Transition
from tp_gateway.models.payment_method import PaymentMethod, ProviderCustomer
from tp_gateway.models.practice import Appointment, Availability, ProgressNote, User
from tp_gateway.models.rebate_claim import RebateClaim
from tp_gateway.models.refund_file import RefundFile, RefundFileItem
from tp_gateway.models.remittance import Remittance, RemittanceItem
from tp_gateway.models.settings import PracticeSettings, SettingsChange
from tp_gateway.models.statement import Statement, StatementLine, StatementMatch

__all__ = [
    "AnalyticsBasis",
    "AnalyticsChange",
    "AnalyticsEntry",
    "AnalyticsSum",
    "Appointment",
    "Availability",
    "Base",
    "Counter",
    "CreditNoteLine",
    "Cursor",
    "Dispute",
    "IdempotencyRecord",
    "InboxEvent",
    "Invoice",
    "InvoiceItem",
    "InvoiceOperation",
    "InvoiceReminder",
    "InvoiceWord",
    "LedgerEntry",
    "OutboxDelivery",
    "OutboxMessage",
    "Payable",
    "Payment",
    "PaymentMethod",
    "PracticeSettings",
    "ProgressNote",
    "ProviderCustomer",
    "RebateClaim",
    "Refund",
    "RefundFile",
    "RefundFileItem",
    "Remittance",
    "RemittanceItem",
    "SettingsChange",
    "Statement",
    "StatementLine",
    "StatementMatch",
    "Transition",
    "User",
    "table",
]
