"""What the database itself refuses, whatever the code does: on SQLite and on PostgreSQL."""

import math
from typing import Any

import pytest
import sqlalchemy as sa

from tests.store.rows import APPEND_ONLY, LEFT_FOR_ONE_VERSION, NOON, ROWS, TABLES, contents, fill, insert
from tp_gateway.database import Database
from tp_gateway.models import Base
from tp_gateway.models.states import OPEN_STATES
from tp_gateway.money import MAX_MINOR_UNITS

REFUSED = (sa.exc.IntegrityError, sa.exc.DataError, sa.exc.StatementError)
CURRENCIES = [{"currency": "aud"}, {"currency": "AU"}, {"currency": ""}]
TOO_MUCH = [{"amount": 0}, {"amount": -1}, {"amount": MAX_MINOR_UNITS + 1}, {"amount": 2**63 - 1}]

CHECKS: dict[str, list[dict[str, Any]]] = {
    "ck_analytics_basis_one_row": [{"id": 2}],
    "ck_analytics_sums_span": [{"span": "week"}],
    "ck_appointments_actual_minutes": [{"actual_minutes": 0}],
    "ck_appointments_currency": CURRENCIES,
    "ck_appointments_duration_minutes": [{"duration_minutes": 0}],
    "ck_appointments_fee": [{"fee": -1}],
    "ck_appointments_rating": [{"rating": 0}, {"rating": 6}],
    "ck_appointments_status": [{"status": "CONFIRMED"}],
    "ck_availability_minutes": [{"minutes": -1}, {"minutes": 1441}],
    "ck_refund_files_currency": CURRENCIES,
    "ck_refund_files_total": [{"total": 0}, {"total": -1}, {"count": 0}],
    "ck_disputes_amount": TOO_MUCH,
    "ck_disputes_currency": CURRENCIES,
    "ck_disputes_reopened": [{"reopened": -1}],
    "ck_disputes_status": [{"status": "open"}, {"status": ""}],
    "ck_disputes_unknown_payment": [{"payment_id": None}],
    "ck_inbox_events_state": [{"state": "done"}],
    "ck_credit_note_lines_amount": [{"amount": 0}],
    "ck_credit_note_lines_gst": [{"gst": -1}, {"gst": 501}],
    "ck_invoice_items_gst": [{"gst": -1}, {"gst": 18001}],
    "ck_invoice_items_gst_rate": [{"gst_rate": -1}, {"gst_rate": 10001}],
    "ck_invoice_items_gst_treatment": [{"gst_treatment": "free"}],
    "ck_invoice_items_quantity": [{"quantity": 0, "total": 0}, {"quantity": -1, "unit_price": -9000, "total": 9000}],
    "ck_invoice_items_total": [{"total": 17999}],
    "ck_invoice_reminders_days": [{"days": 0}],
    "ck_invoice_operations_amount": [{"amount": 0}],
    "ck_invoice_operations_currency": CURRENCIES,
    "ck_invoice_operations_gst": [{"gst": -1}, {"gst": 501}],
    "ck_invoice_operations_kind": [{"kind": "refund", "number": None}],
    "ck_invoice_operations_number": [{"number": None}, {"kind": "void"}],
    "ck_invoices_amount": [{"amount": 0}, {"amount": -1}],
    "ck_invoices_currency": CURRENCIES,
    "ck_invoices_status": [{"status": "overdue"}],
    "ck_ledger_entries_amount": [{"amount": 0}, {"amount": -18000}],
    "ck_ledger_entries_currency": CURRENCIES,
    "ck_ledger_entries_origin": [{"payment_id": None}],
    "ck_ledger_entries_two_accounts": [{"debit": "receivable"}],
    "ck_payables_amount": [{"amount": -1}],
    "ck_payables_amount_paid": [{"amount_paid": -1}],
    "ck_payables_currency": CURRENCIES,
    "ck_payment_methods_kind": [{"kind": "cash"}],
    "ck_payments_amount": TOO_MUCH,
    "ck_payments_captured": [{"captured": -1, "state": "failed"}, {"refunded": 18001}, {"refunded": -1}],
    "ck_payments_currency": CURRENCIES,
    "ck_payments_flow": [{"flow": "telephone"}],
    "ck_payments_settled_has_money": [{"captured": 0}, {"captured": 0, "state": "refunded"}],
    "ck_payments_state": [{"state": "paid"}, {"state": ""}],
    "ck_practice_settings_one_row": [{"id": 2}],
    "ck_rebate_claims_amount": TOO_MUCH,
    "ck_rebate_claims_currency": CURRENCIES,
    "ck_rebate_claims_state": [{"state": "paid"}, {"state": ""}],
    "ck_refunds_amount": TOO_MUCH,
    "ck_refunds_currency": CURRENCIES,
    "ck_refunds_state": [{"state": "done"}],
    "ck_remittance_items_kind": [{"kind": "charge"}, {"kind": ""}],
    "ck_remittance_items_net": [{"net": 18000}, {"fee": 0}, {"amount": -18000}],
    "ck_remittances_currency": CURRENCIES,
    "ck_remittances_state": [{"state": "pending"}, {"state": ""}],
    "ck_statement_lines_currency": CURRENCIES,
    "ck_statement_lines_state": [{"state": "done"}],
    "ck_statement_matches_amount": [{"amount": 0}, {"amount": -1}],
    "ck_statement_matches_layer": [{"layer": "guess"}],
    "ck_statement_matches_undone": [{"undone_at": NOON}, {"undone_by": "user:8"}],
    "ck_statements_state": [{"state": "new"}],
    "ck_users_role": [{"role": "service"}, {"role": "Admin"}],
}


