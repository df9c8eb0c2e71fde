"""What the rules ask about: standings with their evidence, registers, disclosures, releases."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATEMENTS = """
set lock_timeout = '10s';
alter table standings
    add column account_id uuid references accounts, -- null: of the whole person
    add column reference text,     -- the outside number: of a case, a complaint, an order
    add column evidence text,      -- what proves it: a document's number or digest
    add column answer_by timestamptz,               -- when its clock runs out
    -- detail is what only this kind has, see domain/debtor.py
    add column detail jsonb not null default '{}';
create index on standings (answer_by) where ended_at is null and answer_by is not null;
alter table contact_points
    -- document shows that it was reserved: a form's number or digest
    add column usage text not null default 'personal',  -- personal, workplace, service
    add column document text;
alter table agencies
    add column kind text not null default 'agency',    -- what it is licensed as
    add column registration text not null default '',  -- its own registration or licence number
    add column contract text not null default '',      -- of the entrustment
    add column listed_on date,     -- when the creditor published it; null: it has not
    add column phone text not null default '';
-- What a creditor has filed, opened or been given, and with whom: signatures, templates, payee
-- accounts, mandates.
create table registrations (
    id uuid primary key,
    creditor_id text not null references creditors,
    kind text not null,
    subject text not null,         -- the signature, the template's digest, the account's number ...
    holder text not null default '',   -- with whom: a carrier, a bank, a law firm
    number text not null default '',   -- what they file it under
    status text not null,          -- pending, approved, lapsed
    since date not null,
    until date,
    evidence text not null default '',
    detail jsonb not null default '{}',
    actor text not null,
    at timestamptz not null,
    unique (creditor_id, kind, subject, holder)
);
-- What a debtor was told about an account, and by what it shows, besides what we sent ourselves.
create table disclosures (
    id uuid primary key,
    account_id uuid not null references accounts,
    debtor_id uuid not null references debtors,
    purpose text not null,         -- outsourcing_notice, assignment_notice, credit_report_notice
    agency_id text references agencies,
    told_on date not null,
    evidence text not null,
    actor text not null,
    at timestamptz not null
);
create index on disclosures (account_id, purpose);
-- What made the limitation period of a debt begin anew (时效中断).
create table interruptions (
    id uuid primary key,
    account_id uuid not null references accounts,
    kind text not null,            -- demand, acknowledgement, part_payment, suit
    happened_on date not null,
    evidence text not null,
    actor text not null,
    at timestamptz not null
);
create index on interruptions (account_id);
-- A person lets go what a rule stopped, another agrees; only what the pack allows.
create table releases (
    notice_id uuid not null references notices,
    rule text not null,
    reason text not null,
    asked_by text not null,
    asked_at timestamptz not null,
    approved_by text,
    approved_at timestamptz,
    primary key (notice_id, rule)
);
create index on releases (asked_at) where approved_at is null;
-- Every policy a verdict was made under, whole, by its digest.
create table policies (
    digest text primary key,
    jurisdiction text not null,
    title text not null,
    source text not null,
    first_used_at timestamptz not null
)
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
