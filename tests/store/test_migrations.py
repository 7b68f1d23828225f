"""Up, down, and up again with data; and what stands there in the end is what the models say, triggers included."""

import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import alembic.autogenerate
import alembic.migration
import pytest
import sqlalchemy as sa

from tests.store.rows import APPEND_ONLY, LEFT_FOR_ONE_VERSION, ROWS, TABLES, contents, fill
from tp_gateway import schema as store
from tp_gateway.database import Database
from tp_gateway.errors import ConfigurationError
from tp_gateway.models import Base
from tp_gateway.schema import _TRIGGERS, downgrade, upgrade

SQLITE = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
POSTGRESQL = {
    "columns": "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default,"
    " identity_generation FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated"
    " FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1, 2",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    "triggers": "SELECT tgrelid::regclass::text, tgname, tgenabled::text, pg_get_triggerdef(oid)"
    " FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
    "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "sequences": "SELECT sequencename, data_type::text FROM pg_sequences ORDER BY 1",
}


def schema(database: Database) -> dict[str, Any]:
    """Everything but rows, in the database's own words."""
    queries = {"all": SQLITE} if database.engine.dialect.name == "sqlite" else POSTGRESQL
    with database.engine.connect() as connection:
        return {name: [tuple(row) for row in connection.exec_driver_sql(query)] for name, query in queries.items()}


def described(database: Database) -> dict[str, Any]:
    """What SQLAlchemy sees of each table: names, types, CHECKs, keys, and the WHERE of partial indexes."""
    inspector = sa.inspect(database.engine)
    found: dict[str, Any] = {}
    for table in TABLES:
        found[table] = {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            },
            "pk": inspector.get_pk_constraint(table),
            "checks": {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table)},
            "uniques": {key["name"]: key["column_names"] for key in inspector.get_unique_constraints(table)},
            "keys": {
                key["name"]: (key["constrained_columns"], key["referred_table"], key["options"])
                for key in inspector.get_foreign_keys(table)
            },
            "indexes": {
                index["name"]: (
                    index["column_names"],
                    bool(index["unique"]),
                    {name: str(value) for name, value in index.get("dialect_options", {}).items() if "where" in name},
                )
                for index in inspector.get_indexes(table)
            },
        }
    return found


@pytest.fixture
def database(unmigrated_url: str) -> Any:
    made = Database(unmigrated_url)
    yield made
    made.dispose()


def url(database: Database) -> str:
    return database.engine.url.render_as_string(False)


@pytest.mark.catalogue(103)
def test_up_fill_and_up_again_changes_nothing(database: Database) -> None:
    upgrade(url(database))
    fresh = schema(database)
    with database.transaction() as session:
        fill(session)
    with database.read() as session:
        before = contents(session)
    assert set(before) == set(ROWS) and all(before.values())
    upgrade(url(database))
    with database.read() as session:
        assert contents(session) == before
    assert schema(database) == fresh
    database.check()


@pytest.mark.catalogue(103)
def test_down_to_base_leaves_nothing_and_up_again_is_a_fresh_schema(database: Database) -> None:
    upgrade(url(database))
    fresh = schema(database)
    with database.transaction() as session:
        fill(session)
    downgrade(url(database), "base")
    assert sa.inspect(database.engine).get_table_names() == ["alembic_version"]
    left = [row for rows in schema(database).values() for row in rows if "alembic_version" not in str(row)]
    assert left == []
    upgrade(url(database))
    assert schema(database) == fresh
    with database.transaction() as session:
        assert not any(contents(session).values())
        fill(session)
    for table in APPEND_ONLY:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), database.transaction() as session:
            session.execute(sa.text(f"DELETE FROM {table}"))
    database.check()


@pytest.mark.catalogue(103)
def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    Base.metadata.create_all(database.engine)
    models = described(database)
    Base.metadata.drop_all(database.engine)
    upgrade(url(database))
    assert described(database) == models
    with database.engine.connect() as connection:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_object": lambda _object, name, kind, *_: kind != "table" or name not in LEFT_FOR_ONE_VERSION,
        }
        context = alembic.migration.MigrationContext.configure(connection, opts=options)
        assert alembic.autogenerate.compare_metadata(context, Base.metadata) == []


