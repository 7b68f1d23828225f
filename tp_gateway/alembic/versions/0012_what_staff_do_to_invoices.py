"""Invoices in full: GST, service and practitioner of each line, the words by which they are found, and what staff do to
them (credit notes, write-offs, credit that pays), in the ledger without a payment of its own.

SQLite cannot add a named foreign key or make a column nullable, so three tables are rebuilt there, in the steps that
SQLite documents (sqlite.org/lang_altertable.html#otheralter), with their indexes and triggers.

Revision: 0012, after: 0011
"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TREATMENT = "gst_treatment IN ('gst_free', 'taxable')"
CHECKS = {
    "ck_invoice_items_gst_treatment": TREATMENT,
    "ck_invoice_items_gst_rate": "gst_rate BETWEEN 0 AND 10000",
    "ck_invoice_items_gst": "gst >= 0 AND gst <= total",
}
ORIGIN = "payment_id IS NOT NULL OR operation_id IS NOT NULL"
UNPAID = "status IN ('pending', 'partially_paid')"
CREDIT = "'patient_credit' IN (debit, credit)"
NUMBER = re.compile(r"(?:inv-)?(\d{4}-\d{3,})", re.ASCII)
LINE_COLUMNS = ("gst_treatment", "gst_rate", "gst", "service_date", "item_number", "practitioner_id")
SIGNED = "CASE WHEN credit = 'receivable' THEN amount ELSE -amount END"
PAID = f"SELECT COALESCE(SUM({SIGNED}), 0) FROM ledger_entries WHERE payable_id = payables.id"  # noqa: S608
STATUS = (  # by what is paid
    "CASE WHEN y.amount_paid >= y.amount THEN 'paid' WHEN y.amount_paid > 0 THEN 'partially_paid' ELSE 'pending' END"
)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _key(table: str, column: str, other: str) -> str:
    return f", \n\tCONSTRAINT fk_{table}_{column}_{other} FOREIGN KEY({column}) REFERENCES {other} (id)"


# SQLite: pieces of a definition, before and after. The first constraint ends the columns, ")" the table.
_ITEMS = {
    "\n\tCONSTRAINT": (
        "\n\tgst_treatment TEXT DEFAULT 'gst_free' NOT NULL, \n\tgst_rate INTEGER DEFAULT '0' NOT NULL, "
        "\n\tgst BIGINT DEFAULT '0' NOT NULL, \n\tservice_date DATE, \n\titem_number TEXT, "
        "\n\tpractitioner_id INTEGER, \n\tCONSTRAINT"
    ),
    "\n)": "".join(f", \n\tCONSTRAINT {name} CHECK ({rule})" for name, rule in CHECKS.items())
    + _key("invoice_items", "practitioner_id", "users")
    + "\n)",
}
_ENTRIES = {
    "payment_id INTEGER NOT NULL": "payment_id INTEGER",
    "\n\tCONSTRAINT": "\n\toperation_id INTEGER, \n\tCONSTRAINT",
    "\n)": f", \n\tCONSTRAINT ck_ledger_entries_origin CHECK ({ORIGIN})"
    + _key("ledger_entries", "operation_id", "invoice_operations")
    + "\n)",
}
_KEYS = {
    "\n\tCONSTRAINT": "\n\tinvoice_id INTEGER, \n\tCONSTRAINT",
    "\n)": _key("idempotency_records", "invoice_id", "invoices") + "\n)",
}
_REBUILT = {"invoice_items": _ITEMS, "ledger_entries": _ENTRIES, "idempotency_records": _KEYS}


def _rebuild(table: str, changed: dict[str, str], rows: str = "") -> None:
    """The same table with pieces of its definition changed, and its rows, or those of them that `rows` lets stay."""
    connection = op.get_bind()
    query = sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL")
    found = [(kind, str(sql)) for kind, sql in connection.execute(query, {"table": table})]
    [definition] = [sql for kind, sql in found if kind == "table"]
    for old, new in changed.items():
        if old not in definition:
            raise RuntimeError(f"the definition of {table} is not the expected one")
        if old == "\n)":  # the last one
            definition = new.join(definition.rsplit(old, 1))
        else:
            definition = definition.replace(old, new, 1)
    old_columns = [row.name for row in connection.execute(sa.text(f"PRAGMA table_info({table})"))]
    definition = definition.replace(f"CREATE TABLE {table} ", "CREATE TABLE rebuilt ", 1)
    definition = definition.replace(f'CREATE TABLE "{table}" ', "CREATE TABLE rebuilt ", 1)
    op.execute(sa.text(definition.replace(":", r"\:")))
    new_columns = {row.name for row in connection.execute(sa.text("PRAGMA table_info(rebuilt)"))}
    kept = ", ".join(name for name in old_columns if name in new_columns)
    op.execute(f"INSERT INTO rebuilt ({kept}) SELECT {kept} FROM {table} {rows}")  # noqa: S608 - our own names
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE rebuilt RENAME TO {table}")
    for _, sql in [other for other in found if other[0] != "table"]:
        op.execute(sql)


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    text = sa.text(where)
    op.create_index(name, table, columns, unique=unique, postgresql_where=text, sqlite_where=text)


def upgrade() -> None:
    _create_tables()
    if _is_sqlite():
        for table, changed in _REBUILT.items():
            _rebuild(table, changed)
    else:
        _add_columns()
    _find_words()
    _partial("uq_ledger_entries_operation_id", "ledger_entries", ["operation_id"], "payment_id IS NULL", unique=True)
    _partial("ix_ledger_entries_patient_credit", "ledger_entries", ["patient_id"], CREDIT)
    op.create_index("ix_invoices_status_id", "invoices", ["status", "id"])
    op.create_index("ix_invoices_status_due_date_id", "invoices", ["status", "due_date", "id"])
    op.create_index("ix_invoices_due_date_id", "invoices", ["due_date", "id"])
    _partial("ix_invoices_unpaid_due_date_id", "invoices", ["due_date", "id"], UNPAID)


def _find_words() -> None:
    """Of the invoices that are there, as services/invoices/words.py finds them."""
    connection = op.get_bind()
    texts = "SELECT v.id, v.number, u.name, v.description FROM invoices v JOIN users u ON u.id = v.patient_id"
    lines = "SELECT invoice_id, description FROM invoice_items WHERE invoice_id BETWEEN :first AND :last"
    insert = sa.text("INSERT INTO invoice_words (word, invoice_id) VALUES (:word, :invoice_id)")
    last = 0
    while True:
        page = sa.text(f"{texts} WHERE v.id > :last ORDER BY v.id LIMIT 1000")
        found = {row.id: [row.number, row.name, row.description] for row in connection.execute(page, {"last": last})}
        if not found:
            return
        first, last = min(found), max(found)
        for row in connection.execute(sa.text(lines), {"first": first, "last": last}):
            found[row.invoice_id].append(row.description)
        connection.execute(
            insert, [{"word": word, "invoice_id": key} for key, value in found.items() for word in _words(value)]
        )


def _words(texts: list[str | None]) -> list[str]:
    words: dict[str, None] = {}
    for text in " ".join(text for text in texts if text).split():
        plain = unicodedata.normalize("NFKD", text.casefold())
        folded = "".join(letter for letter in plain if not unicodedata.combining(letter))
        number = NUMBER.fullmatch(folded)
        parts = [number[1]] if number else re.findall(r"[^\W_]+", folded)
        words |= dict.fromkeys(part[:40] for part in parts)
    return list(words)[:64]


def _add_columns() -> None:
    op.add_column("invoice_items", sa.Column("gst_treatment", sa.Text(), server_default="gst_free", nullable=False))
    op.add_column("invoice_items", sa.Column("gst_rate", sa.Integer(), server_default="0", nullable=False))
    op.add_column("invoice_items", sa.Column("gst", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("invoice_items", sa.Column("service_date", sa.Date(), nullable=True))
    op.add_column("invoice_items", sa.Column("item_number", sa.Text(), nullable=True))
    for name, rule in CHECKS.items():
        op.create_check_constraint(op.f(name), "invoice_items", rule)
    keys = (
        ("invoice_items", "practitioner_id", "users"),
        ("ledger_entries", "operation_id", "invoice_operations"),
        ("idempotency_records", "invoice_id", "invoices"),
    )
    for table, column, other in keys:
        op.add_column(table, sa.Column(column, ID, nullable=True))
        op.create_foreign_key(op.f(f"fk_{table}_{column}_{other}"), table, other, [column], ["id"])
    op.alter_column("ledger_entries", "payment_id", nullable=True)
    op.create_check_constraint(op.f("ck_ledger_entries_origin"), "ledger_entries", ORIGIN)


def _create_tables() -> None:
    op.create_table(
        "invoice_words",
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("invoice_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_words_invoice_id_invoices")),
        sa.PrimaryKeyConstraint("word", "invoice_id", name=op.f("pk_invoice_words")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "invoice_operations",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("invoice_id", ID, nullable=False),
        sa.Column("payable_id", ID, nullable=False),
        sa.Column("patient_id", ID, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("gst", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('void', 'credit_note', 'write_off', 'credit_applied', 'credit_returned')",
            name=op.f("ck_invoice_operations_kind"),
        ),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_invoice_operations_currency")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_invoice_operations_amount")),
        sa.CheckConstraint("gst >= 0 AND gst <= amount", name=op.f("ck_invoice_operations_gst")),
        sa.CheckConstraint("(kind = 'credit_note') = (number IS NOT NULL)", name=op.f("ck_invoice_operations_number")),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_operations_invoice_id_invoices")
        ),
        sa.ForeignKeyConstraint(
            ["payable_id"], ["payables.id"], name=op.f("fk_invoice_operations_payable_id_payables")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["users.id"], name=op.f("fk_invoice_operations_patient_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_operations")),
        sa.UniqueConstraint("number", name=op.f("uq_invoice_operations_number")),
    )
    op.create_index("ix_invoice_operations_invoice_id", "invoice_operations", ["invoice_id"])
    op.create_table(
        "credit_note_lines",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("operation_id", ID, nullable=False),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("gst", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_note_lines_amount")),
        sa.CheckConstraint("gst >= 0 AND gst <= amount", name=op.f("ck_credit_note_lines_gst")),
        sa.ForeignKeyConstraint(
            ["operation_id"],
            ["invoice_operations.id"],
            name=op.f("fk_credit_note_lines_operation_id_invoice_operations"),
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["invoice_items.id"], name=op.f("fk_credit_note_lines_item_id_invoice_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_note_lines")),
        sa.UniqueConstraint("operation_id", "item_id", name=op.f("uq_credit_note_lines_operation_id_item_id")),
    )
    op.create_index("ix_credit_note_lines_item_id", "credit_note_lines", ["item_id"])


def downgrade() -> None:
    """What staff did to invoices is forgotten with its entries in the books: what it took off is due again, and credit
    that has paid is the patient's again."""
    for name in ("unpaid_due_date_id", "due_date_id", "status_due_date_id", "status_id"):
        op.drop_index(f"ix_invoices_{name}", "invoices")
    op.drop_index("ix_ledger_entries_patient_credit", "ledger_entries")
    op.drop_index("uq_ledger_entries_operation_id", "ledger_entries")
    if _is_sqlite():
        for table, changed in _REBUILT.items():
            kept = "WHERE operation_id IS NULL" if table == "ledger_entries" else ""
            _rebuild(table, {new: old for old, new in changed.items()}, kept)
    else:
        _drop_columns()
    _status_without_operations()
    for table in ("credit_note_lines", "invoice_operations", "invoice_words"):
        op.drop_table(table)


