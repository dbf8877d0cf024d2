"""The tables of alert intake. Instants are ISO 8601 in UTC, so that their order is the order of time."""

import sqlalchemy as sa

from hub.tables import metadata

alerts = sa.Table(
    "cap_alerts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("identifier", sa.Text, nullable=False),
    sa.Column("sent", sa.Text, nullable=False),
    sa.Column("received", sa.Text, nullable=False, index=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("given_by", sa.Text, nullable=False),
    sa.Column("proved", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("msg_type", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("areas", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
references = sa.Table(
    "cap_references",
    metadata,
    sa.Column("alert", sa.Text, sa.ForeignKey("cap_alerts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("target", sa.Text, primary_key=True),
    sa.Index("cap_references_target", "target"),
)
names = sa.Table(
    "cap_names",
    metadata,
    sa.Column("alert", sa.Text, sa.ForeignKey("cap_alerts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, nullable=False, index=True),
)
"""Of messages that came under a name that another one has already: by what name they are referred to."""
words = sa.Table(
    "cap_words",
    metadata,
    sa.Column("alert", sa.Text, sa.ForeignKey("cap_alerts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("readings", sa.Text, nullable=False),
    sa.Column("class", sa.Text, nullable=False),
    sa.Column("until", sa.Text, nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
)
airings = sa.Table(
    "cap_airings",
    metadata,
    sa.Column("alert", sa.Text, sa.ForeignKey("cap_alerts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("words", sa.Integer, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("fault", sa.Text, nullable=False),
    sa.Column("ending", sa.Text, nullable=False),
)
acts = sa.Table(
    "cap_acts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("alert", sa.Text, sa.ForeignKey("cap_alerts.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("word", sa.Text, nullable=False),
)
feeds = sa.Table(
    "cap_feeds",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("etag", sa.Text, nullable=False),
    sa.Column("modified", sa.Text, nullable=False),
    sa.Column("good", sa.Text, nullable=False),
)
entries = sa.Table(
    "cap_entries",
    metadata,
    sa.Column("feed", sa.Text, primary_key=True),
    sa.Column("entry", sa.Text, primary_key=True),
    sa.Column("seen", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
)
