"""The life of a node: started in order, stopped in reverse."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from edge_agent import systemd
from edge_agent.about import about
from edge_agent.clock.scheduler import Scheduler
from edge_agent.config.model import NodeConfig
from edge_agent.contract.commands import Ack
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.reports import About
from edge_agent.core import Core
from edge_agent.cutoff import tell_cut_off
from edge_agent.desk import Desk
from edge_agent.desk.records import RecordRequests
from edge_agent.doctor.inside import examinations
from edge_agent.doctor.service import Doctor
from edge_agent.healthy import health_of
from edge_agent.housekeeping import keep_house
from edge_agent.joining import Joining
from edge_agent.link.link import Link
from edge_agent.local.deeds import Deeds
from edge_agent.local.own import OwnCommands
from edge_agent.services import Services
from edge_agent.streams.filler import sweep
from edge_agent.supervisor import Supervisor
from edge_agent.survival.feeding import LINES, feed
from edge_agent.survival.pulse import Pulse
from edge_agent.telemetry import Telemetry
from edge_agent.update.service import Updates
from edge_agent.version import VERSION

log = logging.getLogger(__name__)


class Agent:
    """One node: `await Agent(config).run()` until cancelled."""

    def __init__(self, config: NodeConfig, told: Fault | None = None) -> None:
        """`told`: what is wrong with how it was started, for the centre to see."""
        self._config = config
        self._told = told
        self._pulse = Pulse()
        self.on_ready: Callable[[], None] = lambda: None
        """Called once, when everything runs."""
        self._about: About = about(config)
        self._own: OwnCommands
        self._updates: Updates

    async def run(self) -> None:
        """Start everything, serve until cancelled, stop everything."""
        workers = ThreadPoolExecutor(4, "blocking")  # name look-ups, uploads, files
        asyncio.get_running_loop().set_default_executor(workers)
        core = Core(self._config)
        async with AsyncExitStack() as stack:
            stack.callback(core.database.close)
            unfinished = await core.load()
            joining = await Joining.of(core)
            stack.push_async_callback(core.recorder.flush)
            stack.callback(core.recorder.event, "stopped")
            scheduler = Scheduler(lambda seconds: _stepped(core, seconds))
            services = Services(core, scheduler)
            self._listen_for_turns(services)
            await stack.enter_async_context(services.voice)
            # the last to stop but for voice and disk: what speaks is cut short by its own service, not by its driver
            stack.push_async_callback(services.hardware.stop)
            stack.push_async_callback(services.electrics.switching.stop)
            supervisor = Supervisor(core.clock, core.faults.set)
            stack.push_async_callback(supervisor.stop)
            await stack.enter_async_context(services.hearing)
            stack.push_async_callback(services.station.stop)
            stack.push_async_callback(services.preparer.stop)
            stack.push_async_callback(services.bulletins.stop)
            await _load(core, services)
            link, desk = self._connect(core, services, joining)
            stack.push_async_callback(desk.close)
            supervisor.start("recorder", core.recorder.run)
            supervisor.start("scheduler", scheduler.run)
            # lines are right before anybody can command them, and before the broker is asked for
            await services.hardware.start()
            await services.station.start()
            await services.electrics.switching.refresh()
            services.electrics.start(supervisor.start)
            services.hardware.on_change = services.driver_changed
            services.station.report()
            supervisor.start("chimes", services.preparer.run)
            supervisor.start("hearing", services.hearing.run)
            supervisor.start("link", link.run)
            supervisor.start("identity", joining.run)
            supervisor.start("bulletins", services.bulletins.run)
            tell_cut_off(unfinished, services.station, core.recorder)
            await desk.resume(unfinished)
            await _start_cameras(services, supervisor)
            stack.push_async_callback(_stop_cameras, services)
            self._start_care(core, services, link, supervisor, scheduler)
            core.faults.set("start", self._told)
            core.recorder.event("started", version=VERSION, session=core.session)
            log.info("%s is running", self._config.node.name)
            systemd.notify("READY=1")
            stack.callback(systemd.notify, "STOPPING=1")
            self.on_ready()
            await feed(self._pulse)

    def _listen_for_turns(self, services: Services) -> None:
        """The watchdog is fed only while these turn."""
        services.electrics.switching.turned = lambda within_s: self._pulse.turned(LINES, within_s)
        services.bulletins.turned = lambda within_s: self._pulse.turned("audio", within_s)
        services.station.watch(self._pulse.turned, self._pulse.rests)

    def _connect(self, core: Core, services: Services, joining: Joining) -> tuple[Link, Desk]:
        def changed(up: bool, fault: Fault | None) -> None:
            core.faults.set("link", fault)
            joining.heard(up)
            if up:
                core.recorder.event("link", connections=link.connections)
                services.outgoing.wake()

        link = Link(
            joining.address(),
            core.topics,
            core.session,
            VERSION,
            core.clock,
            core.board,
            core.pump,
            on_message=lambda message: desk.receive(message),  # noqa: PLW0108 - the desk is made next
            on_change=changed,
        )
        link.clock_report, link.mark, link.store = core.clock_report, joining.mark, core.store
        link.turned = lambda within_s: self._pulse.turned("link", within_s)
        own = self._own = OwnCommands(f"{core.topics.commune}/{core.topics.node}", core.clock)

        def answer(ack: Ack) -> None:
            link.send(core.topics.ack, ack.body())
            own.heard(ack)

        desk = Desk(
            joining.verifier,
            core.clock,
            core.database,
            core.journal,
            core.outbox,
            about=lambda: self._about,
            answer=answer,
            acknowledge=link.acknowledge,
            on_record=core.pump.wake,
            keep=core.recorder.keep,
        )
        own.take = desk.take_own
        self._register(desk, core, services, link)
        doctor = _doctor(core, services, link)
        desk.register("node.examine", doctor.examine)
        desk.register("keys.update", joining.update_keys)
        joining.connect(link, services, doctor)
        core.board.post(core.topics.about, self._about)

        def faults_changed() -> None:
            link.fault = core.faults.newest
            link.say_status()

        core.faults.on_change = faults_changed
        return link, desk

    def _register(self, desk: Desk, core: Core, services: Services, link: Link) -> None:
        services.electrics.register(desk)
        desk.register("speak", services.announcer.speak)
        desk.register("speaker.stop", services.station.stop_speaker)
        desk.register("speaker.volume", services.station.set_volume)
        desk.register("speaker.test", services.hearing.test)
        desk.register("emergency.acknowledge", services.station.acknowledge)
        desk.register("bulletin.order", services.station.order)
        services.live.connect(link.listen)
        desk.register("live.start", services.live.start)
        desk.register("live.stop", services.live.stop)
        desk.register("bulletin.plan", services.bulletins.plan)
        desk.register("bulletin.cancel", services.bulletins.cancel)
        services.watching.connect(link)
        desk.register("camera.watch", services.watching.watch)
        desk.register("camera.snapshot", services.cameras.snapshot)
        desk.register("camera.recordings", services.cameras.recordings)
        desk.register("camera.clip", services.cameras.clip)
        desk.register("camera.keep", services.cameras.keep)
        self._updates = Updates(core)
        records = RecordRequests(core.outbox, link.resend, core.board.repeat)
        desk.register("outbox.resend", records.resend)
        desk.register("outbox.confirm", records.confirm)
        desk.register("update.install", self._updates.install)
        desk.register("state.report", records.report)

    def _start_care(
        self, core: Core, services: Services, link: Link, supervisor: Supervisor, scheduler: Scheduler
    ) -> None:
        """Telemetry, and the small things that must be done again and again."""

        def measures() -> dict[str, float]:
            values = {
                "link_reconnects": float(max(0, link.connections - 1)),
                "outbox_waiting": float(core.outbox.waiting),
                "outbox_shelf": float(max(0, core.outbox.count - core.outbox.waiting)),
                "things_faulty": float(len(core.faults)),
            }
            if link.rtt_ms is not None:
                values["link_rtt"] = round(link.rtt_ms, 2)
            for name, state in services.hardware.states.items():
                values[f"driver/{name}"] = float(state.actual == "ok")
            return {**values, **services.electrics.values(), **services.cameras.values()}

        every, storage = self._config.telemetry.every_s, self._config.storage.path
        supervisor.start("telemetry", Telemetry(every, storage, core.clock, core.recorder, measures).run)
        supervisor.start("chrony", core.chrony.run)
        supervisor.start("updates", self._updates.run)
        supervisor.start("health", health_of(core, services, link, scheduler).run)
        supervisor.start("local", Deeds(core, services, link, self._own).run)
        supervisor.start("housekeeping", lambda: keep_house(core, link))


def _doctor(core: Core, services: Services, link: Link) -> Doctor:
    inside = examinations(services.hardware, services.cameras, services.voice, core.clock_report, lambda: link.rtt_ms)
    return Doctor(core.config, core.session, core.clock, core.recorder, instead=inside, post=core.post("doctor"))


async def _load(core: Core, services: Services) -> None:
    """Read what each service knew before; sounds that nobody needs any more are let go."""
    await services.electrics.load()
    await services.announcer.load()
    await asyncio.to_thread(sweep, core.config.storage.path / "streams")
    await _load_sounds(core, services)
    await _load_clips(services)
    await services.station.load()
    await services.bulletins.load()
    needed = services.bulletins.sound_owners() | services.station.emergencies.sound_owners()
    await services.preparer.release_others(needed)


async def _load_sounds(core: Core, services: Services) -> None:
    """What was prepared; a disk that gives nothing back keeps nobody from speaking."""
    try:
        await services.preparer.load()
    except Refusal as refusal:
        log.error("prepared sounds cannot be read: %s", refusal)
        core.faults.set("sounds", refusal.fault)


async def _start_cameras(services: Services, supervisor: Supervisor) -> None:
    """Cameras, who looks through them live, and what of them is on its way to the hub."""
    supervisor.start("motion", services.cameras.run)
    supervisor.start("watching", services.watching.run)
    supervisor.start("outgoing", services.outgoing.run)
    await services.cameras.start()


async def _stop_cameras(services: Services) -> None:
    await services.watching.stop()
    await services.cameras.stop()
    await services.outgoing.stop()


async def _load_clips(services: Services) -> None:
    """What was to be sent; before a command that was interrupted cuts its clip again."""
    try:
        await services.outgoing.open()
    except OSError as error:  # it keeps no camera from recording
        log.error("clips that wait to be sent cannot be read: %s", error)


def _stepped(core: Core, seconds: float) -> None:
    core.recorder.event("clock", code="clock.stepped", seconds=round(seconds, 1))
