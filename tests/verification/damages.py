"""Damages to a store, each by the SQL of somebody who works past its rules, and the checks that must see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import sqlalchemy as sa
from sqlalchemy import orm

FEE = "(SELECT MIN(id) FROM ledger_entries WHERE kind = 'fee')"
STRIPE = "(SELECT MIN(id) FROM payments WHERE provider = 'stripe' AND state = 'succeeded' AND refunded = 0)"
UNPAID = "(SELECT MIN(id) FROM invoices WHERE status = 'pending')"
ENTRY = (
    "INSERT INTO ledger_entries (payment_id, payable_id, patient_id, kind, debit, credit, amount, currency, evidence,"
    " actor, at) SELECT id, payable_id, patient_id, {}, {}, 100, 'AUD', 'nothing', 'user:8', created_at"
    f" FROM payments WHERE id = {STRIPE}"
)


ANOTHERS_EVIDENCE = f"SELECT MAX(evidence) FROM payments WHERE provider = 'stripe' AND id <> {STRIPE}"


@dataclass(frozen=True)
class Damage:
    """`check` must report it, and `others` too; nothing else may."""

    check: str
    does: tuple[str, ...]
    others: tuple[str, ...] = ()


def damage(check: str, *does: str, others: tuple[str, ...] = ()) -> Damage:
    return Damage(check, does, others)


DAMAGES = (
    damage("entries-balance", f"UPDATE ledger_entries SET evidence = '' WHERE id = {FEE}"),
    damage("entries-accounts", f"UPDATE ledger_entries SET debit = 'fees:in_person' WHERE id = {FEE}"),
    damage("entries-accounts", f"UPDATE ledger_entries SET kind = 'bonus' WHERE id = {FEE}"),
    damage("entries-belong", f"UPDATE ledger_entries SET patient_id = 46 WHERE id = {FEE}"),
    damage("entries-belong", f"UPDATE ledger_entries SET currency = 'NZD' WHERE id = {FEE}"),
    damage(
        "entries-belong",
        "UPDATE ledger_entries SET refund_id = (SELECT MAX(id) FROM refunds)"
        " WHERE id = (SELECT MIN(id) FROM ledger_entries WHERE kind = 'adjustment')",
    ),
    damage("entries-belong", f"UPDATE ledger_entries SET dispute_id = 1 WHERE id = {FEE}"),
    damage(
        "entries-accounts",
        "UPDATE ledger_entries SET operation_id = NULL WHERE kind = 'credit_returned' AND amount = 3000",
        others=("operations-booked",),
    ),
    damage("operations-booked", "UPDATE invoice_operations SET amount = amount + 1 WHERE kind = 'write_off'"),
    damage(
        "operations-booked",
        "UPDATE invoice_operations SET kind = 'credit_returned' WHERE kind = 'credit_applied' AND amount = 5000",
    ),
    damage("operations-belong", "UPDATE invoice_operations SET patient_id = 46 WHERE kind = 'void'"),
    damage(
        "operations-belong",
        "UPDATE invoice_operations SET payable_id = 1 WHERE kind = 'write_off'",
        others=("entries-belong",),
    ),
    damage("credit-notes-lines", "UPDATE credit_note_lines SET gst = gst + 1 WHERE amount = 777"),
    damage(
        "credit-notes-lines",
        "UPDATE credit_note_lines SET item_id = (SELECT MIN(id) FROM invoice_items) WHERE amount = 777",
    ),
    damage("credit-notes-numbers", "UPDATE invoice_operations SET number = 'CN-25-1' WHERE amount = 777"),
    damage(
        "credit-notes-numbers",
        "UPDATE counters SET value = value + 1 WHERE name > 'credit_note:' AND name < 'credit_note;'",
    ),
    damage("invoices-gst", "UPDATE invoice_items SET gst = gst + 1 WHERE total = 9999"),
    damage("payables-paid", "UPDATE payables SET amount_paid = amount_paid - 1 WHERE id = 1"),
    damage("payables-asked", "UPDATE appointments SET fee = fee + 1 WHERE id = 308"),
    damage("payables-asked", "UPDATE payables SET patient_id = 46 WHERE appointment_id = 308"),
    damage("payments-captured", f"UPDATE payments SET captured = captured + 100 WHERE id = {STRIPE}"),
    damage("payments-evidence", f"UPDATE payments SET evidence = 'ch_other' WHERE id = {STRIPE}"),
    damage("payments-evidence", f"UPDATE payments SET evidence = NULL WHERE id = {STRIPE}"),
    damage("payments-evidence", f"UPDATE payments SET settled_at = NULL WHERE id = {STRIPE}"),
    damage(
        "payments-evidence",
        f"UPDATE ledger_entries SET evidence = ({ANOTHERS_EVIDENCE}) WHERE payment_id = {STRIPE} AND kind = 'charge'",
        f"UPDATE payments SET evidence = ({ANOTHERS_EVIDENCE}) WHERE id = {STRIPE}",
    ),
    damage(
        "payments-belong",
        "UPDATE payments SET patient_id = 46"
        " WHERE id = (SELECT MIN(id) FROM payments WHERE state = 'failed' AND provider = 'stripe')",
    ),
    damage("accounts-not-overdrawn", ENTRY.format("'chargeback_credit', 'patient_credit'", "'disputed'")),
    damage(
        "accounts-not-overdrawn",
        "UPDATE ledger_entries SET kind = 'overpayment', credit = 'patient_credit' WHERE kind = 'charge'"
        " AND payment_id = (SELECT MIN(payment_id) FROM ledger_entries WHERE kind = 'adjustment')",
        others=("payables-paid",),
    ),
    damage("suspense-awaits-decision", "UPDATE payments SET needs_review = FALSE WHERE needs_review"),
    damage("invoices-items", "UPDATE invoice_items SET unit_price = unit_price + 1, total = total + 1 WHERE id = 1"),
    damage("invoices-payable", f"UPDATE payables SET invoice_id = NULL WHERE invoice_id = {UNPAID}"),
    damage("invoices-payable", f"UPDATE invoices SET currency = 'NZD' WHERE id = {UNPAID}"),
    damage(
        "invoices-payable",
        "UPDATE payables SET invoice_id = (SELECT id FROM invoices WHERE status = 'void')"
        " WHERE id = (SELECT payable_id FROM invoices WHERE status = 'void')",
        others=("invoices-payable",),
    ),
    damage("invoices-status", f"UPDATE invoices SET status = 'paid' WHERE id = {UNPAID}"),
    damage(
        "invoices-status",
        "UPDATE invoices SET status = 'refunded'"
        " WHERE id = (SELECT MIN(invoice_id) FROM payments WHERE state = 'succeeded')",
    ),
    damage("invoices-numbers", "UPDATE counters SET value = value + 1 WHERE SUBSTR(name, 1, 8) = 'invoice:'"),
    damage(
        "invoices-numbers",
        "UPDATE counters SET value = value + 1 WHERE SUBSTR(name, 1, 8) = 'invoice:'",
        "UPDATE invoices SET number = SUBSTR(number, 1, 9) || (SELECT '0' || value FROM counters"
        f" WHERE SUBSTR(name, 1, 8) = 'invoice:') WHERE id = {UNPAID}",
    ),
    damage("invoices-numbers", f"UPDATE invoices SET number = 'INV-2025-1x' WHERE id = {UNPAID}"),
    damage("invoices-numbers", "INSERT INTO counters (name, value) VALUES ('invoice:1999', 7)"),
    damage(
        "refunds-booked",
        "UPDATE ledger_entries SET refund_id = NULL"
        " WHERE id = (SELECT MIN(id) FROM ledger_entries WHERE kind = 'refund')",
    ),
    damage("refunds-booked", "UPDATE refunds SET currency = 'NZD' WHERE id = 1"),
    damage(
        "payments-refunded",
        "UPDATE payments SET refunded = refunded + 1"
        " WHERE id = (SELECT MIN(id) FROM payments WHERE state = 'succeeded' AND refunded > 0)",
    ),
    damage("refunds-within-captured", "UPDATE refunds SET amount = 9999999 WHERE state = 'pending'"),
    damage("refund-files", "UPDATE refund_files SET total = total + 1"),
    damage("disputes-booked", "UPDATE disputes SET withdrawn = withdrawn + 1 WHERE id = 1"),
    damage("disputes-booked", "UPDATE disputes SET status = 'lost' WHERE status = 'needs_response'"),
    damage(
        "disputes-booked",
        "UPDATE payments SET disputed = FALSE WHERE id = (SELECT payment_id FROM disputes WHERE id = 1)",
    ),
    damage(
        "matches-booked",
        "UPDATE statement_lines SET fingerprint = 'x' || fingerprint"
        " WHERE id = (SELECT MIN(line_id) FROM statement_matches)",
    ),
    damage(
        "lines-matched",
        "UPDATE statement_lines SET state = 'unmatched' WHERE id = (SELECT MIN(id) FROM statement_lines"
        " WHERE state = 'matched')",
    ),
    damage("lines-matched", "UPDATE statement_lines SET amount = 1 WHERE state = 'matched' AND amount = 20500"),
    damage(
        "payments-matched",
        "UPDATE statement_lines SET state = 'unmatched' WHERE amount = 20500",
        "DELETE FROM statement_matches WHERE amount = 20500",
    ),
    damage("statements-lines", "UPDATE statements SET lines = 0 WHERE id = 1"),
    damage("remittances-explained", "UPDATE remittances SET amount = amount + 1 WHERE provider = 'stripe'"),
    damage(
        "remittances-explained",
        "UPDATE remittance_items SET amount = amount + 1, net = net + 1"
        " WHERE id = (SELECT MIN(id) FROM remittance_items)",
    ),
    damage(
        "one-open-payment",
        "DROP INDEX uq_payments_open_single_flight",
        "UPDATE payments SET payable_id = (SELECT MIN(payable_id) FROM payments WHERE state = 'awaiting_customer')"
        " WHERE state = 'awaiting_customer'",
        others=("constraints",),
    ),
    damage(
        "moves-legal",
        f"UPDATE transitions SET to_state = 'refunded' WHERE payment_id = {STRIPE} AND to_state = 'submitting'",
        f"UPDATE transitions SET from_state = 'refunded' WHERE payment_id = {STRIPE} AND from_state = 'submitting'",
    ),
    damage(
        "moves-legal",
        "UPDATE transitions SET to_state = 'failed' WHERE refund_id = 1 AND to_state = 'submitting'",
        "UPDATE transitions SET from_state = 'failed' WHERE refund_id = 1 AND from_state = 'submitting'",
    ),
    damage("moves-unbroken", "DELETE FROM transitions WHERE id = (SELECT MAX(id) FROM transitions)"),
    damage("moves-unbroken", "DELETE FROM transitions WHERE id = 2"),
    damage("moves-unbroken", "DELETE FROM transitions WHERE refund_id = 1 AND to_state = 'succeeded'"),
    damage("keys-lead-somewhere", "UPDATE idempotency_records SET payment_id = NULL WHERE id = 1"),
    damage("keys-lead-somewhere", "UPDATE idempotency_records SET finished_at = NULL WHERE id = 1"),
    damage("keys-lead-somewhere", f"UPDATE idempotency_records SET refund_id = 1, payment_id = {STRIPE} WHERE id = 1"),
    damage("told-once", f"DELETE FROM outbox_messages WHERE payment_id = {STRIPE}"),
    damage("ids-lead-somewhere", "DELETE FROM statements WHERE id = 1"),
    damage("ids-lead-somewhere", "UPDATE payables SET invoice_id = 999999 WHERE id = (SELECT MAX(id) FROM payables)"),
    damage("ids-lead-somewhere", f"UPDATE payments SET appointment_id = 999999 WHERE id = {STRIPE}"),
    damage("sole-payers", "UPDATE payments SET amount = amount - 1 WHERE provider = 'medicare' AND captured > 0"),
    damage("constraints", "DROP INDEX uq_invoices_live_payable"),
)
_DROP = {"postgresql": "DROP TRIGGER {0} ON {1}", "sqlite": "DROP TRIGGER {0}"}


@contextmanager
def damaged(engine: sa.Engine, does: tuple[str, ...]) -> Iterator[orm.Session]:
    """A session that sees the damage, which is then taken back. Its triggers and foreign keys sleep meanwhile, without
    a trace of that."""
    on_sqlite = engine.dialect.name == "sqlite"
    with _plain(engine.url).connect() as connection:
        if on_sqlite:
            connection.exec_driver_sql("BEGIN")
            triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
            for trigger in triggers:
                connection.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
        for statement in does:
            assert connection.exec_driver_sql(statement).rowcount != 0, f"did nothing: {statement}"
        if on_sqlite:
            for trigger in triggers:
                connection.exec_driver_sql(trigger.sql)
        yield orm.Session(connection)
        connection.exec_driver_sql("ROLLBACK")


@cache
def _plain(url: sa.URL) -> sa.Engine:
    """Keeps the compiled statements, but no connection."""
    own_begin = {"connect_args": {"isolation_level": None}} if url.get_backend_name() == "sqlite" else {}
    return sa.create_engine(url, poolclass=sa.NullPool, **own_begin)


def without_trigger(dialect: str, name: str, table: str) -> str:
    return _DROP[dialect].format(name, table)