def _drop_columns() -> None:
    op.execute("ALTER TABLE ledger_entries DISABLE TRIGGER tr_ledger_entries_append_only")
    op.execute("DELETE FROM ledger_entries WHERE operation_id IS NOT NULL")
    op.execute("ALTER TABLE ledger_entries ENABLE TRIGGER tr_ledger_entries_append_only")
    op.drop_constraint(op.f("ck_ledger_entries_origin"), "ledger_entries", type_="check")
    op.alter_column("ledger_entries", "payment_id", nullable=False)
    op.drop_column("ledger_entries", "operation_id")
    op.drop_column("idempotency_records", "invoice_id")
    for name in CHECKS:
        op.drop_constraint(op.f(name), "invoice_items", type_="check")
    for name in LINE_COLUMNS:
        op.drop_column("invoice_items", name)


def _status_without_operations() -> None:
    changed = "id IN (SELECT payable_id FROM invoice_operations WHERE kind <> 'void')"
    op.execute(f"UPDATE payables SET amount_paid = ({PAID} AND 'receivable' IN (debit, credit)) WHERE {changed}")  # noqa: S608
    live = f"SELECT {STATUS} FROM payables y WHERE y.invoice_id = invoices.id"  # noqa: S608 - our own words
    touched = "id IN (SELECT invoice_id FROM invoice_operations WHERE kind <> 'void')"
    op.execute(f"UPDATE invoices SET status = ({live}) WHERE status NOT IN ('void', 'refunded') AND {touched}")  # noqa: S608
