"""two-step sign-in: the authenticator app's key, and recovery codes"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user", sa.Column("totp_secret", sa.String(length=255), nullable=True))
    op.add_column("user", sa.Column("totp_step", sa.BigInteger(), nullable=True))
    op.create_table(
        "recovery_code",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("hashed", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_recovery_code_user_id_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "hashed", name="pk_recovery_code"),
    )


def downgrade() -> None:
    op.drop_table("recovery_code")
    with op.batch_alter_table("user") as user:
        user.drop_column("totp_step")
        user.drop_column("totp_secret")