def table_of(constraint: str) -> str:
    return max((name for name in TABLES if constraint.startswith(f"ck_{name}_")), key=len)


def before(table: str) -> list[str]:
    """The tables that `table` may refer to."""
    return list(ROWS)[: list(ROWS).index(table)]


def test_every_check_has_an_example_here(database: Database) -> None:
    inspector = sa.inspect(database.engine)
    found = {check["name"] for table in TABLES for check in inspector.get_check_constraints(table)}
    assert found == set(CHECKS)


@pytest.mark.parametrize("table", sorted({table_of(constraint) for constraint in CHECKS}))
def test_each_check_refuses_what_it_is_for_and_nothing_else(database: Database, table: str) -> None:
    with database.transaction() as session:
        fill(session, before(table))
    for constraint in [name for name in CHECKS if table_of(name) == table]:
        for wrong in CHECKS[constraint]:
            with pytest.raises(sa.exc.IntegrityError, match=constraint), database.transaction() as session:
                insert(session, table, **wrong)
    with database.transaction() as session:
        insert(session, table)


@pytest.mark.parametrize("table", ["payments", "refunds"])
def test_what_is_no_amount_is_refused(database: Database, table: str) -> None:
    """PostgreSQL's numeric takes NaN for more than zero; its integers know none."""
    with database.transaction() as session:
        fill(session, before(table))
    for amount in (math.nan, math.inf, -math.inf, 2**63, 1e300, "NaN", "abc", None):
        with pytest.raises((*REFUSED, OverflowError)), database.transaction() as session:
            insert(session, table, amount=amount)
    with database.read() as session:
        assert not session.execute(sa.select(TABLES[table])).all()


def test_money_columns_are_integers_of_64_bits(database: Database) -> None:
    money = {"amount", "fee", "amount_paid", "captured", "refunded", "unit_price", "total", "value"}
    money |= {"withdrawn", "reopened", "net", "gst"}
    inspector = sa.inspect(database.engine)
    found = {
        (table, column["name"]): str(column["type"])
        for table in TABLES
        for column in inspector.get_columns(table)
        if column["name"] in money
    }
    assert len(found) == 30 and set(found.values()) == {"BIGINT"}


# --- one at most ------------------------------------------------------------------------------------------------------


def payment(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "uuid": f"uuid-{number}", "reference": f"pi_{number}", "captured": 0, **more}


def test_a_payable_has_at_most_one_open_single_flight_payment(database: Database) -> None:
    with database.transaction() as session:
        fill(session, before("payments"))
        insert(session, "payments", **payment(1, state="created"))
    for state in OPEN_STATES:
        with database.transaction() as session:
            session.execute(sa.text("UPDATE payments SET state = :state"), {"state": str(state)})
        for other in OPEN_STATES:
            with pytest.raises(sa.exc.IntegrityError), database.transaction() as session:
                insert(session, "payments", **payment(2, state=str(other)))


