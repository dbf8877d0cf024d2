"""The tables of messages to people. Instants are ISO 8601 in UTC, so that their order is the order of time."""

import sqlalchemy as sa

from hub.tables import Long, metadata

channels = sa.Table(
    "notify_channels",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("shown", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("quiet_from", sa.Text, nullable=False),
    sa.Column("quiet_until", sa.Text, nullable=False),
    sa.Column("on", sa.Integer, nullable=False),
    sa.Column("since", sa.Text, nullable=False),
)
told = sa.Table(
    "notify_told",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("area", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)
"""Troubles that were told and are not over."""
items = sa.Table(
    "notify_items",
    metadata,
    sa.Column("id", Long, primary_key=True, autoincrement=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("area", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("urgent", sa.Integer, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("message", Long, nullable=False),
    sa.Index("notify_items_channel", "channel", "message"),
    sa.Index("notify_items_key", "channel", "key"),
)
"""What a channel is to be told. `kind`: new, over, once; `message`: in which message it went, 0: it waits."""
messages = sa.Table(
    "notify_messages",
    metadata,
    sa.Column("id", Long, primary_key=True, autoincrement=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("urgent", sa.Integer, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("things", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("due", sa.Text, nullable=False),
    sa.Column("sent", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Index("notify_messages_channel", "channel", "state", "id"),
    sa.Index("notify_messages_at", "at"),
)
"""What was put together, and what became of it: waiting, sent, given_up. Also the log of what was sent to whom."""
news = sa.Table(
    "notify_news",
    metadata,
    sa.Column("id", Long, primary_key=True, autoincrement=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("thing", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)
"""What happened once, written with the record that told of it, until it is handed to channels."""
