"""What providers pay out to the clinic's bank account, and the index by which a movement's payment is found.

Revision: 0007, after: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "remittances",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("arrives_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("statement_text", sa.Text(), nullable=False),
        sa.Column("statement_line_id", sa.BigInteger(), nullable=True),
        sa.Column("explained", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("listed_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('in_transit', 'paid', 'failed', 'canceled')", name=op.f("ck_remittances_state")),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_remittances_currency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittances")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_remittances_provider_reference")),
        sa.UniqueConstraint("statement_line_id", name=op.f("uq_remittances_statement_line_id")),
    )
    op.create_index("ix_remittances_arrives_on", "remittances", ["arrives_on"], unique=False)
    op.create_table(
        "remittance_items",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("remittance_id", ID, nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("payment_id", ID, nullable=True),
        sa.CheckConstraint(
            "kind IN ('payment', 'refund', 'dispute', 'fee', 'returned', 'other')",
            name=op.f("ck_remittance_items_kind"),
        ),
        sa.CheckConstraint("net = amount - fee", name=op.f("ck_remittance_items_net")),
        sa.ForeignKeyConstraint(
            ["remittance_id"], ["remittances.id"], name=op.f("fk_remittance_items_remittance_id_remittances")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_remittance_items_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittance_items")),
        sa.UniqueConstraint(
            "remittance_id", "transaction_id", name=op.f("uq_remittance_items_remittance_id_transaction_id")
        ),
    )
    op.create_index("ix_remittance_items_payment_id", "remittance_items", ["payment_id"], unique=False)
    known = sa.text("transaction_id IS NOT NULL")
    op.create_index(
        "ix_payments_provider_transaction_id",
        "payments",
        ["provider", "transaction_id"],
        unique=False,
        postgresql_where=known,
        sqlite_where=known,
    )


def downgrade() -> None:
    """Remittances are forgotten; the providers tell those of the last thirty days again."""
    op.drop_index("ix_payments_provider_transaction_id", "payments")
    op.drop_table("remittance_items")
    op.drop_table("remittances")
    op.execute("DELETE FROM cursors WHERE name LIKE 'remittances:%'")
