"""The safe core: lines by their programmes, the link, commands for lights. For where the whole agent cannot live."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

from edge_agent import systemd
from edge_agent.about import about
from edge_agent.config.model import NodeConfig
from edge_agent.contract.commands import KINDS, Command
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.core import Core
from edge_agent.desk import Act, Desk
from edge_agent.desk.records import RecordRequests
from edge_agent.electrics import Electrics
from edge_agent.hardware import Hardware
from edge_agent.housekeeping import keep_house
from edge_agent.joining import Joining
from edge_agent.link.link import Link
from edge_agent.supervisor import Supervisor
from edge_agent.survival.feeding import LINES, feed
from edge_agent.survival.pulse import Pulse
from edge_agent.survival.reduced import amplifiers, reduced
from edge_agent.survival.starts import SafeMode, Starts
from edge_agent.telemetry import Telemetry
from edge_agent.version import VERSION

log = logging.getLogger(__name__)
_LOOK_EVERY_S = 2.0
_OFF_S = 5.0


class SafeCore:
    """`await SafeCore(config, safe, starts, changed).run()` until there is a reason to try the whole agent again."""

    def __init__(self, config: NodeConfig, safe: SafeMode, starts: Starts, changed: Callable[[], bool]) -> None:
        """`changed` says whether there is another good configuration than the one that led here."""
        self._whole = config
        self._config = reduced(config, safe.left_out, bare=safe.bare)
        self._fault = fault_of(safe)
        self._safe = safe
        self._starts = starts
        self._changed = changed
        self._pulse = Pulse()
        self.on_ready: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Serve until the whole agent is to be tried again; then stop everything."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(4, "blocking"))
        core = Core(self._config)
        async with AsyncExitStack() as stack:
            stack.callback(core.database.close)
            unfinished = await core.load()
            stack.push_async_callback(core.recorder.flush)
            stack.callback(core.recorder.event, "stopped")
            hardware = Hardware(
                self._config.drivers, core.clock, self._config.storage.path / "drivers", post=core.post("driver")
            )
            electrics = Electrics(core, hardware)
            stack.push_async_callback(hardware.stop)
            stack.push_async_callback(electrics.switching.stop)
            supervisor = Supervisor(core.clock, core.faults.set)
            stack.push_async_callback(supervisor.stop)
            await electrics.load()
            link, desk = await self._connect(core, electrics)
            stack.push_async_callback(desk.close)
            supervisor.start("recorder", core.recorder.run)
            electrics.switching.turned = lambda within_s: self._pulse.turned(LINES, within_s)
            await hardware.start(trying=self._starts.trying)
            await electrics.switching.refresh()
            electrics.start(supervisor.start)
            hardware.on_change = electrics.driver_changed
            await self._silence(hardware)
            supervisor.start("link", link.run)
            await desk.resume(unfinished)
            self._start_care(core, hardware, electrics, link, supervisor)
            core.recorder.event("safe_mode", state="begun", code=self._fault.code, detail=self._safe.reason)
            log.error("%s", self._fault.en)
            systemd.notify("READY=1")
            systemd.notify(f"STATUS={self._fault.en}")
            self.on_ready()
            await self._serve()
            core.recorder.event("safe_mode", state="over")
            log.warning("safe mode is left: the whole agent is tried again")

    async def _serve(self) -> None:
        feeding = asyncio.create_task(feed(self._pulse), name="feed")
        try:
            while not self._starts.is_over() and not self._changed():  # noqa: ASYNC110 - nothing tells of a file
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            feeding.cancel()

    async def _connect(self, core: Core, electrics: Electrics) -> tuple[Link, Desk]:
        joining = await Joining.of(core)
        link = Link(
            joining.address(),
            core.topics,
            core.session,
            VERSION,
            core.clock,
            core.board,
            core.pump,
            on_message=lambda message: desk.receive(message),  # noqa: PLW0108 - the desk is made next
            on_change=lambda up, _fault: core.recorder.event("link", connections=link.connections) if up else None,
        )
        link.clock_report, link.mark, link.fault = core.clock_report, joining.mark, self._fault
        link.store = core.store
        link.turned = lambda within_s: self._pulse.turned("link", within_s)
        known = about(self._whole)  # the node has what it has; only its parts rest
        desk = Desk(
            joining.verifier,
            core.clock,
            core.database,
            core.journal,
            core.outbox,
            about=lambda: known,
            answer=lambda ack: link.send(core.topics.ack, ack.body()),
            acknowledge=link.acknowledge,
            on_record=core.pump.wake,
            keep=core.recorder.keep,
        )
        for kind in KINDS:
            desk.register(kind, self._refuse)
        desk.register("switch.override", electrics.switching.override)
        desk.register("switch.release", electrics.switching.release)
        desk.register("switch.reset", electrics.switching.reset)
        records = RecordRequests(core.outbox, link.resend, core.board.repeat)
        desk.register("keys.update", joining.update_keys)
        desk.register("outbox.resend", records.resend)
        desk.register("outbox.confirm", records.confirm)
        desk.register("state.report", records.report)
        core.board.post(core.topics.about, known)
        return link, desk

    async def _refuse(self, asked: Command, args: Any) -> Act:
        raise Refusal(self._fault.code, **self._fault.params)

    async def _silence(self, hardware: Hardware) -> None:
        """Nobody speaks: amplifiers that were left on go off."""
        for line in amplifiers(self._whole):
            driver, _, name = line.partition("/")
            switch = hardware.lines(driver)
            if switch is None:
                continue
            try:
                async with asyncio.timeout(_OFF_S):
                    await switch.switch(name, False)
            except Exception as error:  # noqa: BLE001 - a driver is foreign code; lights matter more
                log.warning("the amplifier at %s could not be switched off: %s", line, error)

    def _start_care(
        self, core: Core, hardware: Hardware, electrics: Electrics, link: Link, supervisor: Supervisor
    ) -> None:
        def measures() -> dict[str, float]:
            drivers = {f"driver/{name}": float(state.actual == "ok") for name, state in hardware.states.items()}
            return {"outbox_waiting": float(core.outbox.waiting), **drivers, **electrics.values()}

        every, storage = self._config.telemetry.every_s, self._config.storage.path
        supervisor.start("telemetry", Telemetry(every, storage, core.clock, core.recorder, measures).run)
        supervisor.start("chrony", core.chrony.run)
        supervisor.start("housekeeping", lambda: keep_house(core, link))


def fault_of(safe: SafeMode) -> Fault:
    """What the node is told to have while the safe core runs."""
    if safe.bare:
        return Fault.of("node.safe_bare", detail=safe.reason or "-")
    return Fault.of("node.safe_mode", detail=safe.reason) if safe.reason else Fault.of("node.safe_mode_silent")
