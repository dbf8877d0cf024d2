"""Drafts in the database. Who saves says what they saw last: what another wrote meanwhile is never written over."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from edge_agent.contract.base import iso
from hub.clock import Clock
from hub.people.rights import Person, Place, Right, widest
from hub.store import Store
from hub.tables import metadata
from hub.writing.model import Content, Copy, Draft, Words

MOST_DRAFTS = 200
"""Of one person; more are refused, so that nobody fills the card."""
MOST_COPIES = 20
_ID_BYTES = 10

drafts = sa.Table(
    "drafts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("changed", sa.Text, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("tab", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=True),
    sa.Column("bulletin", sa.Text, nullable=False, server_default=""),
)
copies = sa.Table(
    "draft_copies",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("draft", sa.Text, sa.ForeignKey("drafts.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
)


class TooMany(Exception):
    """Somebody has `MOST_DRAFTS` drafts already."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page had seen when it sent its form: the number of the draft, and its own name."""

    number: int
    tab: str


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of saving. `conflict`: somebody else had changed it; `draft` is theirs, ours was kept as a copy."""

    draft: Draft
    conflict: bool = False


class Drafts:
    """All drafts; who may see which is asked of `may`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, who: Person, content: Content, source: dict[str, Any] | None = None) -> Draft:
        """A new draft. Raises TooMany, SQLAlchemyError, StoreFull."""
        now, id_ = self._clock.now(), secrets.token_hex(_ID_BYTES)
        draft = Draft(
            id=id_,
            content=content,
            place=str(_home(who)),
            by=who.id,
            name=who.name,
            created=now,
            changed=now,
            changed_by=who.name,
            source=source,
        )

        def job(connection: Connection) -> bool:
            count = sa.select(sa.func.count()).select_from(drafts).where(drafts.c.by == who.id)
            if connection.execute(count).scalar_one() >= MOST_DRAFTS:
                return False
            connection.execute(drafts.insert().values(**_values(draft)))
            return True

        if not await self._store.call(job):
            raise TooMany
        return draft

    async def get(self, id_: str) -> Draft | None:
        """The draft, whoever's it is. Raises SQLAlchemyError."""
        return await self._store.read(lambda c: _find(c, id_))

    async def of_bulletin(self, bulletin: str) -> Draft | None:
        """The draft of which a bulletin was made. Raises SQLAlchemyError."""
        query = sa.select(drafts).where(drafts.c.bulletin == bulletin).order_by(drafts.c.changed.desc())
        row = await self._store.read(lambda c: c.execute(query).first())
        return _draft(row) if row else None

    async def untouched(self, who: Person) -> Draft | None:
        """One that they began and left as it was. Raises SQLAlchemyError."""
        query = sa.select(drafts).where(drafts.c.by == who.id, drafts.c.created == drafts.c.changed)
        rows = await self._store.read(lambda c: c.execute(query.limit(MOST_DRAFTS)).fetchall())
        return next((draft for draft in map(_draft, rows) if is_untouched(draft)), None)

    async def of(self, who: Person) -> list[Draft]:
        """What somebody may open, the last changed first. Raises SQLAlchemyError."""
        query = sa.select(drafts).where(drafts.c.bulletin == "").order_by(drafts.c.changed.desc())
        if not who.may_everywhere(Right.WRITE):
            places = [str(place) for place in widest(who.places(Right.WRITE))]
            within = [drafts.c.place == place for place in places]
            within += [drafts.c.place.like(f"{place}/%") for place in places if place.isdigit()]
            query = query.where(sa.or_(drafts.c.by == who.id, *within))
        rows = await self._store.read(lambda c: c.execute(query.limit(2 * MOST_DRAFTS)).fetchall())
        found = (_draft(row) for row in rows)
        return [draft for draft in found if may(who, draft)]

    async def save(
        self, draft: Draft, content: Content, seen: Seen, who: Person, *, anyway: bool = False, **more: object
    ) -> Saved:
        """Keep `content`, if nobody else changed the draft since the page was drawn; else keep it beside.

        `anyway`: it becomes the draft, and what another wrote is kept beside. `more`: other columns.
        Raises LookupError when the draft is gone, SQLAlchemyError, StoreFull.
        """
        now = self._clock.now()

        def job(connection: Connection) -> Saved | None:
            known = _find(connection, draft.id)
            if known is None:
                return None
            is_other = known.number != seen.number and known.tab != seen.tab
            if known.content == content and not more:
                return Saved(known)
            if is_other and not anyway:
                _keep(connection, f"{draft.id}-{seen.tab}", draft.id, now, who.name, content)
                return Saved(known, True)
            if is_other:
                _keep(connection, f"{draft.id}-{known.number}", draft.id, now, known.changed_by, known.content)
            changes = {
                "content": content,
                "changed": now,
                "changed_by": who.name,
                "number": known.number + 1,
                "tab": seen.tab,
            }
            after = known.model_copy(update={**changes, **more})
            connection.execute(drafts.update().where(drafts.c.id == draft.id).values(**_values(after)))
            return Saved(after)

        saved = await self._store.call(job)
        if saved is None:
            raise LookupError(draft.id)
        return saved

    async def beside(self, draft: Draft) -> list[Copy]:
        """What was kept beside it, the newest first. Raises SQLAlchemyError."""
        query = sa.select(copies).where(copies.c.draft == draft.id).order_by(copies.c.at.desc())
        rows = await self._store.read(lambda c: c.execute(query).fetchall())
        return [Copy(id=row.id, at=row.at, name=row.name, content=_content(row.content)) for row in rows]

    async def keep_beside(self, draft: Draft) -> None:
        """Keep what the draft is now, before it is replaced. Raises SQLAlchemyError, StoreFull."""
        id_, at = copy_of(draft), self._clock.now()
        await self._store.call(lambda c: _keep(c, id_, draft.id, at, draft.changed_by, draft.content))

    async def remove(self, draft: Draft) -> None:
        """Throw it away, and what was kept beside it. Raises SQLAlchemyError, StoreFull."""

        def job(connection: Connection) -> None:
            connection.execute(copies.delete().where(copies.c.draft == draft.id))
            connection.execute(drafts.delete().where(drafts.c.id == draft.id))

        await self._store.call(job)


