"""Leave room on each page for the next version of all its rows.

A chunk changes the rows of a page together: with less room half of the new versions go to another
page, and into every index.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table notices set (fillfactor = 50)")
    op.execute("alter table streams set (fillfactor = 50)")
