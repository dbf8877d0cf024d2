"""The air on the real player and a computed sound card, judged by what the card heard."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from core_rig import Store
from core_sound import NO_GAP

from bench.sync_measure import heard, marker, on_monotonic, write_wav
from bench.virtual_card import GONE, WORKS, VirtualCard, build, environment
from drivers.audio.portaudio import PyAudioSpeaker
from drivers.contract import DriverContext, Piece
from edge_agent.broadcast.item import Item
from edge_agent.broadcast.station import Station
from edge_agent.clock import SystemClock
from edge_agent.config.model import Speaker
from edge_agent.media import MediaStore

RATE = 48_000


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VirtualCard:
    plugins = tmp_path / "alsa"
    plugins.mkdir()
    build(plugins)
    made = VirtualCard(tmp_path, "horn", 20.0, 1)
    for name, value in environment([made], plugins).items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
async def station(tmp_path: Path, card: VirtualCard) -> AsyncIterator[Station]:
    clock = SystemClock("assume")
    node = Store(tmp_path, clock)  # type: ignore[arg-type]
    await node.outbox.load()
    context = DriverContext("horn", clock, logging.getLogger("horn"), tmp_path / "horn")
    context.directory.mkdir()
    async with PyAudioSpeaker(PyAudioSpeaker.Config(), context) as driver:
        made = Station(
            (Speaker(id="loa", name="Loa", driver="horn"),),
            NO_GAP,
            ZoneInfo("Asia/Ho_Chi_Minh"),
            clock,
            node.recorder,
            node.database,
            node.outbox,
            sounds=None,  # type: ignore[arg-type]
            media=MediaStore(None, str),
            driver=lambda _name: driver,
            lines=lambda _name: None,
            post=lambda _state: None,
        )
        yield made
        await made.stop()
    node.database.close()


def item(folder: Path, name: str, samples: object, **changes: object) -> Item:
    path = write_wav(folder / f"{name}.wav", samples)
    return Item(name, name, (Piece(path),), **changes)  # type: ignore[arg-type]


async def sounding(station: Station, name: str, seconds: float) -> None:
    async with asyncio.timeout(30):
        while (station.air().position_s(name) or 0) < seconds:
            await asyncio.sleep(0.01)


async def test_an_emergency_takes_the_air_of_a_real_player_and_gives_it_back(
    station: Station, card: VirtualCard, tmp_path: Path
) -> None:
    news, flood = marker(6.0, 1), marker(2.0, 2)
    playing = asyncio.create_task(station.air().air(item(tmp_path, "news", news)))
    await sounding(station, "news", 1.5)
    asked = datetime.now(UTC)
    urgent = await station.air().air(item(tmp_path, "flood", flood, class_="emergency"))
    assert urgent.started_us is not None
    # figures stand in the documentation; a loaded machine only has to show that nobody waited for the end
    assert urgent.started_us / 1e6 - asked.timestamp() < 2
    airing = await asyncio.wait_for(playing, 30)
    [cut] = airing.interruptions
    assert (airing.state, cut.then) == ("aired", "resumed")
    assert 1.4 < cut.position_s < 3.5
    got = heard(card, news)
    assert got.place.max() > 5.7 * RATE, "heard to its end"
    before = got.place[got.time < on_monotonic(urgent.started_us / 1e6)]
    assert before.max() <= (cut.position_s + 0.2) * RATE
    assert np.any(np.abs(got.place - (cut.position_s - 0.5) * RATE) < 0.3 * RATE), "the cut word is heard again"


async def test_a_card_pulled_out_in_the_middle_and_put_in_again(
    station: Station, card: VirtualCard, tmp_path: Path
) -> None:
    news = marker(6.0, 1)
    playing = asyncio.create_task(station.air().air(item(tmp_path, "news", news)))
    await sounding(station, "news", 1.5)
    card.order(GONE)
    async with asyncio.timeout(30):
        while station.board().state.fault is None:
            await asyncio.sleep(0.05)
    assert station.board().state.fault.code == "speaker.device_lost"  # type: ignore[union-attr]
    await asyncio.sleep(1)
    card.order(WORKS)
    airing = await asyncio.wait_for(playing, 40)
    assert (airing.state, airing.code) == ("aired", None)
    assert station.board().state.fault is None
    assert heard(card, news).place.max() > 5.7 * RATE
