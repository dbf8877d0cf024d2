"""What the hub knows and how it reaches nodes: everything that no page and no desk is part of."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Connection

from edge_agent.contract.records import Event, Sample
from hub.aired.keeping import AiredLog
from hub.aired.naming import Naming
from hub.alerts.news import News
from hub.births.keeping import BirthLog
from hub.cameras.lookback_rows import MovedLog
from hub.cameras.looks import Looks
from hub.cameras.public import PublicCameras
from hub.clock import Clock
from hub.commands import Commands
from hub.config import MB, HubConfig
from hub.enrolment.part import EnrolmentPart
from hub.enrolment.part import Needs as EnrolmentNeeds
from hub.feed import Feed
from hub.followup import FollowUp
from hub.forgotten import Forgotten
from hub.hubclock import HubClock
from hub.inbox import Inbox
from hub.keyring import KeyRing
from hub.ledger import Ledger
from hub.link import Link, OnMessage
from hub.media import MediaStore
from hub.media_needs import MediaNeeds
from hub.monthly.attending import Attendance
from hub.monthly.counting import MonthLog, basis_of
from hub.notice import Notice
from hub.people.areas import Areas
from hub.people.asked import Asked
from hub.people.house import House
from hub.pictures import Pictures
from hub.presence import Presence
from hub.previews import Previews
from hub.records import Note
from hub.registry import Registry
from hub.rollout import KeyRollout
from hub.sealed import Seal
from hub.store import Store
from hub.strangers import Strangers
from hub.voice import Voice


class Core:
    """The parts that all others stand on. `on_video`: gets topic and body of live pictures."""

    def __init__(self, config: HubConfig, clock: Clock) -> None:
        """Raises ConfigError when the key of the commands or the broker's password cannot be used."""
        self.config, self.clock = config, clock
        self.closing = asyncio.Event()
        self.notice = Notice()
        self.store = Store(config.database_address)
        self._presence = Presence(self.store)
        self._forgotten = Forgotten(self.store)
        self.registry = Registry(self._presence, self.notice, clock, config.limits.nodes, self._forgotten)
        self.areas = Areas(self.registry)
        self.seal = Seal(config.data / "secrets.key")
        self.people = House(self.store, clock, self.areas, self.seal)
        self.accounts, self.sessions = self.people.accounts, self.people.sessions
        self.audit, self.door = self.people.audit, self.people.door
        months = MonthLog(config.zone, basis_of(self.registry), clock)
        self.store.on_rollback.append(months.forget)
        self.ledger = Ledger(self.store, self.notice, config.limits.records, _notes(config, months, clock))
        media_needs = MediaNeeds(self.store, clock)
        self.media = MediaStore(config.data / "media", config.limits.media_mb * MB, media_needs)
        self.signer = KeyRing(config)
        self.commands = Commands(self.signer, self._publish, clock)
        asked = Asked(self.audit)
        self.commands.on_one.append(asked.one)
        self.commands.on_many.append(asked.many)
        self.feed = Feed(self.registry.nodes.values, config.limits.viewers, self.closing)
        naming = Naming(self.store)
        self.strangers = Strangers(config.communes, clock, self.notice)
        self.inbox = Inbox(self.registry, self.ledger, self.commands, naming, self.feed, clock, self.strangers)
        self.hub_clock = HubClock(clock)
        self.inbox.on_instant = self._compare
        self.link = _link(config, clock, self._take, self.notice)
        self.on_video: Callable[[str, bytes], None] = _nobody_looks
        self.attendance = Attendance(self.registry, self.link, self.store, clock, config.zone)
        self._followup = FollowUp(self.ledger, self.commands, self.can_reach, clock)
        self.pictures = Pictures(self.commands, self.media, clock)
        self.looks = Looks(self.store, self.audit, clock)
        self.pictures.on_look.append(lambda address, camera: self.looks.often(address, camera, "still"))
        self.public_cameras = PublicCameras(self.store, self.registry, self.pictures, self.audit, clock)
        self.voice = Voice(config.voice, config.dictionary)
        self.previews = Previews(config.data / "previews", clock)
        self.enrolment = self._enrolment()
        self._rollout = KeyRollout(
            self.signer, self.store, self.registry, self.commands, lambda: self.link.connected, clock
        )

    async def start(self) -> None:
        """Open the files, read what is kept. Raises OSError, SQLAlchemyError."""
        await self.store.start()
        await self.people.start()
        await self._presence.load()
        await self._forgotten.load()
        await self.ledger.load()
        await self.public_cameras.load()
        await self.media.start()
        await self.previews.start()
        if self.enrolment:
            await self.enrolment.load()

    def runs(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """What runs as long as the hub: name, the function."""
        return [
            ("link", self.link.run),
            ("follow-up", self._followup.run),
            ("people", self.people.run),
            ("attendance", self.attendance.run),
            ("command keys", self._rollout.run),
            *(self.enrolment.runs() if self.enrolment else ()),
        ]

    def close(self) -> None:
        """End everything that a page is waiting for: live streams, answers of nodes."""
        self.closing.set()
        self.notice.bump()
        self.feed.close()
        self.commands.stop()

    def can_reach(self, address: str) -> bool:
        """Whether a command would come to the node now."""
        return self.link.connected and self.registry.is_online(address)

    def _enrolment(self) -> EnrolmentPart | None:
        if self.config.enrolment is None:
            return None
        needs = EnrolmentNeeds(self.store, self.registry, self.audit, self.signer, self.clock)
        part = EnrolmentPart(self.config, self.config.enrolment, needs)
        self.inbox.on_status = part.clones.looked_at
        return part

    def _compare(self, address: str, at: datetime) -> None:
        """A node that does not trust its own clock says nothing of ours."""
        node = self.registry.nodes.get(address)
        if node and node.status and node.status.clock and node.status.clock.trusted:
            self.hub_clock.hear(address, at)
        else:
            self.hub_clock.forget(address)

    def _take(self, topic: str, body: bytes, retained: bool) -> None:
        """Video goes its own way: there is much of it, and it is no report."""
        if "/live/" in topic:
            self.on_video(topic, body)
        else:
            self.inbox.take(topic, body, retained)

    async def _publish(self, topic: str, body: bytes) -> None:
        await self.link.publish(topic, body)


def _nobody_looks(topic: str, body: bytes) -> None:
    """Pictures that come before anybody can look."""


def _notes(config: HubConfig, months: MonthLog, clock: Clock) -> Note:
    """What is kept of new records besides themselves."""
    aired, moved, births = AiredLog(config.limits.airings), MovedLog(), BirthLog(clock)
    news = News(config.notify.night, config.zone, clock)

    def note(connection: Connection, address: str, epoch: int, record: Event | Sample) -> None:
        aired.note(connection, address, epoch, record)
        moved.note(connection, address, epoch, record)
        months.note(connection, address, epoch, record)
        news.note(connection, address, epoch, record)
        births.note(connection, address, epoch, record)

    return note


def _link(config: HubConfig, clock: Clock, take: OnMessage, notice: Notice) -> Link:
    secret = config.broker.password.read() if config.broker.password else None
    identity: Path = config.data / "client-id"
    return Link(config.broker, identity, clock, take, notice.bump, secret)
