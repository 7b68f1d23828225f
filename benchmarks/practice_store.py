"""Fills a PostgreSQL store with three years of a practice, at random moments until now: for N appointments N payments,
0.8 N progress notes, N / 10 users. Triggers sleep meanwhile."""

# ruff: noqa: S608
# The SQL is made of our own words.

from __future__ import annotations

import sqlalchemy as sa

_AGO = "now() - random() * interval '1096 days'"
_PATIENT = "1000 + (random() * ({users} - 1))::int"
_PICK = "(array[{words}])[1 + floor(random() * {number})::int]"


def _one_of(*words: str) -> str:
    return _PICK.format(words=", ".join(f"'{word}'" for word in words), number=len(words))


_STATEMENTS = (
    "INSERT INTO users (id, role, active, created_at, updated_at) SELECT 1000 + n - 1, CASE WHEN n % 50 = 0 THEN"
    f" 'psychologist' WHEN n % 400 = 2 THEN 'practice_manager' ELSE 'patient' END, TRUE, {_AGO}, now()"
    " FROM generate_series(1, {users}) n",
    "INSERT INTO appointments (id, patient_id, practitioner_id, service, status, starts_at, duration_minutes,"
    f" actual_minutes, rating, fee, currency, updated_at) SELECT n, {_PATIENT}, 7,"
    f" {_one_of('individual_therapy', 'individual_therapy', 'individual_therapy', 'group_therapy', 'assessment')},"
    f" {_one_of(*['completed'] * 8, 'cancelled', 'pending', 'no_show')}, {_AGO},"
    " (array[50, 60, 60, 90])[1 + floor(random() * 4)::int], CASE WHEN random() < 0.2 THEN 45 END,"
    " CASE WHEN random() < 0.3 THEN 3 + floor(random() * 3)::int END, 18000, 'AUD', now()"
    " FROM generate_series(1, {count}) n",
    "INSERT INTO payables (id, uuid, patient_id, appointment_id, amount, amount_paid, currency, open)"
    " SELECT id, 'payable-' || id, patient_id, id, 18000, 18000, 'AUD', TRUE FROM appointments",
    "INSERT INTO payments (id, uuid, payable_id, patient_id, appointment_id, provider, method, flow, single_flight,"
    " amount, currency, state, expires_at, reference, save_method, captured, refunded, evidence, description,"
    " created_by, created_at, updated_at, settled_at) SELECT id, 'payment-' || id, id, patient_id, id, 'stripe',"
    f" {_one_of('card', 'card', 'card', 'medicare', 'bank_transfer')}, 'direct', TRUE, 18000, 'AUD',"
    f" {_one_of(*['succeeded'] * 8, 'failed', 'refunded')}, starts_at, 'pi_' || id, FALSE, 18000, 0, 'ch_' || id, '',"
    " 'user:45', starts_at, starts_at, starts_at FROM appointments",
    "INSERT INTO ledger_entries (payment_id, payable_id, patient_id, kind, debit, credit, amount, currency, evidence,"
    " actor, at) SELECT id, payable_id, patient_id, 'charge', 'clearing:stripe', 'receivable', amount, 'AUD',"
    " 'ch_' || id, 'sweep', created_at FROM payments WHERE state <> 'failed'",
    "INSERT INTO ledger_entries (payment_id, payable_id, patient_id, kind, debit, credit, amount, currency, evidence,"
    " actor, at) SELECT id, payable_id, patient_id, 'fee', 'fees:stripe', 'clearing:stripe', 336, 'AUD',"
    " 'txn_' || id, 'sweep', created_at FROM payments WHERE state <> 'failed'",
    "INSERT INTO ledger_entries (payment_id, payable_id, patient_id, kind, debit, credit, amount, currency, evidence,"
    " actor, at) SELECT id, payable_id, patient_id, 'refund', 'receivable', 'clearing:stripe', amount, 'AUD',"
    " 're_' || id, 'sweep', created_at + interval '2 days' FROM payments WHERE state = 'refunded'",
    f"INSERT INTO progress_notes (id, patient_id, created_at, completed_at, updated_at) SELECT n, {_PATIENT}, at,"
    " CASE WHEN random() < 0.95 THEN at + interval '1 hour' END, now() FROM"
    f" (SELECT n, {_AGO} AS at FROM generate_series(1, {{count}} * 8 / 10) n) AS notes",
    "INSERT INTO availability (practitioner_id, day, minutes, updated_at) SELECT 1000 + 49 + 50 * p, now()::date - d,"
    " 420, now() FROM generate_series(0, least(20, {users} / 50) - 1) p, generate_series(0, 1095) d",
)
_SEQUENCES = ("payables", "payments", "ledger_entries")


def fill(url: str, count: int) -> int:
    """Returns how many rows were made."""
    engine, rows = sa.create_engine(url), 0
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql("SELECT setseed(0.5)")
        for statement in _STATEMENTS:
            text = statement.format(count=count, users=max(50, count // 10))
            rows += connection.connection.cursor().execute(text).rowcount  # the driver's own: a percent sign is one
        for table in _SEQUENCES:
            last = f"(SELECT MAX(id) FROM {table})"
            connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()
    return rows