def test_promises_and_final_payments_do_not_count(database: Database) -> None:
    with database.transaction() as session:
        fill(session, before("payments"))
        insert(session, "payables", id=2, uuid="b", appointment_id=None, invoice_id=None)
        insert(session, "payments", **payment(1, state="unknown"))
        insert(session, "payments", **payment(2, state="processing", single_flight=False))
        insert(session, "payments", **payment(3, state="processing", single_flight=False))
        insert(session, "payments", **payment(4, state="failed"))
        insert(session, "payments", **payment(5, state="succeeded", captured=18000))
        insert(session, "payments", **payment(6, state="refunded", captured=18000, refunded=18000))
        insert(session, "payments", **payment(7, state="created", payable_id=2))
    with pytest.raises(sa.exc.IntegrityError), database.transaction() as session:
        session.execute(sa.text("UPDATE payments SET state = 'created' WHERE id = 4"))
    with pytest.raises(sa.exc.IntegrityError), database.transaction() as session:
        session.execute(sa.text("UPDATE payments SET single_flight = true WHERE id = 2"))
    with database.transaction() as session:
        session.execute(sa.text("UPDATE payments SET state = 'failed' WHERE id = 1"))
        session.execute(sa.text("UPDATE payments SET state = 'created' WHERE id = 4"))


def test_a_payable_has_at_most_one_live_invoice(database: Database) -> None:
    with database.transaction() as session:
        fill(session, before("invoices"))
        insert(session, "invoices", status="void")
        insert(session, "invoices", id=2, number="INV-2025-002", status="void")
        insert(session, "invoices", id=3, number="INV-2025-003", status="refunded")
    for status in ("pending", "paid"):
        with pytest.raises(sa.exc.IntegrityError), database.transaction() as session:
            insert(session, "invoices", id=4, number="INV-2025-004", status=status)


TWICE: dict[str, tuple[str, dict[str, Any]]] = {
    "a ledger entry": ("ledger_entries", {"id": 2, "amount": 1, "debit": "x"}),
    "a provider's reference": ("payments", {"id": 2, "uuid": "b"}),
    "a payment's uuid": ("payments", {"id": 2, "reference": "pi_2"}),
    "a refund's reference": ("refunds", {"id": 2, "uuid": "b"}),
    "a refund's uuid": ("refunds", {"id": 2, "reference": "re_2"}),
    "an invoice's number": ("invoices", {"id": 2, "status": "void"}),
    "an invoice's line": ("invoice_items", {"id": 2}),
    "an appointment's payable": ("payables", {"id": 2, "uuid": "b", "invoice_id": None}),
    "a payable's uuid": ("payables", {"id": 2, "appointment_id": None, "invoice_id": None}),
    "an invoice's payable": ("payables", {"id": 2, "uuid": "b", "appointment_id": None}),
    "a provider's event": ("inbox_events", {"id": 2}),
    "a message's uuid": ("outbox_messages", {"id": 2}),
    "a message on its way to a destination": ("outbox_deliveries", {"id": 2}),
    "a reminder of an invoice": ("invoice_reminders", {"id": 2}),
    "a provider's remittance": ("remittances", {"id": 2, "statement_line_id": None}),
    "a remittance's statement line": ("remittances", {"id": 2, "reference": "po_2"}),
    "a remittance's item": ("remittance_items", {"id": 2}),
    "an idempotency key": ("idempotency_records", {"id": 2, "body_hash": "b"}),
    "a patient at a provider": ("provider_customers", {"id": 2, "key": "b", "reference": "cus_2"}),
    "a customer of two patients": ("provider_customers", {"id": 2, "key": "b", "user_id": 46}),
    "our key of a patient": ("provider_customers", {"id": 2, "provider": "other", "reference": "cus_2"}),
    "a claim's reference": ("rebate_claims", {"id": 2, "uuid": "b", "state": "rejected"}),
    "a claim's uuid": ("rebate_claims", {"id": 2, "reference": "b", "state": "rejected"}),
    "a standing claim of a payable": ("rebate_claims", {"id": 2, "uuid": "b", "reference": "b", "state": "unknown"}),
    "a saved method": ("payment_methods", {"id": 2, "is_default": False}),
    "a default method": ("payment_methods", {"id": 2, "reference": "pm_2"}),
    "a counter": ("counters", {}),
    "a cursor": ("cursors", {}),
}


