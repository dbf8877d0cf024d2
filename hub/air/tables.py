"""What the hub remembers of emergencies: messages that were prepared, and those that were sounded, node by node."""

import sqlalchemy as sa

from hub.tables import metadata

prepared = sa.Table(
    "air_prepared",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("clear", sa.Text, nullable=False),
    sa.Column("readings", sa.Text, nullable=False),
    sa.Column("drill", sa.Integer, nullable=False),
    sa.Column("removed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("changed", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("sound", sa.Text, nullable=False, server_default=""),
    sa.Column("bytes", sa.Integer, nullable=False, server_default="0"),
)
"""`clear`: what is said when it is over; `sound`: SHA-256 of the spoken text in the media store, of so many `bytes`."""
sounded = sa.Table(
    "air_emergencies",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("readings", sa.Text, nullable=False),
    sa.Column("clear", sa.Text, nullable=False),
    sa.Column("drill", sa.Integer, nullable=False),
    sa.Column("sound", sa.Text, nullable=False, server_default=""),
    sa.Column("bytes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False, index=True),
    sa.Column("until", sa.Text, nullable=False),
    sa.Column("cleared", sa.Text, nullable=False, server_default=""),
    sa.Column("cleared_by", sa.Text, nullable=False, server_default=""),
)
"""`until`: it repeats no longer; `cleared`: when somebody said that it is over."""
told = sa.Table(
    "air_emergency_nodes",
    metadata,
    sa.Column("emergency", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False, server_default=""),
    sa.Column("fault", sa.Text, nullable=False, server_default=""),
    sa.Column("ended", sa.Text, nullable=False, server_default=""),
)
"""`state`: the node's last answer, empty before it was asked; `ended`: its answer to the end."""
