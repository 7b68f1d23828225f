"""Disputes, and payments that are authorized first and captured later.

SQLite cannot change a CHECK or add a named foreign key, so three tables are rebuilt there, in the steps that SQLite
documents (sqlite.org/lang_altertable.html#otheralter), with their indexes and triggers.

Revision: 0002, after: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

OPEN = "'created', 'submitting', 'awaiting_customer', 'processing', 'unknown'"
FINAL = "'succeeded', 'failed', 'refunded'"
KINDS = "'charge', 'refund', 'refund_reversal', 'adjustment'"
NEW_KINDS = "'chargeback', 'chargeback_reversal'"
HAVE_DISPUTE = ("ledger_entries", "allocations")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PAYMENT_COLUMNS = ("manual_capture", "authorized_at", "capture_before", "disputed")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _dispute_id(table: str) -> tuple[str, str]:
    """SQLite's words for the new column and its foreign key."""
    key = f"CONSTRAINT fk_{table}_dispute_id_disputes FOREIGN KEY(dispute_id) REFERENCES disputes (id)"
    return "\n\tdispute_id INTEGER, ", f", \n\t{key}"


def _rebuild(table: str, changed: dict[str, str], copied: dict[str, str]) -> None:
    """SQLite: the same table with pieces of its definition changed, and its rows, where `copied` names a column's new
    value in SQL and the others stay as they are."""
    connection = op.get_bind()
    query = sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL")
    found = [(kind, str(sql)) for kind, sql in connection.execute(query, {"table": table})]
    [definition] = [sql for kind, sql in found if kind == "table"]
    for old, new in changed.items():
        if old not in definition:
            raise RuntimeError(f"the definition of {table} is not the expected one")
        definition = definition.replace(old, new, 1)
    old_columns = [row.name for row in connection.execute(sa.text(f"PRAGMA table_info({table})"))]
    definition = definition.replace(f"CREATE TABLE {table} ", "CREATE TABLE rebuilt ", 1)
    definition = definition.replace(f'CREATE TABLE "{table}" ', "CREATE TABLE rebuilt ", 1)
    op.execute(sa.text(definition.replace(":", r"\:")))
    new_columns = {row.name for row in connection.execute(sa.text("PRAGMA table_info(rebuilt)"))}
    kept = [name for name in old_columns if name in new_columns]
    values = ", ".join(copied.get(name, name) for name in kept)
    op.execute(f"INSERT INTO rebuilt ({', '.join(kept)}) SELECT {values} FROM {table}")  # noqa: S608 - our own names
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE rebuilt RENAME TO {table}")
    for _, sql in [other for other in found if other[0] != "table"]:
        op.execute(sql)


def _open_index(states: str) -> None:
    where = sa.text(f"single_flight AND state IN ({states})")
    name = "uq_payments_open_single_flight"
    op.create_index(name, "payments", ["payable_id"], unique=True, postgresql_where=where, sqlite_where=where)


def _states(states: str) -> None:
    op.drop_constraint(op.f("ck_payments_state"), "payments", type_="check")
    op.create_check_constraint(op.f("ck_payments_state"), "payments", f"state IN ({states})")


def _kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_allocations_kind"), "allocations", type_="check")
    op.create_check_constraint(op.f("ck_allocations_kind"), "allocations", f"kind IN ({kinds})")


def upgrade() -> None:
    op.drop_index("uq_payments_open_single_flight", "payments")
    if _is_sqlite():
        _rebuild("payments", {f"{OPEN}, {FINAL}": f"{OPEN}, 'authorized', {FINAL}"}, {})
    else:
        _states(f"{OPEN}, 'authorized', {FINAL}")
    _open_index(f"{OPEN}, 'authorized'")
    for name in ("manual_capture", "disputed"):
        op.add_column("payments", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in ("authorized_at", "capture_before"):
        op.add_column("payments", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    _create_disputes()
    for table in HAVE_DISPUTE:
        if _is_sqlite():
            column, key = _dispute_id(table)
            changed = {"\n\tCONSTRAINT": f"{column}\n\tCONSTRAINT", "\n)": f"{key}\n)"}
            if table == "allocations":
                changed[KINDS] = f"{KINDS}, {NEW_KINDS}"
            _rebuild(table, changed, {})
        else:
            op.add_column(table, sa.Column("dispute_id", ID, nullable=True))
            name = op.f(f"fk_{table}_dispute_id_disputes")
            op.create_foreign_key(name, table, "disputes", ["dispute_id"], ["id"])
    if not _is_sqlite():
        _kinds(f"{KINDS}, {NEW_KINDS}")


def _create_disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("payment_id", ID, nullable=True),
        sa.Column("payment_reference", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("refundable", sa.Boolean(), nullable=False),
        sa.Column("evidence_due_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("reopened", sa.BigInteger(), nullable=False),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.Column("review_note", sa.Text(), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('warning_needs_response', 'warning_under_review', 'warning_closed', 'needs_response', "
            "'under_review', 'won', 'lost', 'prevented')",
            name=op.f("ck_disputes_status"),
        ),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_disputes_currency")),
        sa.CheckConstraint("amount BETWEEN 1 AND 9999999999", name=op.f("ck_disputes_amount")),
        sa.CheckConstraint("reopened >= 0", name=op.f("ck_disputes_reopened")),
        sa.CheckConstraint("payment_id IS NOT NULL OR needs_review", name=op.f("ck_disputes_unknown_payment")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_disputes_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_disputes_provider_reference")),
    )
    waiting = sa.text("next_check_at IS NOT NULL")
    op.create_index(
        "ix_disputes_next_check_at", "disputes", ["next_check_at"], postgresql_where=waiting, sqlite_where=waiting
    )
    op.create_index("ix_disputes_payment_id", "disputes", ["payment_id"])


def downgrade() -> None:
    """Disputes are forgotten, their entries in the books stay. What was only authorized is `processing`, as the version
    before this one would call it."""
    plain_kind = f"CASE WHEN kind IN ({NEW_KINDS}) THEN 'adjustment' ELSE kind END"
    for table in HAVE_DISPUTE:
        if _is_sqlite():
            column, key = _dispute_id(table)
            changed = {column: "", key: ""}
            if table == "allocations":
                changed[f"{KINDS}, {NEW_KINDS}"] = KINDS
            _rebuild(table, changed, {"kind": plain_kind} if table == "allocations" else {})
        else:
            op.drop_column(table, "dispute_id")
    if not _is_sqlite():
        op.execute("ALTER TABLE allocations DISABLE TRIGGER tr_allocations_append_only")
        op.execute(f"UPDATE allocations SET kind = {plain_kind} WHERE kind IN ({NEW_KINDS})")  # noqa: S608 - our own words
        op.execute("ALTER TABLE allocations ENABLE TRIGGER tr_allocations_append_only")
        _kinds(KINDS)
    op.drop_table("disputes")
    for name in PAYMENT_COLUMNS:
        op.drop_column("payments", name)
    op.execute("UPDATE payments SET state = 'processing' WHERE state = 'authorized'")
    op.drop_index("uq_payments_open_single_flight", "payments")
    if _is_sqlite():
        _rebuild("payments", {f"{OPEN}, 'authorized', {FINAL}": f"{OPEN}, {FINAL}"}, {})
    else:
        _states(f"{OPEN}, {FINAL}")
    _open_index(OPEN)
