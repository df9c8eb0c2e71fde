"""Campaigns, from draft to approval."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table campaigns (
            id uuid primary key,
            number bigint generated always as identity unique,
            name text not null,
            creditor_id text not null references creditors,
            purpose text not null,
            channels text[] not null,      -- in the order they are tried
            audience text not null,        -- a filter in its kept spelling
            state text not null,
            notices bigint,                -- how many it chose when it was submitted
            created_by text not null,
            created_at timestamptz not null,
            submitted_by text,
            approved_by text,
            moved_at timestamptz
        )""")