def copy_of(draft: Draft) -> str:
    """By what the copy of a draft is known that `keep_beside` makes."""
    return f"{draft.id}-{draft.number}"


def is_untouched(draft: Draft) -> bool:
    """Whether nothing was written in it since it was begun."""
    content = draft.content
    texts = [piece.text for version in content.versions for piece in version.pieces if isinstance(piece, Words)]
    new = draft.created == draft.changed and not draft.source and not draft.bulletin
    return new and not content.title and not any(texts)


def may(who: Person, draft: Draft) -> bool:
    """Whether somebody may open and change a draft: it is theirs, or they write for the place where it was begun."""
    return who.may_somewhere(Right.WRITE) and (who.id == draft.by or who.may(Right.WRITE, Place.parse(draft.place)))


def _home(who: Person) -> Place:
    places = widest(who.places(Right.WRITE))
    return min(places, key=lambda place: (len(str(place)), str(place))) if places else Place("", "", "nowhere")


def _find(connection: Connection, id_: str) -> Draft | None:
    row = connection.execute(sa.select(drafts).where(drafts.c.id == id_)).first()
    return _draft(row) if row else None


def _draft(row: Row[Any]) -> Draft:
    values = dict(row._mapping)
    source = values.pop("source")
    values["content"] = _content(values["content"])
    return Draft(**values, source=json.loads(source) if source else None)


def _content(text: str) -> Content:
    return Content.model_validate_json(text)


def _values(draft: Draft) -> dict[str, Any]:
    return {
        **draft.model_dump(include={"id", "place", "by", "name", "changed_by", "number", "tab", "bulletin"}),
        "created": iso(draft.created),
        "changed": iso(draft.changed),
        "content": draft.content.model_dump_json(by_alias=True),
        "source": json.dumps(draft.source, ensure_ascii=False) if draft.source else None,
    }


def _keep(connection: Connection, id_: str, draft: str, at: datetime, name: str, content: Content) -> None:
    connection.execute(copies.delete().where(copies.c.id == id_))
    values = {"id": id_, "draft": draft, "at": iso(at), "name": name, "content": content.model_dump_json(by_alias=True)}
    connection.execute(copies.insert().values(**values))
    newest = sa.select(copies.c.id).where(copies.c.draft == draft).order_by(copies.c.at.desc(), copies.c.id)
    kept = list(connection.execute(newest.limit(MOST_COPIES)).scalars())
    connection.execute(copies.delete().where(copies.c.draft == draft, copies.c.id.not_in(kept)))