@pytest.mark.parametrize("what", TWICE)
def test_nothing_that_is_unique_is_there_twice(database: Database, what: str) -> None:
    table, more = TWICE[what]
    with database.transaction() as session:
        fill(session)
        insert(session, "users", id=46)
    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)unique"), database.transaction() as session:
        insert(session, table, **more)


def test_the_same_evidence_may_be_booked_as_another_kind_or_for_another_payment(database: Database) -> None:
    with database.transaction() as session:
        fill(session)
        insert(session, "ledger_entries", id=2, kind="fee")
        insert(session, "payments", **payment(2, state="failed"))
        insert(session, "ledger_entries", id=3, payment_id=2)
        insert(session, "payment_methods", id=2, reference="pm_2", removed_at=NOON)


# --- the books are append-only ----------------------------------------------------------------------------------------


CHANGES = [
    "UPDATE {} SET actor = 'x'",
    "UPDATE {} SET actor = 'x' WHERE id = 1",
    "DELETE FROM {}",
    "DELETE FROM {} WHERE id = 1",
    "INSERT INTO {} SELECT * FROM {} WHERE true ON CONFLICT (id) DO UPDATE SET actor = 'x'",
]
TRUNCATES = ["TRUNCATE {}", "TRUNCATE payments CASCADE"]  # SQLite has none


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_is_in_the_books_stays_there(database: Database, table: str) -> None:
    with database.transaction() as session:
        fill(session)
    for statement in CHANGES + (TRUNCATES if database.engine.dialect.name == "postgresql" else []):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), database.transaction() as session:
            session.execute(sa.text(statement.replace("{}", table)))
    with database.transaction() as session:
        assert all(contents(session).values())
        another = {"ledger_entries": {"evidence": "ch_2"}, "settings_changes": {"version": 2}}
        insert(session, table, id=902, **another.get(table, {}))


# --- foreign keys, and names ------------------------------------------------------------------------------------------


FOREIGN_KEYS = [
    (table.name, key.parent.name, key.column.table.name)
    for table in TABLES.values()
    for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
]


@pytest.mark.parametrize("table", sorted({table for table, _, _ in FOREIGN_KEYS}))
def test_every_foreign_key_is_kept(database: Database, table: str) -> None:
    unique = {"payables": {"appointment_id": None}}.get(table, {})
    with database.transaction() as session:
        fill(session, before(table))
    for column in [column for name, column, _ in FOREIGN_KEYS if name == table]:
        with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"), database.transaction() as session:
            insert(session, table, **unique | {column: 999_999})


def test_what_others_refer_to_cannot_be_deleted(database: Database) -> None:
    with database.transaction() as session:
        fill(session)
    for target in sorted({target for _, _, target in FOREIGN_KEYS}):
        with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"), database.transaction() as session:
            session.execute(sa.delete(TABLES[target]))


def test_every_constraint_and_index_has_a_name_of_ours(database: Database) -> None:
    inspector = sa.inspect(database.engine)
    assert set(inspector.get_table_names()) == {*TABLES, *LEFT_FOR_ONE_VERSION, "alembic_version"}
    for table in TABLES:
        names = {
            "pk": [inspector.get_pk_constraint(table)],
            "fk": inspector.get_foreign_keys(table),
            "uq": inspector.get_unique_constraints(table),
            "ck": inspector.get_check_constraints(table),
        }
        for kind, constraints in names.items():
            for constraint in constraints:
                assert str(constraint["name"]).startswith(f"{kind}_{table}"), constraint
        for index in inspector.get_indexes(table):
            assert str(index["name"]).startswith((f"ix_{table}", f"uq_{table}")), index
    assert all(table.primary_key.name for table in Base.metadata.sorted_tables)
