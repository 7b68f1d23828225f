"""Runs migrations on the engine that the service itself uses, so that SQLite behaves the same here."""

from typing import Any

from alembic import context

from tp_gateway.database import make_engine
from tp_gateway.models import Base

url: str = context.config.attributes["url"]
engine = make_engine(url, pool_size=1)
with engine.connect() as connection:
    if connection.dialect.name == "sqlite":
        # Later migrations rebuild tables here (batch mode), which foreign keys would notice half-way. The pragma does
        # nothing inside a transaction, so it goes to the driver before one begins.
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        transactional_ddl=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
