"""The desk where alerts arrive: proved, told from copies, put into relation to earlier ones, judged, aired by rule."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from sqlalchemy.engine import Connection

from hub.cap import rows, said
from hub.cap.airing import Airing
from hub.cap.arriving import By, row_of
from hub.cap.bringer import decides, keep_calm
from hub.cap.clearing import by_rule
from hub.cap.message import Alert, MsgType
from hub.cap.parse import CapError, parse
from hub.cap.plan import Part, Plan, plan
from hub.cap.reading import Problem
from hub.cap.relations import REPLACED, keep
from hub.cap.rows import Row, State
from hub.cap.rules import why_part_waits
from hub.cap.settings import CapSettings
from hub.cap.signature import SignatureError, signed_part
from hub.cap.targets import Spot
from hub.clock import Clock
from hub.notice import Notice
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.rights import Person
from hub.registry import Registry
from hub.store import Store
from hub.voice import TooManyReadings, Voice
from tts.errors import SpeechError

logger = logging.getLogger(__name__)

UPLOAD = ""
"""Source of what a person or a program brings; feeds are called by their names."""
PARSE_S = 30.0
OLD = timedelta(days=1)
"""A file sent so long before it is brought, and over by this hub's clock, makes people look at that clock."""
BY_RULE = "CAP "
"""In whose name nodes hear what airs by rule: this, and the sender."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a message. `new`: it had not come before; `differs`: a proved one of its name says otherwise."""

    id: str
    state: State
    new: bool
    differs: bool = False


@dataclass(frozen=True, slots=True)
class _Ready:
    """Words of one part that may be aired."""

    number: int
    part: Part
    readings: dict[str, str]


