"""What is kept of tokens and of certificates. Certificates stay for ever: the list of revoked ones needs them."""

import sqlalchemy as sa

from hub.tables import Long, metadata

tokens = sa.Table(
    "enrol_tokens",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("commune", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("area", sa.Text, nullable=False),
    sa.Column("made", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False),
    sa.Column("used", sa.Text, nullable=False, server_default=""),
    sa.Column("key_hash", sa.Text, nullable=False, server_default=""),
    sa.Column("withdrawn", sa.Text, nullable=False, server_default=""),
)
"""Times are texts; empty: has not happened. `key_hash`: of the node's key for which it was used."""

certificates = sa.Table(
    "enrol_certificates",
    metadata,
    sa.Column("serial", sa.Text, primary_key=True),
    sa.Column("commune", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False, index=True),
    sa.Column("key_hash", sa.Text, nullable=False, index=True),
    sa.Column("pem", sa.Text, nullable=False),
    sa.Column("made", sa.Text, nullable=False),
    sa.Column("ends", sa.Text, nullable=False),
    sa.Column("mark", sa.Text, nullable=False, server_default=""),
    sa.Column("model", sa.Text, nullable=False, server_default=""),
    sa.Column("revoked", sa.Text, nullable=False, server_default=""),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
    sa.Column("by_whom", sa.Text, nullable=False, server_default=""),
)
"""`serial`: hexadecimal. `mark`: of the board, as its status says. `why`: `revoked`, `replaced` or `forgotten`."""

clones = sa.Table(
    "enrol_clones",
    metadata,
    sa.Column("id", Long, primary_key=True, autoincrement=True),
    sa.Column("commune", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("serial", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("board", sa.Text, nullable=False),
    sa.Column("other", sa.Text, nullable=False),
)
"""Two boards that were noticed under one name. `serial`: of the node's certificate then; empty: it had none."""
