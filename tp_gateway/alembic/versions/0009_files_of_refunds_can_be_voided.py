"""Who of the staff has voided a file of refunds, and when.

Revision: 0009, after: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("refund_files", sa.Column("voided_by", sa.Text(), nullable=True))
    op.add_column("refund_files", sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("refund_files", "voided_at")
    op.drop_column("refund_files", "voided_by")
