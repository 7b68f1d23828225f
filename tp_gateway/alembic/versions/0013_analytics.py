"""Roll-ups for analytics, and the trigger that notes each entry of the ledger that is revenue.

The roll-ups are counted by the worker, or by `tp-gateway analytics rebuild`.

Revision: 0013, after: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = {
    "users": ("created_at",),
    "progress_notes": ("completed_at", "patient_id, created_at", "created_at"),
    "availability": ("day",),
}
OURS, THEIRS = "{row} LIKE 'clearing:%'", "{row} IN ('receivable', 'patient_credit')"
IS_REVENUE = " OR ".join(
    f"({OURS.format(row=ours)} AND {THEIRS.format(row=theirs)})"
    for ours, theirs in (("NEW.debit", "NEW.credit"), ("NEW.credit", "NEW.debit"))
)
NOTE = (
    "INSERT INTO analytics_entries (entry_id, service) SELECT NEW.id, (SELECT a.service FROM payables y"
    " JOIN appointments a ON a.id = y.appointment_id WHERE y.id = NEW.payable_id)"
)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    op.create_table(
        "analytics_basis",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("counting", sa.Boolean(), nullable=False),
        sa.Column("recount", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_analytics_basis_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analytics_basis")),
    )
    op.create_table(
        "analytics_sums",
        sa.Column("span", sa.Text(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("span IN ('day', 'month', 'year', 'ever')", name=op.f("ck_analytics_sums_span")),
        sa.PrimaryKeyConstraint("span", "start", "measure", "key", name=op.f("pk_analytics_sums")),
    )
    op.create_table(
        "analytics_changes",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analytics_changes")),
    )
    op.create_table(
        "analytics_entries",
        sa.Column("entry_id", ID, autoincrement=False, nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_analytics_entries")),
    )
    for table, indexes in INDEXES.items():
        for columns in indexes:
            op.create_index(_name(table, columns), table, columns.split(", "))
    what = f"CREATE TRIGGER tr_ledger_entries_counted AFTER INSERT ON ledger_entries FOR EACH ROW WHEN ({IS_REVENUE})"
    if _is_sqlite():
        op.execute(f"{what} BEGIN {NOTE}; END")
        return
    body = f"BEGIN {NOTE}; RETURN NULL; END"
    op.execute(f"CREATE FUNCTION ledger_entries_counted() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    op.execute(f"{what} EXECUTE FUNCTION ledger_entries_counted()")


def downgrade() -> None:
    op.execute("DROP TRIGGER tr_ledger_entries_counted" + ("" if _is_sqlite() else " ON ledger_entries"))
    if not _is_sqlite():
        op.execute("DROP FUNCTION ledger_entries_counted()")
    for table, indexes in INDEXES.items():
        for columns in indexes:
            op.drop_index(_name(table, columns), table)
    for table in ("analytics_entries", "analytics_changes", "analytics_sums", "analytics_basis"):
        op.drop_table(table)


def _name(table: str, columns: str) -> str:
    return f"ix_{table}_{columns.replace(', ', '_')}"
