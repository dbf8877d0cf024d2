"""Streams behind another piece, on the speaker that writes files and on a computed sound card: heard to their end."""

import asyncio
import logging
import os
import signal
import wave
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from core_relay import TONES, Stations, make_all, stations

from bench.live_rig import write_wav
from bench.virtual_card import VirtualCard, build, environment
from drivers.audio.file import FileSpeaker
from drivers.audio.portaudio import PyAudioSpeaker
from drivers.contract import DriverContext, Piece
from edge_agent.clock import SystemClock
from edge_agent.contract.segments import Relay
from edge_agent.contract.voice import VoiceSigner
from edge_agent.live.stream import LiveStream, Speech
from edge_agent.relay.stream import RelayStream
from tts.enhance.settings import EnhancementSettings

RATE = 48_000
CHIME_S, CHIME_HZ = 3.0, 2200.0
Play = Callable[[list[Piece]], Awaitable[np.ndarray]]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("middle-alsa")
    build(folder)
    return folder


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stations]:
    with stations(make_all(tmp_path_factory.mktemp("sounds"))) as running:
        yield running


@pytest.fixture(params=[pytest.param("file", marks=pytest.mark.long), "card"])
def play(request: pytest.FixtureRequest, tmp_path: Path, plugins: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Plays, and returns what was heard."""
    context = DriverContext("horn", SystemClock(), logging.getLogger("drivers.test"), tmp_path)

    async def on_file(pieces: list[Piece]) -> np.ndarray:
        async with FileSpeaker(FileSpeaker.Config(), context) as speaker:
            report = await asyncio.wait_for(speaker.play(pieces), 60)
        with wave.open(report.output) as file:
            return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")

    async def on_card(pieces: list[Piece]) -> np.ndarray:
        card = VirtualCard(tmp_path, "horn", -30.0, 1)
        for name, value in environment([card], plugins).items():
            monkeypatch.setenv(name, value)
        async with PyAudioSpeaker(PyAudioSpeaker.Config(), context) as speaker:
            await asyncio.wait_for(speaker.play(pieces), 60)
        return np.asarray(card.heard())

    return on_file if request.param == "file" else on_card


def tone(part: np.ndarray) -> float:
    """Hz of what is loudest; 0: silence."""
    if np.abs(part.astype(int)).max() < 100:
        return 0.0
    return float(np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part)))))) * RATE / len(part)


def tones(sound: np.ndarray) -> list[float]:
    """Of every quarter of a second from the first sound on."""
    first = int(np.flatnonzero(np.abs(sound.astype(int)) > 100)[0])
    step = RATE // 4
    return [tone(sound[at : at + step]) for at in range(first, len(sound) - step + 1, step)]


def chime(folder: Path) -> Piece:
    times = np.arange(int(CHIME_S * RATE)) / RATE
    return Piece(write_wav(folder / "chime.wav", 0.3 * np.sin(2 * np.pi * CHIME_HZ * times)))


def live(folder: Path, seconds: float) -> LiveStream:
    return LiveStream(folder / "fifos", SystemClock(), EnhancementSettings(), seconds)


async def test_a_relay_behind_a_chime_is_heard_for_its_whole_length(
    play: Play, server: Stations, tmp_path: Path
) -> None:
    server.radio("/live", server.folder / "main.mp3")
    stream = RelayStream(Relay(url=server.url("/live"), seconds=10), None, tmp_path / "fifos")
    relay = await stream.open()
    try:
        heard = tones(await play([chime(tmp_path), relay]))
    finally:
        await stream.close()
    assert stream.lack() is None
    before, after = heard[: int(CHIME_S * 4)], heard[int(CHIME_S * 4) + 2 : int((CHIME_S + 10) * 4) - 1]
    assert before == pytest.approx([CHIME_HZ] * len(before), abs=10)
    assert len(after) > 35
    assert after == pytest.approx([TONES["main"]] * len(after), abs=10), "no hole in it"


@pytest.mark.parametrize("session", [None, -30.0, 3600.0])
async def test_a_live_slot_in_which_nobody_speaks_gives_the_air_back(
    play: Play, tmp_path: Path, session: float | None
) -> None:
    """Nobody; a session that began before the slot, and is over; one that is still to come."""
    stream = live(tmp_path, 2.0)
    slot = await stream.open()
    if session is not None:
        key = VoiceSigner("voice/x").public
        stream.attach(Speech("voice/x", key, SystemClock().now() + timedelta(seconds=session), 0.3))
    try:
        heard = tones(await play([chime(tmp_path), slot, chime(tmp_path)]))
    finally:
        await stream.close()
    assert heard.count(0.0) <= 10
    assert len(heard) < 4 * (2 * CHIME_S + 3)
    assert sum(abs(one - CHIME_HZ) < 10 for one in heard) >= 2 * 4 * CHIME_S - 3


@pytest.mark.parametrize("before", [True, False])
async def test_a_live_worker_that_dies_gives_the_air_back(play: Play, tmp_path: Path, before: bool) -> None:
    stream = live(tmp_path, 2.0)
    slot = await stream.open()
    assert stream.pid is not None
    pid = stream.pid
    if before:
        os.kill(pid, signal.SIGKILL)
    else:
        asyncio.get_running_loop().call_later(CHIME_S + 1, os.kill, pid, signal.SIGKILL)
    try:
        heard = tones(await play([chime(tmp_path), slot, chime(tmp_path)]))
    finally:
        await stream.close()
    assert heard.count(0.0) <= 10
    assert sum(abs(one - CHIME_HZ) < 10 for one in heard) >= 2 * 4 * CHIME_S - 3
