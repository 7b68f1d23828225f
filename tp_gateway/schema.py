"""The store's schema: brought to a revision by alembic's migrations, and checked at start-up."""

from __future__ import annotations

from functools import cache
from importlib import resources

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import sqlalchemy as sa

from tp_gateway.errors import ConfigurationError

_WRITE = (
    "payments_created",
    "payments_moved",
    "refunds_created",
    "refunds_moved",
    "ledger_entries_paid",
    "ledger_entries_counted",
)
_APPEND_ONLY = ("ledger_entries", "transitions", "settings_changes")
_REFUSE = {"postgresql": ("append_only",), "sqlite": ("no_update", "no_delete")}
_TRIGGERS = {
    dialect: {f"tr_{name}" for name in (*_WRITE, *(f"{table}_{what}" for table in _APPEND_ONLY for what in refuse))}
    for dialect, refuse in _REFUSE.items()
}
"""What keeps the history and the sums of the books (decision 0011): without one of these the store loses them, and no
statement fails."""
_FIND_TRIGGERS = {
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') AND pg_table_is_visible(tgrelid)",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
}


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema at `url` up to `revision`."""
    alembic.command.upgrade(_alembic(url), revision)


def downgrade(url: str, revision: str) -> None:
    alembic.command.downgrade(_alembic(url), revision)


def check(connection: sa.Connection) -> None:
    """Raises ConfigurationError when the schema is behind this code, or when triggers are missing, as a restore that
    was made by hand can leave it. A schema that a newer version made is left to that version (a rolling update)."""
    if is_current(connection):
        missing = ", ".join(missing_triggers(connection))
        if missing:
            raise ConfigurationError(f"the database lacks triggers ({missing}): see docs/operating.md, restoring")


def is_current(connection: sa.Connection) -> bool:
    """True for the schema of this very code, False for that of a newer one. ConfigurationError for an older one."""
    newest, *older = _revisions(str(_alembic().get_main_option("script_location")))
    present = alembic.migration.MigrationContext.configure(connection).get_current_revision()
    if present == newest:
        return True
    if present is None or present in older:
        raise ConfigurationError("the database's schema is behind this version: run `tp-gateway migrate`")
    return False


def missing_triggers(connection: sa.Connection) -> list[str]:
    """The names of those that are not there, or that are switched off."""
    there = set(connection.execute(sa.text(_FIND_TRIGGERS[connection.dialect.name])).scalars())
    return sorted(_TRIGGERS[connection.dialect.name] - there)


@cache
def _revisions(folder: str) -> tuple[str, ...]:
    """Of the migrations there, the newest first."""
    return tuple(script.revision for script in alembic.script.ScriptDirectory(folder).walk_revisions())


def _alembic(url: str = "") -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(resources.files("tp_gateway") / "alembic"))
    config.attributes["url"] = url
    return config