def test_the_append_only_triggers_are_there(database: Database) -> None:
    upgrade(url(database))
    text = str(schema(database))
    for table in APPEND_ONLY:
        if database.engine.dialect.name == "sqlite":
            assert f"BEFORE UPDATE ON {table}" in text and f"BEFORE DELETE ON {table}" in text
        else:
            assert f"BEFORE DELETE OR UPDATE OR TRUNCATE ON public.{table} FOR EACH STATEMENT" in text


@pytest.mark.parametrize("lost", ["ledger_entries_paid", "payments_moved"])
def test_a_store_without_its_triggers_is_not_started_with(database: Database, lost: str) -> None:
    upgrade(url(database))
    database.check()
    table = "ledger_entries" if lost.startswith("ledger") else "payments"
    with database.engine.begin() as connection:
        where = f" ON {table}" if connection.dialect.name == "postgresql" else ""
        connection.execute(sa.text(f"DROP TRIGGER tr_{lost}{where}"))
    with pytest.raises(ConfigurationError, match=f"tr_{lost}"):
        database.check()


def test_every_trigger_of_the_migrations_is_looked_for(database: Database) -> None:
    upgrade(url(database))
    postgresql = database.engine.dialect.name == "postgresql"
    own = "SELECT DISTINCT trigger_name FROM information_schema.triggers"
    there = own if postgresql else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with database.engine.connect() as connection:
        names = set(connection.execute(sa.text(there)).scalars())
    left = {name for name in names if any(table in name for table in LEFT_FOR_ONE_VERSION)}
    assert _TRIGGERS[database.engine.dialect.name] == names - left


def test_a_migration_that_fails_half_way_changes_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(url(database))
    with database.transaction() as session:
        fill(session)
        before = contents(session)
    fresh = schema(database)
    next_version(tmp_path, monkeypatch, 'op.execute("DROP TABLE transitions"); raise RuntimeError("half-way")')
    with pytest.raises(RuntimeError, match="half-way"):
        upgrade(url(database))
    assert schema(database) == fresh
    with database.read() as session:
        assert contents(session) == before and all(before.values())


# --- which schema the service starts with -----------------------------------------------------------------------------


def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """As in the release after this one: one migration more."""
    scripts = tmp_path / "alembic"
    shutil.copytree(str(resources.files("tp_gateway") / "alembic"), scripts)
    real = store._alembic
    head = store.alembic.script.ScriptDirectory.from_config(real()).get_current_head()
    (scripts / "versions" / "9999_next.py").write_text(
        f'from alembic import op\nrevision = "9999"\ndown_revision = "{head}"\n'
        f"def upgrade():\n    {change}\ndef downgrade():\n    pass\n"
    )

    def with_the_next(url: str = "") -> Any:
        config = real(url)
        config.set_main_option("script_location", str(scripts))
        return config

    monkeypatch.setattr(store, "_alembic", with_the_next)


def test_an_empty_database_is_behind(database: Database) -> None:
    with pytest.raises(ConfigurationError, match="tp-gateway migrate"):
        database.check()


def test_a_schema_of_the_last_release_is_behind(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(url(database))
    next_version(tmp_path, monkeypatch, 'op.execute("SELECT 1")')
    with pytest.raises(ConfigurationError, match="behind"):
        database.check()
    upgrade(url(database))
    database.check()


@pytest.mark.catalogue(104)
def test_a_schema_of_the_next_release_is_accepted(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a rolling deployment the schema goes first, and the old processes may restart on it."""
    with monkeypatch.context() as next_release:
        next_version(tmp_path, next_release, 'op.execute("ALTER TABLE users ADD COLUMN nickname TEXT")')
        upgrade(url(database))
    database.check()
    with database.transaction() as session:
        fill(session)
