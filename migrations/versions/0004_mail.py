"""the outbox, and whether an e-mail is known to be the person's"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("has_link", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("good_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mail"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mail_due_at", "mail", ["due_at"])
    op.add_column("user", sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True))
    # Who is here already was never asked, and is not locked out of recovery for it.
    op.execute('UPDATE "user" SET verified_at = created_at')


def downgrade() -> None:
    op.drop_column("user", "verified_at")
    op.drop_table("mail")
