"""Progress notes, practitioners' available minutes and registrations, and what became of an appointment.

Revision: 0011, after: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REGISTRATIONS = ("provider_number", "ahpra_number")
CHECKED = {"actual_minutes": "actual_minutes > 0", "rating": "rating BETWEEN 1 AND 5"}


def upgrade() -> None:
    for name in REGISTRATIONS:
        op.add_column("users", sa.Column(name, sa.Text(), nullable=True))
    for name, check in CHECKED.items():  # in one statement: SQLite adds no constraint to a column that is there
        constraint = f"CONSTRAINT ck_appointments_{name} CHECK ({check})"
        op.execute(f"ALTER TABLE appointments ADD COLUMN {name} INTEGER {constraint}")
    op.create_table(
        "progress_notes",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("appointment_id", ID, nullable=True),
        sa.Column("patient_id", ID, nullable=False),
        sa.Column("practitioner_id", ID, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointments.id"], name=op.f("fk_progress_notes_appointment_id_appointments")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["users.id"], name=op.f("fk_progress_notes_patient_id_users")),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["users.id"], name=op.f("fk_progress_notes_practitioner_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_progress_notes")),
    )
    op.create_table(
        "availability",
        sa.Column("practitioner_id", ID, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("minutes BETWEEN 0 AND 1440", name=op.f("ck_availability_minutes")),
        sa.ForeignKeyConstraint(["practitioner_id"], ["users.id"], name=op.f("fk_availability_practitioner_id_users")),
        sa.PrimaryKeyConstraint("practitioner_id", "day", name=op.f("pk_availability")),
    )


def downgrade() -> None:
    op.drop_table("availability")
    op.drop_table("progress_notes")
    for name in CHECKED:
        op.drop_column("appointments", name)
    for name in REGISTRATIONS:
        op.drop_column("users", name)
