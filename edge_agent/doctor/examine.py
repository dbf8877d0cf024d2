"""The examinations. Each is independent: one that fails or hangs does not hide the others."""

import asyncio
import logging
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from camera.client import Camera
from camera.model import CameraFault
from drivers.contract import DriverFault
from edge_agent.cameras import camera_config
from edge_agent.clock import SystemClock
from edge_agent.config.broker import Broker
from edge_agent.config.cameras import CameraEntry
from edge_agent.config.model import Driver, NodeConfig
from edge_agent.config.secrets import SecretFault, reveal
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.health import FindingState as State
from edge_agent.doctor.finding import Finding, of_fault, said
from edge_agent.doctor.identity import identity_finding
from edge_agent.doctor.video import room_for_video
from edge_agent.hardware import make
from edge_agent.link.address import broker_address
from edge_agent.link.wire import Wire
from edge_agent.survival.wear import life_used, spare_is_low
from edge_agent.words import Both, both, say
from tts.client import VoiceWorker
from tts.errors import SpeechError

_LIMIT_S = 30.0
_LEAST_FREE_MB = 200
_WORN = 90.0
"""Per cent of a card's life: time for a new one."""


Examination = Callable[[], Awaitable[Finding]]
NONE_INSTEAD: Mapping[str, Examination] = MappingProxyType({})


def parts_of(config: NodeConfig) -> list[str]:
    """Names of the parts, in the order in which they are examined."""
    return [name for name, _ in _examinations(config, agent_runs=True)]


async def examine(
    config: NodeConfig, *, agent_runs: bool, instead: Mapping[str, Examination] = NONE_INSTEAD
) -> AsyncIterator[tuple[str, Finding | None]]:
    """Yields each part's name with None when it is being tried, then with what was found.

    `instead`: by the name of a part, how an agent examines what it has open itself.
    """
    for name, examination in _examinations(config, agent_runs=agent_runs):
        yield name, None
        yield name, replace(await _tried(name, instead.get(name, examination)), part=name)


async def _tried(name: str, examination: Examination) -> Finding:
    try:
        return await asyncio.wait_for(examination(), _LIMIT_S)
    except TimeoutError:
        return of_fault(name, Fault.of("command.timeout", seconds=round(_LIMIT_S)))
    except Refusal as refusal:
        return of_fault(name, refusal.fault)
    except (SpeechError, CameraFault, DriverFault) as fault:
        return of_fault(name, Fault.of(fault.code, detail=fault.detail, driver="-", guess="-"))
    except Exception as error:  # an examination must not end the others
        logging.getLogger(__name__).exception("%s could not be examined", name)
        what = f"{type(error).__name__}: {error}"
        return Finding(name, "faulty", Both(what, what), "driver.failed")


def _examinations(config: NodeConfig, *, agent_runs: bool) -> list[tuple[str, Examination]]:
    folder = config.storage.path
    all_: list[tuple[str, Examination]] = [("clock", lambda: _clock(config)), ("disk", lambda: _disk(folder))]
    for driver in config.drivers:
        all_.append((f"driver {driver.id}", lambda driver=driver: _driver(driver, folder, agent_runs=agent_runs)))  # type: ignore[misc]
    all_.append(("voice", lambda: _voice(config)))
    if any(camera.record for camera in config.cameras):
        all_.append(("video", lambda: asyncio.to_thread(_video, config)))
    for camera in config.cameras:
        all_.append((f"camera {camera.id}", lambda camera=camera: _camera(camera)))  # type: ignore[misc]
    if config.identity is not None:
        settings = config.identity
        all_.append(("identity", lambda: asyncio.to_thread(identity_finding, settings.folder)))
    if (broker := config.broker) is not None:
        all_.append(("broker", lambda: _broker(broker)))
    if config.hub is not None:
        all_.append(("hub", lambda: _hub(config)))
    return all_


async def _clock(config: NodeConfig) -> Finding:
    report = SystemClock(config.clock.trust).report()
    if report.trusted:
        state: State = "note" if report.source == "assumed" else "ok"
        return Finding("clock", state, said("doctor.clock_ok", source=report.source))
    return Finding("clock", "faulty", said("doctor.clock_bad"), "clock.untrusted")


