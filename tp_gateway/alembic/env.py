"""Runs migrations on the engine that the service itself uses, so that SQLite behaves the same here."""

from alembic import context

from tp_gateway.database import make_engine
from tp_gateway.models import Base

url = context.config.attributes.get("url") or context.config.get_main_option("sqlalchemy.url")
engine = make_engine(url, pool_size=1)
with engine.connect() as connection:
    if connection.dialect.name == "sqlite":
        # Later migrations rebuild tables here (batch mode), which foreign keys would notice half-way. The pragma does
        # nothing inside a transaction, so it goes to the driver before one begins.
        connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
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
