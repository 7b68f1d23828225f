"""One valid row for every table, to be put in whole or with one thing wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import Base

NOON = datetime(2025, 1, 19, 10, 30, 15, 123456, tzinfo=UTC)
TABLES: dict[str, sa.Table] = dict(Base.metadata.tables)
APPEND_ONLY = ("ledger_entries", "transitions", "settings_changes")
LEFT_FOR_ONE_VERSION = {"allocations"}
"""Tables that only the version before still writes: no model has them."""

ROWS: dict[str, dict[str, Any]] = {
    "users": {"id": 45, "role": "patient", "name": "Zoë 🙂", "created_at": NOON, "updated_at": NOON},
    "appointments": {
        "id": 123,
        "patient_id": 45,
        "service": "individual_therapy",
        "status": "confirmed",
        "starts_at": NOON,
        "duration_minutes": 50,
        "fee": 18000,
        "currency": "AUD",
        "updated_at": NOON,
    },
    "progress_notes": {"id": 5, "appointment_id": 123, "patient_id": 45, "created_at": NOON, "updated_at": NOON},
    "availability": {"practitioner_id": 45, "day": date(2025, 1, 19), "minutes": 420, "updated_at": NOON},
    "analytics_basis": {
        "id": 1,
        "time_zone": "Australia/Melbourne",
        "currency": "AUD",
        "complete": True,
        "counting": False,
        "recount": 1,
    },
    "analytics_sums": {"span": "day", "start": date(2025, 1, 19), "measure": "users", "key": "patient", "value": 1},
    "analytics_changes": {"id": 1, "data": [["day", "2025-01-19", "users", "patient", 1]]},
    "payables": {
        "id": 1,
        "uuid": "55555555-5555-4555-8555-555555555555",
        "patient_id": 45,
        "appointment_id": 123,
        "invoice_id": 1,
        "amount": 18000,
        "amount_paid": 0,  # the entry below is added by its trigger
        "currency": "AUD",
    },
    "invoices": {
        "id": 1,
        "number": "INV-2025-001",
        "payable_id": 1,
        "patient_id": 45,
        "amount": 18000,
        "currency": "AUD",
        "status": "paid",
        "due_date": date(2025, 2, 1),
        "created_by": "user:8",
        "created_at": NOON,
    },
    "invoice_items": {
        "id": 1,
        "invoice_id": 1,
        "position": 1,
        "description": "Session",
        "quantity": 2,
        "unit_price": 9000,
        "total": 18000,
    },
    "invoice_words": {"word": "session", "invoice_id": 1},
    "invoice_operations": {
        "id": 1,
        "kind": "credit_note",
        "number": "CN-2025-001",
        "invoice_id": 1,
        "payable_id": 1,
        "patient_id": 45,
        "amount": 500,
        "currency": "AUD",
        "reason": "Shorter session",
        "actor": "user:8",
        "at": NOON,
    },
    "credit_note_lines": {"id": 1, "operation_id": 1, "item_id": 1, "amount": 500, "gst": 0},
    "counters": {"name": "invoices:2025", "value": 1},
    "payments": {
        "id": 1,
        "uuid": "11111111-1111-4111-8111-111111111111",
        "payable_id": 1,
        "patient_id": 45,
        "provider": "stripe",
        "method": "card",
        "flow": "direct",
        "single_flight": True,
        "amount": 18000,
        "currency": "AUD",
        "state": "succeeded",
        "reference": "pi_1",
        "captured": 18000,
        "parameters": {"a": [1, "2"]},
        "created_by": "user:45",
        "expires_at": NOON,
        "created_at": NOON,
        "updated_at": NOON,
    },
    "refunds": {
        "id": 1,
        "uuid": "22222222-2222-4222-8222-222222222222",
        "payment_id": 1,
        "provider": "stripe",
        "reference": "re_1",
        "amount": 5000,
        "currency": "AUD",
        "state": "pending",
        "created_by": "user:8",
        "created_at": NOON,
        "updated_at": NOON,
    },
    "refund_files": {
        "id": 1,
        "provider": "bank_transfer",
        "title": "RFABCDEFGH",
        "name": "RFABCDEFGH.aba",
        "media_type": "text/plain",
        "content_sealed": "sealed",
        "count": 1,
        "total": 5000,
        "currency": "AUD",
        "made_by": "user:8",
        "made_at": NOON,
    },
    "refund_file_items": {"id": 1, "refund_file_id": 1, "refund_id": 1},
    "disputes": {
        "id": 1,
        "provider": "stripe",
        "reference": "du_1",
        "payment_id": 1,
        "payment_reference": "pi_1",
        "amount": 18000,
        "currency": "AUD",
        "status": "needs_response",
        "reason": "fraudulent",
        "evidence_due_by": NOON,
        "withdrawn": 18000,
        "fee": 2500,
        "observed_at": NOON,
        "opened_at": NOON,
        "created_at": NOON,
        "updated_at": NOON,
    },
    "remittances": {
        "id": 1,
        "provider": "stripe",
        "reference": "po_1",
        "amount": 17664,
        "currency": "AUD",
        "arrives_on": date(2025, 1, 21),
        "state": "in_transit",
        "statement_text": "STRIPE",
        "statement_line_id": 7,
        "explained": True,
        "listed_from": NOON,
        "observed_at": NOON,
        "created_at": NOON,
        "updated_at": NOON,
    },
    "remittance_items": {
        "id": 1,
        "remittance_id": 1,
        "transaction_id": "txn_1",
        "kind": "payment",
        "amount": 18000,
        "fee": 336,
        "net": 17664,
        "reference": "ch_1",
        "payment_id": 1,
    },
    "rebate_claims": {
        "id": 1,
        "uuid": "66666666-6666-4666-8666-666666666666",
        "payment_id": 1,
        "payable_id": 1,
        "patient_id": 45,
        "provider": "medicare",
        "reference": "urn:uuid:TST000010123456789abcdef",
        "amount": 18000,
        "currency": "AUD",
        "state": "lodged",
        "subject_sealed": "sealed",
        "subject_hash": "a" * 64,
        "created_by": "user:45",
        "created_at": NOON,
        "updated_at": NOON,
    },
    "transitions": {"id": 901, "payment_id": 1, "refund_id": 1, "to_state": "created", "actor": "user:45", "at": NOON},
    "ledger_entries": {
        "id": 1,
        "payment_id": 1,
        "dispute_id": 1,
        "payable_id": 1,
        "patient_id": 45,
        "kind": "charge",
        "debit": "clearing:stripe",
        "credit": "receivable",
        "amount": 18000,
        "currency": "AUD",
        "evidence": "ch_1",
        "actor": "provider:stripe",
        "at": NOON,
    },
    "analytics_entries": {"entry_id": 1, "service": "individual_therapy"},
    "provider_customers": {
        "id": 1,
        "user_id": 45,
        "provider": "stripe",
        "key": "33333333-3333-4333-8333-333333333333",
        "reference": "cus_1",
    },
    "payment_methods": {
        "id": 1,
        "user_id": 45,
        "provider": "stripe",
        "kind": "card",
        "reference": "pm_1",
        "details": {"last4": "4242"},
        "is_default": True,
        "created_at": NOON,
    },
    "practice_settings": {"id": 1, "data": {"clinic": {"abn": "51824753556"}}, "updated_at": NOON},
    "settings_changes": {
        "id": 1,
        "version": 1,
        "changes": [{"section": "clinic", "field": "abn", "before": "", "after": "51824753556"}],
        "actor": "user:9",
        "at": NOON,
    },
    "inbox_events": {
        "id": 1,
        "provider": "stripe",
        "event_id": "evt_1",
        "kind": "payment_intent.succeeded",
        "subject": "payment",
        "received_at": NOON,
        "state": "received",
    },
    "outbox_messages": {
        "id": 1,
        "uuid": "44444444-4444-4444-8444-444444444444",
        "topic": "payment.succeeded",
        "payment_id": 1,
        "data": {"payment_id": 1},
        "created_at": NOON,
    },
    "outbox_deliveries": {"id": 1, "message_id": 1, "destination": "webhook", "subject": "payment:1"},
    "invoice_reminders": {"id": 1, "invoice_id": 1, "days": 7, "made_at": NOON},
    "idempotency_records": {
        "id": 1,
        "user_id": 45,
        "route": "payments",
        "key": "k1",
        "body_hash": "a",
        "payment_id": 1,
        "created_at": NOON,
    },
    "cursors": {"name": "reverse_sweep", "position": NOON, "next_run_at": NOON},
    "statements": {
        "id": 1,
        "provider": "bank_transfer",
        "name": "January.csv",
        "format": "CBA CSV",
        "sha256": "0" * 64,
        "lines": 1,
        "state": "imported",
        "imported_by": "user:8",
        "imported_at": NOON,
        "touched_at": NOON,
    },
    "statement_lines": {
        "id": 1,
        "statement_id": 1,
        "line": 1,
        "fingerprint": "2025-01-19:0123456789abcdef:1",
        "booked_on": date(2025, 1, 19),
        "amount": 18000,
        "currency": "AUD",
        "description": "Überweisung TP618033994253",
        "reference": "",
        "payer": "",
        "account": "",
        "bank_id": "",
        "state": "matched",
        "payment_id": 1,
    },
    "statement_matches": {
        "id": 1,
        "line_id": 1,
        "payment_id": 1,
        "amount": 18000,
        "layer": "text",
        "made_by": "import",
        "made_at": NOON,
    },
}
"""In an order in which the foreign keys hold."""
FILLED_BY_TRIGGERS = {"analytics_entries"}


def insert(session: orm.Session, table: str, **more: Any) -> None:
    session.execute(sa.insert(TABLES[table]).values(ROWS[table] | more))


def fill(session: orm.Session, tables: Iterable[str] = tuple(ROWS)) -> None:
    """One row in each of `tables`, or in every table there is."""
    for table in tables:
        if table not in FILLED_BY_TRIGGERS:
            insert(session, table)


def contents(connection: sa.Connection | orm.Session) -> dict[str, list[dict[str, Any]]]:
    """Everything that is in the store."""
    return {
        name: [dict(row._mapping) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
        for name, table in TABLES.items()
    }
