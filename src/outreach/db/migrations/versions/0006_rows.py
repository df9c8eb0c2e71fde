"""Rows as statements take them: whole chunks as one array of rows, bound at half the cost."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Never altered: a version that is still running sends rows of the old shape. A row that changes
# gets a type with a new name.
STATEMENTS = """
create type event_row as (id uuid, at timestamptz, kind text, stream text, creditor_id text,
    actor text, debtor_id uuid, notice_id uuid, account_id uuid, channel text, policy_version text,
    data jsonb, payload_digest bytea, key_id uuid, salt bytea, sealed bytea);
create type intent_row as (id uuid, attempt smallint, template text, parts smallint);
create type result_row as (id uuid, attempt smallint, state text, parts smallint, failure text,
    code text, unused boolean);
create type carriage_row as (carrier text, message_id text, notice_id uuid, attempt smallint,
    part smallint, delivery text, failure text, code text);
-- every claim asks whether there is one
create index uncertain_recovered on uncertain (notice_id) where recovered
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
