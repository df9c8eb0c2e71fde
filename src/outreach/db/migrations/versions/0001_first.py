"""The first schema: who owes, what was said to them, and what came of it."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = """
create table deployment (
    id boolean primary key default true check (id),
    lookup_check bytea not null,   -- the look-up hash of a fixed word: a wrong key is seen at start
    created_at timestamptz not null
);

create table creditors (
    id text primary key,
    name text not null,
    jurisdiction text not null
);

create table agencies (
    id text primary key,
    creditor_id text not null references creditors,
    name text not null,
    since date not null,
    until date
);

create table users (
    id text primary key,
    role text not null,
    active boolean not null default true,
    created_at timestamptz not null
);

-- One row per debtor, contact point or day of raw callbacks; wrapped is null once destroyed.
create table sealing_keys (
    id uuid primary key,
    wrapped bytea,
    master_version smallint not null,
    created_at timestamptz not null,
    destroyed_at timestamptz
);

create table debtors (
    id uuid primary key,
    creditor_id text not null references creditors,
    id_number_hash bytea not null,
    id_tail_hash bytea not null,
    name_hash bytea not null,
    sealed bytea not null,         -- {name, sex, id_number}
    locale text not null,
    zone text not null,
    jurisdiction text not null,
    created_at timestamptz not null,
    unique (creditor_id, id_number_hash)
);
create index on debtors (name_hash);
create index on debtors (id_tail_hash);

create table standings (
    id uuid primary key,
    debtor_id uuid not null references debtors,
    kind text not null,
    owner text not null,
    reason text not null,          -- a code or case number, never free text about a person
    since timestamptz not null,
    expires_at timestamptz,
    ended_at timestamptz
);
create index on standings (debtor_id) where ended_at is null;

create table accounts (
    id uuid primary key,
    creditor_id text not null references creditors,
    debtor_id uuid not null references debtors,
    agency_id text references agencies,
    number_hash bytea not null,
    number_tail text not null,
    sealed bytea not null,         -- {number}
    product text not null,
    currency text not null,
    statement_date date,
    due_date date not null,
    oldest_unpaid_due_date date,
    minimum_payment bigint not null,
    overdue bigint not null,
    balance bigint not null,
    principal bigint not null,
    interest bigint not null,
    penalty bigint not null,
    fees bigint not null,
    balance_as_of timestamptz not null,
    core_dpd integer,
    core_stage text,
    updated_at timestamptz not null,
    unique (creditor_id, number_hash)
) with (fillfactor = 80);
create index on accounts (debtor_id);

create table parties (
    account_id uuid not null references accounts,
    debtor_id uuid not null references debtors,
    role text not null,
    primary key (account_id, debtor_id)
);
create index on parties (debtor_id);

-- One row per distinct phone, mailbox or address: what two people sharing a phone share.
create table contact_values (
    hash bytea primary key
);

create table contact_points (
    id uuid primary key,
    debtor_id uuid not null references debtors,
    creditor_id text not null references creditors,
    kind text not null,
    value_hash bytea not null references contact_values,
    tail_hash bytea,               -- last four digits of a phone
    region text not null,          -- ISO country, in clear: routes need it
    sealed bytea not null,         -- {value} or {recipient, lines, postcode, region}
    origin text not null,
    verified boolean not null,
    opted_out_at timestamptz,
    dead_at timestamptz,
    wrong_person_at timestamptz,
    created_at timestamptz not null,
    unique (debtor_id, kind, value_hash)
);
create index on contact_points (value_hash);
create index on contact_points (tail_hash) where tail_hash is not null;

create table template_versions (
    digest text primary key,
    channel text not null,
    purpose text not null,
    locale text not null,
    source text not null,
    first_used_at timestamptz not null
);

create table notices (
    id uuid primary key,
    creditor_id text not null references creditors,
    debtor_id uuid not null references debtors,
    account_ids uuid[] not null,
    purpose text not null,
    channel text not null,
    currency text not null,
    contact_point_id uuid not null references contact_points,
    idempotency_key text not null,
    lane text not null,
    route text not null,
    number bigint generated always as identity,
    state text not null default 'pending',
    delivery text not null default 'none',
    failure text,                  -- soft, hard, rejected ... of an undelivered or failed notice
    conflict boolean not null default false, -- delivered after a final failure: for a person to see
    code text,
    attempt smallint not null default 0,
    parts smallint not null default 0,
    batch_id text,
    template_digest text references template_versions,
    due_at timestamptz not null,
    expires_at timestamptz not null,
    created_at timestamptz not null,
    actor text not null,
    unique (creditor_id, idempotency_key)
) with (fillfactor = 70);
create index on notices (debtor_id, created_at);
create unique index on notices (number);
create index on notices (batch_id) where batch_id is not null;

