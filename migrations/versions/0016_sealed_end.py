"""the end of the record of events, sealed"""

import hmac

import sqlalchemy as sa
from alembic import context, op
from flask import current_app

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

chain = sa.table(
    "event_chain",
    sa.column("length", sa.Integer),
    sa.column("digest", sa.LargeBinary),
    sa.column("seal", sa.LargeBinary),
)


def upgrade() -> None:
    op.add_column("event_chain", sa.Column("seal", sa.LargeBinary(length=32), nullable=False, server_default=""))
    if not context.is_offline_mode():
        seal()
    with op.batch_alter_table("event_chain") as table:
        table.alter_column("seal", server_default=None)


def seal() -> None:
    """As the site does with each event; a script of SQL has no key, and leaves it to the next event."""
    key = hmac.digest(current_app.extensions["netflix-config"].password_key.encode(), b"netflix event chain", "sha256")
    database = op.get_bind()
    for length, digest in database.execute(sa.select(chain.c.length, chain.c.digest)).all():
        made = hmac.digest(key, b"written %d " % length + digest, "sha256")
        database.execute(sa.update(chain).values(seal=made))


def downgrade() -> None:
    with op.batch_alter_table("event_chain") as table:
        table.drop_column("seal")
