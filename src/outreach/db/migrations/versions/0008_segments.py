"""Tags of debtors, and audiences kept by name."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = """
create table tags (
    debtor_id uuid not null references debtors,
    tag text not null,
    actor text not null,
    since timestamptz not null,
    primary key (debtor_id, tag)
);
create index on tags (tag);
create table segments (
    name text primary key,
    filter text not null,          -- in the one spelling of the grammar
    actor text not null,
    saved_at timestamptz not null
)
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