-- What waits to go. State changes of notices touch no index because this table is the queue.
create table due (
    notice_id uuid primary key references notices,
    lane text not null,
    route text not null,
    due_at timestamptz not null
);
create index on due (lane, route, due_at);

-- One row per chunk in flight; lease_until is operational time, the database server's.
create table claims (
    id uuid primary key,
    worker text not null,
    notice_ids uuid[] not null,
    attempts smallint[] not null,
    lease_until timestamptz not null
);
create index on claims (lease_until);

create table uncertain (
    notice_id uuid primary key references notices,
    attempt smallint not null,
    since timestamptz not null
);

create table carriage (
    carrier text not null,
    message_id text not null,
    notice_id uuid not null references notices,
    attempt smallint not null,
    part smallint not null,
    delivery text not null,
    failure text,
    code text,
    primary key (carrier, message_id)
);
create index on carriage (notice_id);

create table letter_batches (
    id text primary key,
    carrier text not null,
    opened_at timestamptz not null,
    closed_at timestamptz,         -- intent committed for all its letters
    handed_over_at timestamptz     -- the folder's _READY is written
);

create table contact_events (
    id uuid not null,
    at timestamptz not null,
    kind text not null,
    stream text not null,
    creditor_id text not null,
    actor text not null,
    debtor_id uuid,
    notice_id uuid,
    account_id uuid,
    channel text,
    policy_version text,
    data jsonb not null,
    payload_digest bytea,
    primary key (id, at)
) partition by range (at);
create index on contact_events (debtor_id, at);
create index on contact_events (debtor_id, channel, at) where kind = 'sending';
create index on contact_events (notice_id) where notice_id is not null;
create index on contact_events (stream, at);
create table contact_events_other partition of contact_events default;

create table event_payloads (
    event_id uuid primary key,
    key_id uuid not null,
    salt bytea not null,
    sealed bytea not null
);

create table unsealed (
    event_id uuid primary key,
    at timestamptz not null,
    stream text not null
);

create table streams (
    stream text primary key,
    seq bigint not null,
    head bytea not null
);

create table chain (
    stream text not null,
    seq bigint not null,
    event_id uuid not null,
    at timestamptz not null,
    head bytea not null,
    primary key (stream, seq)
);
create unique index on chain (event_id);

create table raw_callbacks (
    id uuid primary key,
    carrier text not null,
    received_at timestamptz not null,
    key_id uuid not null,
    sealed bytea not null,         -- the callback as it came: path, url, headers, body
    digest bytea not null          -- SHA-256 of what came: the same callback again is seen
);
create unique index on raw_callbacks (carrier, digest);

-- What waits to be applied; a row leaves when its facts are in the history.
create table callbacks_due (
    callback_id uuid primary key references raw_callbacks,
    tries smallint not null default 0,
    retry_at timestamptz not null
);

create table responses (
    id uuid primary key,
    creditor_id text,
    debtor_id uuid references debtors,
    notice_id uuid references notices,
    callback_id uuid references raw_callbacks,
    channel text not null,
    kind text not null,
    promised_on date,
    sure boolean not null,
    at timestamptz not null
);
create index on responses (debtor_id, at);
create index on responses (at) where debtor_id is null;

create table payments (
    id uuid primary key,
    creditor_id text not null references creditors,
    account_id uuid not null references accounts,
    reference text not null,
    kind text not null,
    amount bigint not null,
    currency text not null,
    posted_at timestamptz not null,
    reverses text,
    unique (creditor_id, reference)
);
create index on payments (account_id, posted_at);

create table imports (
    id uuid primary key,
    kind text not null,
    file_digest text not null,
    actor text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    rows_read bigint not null default 0,
    created bigint not null default 0,
    changed bigint not null default 0,
    unchanged bigint not null default 0,
    refused bigint not null default 0
);

create table stops (
    scope text primary key,        -- 'all', 'creditor:<id>' or 'channel:<channel>'
    actor text not null,
    reason text not null,
    at timestamptz not null
);
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
