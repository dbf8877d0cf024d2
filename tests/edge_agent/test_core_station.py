"""Commands about speakers, the volume while it sounds, and who listens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from core_air import OnAir, refused
from core_examples import command
from core_rig import START, Store, store
from core_sound import NO_GAP, NO_SOUND

from drivers.contract import Piece
from edge_agent.clock import SimulatedClock
from edge_agent.config.broadcast import Loudness
from edge_agent.config.model import Speaker
from edge_agent.contract.commands import OrderBulletins, SetVolume, StopSpeaker
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.ids import uuid7
from edge_agent.desk.act import Act
from edge_agent.proof.model import Heard, Played

S = timedelta(seconds=1)
SPEAKER = Speaker(id="loa-1", name="Loa", driver="horn")


def speaker(**loudness: object) -> Speaker:
    return SPEAKER.model_copy(update={"loudness": Loudness.model_validate(loudness)})


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Store]:
    async with store(tmp_path, SimulatedClock(START)) as made:
        made.clock.settled = made.settle
        yield made


@pytest.fixture
async def rig(node: Store) -> AsyncIterator[OnAir]:
    made = OnAir(node, NO_GAP, SPEAKER)
    yield made
    await made.station.stop()


async def written(rig: OnAir, act: Act) -> Act:
    assert act.record is not None
    await rig.node.database.write(act.record)
    return act


async def test_a_volume_is_heard_at_once_and_kept(rig: OnAir) -> None:
    await rig.start("news", 60, volume=50)
    await rig.advance(5)
    rig.horn.volumes.clear()
    act = await written(rig, await rig.station.set_volume(command(), SetVolume(volume=40)))
    assert act.result == {"volume": 40}
    assert rig.horn.volumes == [(START + 5 * S, 0.2)]
    assert rig.state.volume == 20
    await rig.advance(60)
    again = OnAir(rig.node, NO_GAP, SPEAKER)
    await again.station.load()
    assert again.state.volume == 40
    await again.start("news", 10)
    assert again.state.volume == 40
    await again.advance(20)
    await again.station.stop()


async def test_the_volume_follows_the_hours_while_it_sounds(node: Store) -> None:
    edge = (START + 30 * S).astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))
    node.clock.step(edge.replace(second=0) + timedelta(minutes=1) - edge)  # to half a minute before a whole minute
    night = {"from": (node.clock.now() + 30 * S).astimezone(edge.tzinfo).strftime("%H:%M"), "to": "23:00", "volume": 30}
    rig = OnAir(node, NO_GAP, speaker(hours=[night]))
    began = node.clock.now()
    await rig.start("news", 60)
    await rig.advance(60)
    [(at, level)] = rig.horn.volumes[1:] if rig.horn.volumes[0][1] == 1 else rig.horn.volumes
    assert level == 0.3 and abs((at - began).total_seconds() - 30) < 0.1
    await rig.station.stop()


class Ear:
    """Notes what it is told, and can be deaf, broken or stuck."""

    def __init__(self) -> None:
        self.noise: float | None = None
        self.told: list[tuple[object, ...]] = []
        self.error: Exception | None = None
        self.stuck = False

    async def begin(self, speaker_id: str, item_id: str) -> None:
        await self._note("begin", speaker_id, item_id)

    async def end(self, speaker_id: str, item_id: str, played: Sequence[Played], skip_s: float = 0.0) -> None:
        names = tuple(each.path.stem if each.path else each.seconds for each in played)
        await self._note("end", speaker_id, item_id, names, skip_s)

    def ambient_dbfs(self, speaker_id: str) -> float | None:
        if self.error is not None:
            raise self.error
        return self.noise

    async def _note(self, *what: object) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.told.append(what)


async def test_the_volume_follows_the_surroundings_while_it_sounds(node: Store) -> None:
    rig = OnAir(node, NO_GAP, speaker(follow_noise=True, softest=50, quiet_db=-60, loud_db=-40))
    ear = rig.station.listener = Ear()
    await rig.start("news", 30)
    assert rig.horn.volumes[-1][1] == 1, "not known: as loud as it may"
    ear.noise = -60.0
    await rig.advance(6)
    assert rig.horn.volumes[-1] == (START + 5 * S, 0.5)
    ear.noise = -50.0
    await rig.advance(5)
    assert rig.horn.volumes[-1] == (START + 10 * S, 0.75)
    await rig.advance(30)
    assert rig.state.noise_db == -50
    await rig.station.stop()


async def test_the_listener_hears_of_every_stretch(rig: OnAir) -> None:
    ear = rig.station.listener = Ear()
    pause = (Piece(rig.file("one", 5)), Piece(seconds=3), Piece(rig.file("two", 12)))
    await rig.start("news", sources=pause)
    await rig.advance(7)
    await rig.start("urgent", 5, class_="priority")
    await rig.advance(30)
    sources = ("one", 3, "two")
    assert ear.told == [
        ("begin", "loa-1", "news"),
        ("end", "loa-1", "news", sources, 0.0),
        ("begin", "loa-1", "urgent"),
        ("end", "loa-1", "urgent", ("urgent",), 0.0),
        ("begin", "loa-1", "news"),
        ("end", "loa-1", "news", (3, "two"), 1.0),
    ]


async def test_of_a_live_piece_nobody_knows_what_was_played(rig: OnAir) -> None:
    ear = rig.station.listener = Ear()
    await rig.start("radio", sources=(Piece(rig.file("fifo", 1), 5, live=True),))
    await rig.advance(10)
    assert ear.told[-1] == ("end", "loa-1", "radio", (), 0.0)


@pytest.mark.parametrize("stuck", [True, False])
async def test_a_listener_that_breaks_or_hangs_changes_nothing(rig: OnAir, stuck: bool) -> None:
    ear = rig.station.listener = Ear()
    ear.stuck, ear.error = stuck, RuntimeError("deaf")
    tasks = [await rig.start(name, 5) for name in ("a", "b")]
    await rig.advance(10)
    assert [(await task).state for task in tasks] == ["aired", "aired"]
    assert rig.heard() == [("a", 0, 0), ("b", 5, 0)]


async def test_a_test_is_played_in_its_turn_and_nobody_is_told(rig: OnAir) -> None:
    ear = rig.station.listener = Ear()
    await rig.start("news", 5)
    test = asyncio.ensure_future(rig.station.play_test("loa-1", rig.file("sweep", 3)))
    await rig.advance(10)
    await test
    assert rig.heard() == [("news", 0, 0), ("sweep", 5, 0)]
    assert [told[2] for told in ear.told] == ["news", "news"]
    rig.horn.error = NO_SOUND
    assert await refused(asyncio.ensure_future(rig.station.play_test("loa-1", rig.file("sweep", 3)))) == (
        "speaker.device_lost"
    )


async def test_what_the_microphone_says_is_shown_and_put_on_record_for_a_sentence(rig: OnAir) -> None:
    sentence = uuid7()
    for name in (sentence, "ban-tin"):
        await rig.start(name, 1)
        await rig.advance(2)
    rig.station.heard(sentence, Heard(True, 12.345, 1.0))
    assert rig.state.heard is True
    rig.station.heard("ban-tin", Heard(False, 0.5, 1.0))
    assert rig.state.heard is False
    rig.station.heard("nobody", Heard(True, 9, 1.0))
    assert rig.state.heard is False
    assert await rig.events("heard") == [
        {"id": sentence, "speaker": "loa-1", "heard": True, "heard_score": 12.35},
    ]
    rig.station.listening_fault("loa-1", Fault.of("speaker.hum", hz=50, db=12))
    assert rig.state.fault is not None and rig.state.fault.code == "speaker.hum"


async def test_a_persons_order_counts_at_once_and_is_kept(rig: OnAir) -> None:
    await rig.start("now", 5)
    for name in ("a", "b", "c"):
        await rig.start(name, 1)
    await written(rig, await rig.station.order(command(), OrderBulletins(bulletins=("c", "b"))))
    assert rig.state.queue == ("c", "b", "a")
    await rig.advance(20)
    again = OnAir(rig.node, NO_GAP, SPEAKER)
    await again.station.load()
    await again.start("now", 5)
    for name in ("a", "b", "c"):
        await again.start(name, 1)
    assert again.state.queue == ("c", "b", "a")
    await again.advance(20)
    await again.station.stop()


async def test_the_gravest_fault_is_shown(rig: OnAir) -> None:
    board = rig.station.board()
    board.fault("amplifier", Fault.of("speaker.amplifier", line="r/1", detail="x"))
    board.fault("emergency", Fault.of("emergency.no_voice", detail="x"))
    assert rig.state.fault is not None and rig.state.fault.code == "emergency.no_voice"
    rig.sound.horn = None
    rig.station.report()
    assert rig.state.fault is not None and rig.state.fault.code == "speaker.no_device"
    rig.sound.horn = rig.horn
    rig.station.report("horn")
    board.fault("emergency", None)
    assert rig.state.fault is not None and rig.state.fault.code == "speaker.amplifier"


async def test_while_it_plays_everybody_sees_since_when_and_until_when(rig: OnAir) -> None:
    await rig.start("news", sources=(Piece(rig.file("one", 5)), Piece(seconds=3)), at=START + 10 * S)
    await rig.advance(12)
    assert (rig.state.since, rig.state.ends) == (START + 10 * S, START + 18 * S)
    await rig.advance(10)
    assert (rig.state.since, rig.state.ends, rig.state.class_) == (None, None, None)


async def test_a_speaker_that_stands_where_sound_arrives_late_begins_later(node: Store) -> None:
    rig = OnAir(node, NO_GAP, SPEAKER.model_copy(update={"delay_ms": 250}))
    task = await rig.start("news", 5, at=START + 10 * S)
    await rig.advance(20)
    assert rig.heard() == [("news", 10.25, 0)]
    assert (await task).start_error_ms == 0
    await rig.station.stop()


async def test_an_unknown_speaker(rig: OnAir) -> None:
    for handler, args in (
        (rig.station.set_volume, SetVolume(speaker="x", volume=1)),
        (rig.station.stop_speaker, StopSpeaker(speaker="x")),
    ):
        with pytest.raises(Refusal) as caught:
            await handler(command(), args)  # type: ignore[operator]
        assert caught.value.fault.params == {"kind": "speaker", "id": "x", "known": "loa-1"}


async def test_numbers_on_disk_that_make_no_sense_are_passed_over(node: Store) -> None:
    def spoil(db) -> None:  # type: ignore[no-untyped-def]
        for key, value in (("volume/loa-1", "laut"), ("order", "{"), ("speaker/loa-1", "[]"), ("volume/gone", "5")):
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    await node.database.write(spoil)
    rig = OnAir(node, NO_GAP, SPEAKER)
    await rig.station.load()
    await rig.start("news", 5)
    assert rig.state.volume == 100
    await rig.advance(10)
    await rig.station.stop()
