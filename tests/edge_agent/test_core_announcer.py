"""One thing at a time per loudspeaker; what was played is reported, and what was not is told with its reason."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from core_examples import command
from core_rig import START, Store, store
from core_sound import NO_SOUND, NO_VOICE, Sound

from edge_agent.broadcast.listener import Nobody
from edge_agent.bulletins.lawful import Lawful
from edge_agent.bulletins.ledger import Ledger
from edge_agent.calendar import Policy
from edge_agent.clock import SimulatedClock
from edge_agent.contract.airings import Airing
from edge_agent.contract.commands import Speak, StopSpeaker
from edge_agent.contract.errors import Refusal
from edge_agent.contract.reports import SpeakerState
from edge_agent.cutoff import tell_cut_off
from edge_agent.proof.model import Played
from edge_agent.store.journal import Unfinished
from tts.errors import SpeechError
from tts.manner import ORDINARY, Manner
from tts.speech import Speech

S = timedelta(seconds=1)


class Rig:
    def __init__(self, node: Store) -> None:
        self.node, self.clock = node, node.clock
        self.sound = Sound(node, node.folder)
        self.announcer = self.sound.announcer
        self.begun: list[str] = []

    async def speak(self, text: str = "Xin chào", **more: Any) -> asyncio.Task[Any]:
        args = Speak(text=text, **more)
        act = await self.announcer.speak(command(args), args)
        assert act.run is not None

        async def begin() -> None:
            self.begun.append(text)

        task = asyncio.ensure_future(act.run(begin))
        await self.node.settle()
        return task

    @property
    def state(self) -> SpeakerState:
        return self.sound.posts[-1]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with store(tmp_path, SimulatedClock(START)) as node:
        node.clock.settled = node.settle
        made = Rig(node)
        yield made
        await made.sound.station.stop()


async def test_a_sentence_is_spoken_and_reported(rig: Rig) -> None:
    task = await rig.speak(volume=50)
    assert (rig.state.actual, rig.state.volume, rig.state.title) == ("playing", 50, "Xin chào")
    await rig.clock.advance(10 * S)
    result = await task
    assert result["seconds"] == 10 and result["volume"] == 50 and result["engine"] == "espeak-ng"
    assert (rig.state.actual, rig.state.last_spoken, rig.state.playing) == ("idle", "Xin chào", None)
    await rig.node.recorder.flush()
    [event] = await rig.node.events("aired")
    assert event["about"] == "speaker/loa-1" and event["data"]["text"] == "Xin chào"
    airing = Airing.model_validate(event["data"])
    assert (airing.state, airing.class_, airing.seconds, airing.volume) == ("aired", "priority", 10, 50)
    assert (airing.speaker, airing.sha256, airing.uncertainty_ms) == ("loa-1", ("ab" * 32,), 0.7)


async def test_each_begins_when_its_turn_has_come(rig: Rig) -> None:
    tasks = [await rig.speak(text) for text in ("một", "hai", "ba")]
    assert rig.begun == ["một"]
    await rig.clock.advance(10 * S)
    assert rig.begun == ["một", "hai"]
    await rig.clock.advance(20 * S)
    await asyncio.gather(*tasks)
    assert rig.begun == ["một", "hai", "ba"]
    assert rig.sound.horn is not None and rig.sound.horn.played == [START, START + 10 * S, START + 20 * S]


async def test_the_other_speaker_does_not_wait(rig: Rig) -> None:
    tasks = [await rig.speak("một"), await rig.speak("hai", speaker="loa-2")]
    await rig.clock.advance(10 * S)
    await asyncio.gather(*tasks)
    assert rig.sound.second.played == [START]


async def test_too_many_are_refused(rig: Rig) -> None:
    tasks = [await rig.speak(str(n)) for n in range(16)]
    with pytest.raises(Refusal) as caught:
        await rig.speak("more")
    assert caught.value.fault.code == "command.busy"
    await rig.clock.advance(200 * S)
    await asyncio.gather(*tasks)
    await (await _advanced(rig, "again"))


async def _advanced(rig: Rig, text: str) -> asyncio.Task[Any]:
    task = await rig.speak(text)
    await rig.clock.advance(10 * S)
    return task


async def test_an_unknown_speaker_is_refused(rig: Rig) -> None:
    with pytest.raises(Refusal) as caught:
        await rig.speak(speaker="loa-9")
    assert caught.value.fault.params["known"] == "loa-1, loa-2"


@pytest.mark.parametrize(
    ("error", "code"), [(NO_VOICE, "speech.no_engine"), (OSError(28, "full"), "speech.storage")], ids=repr
)
async def test_no_voice_while_another_plays_leaves_that_one_playing(rig: Rig, error: Exception, code: str) -> None:
    first = await rig.speak("một")
    rig.sound.voice.error = error
    second = await rig.speak("hai")
    with pytest.raises(Refusal) as caught:
        await second
    assert caught.value.fault.code == code
    assert (rig.state.actual, rig.state.title) == ("playing", "một")
    rig.sound.voice.error = None
    await rig.clock.advance(10 * S)
    await first
    assert (rig.state.actual, rig.state.fault) == ("idle", None)


async def test_no_voice_and_nobody_plays(rig: Rig) -> None:
    rig.sound.voice.error = NO_VOICE
    with pytest.raises(Refusal):
        await (await rig.speak())
    assert rig.state.actual == "idle"
    assert rig.state.fault is not None and rig.state.fault.code == "speech.no_engine"


@pytest.mark.parametrize(
    ("error", "code"), [(NO_SOUND, "speaker.device_lost"), (RuntimeError("foreign"), "driver.failed")], ids=repr
)
async def test_a_speaker_that_fails(rig: Rig, error: Exception, code: str) -> None:
    assert rig.sound.horn is not None
    rig.sound.horn.error = error
    with pytest.raises(Refusal) as caught:
        await (await rig.speak())
    assert caught.value.fault.code == code
    assert rig.state.actual == "idle" and rig.state.fault is not None and rig.state.fault.code == code
    rig.sound.horn.error = None
    await (await _advanced(rig, "wieder"))
    assert rig.state.fault is None


async def test_a_speaker_that_is_not_there(rig: Rig) -> None:
    rig.sound.horn = None
    rig.sound.station.report()
    assert [post.fault.code if post.fault else None for post in rig.sound.posts] == ["speaker.no_device", None]
    with pytest.raises(Refusal) as caught:
        await (await rig.speak())
    assert caught.value.fault.code == "speaker.no_device"


async def test_a_beginning_that_cannot_be_written_is_not_spoken(rig: Rig) -> None:
    act = await rig.announcer.speak(command(), Speak(text="x"))
    assert act.run is not None

    async def begin() -> None:
        raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        await act.run(begin)
    assert rig.sound.horn is not None and rig.sound.horn.played == []
    assert rig.state.actual == "idle"


async def test_cancelled_it_falls_silent_and_the_next_has_its_turn(rig: Rig) -> None:
    first, second = await rig.speak("một"), await rig.speak("hai")
    first.cancel()
    await rig.node.settle()
    assert rig.state.title == "hai"
    await rig.clock.advance(10 * S)
    await second


def _remembered(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM meta WHERE key = 'speaker/loa-1'").fetchone() is not None


async def test_what_was_said_last_is_known_after_a_restart_or_forgotten(rig: Rig) -> None:
    await (await _advanced(rig, "một"))
    async with asyncio.timeout(10):
        while not await rig.node.database.read(_remembered):
            await asyncio.sleep(0.01)
    again = Sound(rig.node, rig.node.folder)
    await again.station.load()
    again.station.report()
    assert again.posts[0].last_spoken == "một"
    await rig.node.database.write(lambda db: db.execute("UPDATE meta SET value = '{' WHERE key LIKE 'speaker/%'"))
    spoilt = Sound(rig.node, rig.node.folder)
    await spoilt.station.load()
    spoilt.station.report()
    assert spoilt.posts[0].last_spoken is None


async def test_stop_silences_what_plays_and_what_waits(rig: Rig) -> None:
    tasks = [await rig.speak(text) for text in ("một", "hai")]
    act = await rig.sound.station.stop_speaker(command(), StopSpeaker())
    assert act.result == {"was_playing": True}
    await rig.node.settle()
    for task in tasks:
        with pytest.raises(Refusal) as caught:
            await task
        assert caught.value.fault.code == "speaker.stopped"
    assert rig.begun == ["một"]
    assert rig.state.actual == "idle"
    later = await rig.speak("ba")
    await rig.clock.advance(10 * S)
    assert (await later)["spoken"] == "ba"


async def test_a_waiting_sound_outlives_the_cache(rig: Rig) -> None:
    first, second = await rig.speak("một"), await rig.speak("hai")
    rig.sound.voice.path.unlink()  # as the cache does when it is full
    await rig.clock.advance(20 * S)
    assert (await first)["seconds"] == (await second)["seconds"] == 10
    await rig.node.settle()
    assert list((rig.node.folder / "playing").glob("*.wav")) == []


async def test_a_voice_that_dies_once_is_asked_again(rig: Rig) -> None:
    calls: list[str] = []
    say = rig.sound.voice.say

    async def dies_once(text: str, timeout_s: float = 60.0, manner: Manner = ORDINARY) -> Speech:
        calls.append(text)
        if len(calls) == 1:
            raise SpeechError("speech.worker_died", "SIGKILL", retry=True)
        return await say(text, timeout_s, manner)

    rig.sound.voice.say = dies_once  # type: ignore[method-assign]
    task = await rig.speak("một")
    await rig.clock.advance(10 * S)
    assert (await task)["spoken"] == "một"
    assert calls == ["một", "một"]


async def test_who_listens_finds_the_sound_still_there(rig: Rig) -> None:
    there: list[bool] = []

    class Ear(Nobody):
        async def end(self, speaker_id: str, item_id: str, played: Sequence[Played], skip_s: float = 0.0) -> None:
            await asyncio.sleep(0.05)
            there.extend(piece.path is not None and piece.path.exists() for piece in played)

    rig.sound.station.listener = Ear()
    task = await rig.speak()
    await rig.clock.advance(10 * S)
    await task
    assert there == [True]
    assert list((rig.node.folder / "playing").glob("*.wav")) == []


async def test_what_was_never_heard_is_on_record_with_its_reason(rig: Rig) -> None:
    rig.sound.voice.error = NO_VOICE
    with pytest.raises(Refusal):
        await (await rig.speak())
    await rig.node.recorder.flush()
    [event] = await rig.node.events("aired")
    airing = Airing.model_validate(event["data"])
    assert (airing.state, airing.title, airing.seconds, airing.by) == ("missed", "Xin chào", 0, "nguyen.van.a")
    assert airing.code is not None and airing.reason


async def test_what_the_end_of_the_node_cut_off_is_on_record(rig: Rig) -> None:
    asked = command(Speak(text="Mời bà con"))
    alarm = command(Speak.model_validate({"text": "Lũ về", "class": "emergency"}))
    lamp = command()
    unfinished = [Unfinished(asked, True), Unfinished(alarm, True), Unfinished(lamp, True), Unfinished(asked, False)]
    tell_cut_off(unfinished, rig.sound.station, rig.node.recorder)
    await rig.node.recorder.flush()
    [event] = await rig.node.events("aired")
    airing = Airing.model_validate(event["data"])
    assert (airing.id, airing.speaker, airing.state, airing.code) == (asked.id, "loa-1", "partly", "speaker.cut_off")


async def test_ordinary_speech_keeps_the_lawful_hours_and_an_emergency_does_not(rig: Rig) -> None:
    ledger = Ledger(rig.node.database, rig.node.outbox, rig.clock, lambda: None, rig.node.recorder.keep)
    closed = Policy(windows=((0, 1),))
    rig.sound.station.hours = Lawful(closed, ledger, rig.clock, ZoneInfo("Asia/Ho_Chi_Minh")).require_class
    with pytest.raises(Refusal) as refused:
        await rig.speak(**{"class": "ordinary"})
    assert refused.value.fault.code == "hours.window" and refused.value.fault.params["next"] != "-"
    for class_ in ("priority", "emergency"):
        args = Speak.model_validate({"text": "Lũ về", "class": class_})
        assert (await rig.announcer.speak(command(args), args)).run is not None


async def test_an_authority_that_the_node_does_not_know_is_refused_with_those_it_knows(rig: Rig) -> None:
    with pytest.raises(Refusal) as refused:
        await rig.speak(authority="vua")
    assert refused.value.fault.code == "bulletin.unknown_authority"
    assert "province" in str(refused.value.fault.params["known"])