class Desk:
    """Takes messages in."""

    def __init__(
        self,
        settings: CapSettings,
        store: Store,
        registry: Registry,
        airing: Airing,
        voice: Voice,
        audit: Audit,
        notice: Notice,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self._store = store
        self._registry = registry
        self._areas = Areas(registry)
        self._airing = airing
        self._voice = voice
        self._audit = audit
        self._notice = notice
        self._clock = clock
        self.on_waiting: list[Callable[[Row], None]] = []
        """Told of each alert that waits for a person."""

    async def take(self, data: bytes, source: str = UPLOAD, by: Person | None = None, *, astray: bool = False) -> Taken:
        """Take a message in. `by`: who brings it; `astray`: its feed has another time than this hub.

        Raises CapError, SignatureError, TooMany, SQLAlchemyError, StoreFull; then nothing is kept.
        """
        alert, body, proved = await self._proved(data, source)
        now = self._clock.now()
        comes_to = await self.plan(alert)
        row = row_of(
            alert,
            body,
            By(source, by.name if by else "", proved, astray or (by is not None and alert.sent < now - OLD)),
            comes_to,
            self.settings,
            now,
        )
        calm = by is not None and not proved and not decides(by, comes_to, self._areas)
        kept = await self._store.call(partial(keep_calm if calm else keep, row=row, alert=alert))
        row = kept.row
        if not kept.new:
            if kept.differs:
                logger.warning("alert %s of %s came again with other words", row.identifier, row.sender)
            return Taken(row.id, row.state, False, kept.differs)
        if row.state is State.WAITING and not row.reason:
            row = await self.air_by_rule(row, alert, comes_to)
        logger.info("alert %s of %s: %s %s", row.identifier, row.sender, row.state, row.reason)
        await self._all_clear(row, comes_to)
        if row.state is State.WAITING:
            for tell in self.on_waiting:
                tell(row)
        await self._store.call(partial(rows.prune, keep=self.settings.keep, now=now))
        self._airing.wake()
        self._notice.bump()
        return Taken(row.id, row.state, True)

    async def plan(self, alert: Alert) -> Plan:
        """What an alert comes to now."""
        return await asyncio.to_thread(plan, alert, self.spots(), self.settings, self._clock.now())

    def spots(self) -> list[Spot]:
        """All nodes that have a loudspeaker."""
        found: list[Spot] = []
        for node in self._registry.nodes.values():
            about = node.about
            if about is not None and any(c.kind == "speaker" for c in about.capabilities):
                at = (about.position.latitude, about.position.longitude) if about.position else None
                found.append(Spot(node.address, self._areas.place(node), at))
        return found

    async def _proved(self, data: bytes, source: str) -> tuple[Alert, bytes, bool]:
        """The message, its bytes (what was signed of them), and whether it is certain that its sender sent it."""
        alert = await parsed(data)
        sender = self.settings.sender(alert.sender)
        if sender is None or not sender.certificates:
            return alert, data, sender is not None and source in sender.feeds
        if not alert.signed:
            raise SignatureError("cap.sign_missing")
        signed = await signed_part(data, sender.certificates)
        alert = await parsed(signed)
        if alert.sender != sender.id:
            raise SignatureError("cap.sign_wrong")
        return alert, signed, True

    async def air_by_rule(self, row: Row, alert: Alert, comes_to: Plan) -> Row:
        """Air the parts that may be aired by rule; what is left waits, with its reason."""
        now = self._clock.now()
        sender = self.settings.sender(row.sender)
        ready: list[_Ready] = []
        left = ""
        for number, part in enumerate(comes_to.parts):
            reason = why_part_waits(part, sender, now)
            if not reason:
                readings = await self._readings(part)
                if readings is None:
                    reason = "reading"
                else:
                    ready.append(_Ready(number, part, readings))
            left = left or reason
        state = State.WAITING if left else State.AIRED

        def write(connection: Connection) -> None:
            for each in ready:
                text = each.part.spoken.text if each.part.spoken else ""
                words = self.words(each.number, each.part, text, each.readings, f"{BY_RULE}{row.sender}")
                said.say(connection, row.id, words, each.part.nodes, now)
                said.note(connection, row.id, said.Act(now, "", "rule", str(len(each.part.nodes))))
            rows.move(connection, row.id, state, left)
            if ready:
                said.end(connection, [old.id for old in rows.referred(connection, row.id) if old.state in REPLACED])

        await self._store.call(write)
        if ready:
            nodes = [node for each in ready for node in each.part.nodes][:50]
            who = Person("", f"{BY_RULE}{row.sender}"[:100])
            self._audit.note("alert.air", what=row.title, who=who, alert=row.id, nodes=nodes)
        return replace(row, state=state, reason=left)

    async def _all_clear(self, row: Row, comes_to: Plan) -> None:
        """Have it said that an earlier siren is over, where the sender's rule has it so."""
        if row.msg_type not in (MsgType.UPDATE.value, MsgType.CANCEL.value):
            return
        now, who = self._clock.now(), f"{BY_RULE}{row.sender}"[:100]
        job = partial(by_rule, row=row, comes_to=comes_to, settings=self.settings, now=now, by=who)
        for old in await self._store.call(job):
            self._audit.note("alert.clear", what=row.title, who=Person("", who), alert=old, by=row.id)

    async def _readings(self, part: Part) -> dict[str, str] | None:
        """How its words are read; None: something in them must be asked, and it is no siren, which never waits."""
        siren = part.class_ == "emergency"
        try:
            checked = await self._voice.check(part.spoken.text if part.spoken else "", {})
        except (SpeechError, TooManyReadings) as error:
            logger.warning("the words of an alert could not be read beforehand: %s", error)
            return {} if siren else None
        return checked.readings if siren or not checked.reading.questions else None

    def words(self, number: int, part: Part, text: str, readings: dict[str, str], by: str) -> said.Words:
        """What is said of a part from now on, so long as it repeats; `by`: who let it."""
        until = min(part.expires, self._clock.now() + timedelta(minutes=self.settings.repeat_minutes))
        return said.Words(number, text, readings, part.class_, until, by[:100])


async def parsed(data: bytes) -> Alert:
    """`parse` in a thread, within `PARSE_S` seconds. Raises CapError."""
    try:
        async with asyncio.timeout(PARSE_S):
            return await asyncio.to_thread(parse, data)
    except TimeoutError as error:
        raise CapError((Problem("cap.xml_slow", "", 0),)) from error
