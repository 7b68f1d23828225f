"""Rebate claims, and parameters of payments that are kept encrypted because they say something about a person's health.

Revision: 0005, after: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATES = "'submitting', 'unknown', 'pendable', 'pended', 'lodged', 'rejected', 'deleted'"


def upgrade() -> None:
    op.add_column("payments", sa.Column("parameters_sealed", sa.Text(), nullable=True))
    op.create_table(
        "rebate_claims",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("payment_id", ID, nullable=False),
        sa.Column("payable_id", ID, nullable=False),
        sa.Column("patient_id", ID, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decide_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subject_sealed", sa.Text(), nullable=False),
        sa.Column("subject_hash", sa.String(length=64), nullable=False),
        sa.Column("parameters_sealed", sa.Text(), nullable=True),
        sa.Column("provider_state_sealed", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lodged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_rebate_claims_state")),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_rebate_claims_currency")
        ),
        sa.CheckConstraint("amount BETWEEN 1 AND 9999999999", name=op.f("ck_rebate_claims_amount")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_rebate_claims_payment_id_payments")),
        sa.ForeignKeyConstraint(["payable_id"], ["payables.id"], name=op.f("fk_rebate_claims_payable_id_payables")),
        sa.ForeignKeyConstraint(["patient_id"], ["users.id"], name=op.f("fk_rebate_claims_patient_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rebate_claims")),
        sa.UniqueConstraint("uuid", name=op.f("uq_rebate_claims_uuid")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_rebate_claims_provider_reference")),
    )
    for name in ("payment_id", "patient_id", "subject_hash"):
        op.create_index(op.f(f"ix_rebate_claims_{name}"), "rebate_claims", [name])
    stands = sa.text("state NOT IN ('rejected', 'deleted')")
    op.create_index(
        "uq_rebate_claims_standing",
        "rebate_claims",
        ["payable_id"],
        unique=True,
        postgresql_where=stands,
        sqlite_where=stands,
    )
    waiting = sa.text("next_check_at IS NOT NULL")
    op.create_index(
        "ix_rebate_claims_next_check_at",
        "rebate_claims",
        ["next_check_at"],
        postgresql_where=waiting,
        sqlite_where=waiting,
    )


def downgrade() -> None:
    """Rebate claims are forgotten, and so are parameters that only the encrypted column has: the version before this
    one has no provider that could read them."""
    op.drop_table("rebate_claims")
    op.drop_column("payments", "parameters_sealed")
