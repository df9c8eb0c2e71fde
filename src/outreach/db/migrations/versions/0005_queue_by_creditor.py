"""The queue by creditor: a stop in force must not make claims walk past what it covers."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = """
alter table due add column creditor_id text;
update due set creditor_id = n.creditor_id from notices n where n.id = due.notice_id;
alter table due alter column creditor_id set not null;
create index due_by_creditor on due (lane, route, creditor_id, due_at);
drop index due_lane_route_due_at_idx;
-- a queue's dead rows stand at its front: vacuum them while they are few
alter table due set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000)
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
