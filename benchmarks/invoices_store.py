"""Fills a store with three years of invoices, as they would be in it: most are paid, some void or refunded, one in
thirty is newer than its terms, and some are overdue. Patients have more or less common names."""

# ruff: noqa: S608
# The SQL is made of our own words.

from __future__ import annotations

import time

import sqlalchemy as sa

from benchmarks.payments_store import awake, numbers, settle, sleeping

PATIENTS, GIVEN, FAMILIES = 100_000, 300, 2_000
SECONDS = 3 * 365 * 86_400
_PATIENT = f"1000 + CAST(n AS bigint) * 7919 % {PATIENTS}"
_OF = f"(CAST(n AS bigint) * 7919 % {PATIENTS})"
_DICE = "(CAST(n AS bigint) * 48271 / 7 % 400)"
_NEW = "n > {count} * 97 / 100"
_STATUS = (
    f"CASE WHEN {_DICE} % 100 = 0 THEN 'void' WHEN {_DICE} % 100 = 1 THEN 'refunded'"
    f" WHEN {_DICE} % 200 = 9 OR ({_NEW} AND {_DICE} % 20 = 5) THEN 'partially_paid'"
    f" WHEN {_DICE} % 50 = 7 OR ({_NEW} AND {_DICE} % 3 > 0) THEN 'pending' ELSE 'paid' END"
)
_PAID = "CASE status WHEN 'partially_paid' THEN 10000 WHEN 'pending' THEN 0 WHEN 'void' THEN 0 ELSE 18000 END"
_PLACE = "((n - 1) % {a_year} + 1)"
_NUMBER = (
    "(2023 + (n - 1) / {a_year}) || '-' ||"
    f" CASE WHEN {_PLACE} < 10 THEN '00' WHEN {_PLACE} < 100 THEN '0' ELSE '' END || {_PLACE}"
)
_GIVEN = f"'given' || ({_OF} % {GIVEN})"
_FAMILY = f"'family' || (({_OF} * 31 % {FAMILIES}) * ({_OF} * 17 % {FAMILIES}) / {FAMILIES})"
"""Few names are common, and most are rare."""
_SERVICES = ("individual therapy", "group therapy", "assessment report")
_KIND = "(CAST(n AS bigint) * 69621 / 11 % 10)"
_SERVICE = f"CASE WHEN {_KIND} < 6 THEN '{{}}' WHEN {_KIND} < 8 THEN '{{}}' ELSE '{{}}' END"
_DUE = {"postgresql": "CAST(at + interval '30 days' AS date)", "sqlite": "date(at, '+30 days')"}


def _word(word: str) -> str:
    return f"SELECT {word} AS word, n AS id FROM numbers WHERE n <= {{count}}"


_FIRST, _SECOND = (_SERVICE.format(*(name.split()[place] for name in _SERVICES)) for place in (0, 1))
_STATEMENTS = (
    f"INSERT INTO users (id, role, active, name, created_at, updated_at) SELECT 1000 + n, 'patient', TRUE,"
    f" 'Given' || (n % {GIVEN}) || ' Family' || ((n * 31 % {FAMILIES}) * (n * 17 % {FAMILIES}) / {FAMILIES}), at, at"
    f" FROM numbers WHERE n < {PATIENTS}",
    "INSERT INTO payables (id, uuid, patient_id, invoice_id, amount, amount_paid, currency, open)"
    f" SELECT n, 'payable-' || n, {_PATIENT}, CASE WHEN {_DICE} % 100 > 0 THEN n END, 18000,"
    f" {_PAID.replace('status', f'({_STATUS})', 1)}, 'AUD', TRUE FROM numbers WHERE n <= {{count}}",
    "INSERT INTO invoices (id, number, payable_id, patient_id, amount, currency, status, description, due_date,"
    f" created_by, created_at) SELECT n, 'INV-' || {_NUMBER}, n, {_PATIENT}, 18000, 'AUD', {_STATUS},"
    f" {_SERVICE.format(*_SERVICES)}, {{due}}, 'user:8', at FROM numbers WHERE n <= {{count}}",
    "INSERT INTO invoice_items (invoice_id, position, description, quantity, unit_price, total)"
    " SELECT n, 1, 'Session', 1, 18000, 18000 FROM numbers WHERE n <= {count}",
    "INSERT INTO invoice_words (word, invoice_id) SELECT word, id FROM ("
    + " UNION ALL ".join(map(_word, (_NUMBER, _GIVEN, _FAMILY, _FIRST, _SECOND)))
    + ") AS found ORDER BY word, id",
    "INSERT INTO counters (name, value) SELECT 'invoice:' || SUBSTR(number, 5, 4), COUNT(*) FROM invoices GROUP BY 1",
)


def fill(url: str, count: int) -> None:
    """`count` invoices, the newest made now."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        asleep = sleeping(connection)
        cursor = connection.connection.cursor()
        every = max(1, SECONDS // count)
        since = int(time.time()) - count * every
        cursor.execute(numbers(engine.dialect.name, max(count, PATIENTS), every, since))
        for statement in _STATEMENTS:
            cursor.execute(statement.format(count=count, a_year=count // 3 + 1, due=_DUE[engine.dialect.name]))
        awake(connection, asleep, ("payables", "invoices", "invoice_items"))
    settle(engine)
