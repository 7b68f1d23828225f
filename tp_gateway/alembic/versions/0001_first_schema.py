"""The first schema, with the triggers that make the books append-only, write the history of payments and refunds, and
keep what is paid on a payable the sum of its allocations.

Revision: 0001, after: none
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

APPEND_ONLY = ("ledger_entries", "allocations", "transitions")


def _protect(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER tr_{table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER tr_{table}_no_{event.lower()} BEFORE {event} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


HISTORY = {
    "payments": (
        "INSERT INTO transitions (payment_id, from_state, to_state, actor, reason, at) ",
        "VALUES (NEW.id, {before}, NEW.state, {actor}, NEW.moved_because, NEW.updated_at)",
    ),
    "refunds": (
        "INSERT INTO transitions (payment_id, refund_id, from_state, to_state, actor, reason, at) ",
        "VALUES (NEW.payment_id, NEW.id, {before}, NEW.state, {actor}, NEW.moved_because, NEW.updated_at)",
    ),
}
_ANOTHER_ATTEMPT = "NEW.state = 'awaiting_customer' AND NEW.provider_code NOT IN ('', OLD.provider_code)"
MOVED = {"payments": f"NEW.state <> OLD.state OR ({_ANOTHER_ATTEMPT})", "refunds": "NEW.state <> OLD.state"}
FUNCTIONS = (
    "refuse_change",
    "payments_created",
    "payments_moved",
    "refunds_created",
    "refunds_moved",
    "allocations_paid",
)


def _after(event: str, table: str, name: str, statement: str, condition: str = "") -> None:
    """A trigger `tr_<table>_<name>` that runs `statement` for each row, where the condition holds."""
    what = f"CREATE TRIGGER tr_{table}_{name} AFTER {event} ON {table} FOR EACH ROW"
    when = f" WHEN ({condition})" if condition else ""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"{what}{when} BEGIN {statement}; END")
        return
    function = f"{table}_{name}"
    body = f"BEGIN {statement}; RETURN NULL; END"
    op.execute(f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    op.execute(f"{what}{when} EXECUTE FUNCTION {function}()")


def upgrade() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursors")),
    )
    op.create_table(
        "inbox_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("labels", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("payer", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('received', 'applied', 'ignored', 'unmatched')", name=op.f("ck_inbox_events_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_events")),
        sa.UniqueConstraint("provider", "event_id", name=op.f("uq_inbox_events_provider_event_id")),
    )
    op.create_index(
        "ix_inbox_events_next_attempt_at",
        "inbox_events",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
    )

    op.create_table(
        "practice_settings",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_practice_settings_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_settings")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('patient', 'psychologist', 'practice_manager', 'admin')", name=op.f("ck_users_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_table(
        "appointments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("practitioner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'completed', 'cancelled', 'no_show')",
            name=op.f("ck_appointments_status"),
        ),
        sa.CheckConstraint("duration_minutes > 0", name=op.f("ck_appointments_duration_minutes")),
        sa.CheckConstraint("fee >= 0", name=op.f("ck_appointments_fee")),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_appointments_currency")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["users.id"], name=op.f("fk_appointments_patient_id_users")),
        sa.ForeignKeyConstraint(["practitioner_id"], ["users.id"], name=op.f("fk_appointments_practitioner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointments")),
    )
    op.create_index("ix_appointments_patient_id", "appointments", ["patient_id"], unique=False)
    op.create_index("ix_appointments_starts_at", "appointments", ["starts_at"], unique=False)

    op.create_table(
        "payment_methods",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("account_sealed", sa.Text(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('card', 'bank_account')", name=op.f("ck_payment_methods_kind")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_payment_methods_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_methods")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_payment_methods_provider_reference")),
    )
    op.create_index("ix_payment_methods_user_id", "payment_methods", ["user_id"], unique=False)
    op.create_index(
        "uq_payment_methods_default",
        "payment_methods",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("is_default AND removed_at IS NULL"),
        sqlite_where=sa.text("is_default AND removed_at IS NULL"),
    )

    op.create_table(
        "provider_customers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_provider_customers_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_customers")),
        sa.UniqueConstraint("key", name=op.f("uq_provider_customers_key")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_provider_customers_provider_reference")),
        sa.UniqueConstraint("user_id", "provider", name=op.f("uq_provider_customers_user_id_provider")),
    )
    op.create_table(
        "payables",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("invoice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("amount_paid", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_payables_amount")),
        sa.CheckConstraint("amount_paid >= 0", name=op.f("ck_payables_amount_paid")),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_payables_currency")),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointments.id"], name=op.f("fk_payables_appointment_id_appointments")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["users.id"], name=op.f("fk_payables_patient_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payables")),
        sa.UniqueConstraint("appointment_id", name=op.f("uq_payables_appointment_id")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_payables_invoice_id")),
        sa.UniqueConstraint("uuid", name=op.f("uq_payables_uuid")),
    )
    op.create_index("ix_payables_patient_id", "payables", ["patient_id"], unique=False)

    op.create_table(
        "invoices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("payable_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'partially_paid', 'paid', 'void', 'refunded')", name=op.f("ck_invoices_status")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_invoices_amount")),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_invoices_currency")),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointments.id"], name=op.f("fk_invoices_appointment_id_appointments")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["users.id"], name=op.f("fk_invoices_patient_id_users")),
        sa.ForeignKeyConstraint(["payable_id"], ["payables.id"], name=op.f("fk_invoices_payable_id_payables")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("number", name=op.f("uq_invoices_number")),
    )
    op.create_index("ix_invoices_patient_id", "invoices", ["patient_id"], unique=False)
    op.create_index("ix_invoices_payable_id", "invoices", ["payable_id"], unique=False)
    op.create_index(
        "uq_invoices_live_payable",
        "invoices",
        ["payable_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'void'"),
        sqlite_where=sa.text("status <> 'void'"),
    )

    op.create_table(
        "invoice_items",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("invoice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_invoice_items_quantity")),
        sa.CheckConstraint("total = quantity * unit_price", name=op.f("ck_invoice_items_total")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_items_invoice_id_invoices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_items")),
        sa.UniqueConstraint("invoice_id", "position", name=op.f("uq_invoice_items_invoice_id_position")),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("payable_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("invoice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("single_flight", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="1", nullable=False),
        sa.Column("checks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("method_reference", sa.Text(), nullable=True),
        sa.Column("save_method", sa.Boolean(), nullable=False),
        sa.Column("parameters", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("action_sealed", sa.Text(), nullable=True),
        sa.Column("provider_state_sealed", sa.Text(), nullable=True),
        sa.Column("captured", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refunded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("transaction_id", sa.Text(), nullable=True),
        sa.Column("receipt_url", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("provider_code", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("needs_review", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("review_note", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("late_success", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("client_metadata", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_by", sa.Text(), nullable=True),
        sa.Column("moved_because", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("flow IN ('direct', 'browser', 'off_session')", name=op.f("ck_payments_flow")),
        sa.CheckConstraint(
            "state IN ('created', 'submitting', 'awaiting_customer', 'processing', 'unknown', "
            "'succeeded', 'failed', 'refunded')",
            name=op.f("ck_payments_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('succeeded', 'refunded') OR captured > 0", name=op.f("ck_payments_settled_has_money")
        ),
        sa.CheckConstraint("amount BETWEEN 1 AND 9999999999", name=op.f("ck_payments_amount")),
        sa.CheckConstraint(
            "captured >= 0 AND refunded >= 0 AND refunded <= captured", name=op.f("ck_payments_captured")
        ),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_payments_currency")),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointments.id"], name=op.f("fk_payments_appointment_id_appointments")
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_payments_invoice_id_invoices")),
        sa.ForeignKeyConstraint(["patient_id"], ["users.id"], name=op.f("fk_payments_patient_id_users")),
        sa.ForeignKeyConstraint(["payable_id"], ["payables.id"], name=op.f("fk_payments_payable_id_payables")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_payments_provider_reference")),
        sa.UniqueConstraint("uuid", name=op.f("uq_payments_uuid")),
    )
    op.create_index("ix_payments_created_at", "payments", ["created_at"], unique=False)
    op.create_index(
        "ix_payments_next_check_at",
        "payments",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index("ix_payments_patient_id", "payments", ["patient_id"], unique=False)
    op.create_index("ix_payments_payable_id", "payments", ["payable_id"], unique=False)
    op.create_index(
        "uq_payments_open_single_flight",
        "payments",
        ["payable_id"],
        unique=True,
        postgresql_where=sa.text(
            "single_flight AND state IN ('created', 'submitting', 'awaiting_customer', 'processing', 'unknown')"
        ),
        sqlite_where=sa.text(
            "single_flight AND state IN ('created', 'submitting', 'awaiting_customer', 'processing', 'unknown')"
        ),
    )

    op.create_table(
        "outbox_messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_outbox_messages_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_messages")),
        sa.UniqueConstraint("uuid", name=op.f("uq_outbox_messages_uuid")),
    )
    op.create_index(
        "ix_outbox_messages_next_attempt_at",
        "outbox_messages",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index("ix_outbox_messages_payment_id", "outbox_messages", ["payment_id"], unique=False)

    op.create_table(
        "refunds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopen", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("provider_code", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_by", sa.Text(), nullable=True),
        sa.Column("moved_because", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "state IN ('created', 'submitting', 'unknown', 'pending', 'succeeded', 'failed')",
            name=op.f("ck_refunds_state"),
        ),
        sa.CheckConstraint("amount BETWEEN 1 AND 9999999999", name=op.f("ck_refunds_amount")),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_refunds_currency")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_refunds_provider_reference")),
        sa.UniqueConstraint("uuid", name=op.f("uq_refunds_uuid")),
    )
    op.create_index(
        "ix_refunds_next_check_at",
        "refunds",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index("ix_refunds_payment_id", "refunds", ["payment_id"], unique=False)

    op.create_table(
        "allocations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("payable_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("refund_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('charge', 'refund', 'refund_reversal', 'adjustment')", name=op.f("ck_allocations_kind")
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_allocations_amount")),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_allocations_currency")),
        sa.ForeignKeyConstraint(["payable_id"], ["payables.id"], name=op.f("fk_allocations_payable_id_payables")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_allocations_payment_id_payments")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_allocations_refund_id_refunds")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocations")),
    )
    op.create_index("ix_allocations_payable_id", "allocations", ["payable_id"], unique=False)
    op.create_index("ix_allocations_payment_id", "allocations", ["payment_id"], unique=False)

    op.create_table(
        "idempotency_records",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("refund_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("answer_sealed", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_idempotency_records_payment_id_payments")
        ),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_idempotency_records_refund_id_refunds")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_records")),
        sa.UniqueConstraint("user_id", "route", "key", name=op.f("uq_idempotency_records_user_id_route_key")),
    )
    op.create_index("ix_idempotency_records_created_at", "idempotency_records", ["created_at"], unique=False)
    op.create_index("ix_idempotency_records_payment_id", "idempotency_records", ["payment_id"], unique=False)

    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("refund_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("payable_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("debit", sa.Text(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_entries_amount")),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_ledger_entries_two_accounts")),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_ledger_entries_currency")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["users.id"], name=op.f("fk_ledger_entries_patient_id_users")),
        sa.ForeignKeyConstraint(["payable_id"], ["payables.id"], name=op.f("fk_ledger_entries_payable_id_payables")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_ledger_entries_payment_id_payments")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_ledger_entries_refund_id_refunds")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("payment_id", "kind", "evidence", name=op.f("uq_ledger_entries_payment_id_kind_evidence")),
    )
    op.create_index("ix_ledger_entries_at", "ledger_entries", ["at"], unique=False)
    op.create_index("ix_ledger_entries_payable_id", "ledger_entries", ["payable_id"], unique=False)

    op.create_table(
        "transitions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("refund_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_transitions_payment_id_payments")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_transitions_refund_id_refunds")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transitions")),
    )
    op.create_index("ix_transitions_payment_id", "transitions", ["payment_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
    for table in APPEND_ONLY:
        _protect(table)
    for table, (move, values) in HISTORY.items():
        _after("INSERT", table, "created", move + values.format(before="NULL", actor="NEW.created_by"))
        actor = "COALESCE(NEW.moved_by, NEW.created_by)"
        _after("UPDATE", table, "moved", move + values.format(before="OLD.state", actor=actor), MOVED[table])
    paid = "UPDATE payables SET amount_paid = amount_paid + NEW.amount WHERE id = NEW.payable_id"
    _after("INSERT", "allocations", "paid", paid)


def downgrade() -> None:
    op.drop_table("transitions")
    op.drop_table("ledger_entries")
    op.drop_table("idempotency_records")
    op.drop_table("allocations")
    op.drop_table("refunds")
    op.drop_table("outbox_messages")
    op.drop_table("payments")
    op.drop_table("invoice_items")
    op.drop_table("invoices")
    op.drop_table("payables")
    op.drop_table("provider_customers")
    op.drop_table("payment_methods")
    op.drop_table("appointments")
    op.drop_table("users")
    op.drop_table("practice_settings")
    op.drop_table("inbox_events")
    op.drop_table("cursors")
    op.drop_table("counters")
    if op.get_bind().dialect.name == "postgresql":
        for name in FUNCTIONS:
            op.execute(f"DROP FUNCTION {name}()")
