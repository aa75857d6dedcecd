"""one-time links of several purposes, and what was asked"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "one_time_link",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_one_time_link_user_id_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "purpose", name="pk_one_time_link"),
        sa.UniqueConstraint("digest", name="uq_one_time_link_digest"),
    )
    op.create_index("ix_one_time_link_expires_at", "one_time_link", ["expires_at"])
    op.execute(
        "INSERT INTO one_time_link (user_id, purpose, digest, expires_at, email)"
        " SELECT user_id, 'recover', digest, expires_at, '' FROM recovery"
    )
    op.drop_table("recovery")
    op.create_table(
        "asked",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_asked"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("asked")
    op.create_table(
        "recovery",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_recovery_user_id_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name="pk_recovery"),
        sa.UniqueConstraint("digest", name="uq_recovery_digest"),
    )
    op.create_index("ix_recovery_expires_at", "recovery", ["expires_at"])
    op.execute(
        "INSERT INTO recovery (user_id, digest, expires_at)"
        " SELECT user_id, digest, expires_at FROM one_time_link WHERE purpose = 'recover'"
    )
    op.drop_table("one_time_link")
