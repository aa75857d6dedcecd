"""leaving"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("user") as table:
        table.add_column(sa.Column("deleting_at", sa.DateTime(timezone=True), nullable=True))
        table.create_index("ix_user_deleting_at", ["deleting_at"])


def downgrade() -> None:
    with op.batch_alter_table("user") as table:
        table.drop_index("ix_user_deleting_at")
        table.drop_column("deleting_at")
