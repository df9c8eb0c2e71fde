"""Replies that can be taken back, and the list of what waits for a person."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STATEMENTS = """
set lock_timeout = '10s';
-- A reply may say several things: each is a row, all of one reply_id (its 'replied' event's, where
-- it is known whose word it is).
alter table responses
    add column reply_id uuid,
    add column point_id uuid references contact_points,
    add column amount bigint,            -- promised or said to be paid, in minor units
    add column holds_until timestamptz,  -- of what pauses; null: until a person ends it
    add column said_by text,             -- who took it so: 'carrier', a job or a user
    -- once a person took it otherwise:
    add column withdrawn_at timestamptz;
create index on responses (reply_id) where reply_id is not null;
create index on standings (kind) where ended_at is null;
create table tasks (
    id uuid primary key,
    number bigint generated always as identity,
    kind text not null,
    subject uuid not null,         -- the reply, notice or standing it is about
    creditor_id text,              -- null: of a reply nobody knows the writer of
    debtor_id uuid references debtors,
    notice_id uuid references notices,
    since timestamptz not null,
    due_by timestamptz,
    taken_by text,
    taken_at timestamptz,
    closed_by text,
    closed_at timestamptz,
    outcome text,
    reason text
);
create unique index on tasks (number);
create unique index on tasks (kind, subject) where closed_at is null;
create index on tasks (debtor_id)
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
