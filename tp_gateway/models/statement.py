"""Bank statements: the files that were imported, the lines that they brought, and which payments those lines paid."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, BigId, is_currency, one_of, primary_key, reference_to
from tp_gateway.models.states import LineState, MatchLayer, StatementState


class Statement(Base):
    """One import of one file. `lines` is how many movements the file has; those that were not here before are rows of
    `StatementLine`. `touched_at` moves on while an import lives; one that stands still has died."""

    __tablename__ = "statements"
    __table_args__ = (one_of("state", StatementState, "state"),)

    id: orm.Mapped[int] = primary_key()
    provider: orm.Mapped[str]
    name: orm.Mapped[str]
    format: orm.Mapped[str]
    sha256: orm.Mapped[str] = orm.mapped_column(sa.String(64), index=True)
    lines: orm.Mapped[int]
    state: orm.Mapped[str] = orm.mapped_column(index=True)
    imported_by: orm.Mapped[str]
    imported_at: orm.Mapped[datetime]
    touched_at: orm.Mapped[datetime]


class StatementLine(Base):
    """One movement on the clinic's account, once, however many files tell of it: `fingerprint` sees to that. It begins
    with the day, so that the rows of a file go in side by side.

    `line` is its place in its file. `amount` is signed minor units. `why` is what there is to say about its state
    beyond the usual, which is the empty text: most of a million lines say nothing. `payment_id` is the payment that its
    reference names, whatever came of that. `statement_id` is no foreign key: PostgreSQL would look the one same row up
    a million times, which is a third of its work, and nothing ever deletes a statement. `decided_by` is who of the
    staff has said what the line is, or is not, beside payments: what explains lines by itself leaves it alone then.
    """

    __tablename__ = "statement_lines"
    __table_args__ = (
        one_of("state", LineState, "state"),
        is_currency(),
        # Each index more is a tenth of the time that a million lines take.
        sa.Index("ix_statement_lines_state_booked_on_id", "state", "booked_on", "id"),
    )

    id: orm.Mapped[int] = primary_key()
    statement_id: orm.Mapped[int] = orm.mapped_column(BigId, index=True)
    line: orm.Mapped[int]
    fingerprint: orm.Mapped[str] = orm.mapped_column(unique=True)
    booked_on: orm.Mapped[date]
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    description: orm.Mapped[str]
    reference: orm.Mapped[str]
    payer: orm.Mapped[str]
    balance: orm.Mapped[int | None] = orm.mapped_column(sa.BigInteger)
    account: orm.Mapped[str]
    bank_id: orm.Mapped[str]
    state: orm.Mapped[str]
    why: orm.Mapped[str] = orm.mapped_column(server_default=sa.text("''"))
    payment_id: orm.Mapped[int | None] = reference_to("payments.id", nullable=True)
    decided_by: orm.Mapped[str | None]


class StatementMatch(Base):
    """`amount` minor units of a line that paid a payment. Never deleted: one that staff have undone says when and by
    whom. Its evidence in the ledger is the line's fingerprint and how many matches the line had before, so it is unique
    for ever."""

    __tablename__ = "statement_matches"
    __table_args__ = (
        one_of("layer", MatchLayer, "layer"),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone"),
    )

    id: orm.Mapped[int] = primary_key()
    line_id: orm.Mapped[int] = reference_to("statement_lines.id", index=True)
    payment_id: orm.Mapped[int] = reference_to("payments.id", index=True)
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    layer: orm.Mapped[str]
    made_by: orm.Mapped[str]
    made_at: orm.Mapped[datetime]
    undone_by: orm.Mapped[str | None]
    undone_at: orm.Mapped[datetime | None]
