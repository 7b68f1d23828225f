"""Each destination of the outbox has its own progress, and overdue invoices have their reminders.

Revision: 0014, after: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITS = sa.text("next_attempt_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "outbox_deliveries",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("message_id", ID, nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["outbox_messages.id"], name=op.f("fk_outbox_deliveries_message_id_outbox_messages")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_deliveries")),
        sa.UniqueConstraint("message_id", "destination", name=op.f("uq_outbox_deliveries_message_id_destination")),
    )
    op.create_index(
        "ix_outbox_deliveries_next_attempt_at",
        "outbox_deliveries",
        ["next_attempt_at"],
        postgresql_where=WAITS,
        sqlite_where=WAITS,
    )
    op.create_index(
        "ix_outbox_deliveries_order",
        "outbox_deliveries",
        ["destination", "subject", "message_id"],
        postgresql_where=WAITS,
        sqlite_where=WAITS,
    )
    op.create_table(
        "invoice_reminders",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("invoice_id", ID, nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("days > 0", name=op.f("ck_invoice_reminders_days")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_reminders_invoice_id_invoices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_reminders")),
        sa.UniqueConstraint("invoice_id", "days", name=op.f("uq_invoice_reminders_invoice_id_days")),
    )


def downgrade() -> None:
    """What a destination has not heard is told again to all: at least once, as before."""
    op.execute(
        "UPDATE outbox_messages SET next_attempt_at = created_at WHERE sent_at IS NULL"
        " AND id IN (SELECT message_id FROM outbox_deliveries WHERE next_attempt_at IS NOT NULL)"
    )
    op.drop_table("invoice_reminders")
    op.drop_table("outbox_deliveries")
