"""browsers that a mailed link alone made known"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Those that are there count as browsers on which somebody signed in. The default stays: without it SQLite would
    # make the table anew, and forget which numbers were given.
    op.add_column("device", sa.Column("by_link", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("device", "by_link")
