"""listing users"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

FEW = ("is_admin", "disabled")


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    # As each database compares it: another spelling is not seen to be the same.
    few = ("is_admin = 1" if sqlite else "is_admin", "disabled_at IS NOT NULL")
    op.create_index("ix_user_created_at", "user", ["created_at", "id"])
    op.create_index("ix_user_signed_in_at", "user", ["signed_in_at", "id"])
    for name, where in zip(FEW, map(sa.text, few), strict=True):
        op.create_index(f"ix_user_{name}", "user", ["email_key"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in (*FEW, "signed_in_at", "created_at"):
        op.drop_index(f"ix_user_{name}", "user")
