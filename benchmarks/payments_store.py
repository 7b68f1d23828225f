"""Fills a store with years of payments, as they would be in it, by statements over all of them at once: of twenty one
was declined, one refunded, one transferred and found on a statement, and six are of invoices."""

# ruff: noqa: S608
# The SQL is made of our own words.

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

PATIENTS, STATEMENT = 100_000, 10_000
_SECONDS = 3 * 365 * 86_400
_SINCE = 1_672_531_200
"""The first of January 2023."""
_NUMBERS = {
    "postgresql": "SELECT n, to_timestamp({since} + n * CAST({every} AS bigint)) AS at"
    " FROM generate_series(1, {count}) AS numbers(n)",
    "sqlite": "SELECT n, strftime('%Y-%m-%d %H:%M:%S.000000', {since} + n * {every}, 'unixepoch') AS at FROM"
    " (WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
    " SELECT n FROM numbers)",
}
_WAY = "(n % 20)"
_TRANSFER, _DECLINED, _REFUNDED = f"{_WAY} = 2", f"{_WAY} = 0", f"{_WAY} = 1"
_TAKEN, _CARD = f"{_WAY} <> 0", f"{_WAY} NOT IN (0, 2)"
_INVOICED = "n % 10 IN (3, 4, 5)"
_PLACE = "(n / 10 * 3 + n % 10 - 2)"
"""Which of the invoices it is."""
_PROVIDER = f"CASE WHEN {_TRANSFER} THEN 'bank_transfer' ELSE 'stripe' END"
_EVIDENCE = f"CASE WHEN {_TRANSFER} THEN '2025:' || n || ':1' ELSE 'ch_' || n END"
_STATE = f"CASE WHEN {_DECLINED} THEN 'failed' WHEN {_REFUNDED} THEN 'refunded' ELSE 'succeeded' END"
_PATIENT = "1000 + n % {patients}"
_MOVES = (("NULL", "'created'", "TRUE"), ("'created'", "'submitting'", "TRUE"))
_ENDS = (("'submitting'", "'failed'", _DECLINED), ("'submitting'", "'succeeded'", _TAKEN))
_ENTRY = (
    "INSERT INTO ledger_entries (payment_id, refund_id, payable_id, patient_id, kind, debit, credit, amount, currency,"
)


def _entry(kind: str, debit: str, credit: str, amount: int, evidence: str, where: str, refund: str = "NULL") -> str:
    return (
        f"{_ENTRY} evidence, actor, at) SELECT n, {refund}, n, {_PATIENT}, '{kind}', {debit}, {credit}, {amount},"
        f" 'AUD', {evidence}, 'sweep', at FROM numbers WHERE {where}"
    )


def _move(before: str, after: str, where: str, refund: str = "NULL") -> str:
    return (
        "INSERT INTO transitions (payment_id, refund_id, from_state, to_state, actor, reason, at)"
        f" SELECT n, {refund}, {before}, {after}, 'sweep', '', at FROM numbers WHERE {where}"
    )


