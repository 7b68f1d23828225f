"""Who of the staff has said what a line of a statement is.

Revision: 0008, after: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("statement_lines", sa.Column("decided_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("statement_lines", "decided_by")
