"""Refunds that the clinic's bank pays from a file: where they go, and the files.

Revision: 0006, after: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("refunds", sa.Column("account_sealed", sa.Text(), nullable=True))
    op.create_table(
        "refund_files",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("title", sa.String(length=10), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content_sealed", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_refund_files_currency")
        ),
        sa.CheckConstraint("total > 0 AND count > 0", name=op.f("ck_refund_files_total")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_files")),
        sa.UniqueConstraint("title", name=op.f("uq_refund_files_title")),
    )
    op.create_index("ix_refund_files_made_at", "refund_files", ["made_at"], unique=False)
    op.create_table(
        "refund_file_items",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("refund_file_id", ID, nullable=False),
        sa.Column("refund_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["refund_file_id"], ["refund_files.id"], name=op.f("fk_refund_file_items_refund_file_id_refund_files")
        ),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_refund_file_items_refund_id_refunds")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_file_items")),
        sa.UniqueConstraint("refund_id", name=op.f("uq_refund_file_items_refund_id")),
    )
    op.create_index("ix_refund_file_items_refund_file_id", "refund_file_items", ["refund_file_id"], unique=False)


def downgrade() -> None:
    """The files and the accounts are forgotten; the refunds stay as they are."""
    op.drop_table("refund_file_items")
    op.drop_table("refund_files")
    op.drop_column("refunds", "account_sealed")