_STATEMENTS = (
    f"INSERT INTO users (id, role, active, created_at, updated_at) SELECT 1000 + n - 1, 'patient', TRUE, at, at"
    f" FROM numbers WHERE n <= {PATIENTS}",
    "INSERT INTO appointments (id, patient_id, practitioner_id, service, status, starts_at, duration_minutes, fee,"
    f" currency, updated_at) SELECT n, {_PATIENT}, 7, 'individual_therapy', 'completed', at, 50, 18000, 'AUD', at"
    " FROM numbers",
    "INSERT INTO payables (id, uuid, patient_id, appointment_id, invoice_id, amount, amount_paid, currency, open)"
    f" SELECT n, 'payable-' || n, {_PATIENT}, n, CASE WHEN {_INVOICED} THEN {_PLACE} END, 18000,"
    f" CASE WHEN {_TAKEN} THEN 18000 ELSE 0 END, 'AUD', TRUE FROM numbers",
    "INSERT INTO invoices (id, number, payable_id, patient_id, appointment_id, amount, currency, status, description,"
    f" due_date, created_by, created_at) SELECT {_PLACE}, 'INV-' || (2023 + ({_PLACE} - 1) / {{a_year}}) || '-' ||"
    f" CASE WHEN ({_PLACE} - 1) % {{a_year}} + 1 < 10 THEN '00' WHEN ({_PLACE} - 1) % {{a_year}} + 1 < 100 THEN '0'"
    f" ELSE '' END || (({_PLACE} - 1) % {{a_year}} + 1), n, {_PATIENT}, n, 18000, 'AUD', 'paid', '', '2025-01-01',"
    f" 'user:8', at FROM numbers WHERE {_INVOICED}",
    "INSERT INTO invoice_items (invoice_id, position, description, quantity, unit_price, total)"
    f" SELECT {_PLACE}, 1, 'Session', 1, 18000, 18000 FROM numbers WHERE {_INVOICED}",
    "INSERT INTO counters (name, value) SELECT 'invoice:' || SUBSTR(number, 5, 4), COUNT(*) FROM invoices GROUP BY 1",
    "INSERT INTO payments (id, uuid, payable_id, patient_id, appointment_id, invoice_id, provider, method, flow,"
    " single_flight, amount, currency, state, expires_at, reference, save_method, captured, refunded, evidence,"
    " transaction_id, description, created_by, created_at, updated_at, settled_at)"
    f" SELECT n, 'payment-' || n, n, {_PATIENT}, n, CASE WHEN {_INVOICED} THEN {_PLACE} END, {_PROVIDER},"
    f" CASE WHEN {_TRANSFER} THEN 'bank_transfer' ELSE 'card' END, 'direct', {_WAY} <> 2, 18000, 'AUD', {_STATE}, at,"
    f" 'pi_' || n, FALSE, CASE WHEN {_TAKEN} THEN 18000 ELSE 0 END, CASE WHEN {_REFUNDED} THEN 18000 ELSE 0 END,"
    f" CASE WHEN {_TAKEN} THEN {_EVIDENCE} END, CASE WHEN {_TAKEN} THEN 'txn_' || n END, '', 'user:45', at, at,"
    f" CASE WHEN {_TAKEN} THEN at END FROM numbers",
    "INSERT INTO refunds (id, uuid, payment_id, provider, reference, amount, currency, state, epoch, checks, reopen,"
    " reason, provider_code, created_by, created_at, updated_at) SELECT n, 'refund-' || n, n, 'stripe', 're_' || n,"
    f" 18000, 'AUD', 'succeeded', 1, 0, FALSE, '', '', 'user:8', at, at FROM numbers WHERE {_REFUNDED}",
    _entry("charge", f"'clearing:' || {_PROVIDER}", "'receivable'", 18000, _EVIDENCE, _TAKEN),
    _entry("fee", "'fees:stripe'", "'clearing:stripe'", 336, "'txn_' || n", _CARD),
    _entry("adjustment", "'adjustments'", "'receivable'", 18000, "'re_' || n", _REFUNDED, "n"),
    _entry("refund", "'receivable'", "'clearing:stripe'", 18000, "'re_' || n", _REFUNDED, "n"),
    *(_move(*one) for one in (*_MOVES, *_ENDS)),
    _move("'succeeded'", "'refunded'", _REFUNDED),
    *(
        _move(before, after, _REFUNDED, "n")
        for before, after in (("NULL", "'created'"), ("'created'", "'submitting'"), ("'submitting'", "'succeeded'"))
    ),
    "INSERT INTO outbox_messages (uuid, topic, payment_id, data, created_at, sent_at, attempts, last_error)"
    f" SELECT 'message-' || n, 'payment.' || CASE WHEN {_DECLINED} THEN 'failed' ELSE 'succeeded' END, n, '{{{{}}}}',"
    " at, at, 1, '' FROM numbers",
    "INSERT INTO idempotency_records (user_id, route, key, body_hash, payment_id, created_at)"
    " SELECT 45, 'payments', 'key-' || n, 'a', n, at FROM numbers WHERE n % 100 = 0",
    "INSERT INTO statements (id, provider, name, format, sha256, lines, state, imported_by, imported_at, touched_at)"
    f" SELECT n, 'bank_transfer', 'n.csv', 'CBA CSV', 'n', {STATEMENT}, 'imported', 'cli', at, at FROM numbers"
    f" WHERE n <= {{count}} / {STATEMENT} + 1",
    "INSERT INTO statement_lines (id, statement_id, line, fingerprint, booked_on, amount, currency, description,"
    " reference, payer, account, bank_id, state, payment_id)"
    f" SELECT n, n / {STATEMENT} + 1, 1, '2025:' || n || ':1', '2025-01-01', 18000, 'AUD', 'Transfer', '', '', '', '',"
    f" CASE WHEN {_TRANSFER} THEN 'matched' ELSE 'unmatched' END, CASE WHEN {_TRANSFER} THEN n END"
    f" FROM numbers WHERE {_WAY} IN (2, 7, 12, 17)",
    "INSERT INTO statement_matches (line_id, payment_id, amount, layer, made_by, made_at)"
    f" SELECT n, n, 18000, 'text', 'import', at FROM numbers WHERE {_TRANSFER}",
)
_SEQUENCES = ("payables", "payments", "invoices", "refunds", "statements", "statement_lines")


def fill(url: str, count: int) -> int:
    """`count` payments with all that goes with them. Returns how many rows that is. Triggers sleep meanwhile: what they
    would write is written here."""
    engine = sa.create_engine(url)
    given = {"count": count, "patients": PATIENTS, "a_year": count // 10 + 1}
    rows = 0
    with engine.begin() as connection:
        asleep = sleeping(connection)
        cursor = connection.connection.cursor()  # the driver's own: a percent sign is one
        cursor.execute(numbers(engine.dialect.name, max(count, PATIENTS), max(1, _SECONDS // count)))
        for statement in _STATEMENTS:
            text = statement.format(**given)
            if "INTO users" not in text and "FROM numbers" in text:
                text += f" {'AND' if ' WHERE ' in text else 'WHERE'} n <= {count}"
            cursor.execute(text)
            rows += cursor.rowcount
        awake(connection, asleep, _SEQUENCES)
    settle(engine)
    return rows


def numbers(dialect: str, count: int, every: int, since: int = _SINCE) -> str:
    """A temporary table of n from 1 to `count`, each with a moment `every` so many seconds after the one before."""
    return f"CREATE TEMPORARY TABLE numbers AS {_NUMBERS[dialect].format(every=every, count=count, since=since)}"


def awake(connection: sa.Connection, asleep: list[str], tables: Iterable[str]) -> None:
    """The triggers are there again, and the tables' ids go on after what was written."""
    for trigger in asleep:
        connection.exec_driver_sql(trigger)
    if connection.dialect.name == "postgresql":
        for table in tables:
            last = f"(SELECT MAX(id) FROM {table})"
            connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})")


def settle(engine: sa.Engine) -> None:
    """As a store is that has grown: the planner knows it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE")
    engine.dispose()


def sleeping(connection: sa.Connection) -> list[str]:
    """Triggers sleep. Returns the statements that wake them."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return []
    triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    for trigger in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
    return [trigger.sql for trigger in triggers]
