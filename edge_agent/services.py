"""The services of a node, made from its configuration: what depends on what stands here and nowhere else."""

import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from drivers.contract import PlayStart
from edge_agent.announcer import Announcer
from edge_agent.broadcast.item import Item, Stream
from edge_agent.broadcast.station import Station
from edge_agent.bulletins.service import BulletinService
from edge_agent.calendar import policy_of
from edge_agent.cameras import Cameras
from edge_agent.cameras.clips import LIMIT as CLIPS_BYTES
from edge_agent.clock import Alarms
from edge_agent.config.model import Hub
from edge_agent.config.secrets import SecretFault, reveal
from edge_agent.contract.airings import Airing
from edge_agent.contract.commands import StartLive
from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import Live, Relay
from edge_agent.core import Core
from edge_agent.desk.act import Begin
from edge_agent.electrics import Electrics
from edge_agent.hardware import Hardware
from edge_agent.hearing import Hearing
from edge_agent.live.sessions import LiveSessions
from edge_agent.media import MediaStore
from edge_agent.media.fetch import Fetcher
from edge_agent.media.outgoing import Outgoing
from edge_agent.media.store import SoundStore
from edge_agent.prepare.preparer import Preparer
from edge_agent.relay.stream import RelayEvent, RelayStream
from edge_agent.watching import WatchService
from tts.client import VoiceWorker

log = logging.getLogger(__name__)


class Services:
    """Everything that does the node's work, not yet started."""

    def __init__(self, core: Core, alarms: Alarms) -> None:
        config, storage = core.config, core.config.storage
        self._recorder = core.recorder
        self._hub: Hub | None = None
        self.hardware = Hardware(config.drivers, core.clock, storage.path / "drivers", post=core.post("driver"))
        self.electrics = Electrics(core, self.hardware)
        media = self._media = MediaStore(None, self._token)
        self.voice = VoiceWorker(
            config.voice.model_copy(update={"cache_dir": storage.path / (config.voice.cache_dir or "voice")})
        )
        self.preparer = self._preparer(core)
        self.station = Station(
            config.speakers,
            config.broadcast,
            ZoneInfo(config.node.timezone),
            core.clock,
            core.recorder,
            core.database,
            core.outbox,
            sounds=self.preparer.urgent,
            media=media,
            driver=self.hardware.speaker,
            lines=self.hardware.lines,
            post=core.post("speaker"),
            on_record=core.pump.wake,
            uncertainty_ms=core.clock_uncertainty_ms,
        )
        self.live = LiveSessions(
            config.node.commune,
            storage.path / "streams",
            core.clock,
            config.voice.enhancement,
            on_air=self._live_on_air,
            permit=self._live_permitted,
        )
        self.announcer = Announcer(self.station, self.voice, core.clock, core.recorder, storage.path / "playing")
        self.bulletins = BulletinService(
            self.station,
            self.preparer,
            ZoneInfo(config.node.timezone),
            core.clock,
            alarms,
            core.database,
            core.outbox,
            speakers=config.speakers,
            policy=policy_of(config.broadcast.hours),
            check_reading=self.announcer.check_reading,
            post=core.post("bulletin"),
            on_record=core.pump.wake,
            keep=core.recorder.keep,
        )
        self.hearing = Hearing(core, self.hardware, self.station, self.bulletins, storage.path / "proof")
        self.outgoing = Outgoing(
            storage.path / "clips",
            CLIPS_BYTES,
            None,
            self._token,
            core.clock,
        )
        self.cameras = Cameras(
            config.cameras,
            config.video,
            storage.path,
            core.clock,
            core.recorder,
            media,
            self.outgoing,
            post=core.post("camera"),
        )
        self.watching = WatchService(
            [camera.id for camera in config.cameras], core.topics, core.clock, core.recorder, self.cameras
        )
        self.cameras.on_piece = self.watching.piece
        self.cameras.watched = self.watching.watched
        self.watching.on_change = self.cameras.viewers_changed
        self.use_hub(config.hub)

    def use_hub(self, hub: Hub | None) -> None:
        """Fetch from this hub and send to it from now on. One whose authority cannot be read is not believed."""
        self._hub = hub
        url = hub.url if hub is not None else None
        tls = None
        if hub is not None and hub.ca is not None:
            try:
                tls = ssl.create_default_context(cafile=str(hub.ca))
            except OSError as error:
                log.error("the hub's authority %s cannot be read: %s", hub.ca, error)
        for each in (self._media, self._fetcher, self.outgoing):
            each.use(url, tls)

    def driver_changed(self, name: str) -> None:
        """A driver came or went."""
        self.electrics.driver_changed(name)
        self.station.report(name)

    def _live_permitted(self, args: StartLive) -> None:
        self.station.check(args.class_, args.authority, self.station.speaker(args.speaker), args.epoch)

    def _token(self) -> str:
        """The upload token, when it is needed. Raises Refusal where the secret cannot be read."""
        try:
            return reveal(self._hub.token) if self._hub is not None else ""
        except SecretFault as fault:
            raise Refusal("media.refused", detail=str(fault)) from fault

    async def _live_on_air(
        self, speaker: str | None, item: Item, begin: Begin, on_start: Callable[[PlayStart], None]
    ) -> Airing:
        """A live voice, and its proof."""
        airing = await self.station.air(speaker).air(item, begin, on_start)
        self._recorder.event("aired", f"speaker/{airing.speaker}", **airing.data())
        return airing

    def _preparer(self, core: Core) -> Preparer:
        config = core.config
        store = SoundStore(config.storage.path / "sounds", config.storage.media_bytes)
        fetcher = self._fetcher = Fetcher(store, None, self._token)

        def stream(segment: Relay | Live, stand_in: Path | None) -> Stream:
            if isinstance(segment, Live):
                return self.live.stream(segment)

            def changed(event: RelayEvent) -> None:
                core.recorder.event("relay", title=segment.title or segment.url, **event.data())

            return RelayStream(segment, stand_in, config.storage.path / "streams", changed)

        return Preparer(store, fetcher, self.voice, streams=stream)
