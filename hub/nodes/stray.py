"""What is said of nodes whose commune this hub does not serve, to those who can put it right."""

from hub.people.acting import person
from hub.people.rights import Right
from hub.sentences import Speaker
from hub.shown import Shown
from hub.strangers import Stranger

NAMED = 3
"""Nodes of a commune that are called by name; the others are counted."""
TOLD = 5
"""Communes that are told of one by one."""


def strangers_in_words(shown: Shown, speak: Speaker) -> tuple[str, ...]:
    """A sentence for each commune; none for whom administers nothing."""
    if not person().may_somewhere(Right.ADMINISTER):
        return ()
    known = shown.strangers.all()
    more = [speak.t("strangers.more", count=len(known) - TOLD)] if len(known) > TOLD else []
    return (*(_said(each, speak) for each in known[:TOLD]), *more)


def _said(each: Stranger, speak: Speaker) -> str:
    return speak.t(
        "strangers.one",
        commune=each.commune,
        count=len(each.nodes),
        nodes=", ".join(list(each.nodes)[:NAMED]) + ("…" if len(each.nodes) > NAMED else ""),
        at=speak.moment(each.last),
    )
