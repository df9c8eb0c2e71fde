"""Campaigns that run: their notices, whom they leave out, how far they are."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = """
alter table campaigns
    add column pace_minute int,            -- notices; null: as fast as the carriers bear
    add column pace_day int,
    add column lifetime interval not null default interval '5 days',
    add column late text not null default 'send',  -- a start that was missed: send, skip or ask
    add column templates jsonb,            -- channel, locale: digest; pinned at approval
    add column starts_at timestamptz,
    add column started_at timestamptz,
    add column ended_at timestamptz,
    add column frozen_at timestamptz,      -- the audience is whole: all its notices exist
    add column frozen_to uuid not null default '00000000-0000-0000-0000-000000000000', -- debtor
    add column settled_at timestamptz,     -- cancelled, and nothing of it is left to go
    add column released_to uuid not null default '00000000-0000-0000-0000-000000000000', -- notice
    add column paced_to timestamptz,       -- the allowance is used up to here
    add column counted_from jsonb not null default '{}', -- what its alarms were at, when resumed
    add column released_on date,
    add column released_that_day int not null default 0,
    add column variants text[] not null default '{""}',  -- of the templates, shared out evenly
    add column control_percent smallint not null default 0, -- who are left in peace, to compare
    add column listed int,                 -- accounts of a list that its audience is within
    add column repeats text,               -- a timetable, in its kept spelling
    add column run_of uuid references campaigns,
    add column corrects uuid references campaigns;
create index on campaigns (state) where state in ('approved', 'running', 'paused', 'cancelled');
alter table notices
    add column pinned text,                -- the template version to use, whatever comes later
    add column campaign_id uuid;
-- what is never deleted needs no guard, and checking three of them took most of a notice's making
alter table notices drop constraint notices_creditor_id_fkey,
    drop constraint notices_debtor_id_fkey, drop constraint notices_contact_point_id_fkey;
-- nor does it need one to campaigns
alter table responses add column campaign_id uuid;
create index on responses (campaign_id) where campaign_id is not null;
create index contact_points_usable on contact_points (debtor_id, kind)
    where dead_at is null and opted_out_at is null and wrong_person_at is null;
create index notices_of_campaign on notices (campaign_id, id) where campaign_id is not null;
create table campaign_accounts (
    campaign_id uuid not null references campaigns,
    account_id uuid not null references accounts,
    primary key (campaign_id, account_id)
);
create table campaign_exclusions (
    campaign_id uuid not null references campaigns,
    debtor_id uuid not null references debtors,
    currency text not null,
    guarantor boolean not null,
    reason text not null,
    primary key (campaign_id, debtor_id, currency, guarantor)
);
-- How many of a campaign are in which state: changes are added as rows, and summed up now and then.
create table campaign_tallies (
    campaign_id uuid not null,
    channel text not null,
    state text not null,
    delivery text not null,
    failure text,
    count bigint not null
);
create index on campaign_tallies (campaign_id);
-- Whose address is dead: for the next channel.
create table campaign_misses (
    notice_id uuid primary key
)
"""

COUNT_NEW = """
create function tally_new() returns trigger language plpgsql as $$
begin
    if exists (select from new_rows where campaign_id is not null) then
        insert into campaign_tallies
        select campaign_id, channel, state, delivery, failure, count(*) from new_rows
        where campaign_id is not null group by 1, 2, 3, 4, 5;
    end if;
    return null;
end $$
"""

COUNT_CHANGED = """
create function tally_changed() returns trigger language plpgsql as $$
begin
    if exists (select from new_rows where campaign_id is not null) then
        insert into campaign_tallies
        select campaign_id, channel, state, delivery, failure, sum(change) from (
            select campaign_id, channel, state, delivery, failure, 1 as change from new_rows
            union all
            select campaign_id, channel, state, delivery, failure, -1 from old_rows) c
        where campaign_id is not null group by 1, 2, 3, 4, 5 having sum(change) <> 0;
        insert into campaign_misses
        select n.id from new_rows n join old_rows o using (id)
        where n.campaign_id is not null and n.failure = 'hard' and o.failure is distinct from 'hard'
        on conflict do nothing;
    end if;
    return null;
end $$
"""

TRIGGERS = """
create trigger tally_new after insert on notices referencing new table as new_rows
    for each statement execute function tally_new();
create trigger tally_changed after update on notices
    referencing new table as new_rows old table as old_rows
    for each statement execute function tally_changed()
"""


def upgrade() -> None:
    for text in (COLUMNS, TRIGGERS):
        if text is TRIGGERS:
            op.execute(COUNT_NEW)
            op.execute(COUNT_CHANGED)
        for statement in text.split(";\n"):
            op.execute(statement)