async def _disk(folder: Path) -> Finding:
    return await asyncio.to_thread(_try_disk, folder)


def _try_disk(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            sync_ms = (time.perf_counter() - began) * 1000
    except OSError as error:
        return of_fault("disk", Fault.of("store.failed", detail=f"{folder}: {error.strerror}"))
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < _LEAST_FREE_MB:
        return Finding("disk", "faulty", said("doctor.disk_full", free=free), "store.full")
    worn = life_used()
    if spare_is_low() or (worn is not None and worn >= _WORN):
        return Finding(
            "disk", "faulty", said("doctor.disk_worn", worn="?" if worn is None else f"{worn:g}"), "store.worn"
        )
    return Finding("disk", "ok", said("doctor.disk_ok", free=free, sync=f"{sync_ms:.1f}"))


async def _driver(entry: Driver, folder: Path, *, agent_runs: bool) -> Finding:
    driver = make(entry, SystemClock("assume"), folder / "drivers")
    check = await driver.check()
    if not check.ok:
        return of_fault(entry.id, Fault.of(check.code, detail=check.detail))
    if agent_runs:  # it has the hardware open; a second owner would disturb it
        return Finding(entry.id, "note", both(lambda: f"{entry.driver}; {say('doctor.running')}"))
    async with driver:
        names = ", ".join(capability.name for capability in driver.capabilities())
    return Finding(entry.id, "ok", both(lambda: f"{entry.driver}: {names}"))


async def _voice(config: NodeConfig) -> Finding:
    async with VoiceWorker(config.voice) as worker:
        return await voice_speaks(worker)


async def voice_speaks(worker: VoiceWorker) -> Finding:
    """Let it say a sentence that nobody hears. Raises SpeechError."""
    began = time.perf_counter()
    speech = await worker.say("Xin chào bà con.", timeout_s=_LIMIT_S - 2)
    ms = round((time.perf_counter() - began) * 1000)
    tried = "; ".join(f"{attempt.engine}: {attempt.code}" for attempt in speech.tried)
    more = f" ({tried})" if tried else ""
    words = both(lambda: say("doctor.voice_ok", engine=speech.engine, ms=ms) + more)
    return Finding("voice", "note" if tried else "ok", words)


def _video(config: NodeConfig) -> Finding:
    enough, words = room_for_video(config)
    return Finding("video", "ok" if enough else "note", words)


async def _camera(entry: CameraEntry) -> Finding:
    try:
        config = camera_config(entry).model_copy(update={"record": False, "motion": None})
        async with Camera(config) as camera:
            picture = await camera.snapshot(timeout_s=15)
            codec = camera.status.main.codec
    except CameraFault as fault:
        return of_fault(entry.id, Fault.of(fault.code, detail=fault.detail))
    text = said("doctor.camera_ok", codec=codec, width=picture.width, height=picture.height)
    return Finding(entry.id, "ok", text)


async def _broker(broker: Broker) -> Finding:
    address = broker_address(broker, f"doctor-{os.getpid()}", clock_trusted=SystemClock("kernel").trusted)
    wire = Wire(address, None, lambda _message: None)
    began = time.perf_counter()
    try:
        await wire.open()
        ms = (time.perf_counter() - began) * 1000
    finally:
        wire.close()
    return Finding("broker", "ok", said("doctor.broker_ok", ms=f"{ms:.0f}"))


async def _hub(config: NodeConfig) -> Finding:
    assert config.hub is not None  # noqa: S101 - only examined where there is one
    try:
        reveal(config.hub.token)
    except SecretFault as fault:
        return of_fault("hub", Fault.of("media.refused", detail=str(fault)))
    await asyncio.to_thread(_knock, config.hub.url)
    return Finding("hub", "ok", said("doctor.hub_ok"))


def _knock(url: str) -> None:
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=8)
    try:
        connection.request("HEAD", parts.path or "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise Refusal("media.unreachable", detail=str(error) or type(error).__name__) from error
    finally:
        connection.close()
