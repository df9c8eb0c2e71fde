"""Payloads stay in their rows: sealed, they do not shrink, and a mail with HTML is a few kilobytes.

Out of line each would cost an attempt at compression and three more index entries.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATEMENTS = """
set lock_timeout = '10s';
alter table event_payloads alter column sealed set storage external;
alter table event_payloads set (toast_tuple_target = 8160)
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
