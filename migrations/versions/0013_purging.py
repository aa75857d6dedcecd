"""where the record of events starts, and what serves a purge"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    start = op.create_table(
        "event_chain_start",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seal", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event_chain_start"),
    )
    op.bulk_insert(start, [{"id": 1, "number": 0, "digest": bytes(32), "seal": bytes(32)}])
    op.create_index("ix_asked_created_at", "asked", ["created_at"])
    op.create_index("ix_ban_until", "ban", ["until"])
    op.create_index("ix_ban_revoked_at", "ban", ["revoked_at"])
    op.create_index("ix_mail_recipient", "mail", ["recipient"])
    unconfirmed = sa.text("verified_at IS NULL")
    op.create_index(
        "ix_user_unconfirmed", "user", ["created_at"], sqlite_where=unconfirmed, postgresql_where=unconfirmed
    )


def downgrade() -> None:
    op.drop_index("ix_user_unconfirmed", "user")
    op.drop_index("ix_mail_recipient", "mail")
    op.drop_index("ix_ban_revoked_at", "ban")
    op.drop_index("ix_ban_until", "ban")
    op.drop_index("ix_asked_created_at", "asked")
    op.drop_table("event_chain_start")
