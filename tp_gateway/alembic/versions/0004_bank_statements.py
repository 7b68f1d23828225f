"""Bank statements: files, their lines, and what these have paid. New tables only, so the service need not stop.

Revision: 0004, after: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "statements",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('importing', 'imported', 'interrupted')", name=op.f("ck_statements_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statements")),
    )
    op.create_index("ix_statements_sha256", "statements", ["sha256"])
    op.create_index("ix_statements_state", "statements", ["state"])
    op.create_table(
        "statement_lines",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("statement_id", ID, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("payer", sa.Text(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("bank_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("payment_id", ID, nullable=True),
        sa.CheckConstraint(
            "state IN ('new', 'matched', 'suggested', 'unmatched', 'ignored', 'explained')",
            name=op.f("ck_statement_lines_state"),
        ),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_statement_lines_currency")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_statement_lines_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_lines")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_statement_lines_fingerprint")),
    )
    op.create_index("ix_statement_lines_state_booked_on_id", "statement_lines", ["state", "booked_on", "id"])
    op.create_index("ix_statement_lines_statement_id", "statement_lines", ["statement_id"])
    op.create_table(
        "statement_matches",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("line_id", ID, nullable=False),
        sa.Column("payment_id", ID, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "layer IN ('reference', 'text', 'repaired', 'staff')", name=op.f("ck_statement_matches_layer")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_statement_matches_amount")),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name=op.f("ck_statement_matches_undone")),
        sa.ForeignKeyConstraint(
            ["line_id"], ["statement_lines.id"], name=op.f("fk_statement_matches_line_id_statement_lines")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_statement_matches_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_matches")),
    )
    op.create_index("ix_statement_matches_line_id", "statement_matches", ["line_id"])
    op.create_index("ix_statement_matches_payment_id", "statement_matches", ["payment_id"])


def downgrade() -> None:
    """The lines are forgotten, what they have paid stays in the books. When the same files are imported again after the
    way back up, a line whose evidence is in the books does not settle a second time: it is shown to a person."""
    op.drop_table("statement_matches")
    op.drop_table("statement_lines")
    op.drop_table("statements")
