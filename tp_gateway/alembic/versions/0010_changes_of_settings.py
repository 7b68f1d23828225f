"""Every change of the practice's settings, append-only.

Revision: 0010, after: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "settings_changes",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settings_changes")),
        sa.UniqueConstraint("version", name=op.f("uq_settings_changes_version")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER tr_settings_changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON settings_changes"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER tr_settings_changes_no_{event.lower()} BEFORE {event} ON settings_changes"
            " BEGIN SELECT RAISE(ABORT, 'settings_changes is append-only'); END"
        )


def downgrade() -> None:
    """Who changed what is forgotten; the settings stay as they are."""
    op.drop_table("settings_changes")
