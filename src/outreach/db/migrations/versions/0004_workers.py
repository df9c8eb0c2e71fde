"""Workers as they last told of themselves, loop by loop."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = """
create table workers (
    name text primary key,
    host text not null,
    pid integer not null,
    address text not null,         -- host:port where it answers /healthz, or nothing
    started_at timestamptz not null, -- operational time, the database server's
    beat_at timestamptz not null,
    loops jsonb not null           -- loop -> ok, silent or fallen, as the worker sees itself
);
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
