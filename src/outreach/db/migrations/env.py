"""Alembic's entry: runs the migrations over a connection handed in by ``db.migrate``."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True)
with context.begin_transaction():
    connection.exec_driver_sql("set local lock_timeout = '5s'")
    context.run_migrations()
