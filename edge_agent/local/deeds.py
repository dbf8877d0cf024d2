"""What the agent does for programs on its own machine: all that needs its open hardware."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from camera.model import CameraFault
from edge_agent import calibration
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.birth import SignedBirth
from edge_agent.contract.errors import Refusal
from edge_agent.core import Core
from edge_agent.link.link import Link
from edge_agent.link.wire import LinkDown
from edge_agent.local import births
from edge_agent.local.own import OwnCommands
from edge_agent.local.server import Deed, LocalServer
from edge_agent.services import Services
from edge_agent.version import VERSION

_PING_LIMIT_S = 2.0
_DRAIN_S = 10.0


class Deeds:
    """All questions that are answered. `run` is for a supervisor."""

    def __init__(self, core: Core, services: Services, link: Link, own: OwnCommands) -> None:
        self._core, self._services, self._link, self._own = core, services, link, own

    async def run(self) -> None:
        """Tell of a birth record that was left, then answer until cancelled."""
        storage = self._core.config.storage.path
        await births.tell(storage, self._core.recorder)
        await LocalServer(storage, self._by_name()).run()

    def _by_name(self) -> Mapping[str, Deed]:
        return {
            "hello": self._hello,
            "command": self._command,
            "sound": self._sound,
            "calibrate": self._calibrate,
            "thing": self._thing,
            "picture": self._picture,
            "ping": self._ping,
            "clock": self._clock,
            "birth": self._birth,
        }

    async def _hello(self, _asked: JsonObject) -> JsonObject:
        node = self._core.config.node
        return {"node": node.name, "commune": node.commune, "session": self._core.session, "version": VERSION}

    async def _command(self, asked: JsonObject) -> JsonObject:
        return await self._own.ask(asked["args"], str(asked["by"]) or "-")

    async def _sound(self, asked: JsonObject) -> JsonObject:
        """Play the test sound where no microphone listens."""
        await self._services.hearing.sound(str(asked["speaker"]))
        return {}

    async def _calibrate(self, asked: JsonObject) -> JsonObject:
        """Keep what was measured of a driver, and open it again with that."""
        name = str(asked["driver"])
        if name not in self._services.hardware.names:
            known = ", ".join(self._services.hardware.names)
            raise Refusal("command.unknown_thing", kind="driver", id=name, known=known)
        figures: dict[str, float | str] = {key: float(value) for key, value in asked["figures"].items()}
        folder = self._core.config.storage.path / "drivers" / name
        figures["at"] = iso(self._core.clock.now())
        await asyncio.to_thread(calibration.save, folder, figures)
        await self._services.hardware.reopen(name)
        return {}

    async def _thing(self, asked: JsonObject) -> JsonObject:
        """The newest state of a light or switch."""
        state = self._services.electrics.switching.state(str(asked["thing"]))
        return state.model_dump(mode="json", exclude_none=True) if state is not None else {}

    async def _picture(self, asked: JsonObject) -> JsonObject:
        try:
            picture = await self._services.cameras.picture(str(asked["camera"]))
        except CameraFault as fault:
            raise Refusal(fault.code, detail=fault.detail) from fault
        size = {"width": picture.width, "height": picture.height}
        return {"jpeg": b64encode(picture.jpeg).decode(), "at": iso(picture.at), **size}

    async def _ping(self, _asked: JsonObject) -> JsonObject:
        """`ms` is null where the broker did not answer in time."""
        ms: float | None = None
        try:
            async with asyncio.timeout(_PING_LIMIT_S):
                ms = await self._link.ping_ms()
        except (TimeoutError, LinkDown):
            pass
        return {"ms": ms, "connected": self._link.connected, "connections": self._link.connections}

    async def _clock(self, _asked: JsonObject) -> JsonObject:
        report: dict[str, Any] = self._core.clock_report().model_dump(mode="json", exclude_none=True)
        return {**report, "now": iso(self._core.clock.now())}

    async def _birth(self, asked: JsonObject) -> JsonObject:
        """Keep the record and send it on."""
        signed = SignedBirth.model_validate(asked["signed"])
        storage = self._core.config.storage.path
        try:
            await asyncio.to_thread(births.keep, storage, signed)
        except OSError as error:
            raise Refusal("store.failed", detail=str(error)) from error
        await births.tell(storage, self._core.recorder)
        return {"sent": await self._drained()}

    async def _drained(self) -> bool:
        """Whether the broker has all records soon; else they go as soon as it can be reached."""
        until = self._core.clock.monotonic() + _DRAIN_S
        while self._core.outbox.waiting and self._link.connected and self._core.clock.monotonic() < until:
            await self._core.clock.sleep(0.1)
        return self._link.connected and not self._core.outbox.waiting
