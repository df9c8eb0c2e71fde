"""Which past this database is: a new era begins when a person has recovered it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = """
create table eras (
    id uuid primary key,
    previous uuid references eras,
    system_identifier bigint not null, -- of the cluster it began in, and that cluster's timeline:
    timeline integer not null,         -- a database found elsewhere was copied or promoted
    since timestamptz,             -- what may have been sent from then on became uncertain
    at timestamptz not null,
    ended_at timestamptz,          -- by a restore: nothing is sent until the next era begins
    actor text not null,
    reason text not null
);
-- of a recovered notice no event tells when it may have gone
alter table uncertain add column recovered boolean not null default false;
create unique index on eras ((ended_at is null)) where ended_at is null;
insert into eras (id, system_identifier, timeline, at, actor, reason)
    select gen_random_uuid(), system_identifier,
        cast(cast('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8) as bit(32)) as integer),
        clock_timestamp(), 'job:migrate', 'first'
    from pg_control_system();
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
