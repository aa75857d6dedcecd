"""a password that must be changed"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user", sa.Column("must_change_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("user", "must_change_since")
