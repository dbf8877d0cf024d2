"""The all-clear: after a siren, people are told that it is over, where they heard it."""

from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from hub.cap import rows, said
from hub.cap.message import MsgType, Status
from hub.cap.plan import Plan
from hub.cap.relations import REPLACED
from hub.cap.rows import Row
from hub.cap.settings import CapSettings

LIFE = timedelta(hours=1)
"""So long afterwards a node that comes back says it."""


def lowers(row: Row, comes_to: Plan) -> bool:
    """Whether a message says that the danger is less than a siren's, everywhere: a Cancel, or a lower Update."""
    if row.msg_type == MsgType.CANCEL.value:
        return True
    if row.msg_type != MsgType.UPDATE.value:
        return False
    known = all(part.level or part.info.is_all_clear for part in comes_to.parts)
    return bool(comes_to.parts) and known and all(part.class_ != said.SIREN for part in comes_to.parts)


def usual_words(old: Row, settings: CapSettings) -> str:
    """What is said where nobody wrote other words: not that the danger is over, for a Cancel does not say so."""
    sender = settings.sender(old.sender)
    named = f"{sender.name} thông báo. " if sender is not None and sender.name else ""
    title = " ".join(old.title.split()).rstrip(".!…")
    return f"{named}Tin cảnh báo {title} không còn hiệu lực. Bà con theo dõi các thông báo tiếp theo."


def words_of(row: Row, comes_to: Plan, old: Row, settings: CapSettings) -> str:
    """What a newer message has said: its own words where it tells of something less, else that the old one is over.

    Never those of a Cancel, which often repeats the words of the danger.
    """
    if row.msg_type == MsgType.UPDATE.value and lowers(row, comes_to):
        text = next((part.spoken.text for part in comes_to.parts if part.spoken is not None), "")
        if text:
            return text
    return usual_words(old, settings)


def by_rule(
    connection: Connection, row: Row, comes_to: Plan, settings: CapSettings, now: datetime, by: str
) -> list[str]:
    """End what a message stands for where it lowers it, and have it said; which alerts that are.

    Only for a sender who is proved, and whose rule has it so.
    """
    sender = settings.sender(row.sender)
    allowed = sender is not None and sender.auto is not None and sender.auto.all_clear
    if not allowed or not row.proved or row.status != Status.ACTUAL.value:
        return []
    old = [each for each in rows.referred(connection, row.id) if each.state in REPLACED and each.reason == row.id]
    if lowers(row, comes_to):
        said.end(connection, [each.id for each in old])
    return [each.id for each in old if _say(connection, each, words_of(row, comes_to, each, settings), now, by)]


def _say(connection: Connection, old: Row, text: str, now: datetime, by: str) -> bool:
    """Not while it still sounds: then what replaces it waits for a person."""
    nodes = said.aired_at(connection, old.id)
    if any(not each.ending for each in nodes) or not said.clear(connection, old.id, text, now + LIFE, by):
        return False
    said.note(connection, old.id, said.Act(now, "", "cleared", str(len(said.heard(connection, old.id)))))
    return True
