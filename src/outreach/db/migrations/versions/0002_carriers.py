"""How much of a carrier's daily quota is taken."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = """
create table carrier_days (
    carrier text not null,
    day date not null,             -- in the carrier's zone
    taken bigint not null,
    last_take bigint not null,     -- what the last take got, for it to return
    primary key (carrier, day)
);
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
