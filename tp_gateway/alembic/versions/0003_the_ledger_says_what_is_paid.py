"""The ledger's own trigger keeps what is paid on a payable, which is added up anew here; the allocations' trigger goes.
Their table stays for one version: the code before this one still writes it, and it no longer counts.

Revision: 0003, after: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"

KINDS = "'charge', 'refund', 'refund_reversal', 'adjustment', 'chargeback', 'chargeback_reversal'"
RECEIVABLE = "'receivable' IN ({row}debit, {row}credit)"
SIGNED = "CASE WHEN {row}credit = 'receivable' THEN {row}amount ELSE -{row}amount END"
KIND = (
    "CASE WHEN kind LIKE 'chargeback%reversal' THEN 'chargeback_reversal'"
    " WHEN kind LIKE 'chargeback%' THEN 'chargeback'"
    f" WHEN kind LIKE '%reversal' THEN 'refund_reversal' WHEN kind IN ({KINDS}) THEN kind ELSE 'adjustment' END"
)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _keeps_paid(table: str, amount: str, condition: str = "") -> None:
    """The trigger `tr_<table>_paid`: each new row changes what is paid on its payable."""
    what = f"CREATE TRIGGER tr_{table}_paid AFTER INSERT ON {table} FOR EACH ROW"
    what += f" WHEN ({condition})" if condition else ""
    change = f"UPDATE payables SET amount_paid = amount_paid + {amount} WHERE id = NEW.payable_id"  # noqa: S608 - our own words
    if _is_sqlite():
        op.execute(f"{what} BEGIN {change}; END")
        return
    body = f"BEGIN {change}; RETURN NULL; END"
    op.execute(f"CREATE FUNCTION {table}_paid() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    op.execute(f"{what} EXECUTE FUNCTION {table}_paid()")


def _drop(table: str) -> None:
    op.execute(f"DROP TRIGGER IF EXISTS tr_{table}_paid" + ("" if _is_sqlite() else f" ON {table}"))
    if not _is_sqlite():
        op.execute(f"DROP FUNCTION IF EXISTS {table}_paid()")


def upgrade() -> None:
    _drop("allocations")
    paid = f"SELECT COALESCE(SUM({SIGNED.format(row='')}), 0) FROM ledger_entries WHERE payable_id = payables.id"  # noqa: S608
    op.execute(f"UPDATE payables SET amount_paid = ({paid} AND {RECEIVABLE.format(row='')})")  # noqa: S608 - our own words
    _keeps_paid("ledger_entries", SIGNED.format(row="NEW."), RECEIVABLE.format(row="NEW."))


def downgrade() -> None:
    """What this version booked is told to the allocations, before they count again."""
    _drop("ledger_entries")
    same = "payable_id, payment_id, refund_id, dispute_id, currency, actor, at"
    signed = SIGNED.format(row="")
    known = f"SELECT 1 FROM allocations a WHERE a.payment_id = l.payment_id AND a.at = l.at AND a.amount = {signed}"  # noqa: S608
    known = known.replace("credit", "l.credit").replace("THEN amount ELSE -amount", "THEN l.amount ELSE -l.amount")
    op.execute(
        f"INSERT INTO allocations ({same}, kind, amount) SELECT {same}, {KIND}, {signed} FROM ledger_entries l"  # noqa: S608
        f" WHERE {RECEIVABLE.format(row='')} AND NOT EXISTS ({known}) ORDER BY id"
    )
    _keeps_paid("allocations", "NEW.amount")
