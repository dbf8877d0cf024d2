"""Emergencies: siren at once, words as soon as there are any, again and again, through everything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core_air import OnAir, refused
from core_examples import SIGNER, command
from core_rig import START, Store, store
from core_sound import NO_GAP, NO_SOUND, NO_VOICE

from edge_agent.broadcast.alarm import Alarm
from edge_agent.clock import SimulatedClock
from edge_agent.config.broadcast import Broadcast
from edge_agent.config.model import Loudness, Speaker
from edge_agent.contract.airings import Airing
from edge_agent.contract.commands import Ack, AcknowledgeEmergency, Command, Speak, StopSpeaker
from edge_agent.contract.errors import Refusal
from edge_agent.contract.reports import About
from edge_agent.contract.segments import Text
from edge_agent.contract.signature import Verifier
from edge_agent.desk import Desk
from edge_agent.desk.act import Act
from edge_agent.link.wire import Incoming
from edge_agent.store.journal import Journal

S = timedelta(seconds=1)
FAR = START + timedelta(days=2)
SPEAKER = Speaker(id="loa-1", name="Loa", driver="horn")


class Rig(OnAir):
    """A siren of 5 s and words of 10 s: a round of 15 s, then 10 s of silence."""

    def __init__(self, node: Store, policy: Broadcast = NO_GAP, speaker: Speaker = SPEAKER) -> None:
        super().__init__(node, policy, speaker)

    async def ask(self, args: Any = None, **changes: Any) -> tuple[Command, Act]:
        """A command `speak` of class emergency, on disk and begun as the desk does."""
        asked = command(args, **{"at": self.clock.now() - 10 * S, "expires": FAR, **changes})
        speak = args or Speak.model_validate({"text": "Lũ về, lên đồi ngay", "class": "emergency"})
        act = await self.sound.announcer.speak(asked, speak)
        if act.settled is not None:
            assert act.record is not None
            await self.node.database.write(act.record)
            act.settled(True)
        return asked, act

    async def flood(self, args: Any = None, **changes: Any) -> tuple[str, "asyncio.Task[Any]"]:
        asked, act = await self.ask(args, **changes)
        assert act.run is not None

        async def begin() -> None:
            raise AssertionError("a beginning on record would end it at the next start")

        task = asyncio.ensure_future(act.run(begin))
        await self.node.settle()
        return asked.id, task

    async def alarm(self, name: str, authority: str = "commune") -> None:
        alarm = called(name, authority=authority)
        await self.node.database.write(lambda db: self.station.emergencies.write(db, alarm))
        self.station.emergencies.begin(alarm)
        await self.node.settle()

    async def acknowledge(self, id_: str | None = None) -> Act:
        act = await self.station.acknowledge(command(), AcknowledgeEmergency(emergency=id_))
        assert act.record is not None
        await self.node.database.write(act.record)
        await self.node.settle()
        return act

    async def aired(self) -> list[Airing]:
        await self.node.settle()
        return [Airing.model_validate(data) for data in await self.events("aired")]

    def sounds(self) -> list[tuple[str, float]]:
        return [(name, began) for name, began, _ in self.heard()]


def called(name: str, **changes: Any) -> Alarm:
    whole = {"id": name, "speaker": "loa-1", "title": name, "segments": (Text(text=name),), "until": FAR}
    return Alarm.model_validate({**whole, "authority": "commune", "repeat_every_s": 10, **changes})


@asynccontextmanager
async def running(folder: Path, clock: SimulatedClock, **how: Any) -> AsyncIterator[Rig]:
    """A life of the node on this folder; its end writes nothing, as when the power goes."""
    async with store(folder, clock) as node:
        clock.settled = node.settle
        rig = Rig(node, **how)
        await rig.station.load()
        await rig.station.start()
        await node.settle()
        try:
            yield rig
        finally:
            await rig.station.stop()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(tmp_path, SimulatedClock(START)) as made:
        yield made


async def test_siren_and_words_again_and_again_until_somebody_acknowledges(rig: Rig) -> None:
    id_, done = await rig.flood()
    assert (rig.state.playing, rig.state.class_, rig.state.emergencies) == (id_, "emergency", (id_,))
    await rig.advance(15)
    proof = await done
    assert proof["state"] == "aired" and proof["seconds"] == 15 and proof["started_us"]
    await rig.advance(35)
    await rig.acknowledge(id_)
    await rig.advance(100)
    assert rig.sounds() == [("siren+speech", 0), ("siren+speech", 25), ("siren+speech", 50)]
    [airing] = await rig.aired()
    assert (airing.id, airing.state, airing.repetitions, airing.seconds) == (id_, "aired", 3, 45)
    assert (airing.class_, airing.code, airing.sha256, airing.by) == ("emergency", None, ("ab" * 32,), "nguyen.van.a")
    assert rig.state.emergencies == () and rig.state.playing is None
    assert rig.sound.sounds.released == [f"emergency/{id_}"]


async def test_acknowledged_in_the_middle_it_says_its_words_to_the_end(rig: Rig) -> None:
    id_, _ = await rig.flood()
    await rig.advance(2)
    act = await rig.acknowledge()
    assert act.result == {"acknowledged": [id_]}
    await rig.advance(100)
    [airing] = await rig.aired()
    assert (airing.repetitions, airing.seconds) == (1, 15)


async def test_the_siren_sounds_while_the_words_are_still_being_made(rig: Rig) -> None:
    rig.sound.sounds.ready.clear()
    _, done = await rig.flood()
    await rig.advance(12)
    assert rig.sounds() == [("siren", 0.05), ("siren", 5.35), ("siren", 10.65)]
    assert not done.done()
    rig.sound.sounds.ready.set()
    await rig.advance(13.7)
    assert rig.sounds()[3] == ("speech", 15.65)
    assert (await done)["seconds"] == 25


@pytest.mark.parametrize("class_", ["ordinary", "priority"])
async def test_everything_makes_way_and_nothing_gets_in_between(rig: Rig, class_: str) -> None:
    news = await rig.start("news", 60, class_=class_)
    await rig.advance(20)
    id_, _ = await rig.flood()
    assert rig.horn.ended == [START + 20 * S]
    await rig.start("later", 2, class_=class_)
    await rig.advance(40)
    assert rig.sounds() == [("news", 0), ("siren+speech", 20), ("siren+speech", 45)]
    await rig.acknowledge(id_)
    await rig.advance(60)
    assert rig.sounds()[3:] == [("news", 60), ("later", 101)]
    assert [(cut.by, cut.position_s) for cut in (await news).interruptions] == [(id_, 20)]


async def test_all_nodes_begin_together(rig: Rig) -> None:
    await rig.flood(at=START - 0.25 * S)
    await rig.advance(1)
    assert rig.sounds() == [("siren+speech", 0.05)]


async def test_at_a_given_instant(rig: Rig) -> None:
    await rig.flood(Speak.model_validate({"text": "Lũ", "class": "emergency", "at": START + 7 * S}))
    await rig.advance(10)
    assert rig.sounds() == [("siren+speech", 7)]


async def test_until_its_instant_is_near_the_air_is_the_others(rig: Rig) -> None:
    await rig.flood(Speak.model_validate({"text": "Lũ", "class": "emergency", "at": START + 60 * S}))
    await rig.start("news", 30)
    await rig.start("more", 90)
    await rig.advance(62)
    assert rig.sounds() == [("news", 0), ("more", 30), ("siren+speech", 60)]
    assert 58 <= (rig.horn.ended[1] - START).total_seconds() <= 60


async def test_without_a_trusted_time_it_sounds_at_once_and_for_an_hour(tmp_path: Path) -> None:
    async with running(tmp_path, SimulatedClock(START, trusted=False)) as rig:
        rig.clock.step(timedelta(days=-300))
        later = rig.clock.now() + timedelta(days=290)
        await rig.flood(
            Speak.model_validate({"text": "Lũ", "class": "emergency", "at": later}), at=later, expires=later + 3600 * S
        )
        await rig.advance(1)
        assert len(rig.sounds()) == 1
        rig.clock.step(timedelta(days=300))  # the time has come, a year is no reason to fall silent
        await rig.advance(3500)
        assert rig.state.emergencies
        await rig.advance(200)
        assert rig.state.emergencies == ()


async def test_it_ends_by_itself(rig: Rig) -> None:
    await rig.flood(expires=START + 60 * S)
    await rig.advance(120)
    assert rig.sounds() == [("siren+speech", 0), ("siren+speech", 25), ("siren+speech", 50)]
    assert [airing.repetitions for airing in await rig.aired()] == [3]


async def test_no_longer_than_an_hour(rig: Rig) -> None:
    await rig.flood()
    await rig.advance(4000)
    [airing] = await rig.aired()
    assert airing.repetitions == 144  # every 25 s


async def test_without_a_voice_the_siren_goes_on_and_the_fault_says_so(rig: Rig) -> None:
    rig.sound.voice.error = NO_VOICE
    id_, done = await rig.flood()
    await rig.advance(40)
    assert rig.sounds() == [("siren", 0.05), ("siren", 15.05), ("siren", 30.05)]
    assert rig.state.fault is not None and rig.state.fault.code == "emergency.no_voice"
    assert not done.done()
    await rig.acknowledge(id_)
    await rig.advance(60)
    assert await refused(done) == "emergency.no_voice"
    [airing] = await rig.aired()
    assert (airing.state, airing.code, airing.seconds) == ("partly", "emergency.no_voice", 15)
    assert rig.state.fault is None


async def test_a_voice_that_comes_back_speaks(rig: Rig) -> None:
    rig.sound.voice.error = NO_VOICE
    _, done = await rig.flood()
    await rig.advance(20)
    rig.sound.voice.error = None
    await rig.advance(60)
    assert (await done)["state"] == "aired"
    assert rig.state.fault is None


async def test_without_a_siren_the_words_are_heard(rig: Rig) -> None:
    rig.sound.sounds.path = None
    _, done = await rig.flood()
    await rig.advance(30)
    assert rig.sounds() == [("speech", 0), ("speech", 20)]
    assert (await done)["state"] == "aired"


async def test_without_a_speaker_it_is_tried_again_and_heard_when_there_is_one(rig: Rig) -> None:
    rig.horn.error = NO_SOUND
    _, done = await rig.flood()
    await rig.advance(60)
    assert not done.done() and rig.sounds() == []
    assert rig.state.fault is not None and rig.state.fault.code == "speaker.device_lost"
    rig.horn.error = None
    await rig.advance(20)
    assert (await done)["state"] == "aired"
    assert len(rig.sounds()) == 1


async def test_a_speaker_that_never_came_is_told_at_the_end(rig: Rig) -> None:
    rig.horn.error = NO_SOUND
    _, done = await rig.flood(expires=START + 60 * S)
    await rig.advance(120)
    assert await refused(done) == "speaker.device_lost"
    [airing] = await rig.aired()
    assert (airing.state, airing.code, airing.repetitions) == ("missed", "speaker.device_lost", 0)


async def test_stopped_it_is_silent_at_once(rig: Rig) -> None:
    _, done = await rig.flood()
    await rig.advance(7)
    act = await rig.station.stop_speaker(command(), StopSpeaker())
    assert act.record is not None and act.result == {"was_playing": True}
    await rig.node.database.write(act.record)
    await rig.node.settle()
    assert rig.horn.ended == [START + 7 * S]
    assert await refused(done) == "speaker.stopped"
    assert str(done.exception()) == f"Stopped by {command().by}."
    await rig.advance(60)
    [airing] = await rig.aired()
    assert (airing.state, airing.code, airing.seconds) == ("partly", "speaker.stopped", 7)
    assert len(rig.sounds()) == 1


async def test_another_of_the_same_name_that_comes_while_it_falls_silent_is_heard(rig: Rig) -> None:
    await rig.alarm("flood")
    await rig.advance(7)
    rig.station.emergencies.end("flood", "lan")
    another = called("flood", segments=(Text(text="higher"),), planned=START + 7 * S)
    sounding = asyncio.ensure_future(rig.station.emergencies.sound(another))
    await rig.advance(20)
    assert (await sounding).state == "aired"
    assert rig.station.emergencies.active() == ("flood",)


async def test_equal_ones_take_turns(rig: Rig) -> None:
    await rig.alarm("fire")
    await rig.advance(3)
    await rig.alarm("flood")
    await rig.advance(80)
    assert _titles(rig) == ["fire", "flood", "fire", "flood", "fire", "flood"]
    assert all(b - a == 15 * S for a, b in zip(rig.horn.played, rig.horn.played[1:], strict=False))


async def test_words_that_come_during_their_siren_follow_it_whoever_waits(rig: Rig) -> None:
    rig.sound.sounds.ready.clear()
    await rig.alarm("fire")
    await rig.advance(1)
    await rig.alarm("flood")
    await rig.advance(2)
    rig.sound.sounds.ready.set()
    await rig.advance(60)
    assert _titles(rig)[:4] == ["fire", "fire", "flood", "flood"]
    assert [name for name, _ in rig.sounds()][:4] == ["siren", "speech", "siren", "speech"]


async def test_a_higher_authority_interrupts_once_and_the_other_one_is_not_starved(rig: Rig) -> None:
    await rig.alarm("fire")
    await rig.advance(3)
    await rig.alarm("dam", authority="central")
    assert rig.state.playing == "dam"
    heard = asyncio.ensure_future(rig.station.emergencies.first("fire"))
    await rig.advance(16)
    assert not heard.done(), "what was cut in the middle was not heard"
    await rig.advance(44)
    assert (await heard).interruptions[0].then == "restarted"
    assert _titles(rig)[:4] == ["fire", "dam", "fire", "dam"]
    await rig.alarm("wind", authority="area")
    await rig.advance(100)
    assert "wind" in _titles(rig)


def _titles(rig: Rig) -> list[str]:
    """Ids in the order in which they began."""
    began: list[str] = []
    since = None
    for post in rig.sound.posts:
        if post.playing is not None and post.since != since:
            began.append(post.playing)
            since = post.since
    return began


async def test_neither_hours_nor_a_chosen_volume_lower_it(tmp_path: Path) -> None:
    loudness = Loudness.model_validate(
        {"emergency": 90, "ordinary": 50, "hours": [{"from": "00:00", "to": "23:59", "volume": 5}]}
    )
    speaker = SPEAKER.model_copy(update={"loudness": loudness})
    async with running(tmp_path, SimulatedClock(START), speaker=speaker) as rig:
        rig.horn.volumes.clear()
        await rig.flood()
        await rig.advance(60)
        assert {volume for _, volume in rig.horn.volumes} == {0.9}


async def test_too_many_at_once_are_refused(rig: Rig) -> None:
    for _ in range(16):
        await rig.flood()
    with pytest.raises(Refusal) as caught:
        await rig.ask()
    assert caught.value.fault.code == "command.busy"


async def test_an_unknown_one_cannot_be_acknowledged_and_none_need_not_be_there(rig: Rig) -> None:
    with pytest.raises(Refusal) as caught:
        await rig.station.acknowledge(command(), AcknowledgeEmergency(emergency="x"))
    assert caught.value.fault.code == "command.unknown_thing"
    assert (await rig.station.acknowledge(command(), AcknowledgeEmergency())).result == {"acknowledged": []}


# the disk


async def test_a_full_disk_does_not_keep_it_silent(rig: Rig) -> None:
    await rig.node.full()
    asked = command(at=START - 10 * S, expires=FAR)
    speak = Speak.model_validate({"text": "Lũ", "class": "emergency"})
    act = await rig.sound.announcer.speak(asked, speak)
    assert act.anyhow and act.settled is not None
    act.settled(False)
    await rig.advance(30)
    assert len(rig.sounds()) == 2
    await rig.node.full(False)
    await rig.advance(30)
    rows = await rig.node.database.read(lambda db: db.execute("SELECT id, state FROM emergency").fetchall())
    assert rows == [(asked.id, "sounding")], "written as soon as there was room"


async def test_through_the_desk_a_full_disk_is_answered_when_it_was_heard(rig: Rig) -> None:
    told: list[Ack] = []
    desk = Desk(
        Verifier({SIGNER.key_id: SIGNER.public}),
        rig.clock,
        rig.node.database,
        Journal(rig.node.database),
        rig.node.outbox,
        about=lambda: About(node="n", commune="26734", name="N", timezone="UTC", language="vi", version="1"),
        answer=told.append,
        acknowledge=lambda _message: None,
        on_record=lambda: None,
        keep=rig.node.recorder.keep,
    )
    desk.register("speak", rig.sound.announcer.speak)
    await rig.node.full()
    speak = Speak.model_validate({"text": "Lũ về. " * 700, "class": "emergency"})
    asked = command(speak, to="26734/n", at=START - 10 * S, expires=FAR)
    body = SIGNER.sign(asked.model_dump_json(by_alias=True).encode())
    desk.receive(Incoming("edge/26734/n/cmd", body, 1, False, 1))
    await rig.advance(16)
    assert len(rig.sounds()) == 1
    assert [(ack.id, ack.state) for ack in told] == [(asked.id, "done")], "accepted would mean that it is on disk"
    await desk.close()


async def test_an_end_that_cannot_be_written_is_told_and_written_later(rig: Rig) -> None:
    id_, _ = await rig.flood(expires=START + 20 * S)
    await rig.advance(10)
    await rig.node.full()
    await rig.advance(20)
    assert rig.state.emergencies == ()
    await rig.node.full(False)
    await rig.advance(40)
    [airing] = await rig.aired()
    assert airing.id == id_
    rows = await rig.node.database.read(lambda db: db.execute("SELECT state FROM emergency").fetchall())
    assert rows == [("over",)]


# power cuts: each life ends without a word


async def test_it_goes_on_after_a_restart_until_acknowledged(tmp_path: Path) -> None:
    clock = SimulatedClock(START)
    async with running(tmp_path, clock) as rig:
        id_, _ = await rig.flood()
        await rig.advance(30)  # once, and into the second round
    async with running(tmp_path, clock) as rig:
        assert rig.state.emergencies == (id_,)
        assert rig.state.playing == id_
        await rig.advance(20)
        await rig.acknowledge()
        await rig.advance(40)
        [airing] = await rig.aired()
        assert (airing.repetitions, airing.seconds, airing.state) == (2, 30, "aired")
        assert airing.started_us == _us(START)
    async with running(tmp_path, clock) as rig:
        assert rig.state.emergencies == () and rig.sounds() == []


@pytest.mark.parametrize("after", [0.0, 2.0, 8.0, 14.9, 15.1, 20.0, 26.0])
async def test_a_power_cut_at_any_moment_ends_nothing(tmp_path: Path, after: float) -> None:
    clock = SimulatedClock(START)
    async with running(tmp_path, clock) as rig:
        id_, _ = await rig.flood()
        await rig.advance(after)
    async with running(tmp_path, clock) as rig:
        assert rig.state.playing == id_
        _, act = await rig.ask(id=id_)  # the desk carries an accepted command out again
        assert act.settled is None and act.run is not None
        await rig.advance(16)

        async def begin() -> None:
            return

        assert (await act.run(begin))["state"] == "aired"
        await rig.acknowledge()
        await rig.advance(30)
        [proof] = await rig.aired()  # one, however often it was cut
        assert proof.started_us == _us(START), "its first sample, not the first after the restart"
        assert proof.acknowledged_by == "nguyen.van.a"
        assert [cut.by for cut in proof.interruptions] == (["restart"] if 2 <= after < 15 else [])
    async with running(tmp_path, clock) as rig:
        assert rig.state.emergencies == ()
        _, act = await rig.ask(id=id_)
        assert act.run is not None
        assert (await act.run(begin))["state"] == "aired"
        await rig.advance(30)
        assert rig.sounds() == [], "an old command does not sound it again"


async def test_written_but_never_begun_it_sounds_after_the_restart(tmp_path: Path) -> None:
    clock = SimulatedClock(START)
    async with running(tmp_path, clock) as rig:
        act = await rig.sound.announcer.speak(
            command(at=START, expires=FAR), Speak.model_validate({"text": "Lũ", "class": "emergency"})
        )
        assert act.record is not None
        await rig.node.database.write(act.record)
        assert rig.sounds() == []
    async with running(tmp_path, clock) as rig:
        await rig.advance(1)
        assert len(rig.sounds()) == 1


async def test_acknowledged_and_cut_before_its_end_was_written(tmp_path: Path) -> None:
    clock = SimulatedClock(START)
    async with running(tmp_path, clock) as rig:
        await rig.flood()
        await rig.advance(26)
        await rig.acknowledge()
    async with running(tmp_path, clock) as rig:
        await rig.advance(30)
        assert rig.sounds() == []
        assert [(airing.state, airing.repetitions) for airing in await rig.aired()] == [("aired", 1)]


async def test_stopped_and_cut_before_its_end_was_written(tmp_path: Path) -> None:
    clock = SimulatedClock(START)
    async with running(tmp_path, clock) as rig:
        id_, _ = await rig.flood()
        await rig.advance(5)
        await rig.node.database.write(
            lambda db: db.execute("UPDATE emergency SET state = 'ended' WHERE id = ?", (id_,))
        )
    async with running(tmp_path, clock) as rig:
        await rig.advance(30)
        assert rig.sounds() == []
        assert [airing.code for airing in await rig.aired()] == ["speaker.stopped"]


async def test_what_expired_while_the_node_was_off_is_told_and_silent(tmp_path: Path) -> None:
    clock = SimulatedClock(START)
    async with running(tmp_path, clock) as rig:
        await rig.flood(expires=START + 600 * S)
        await rig.advance(20)
    clock.step(timedelta(hours=3))
    async with running(tmp_path, clock) as rig:
        await rig.advance(30)
        assert rig.sounds() == []
        assert [(airing.state, airing.repetitions) for airing in await rig.aired()] == [("aired", 1)]


async def test_a_row_that_cannot_be_read_keeps_no_other_from_sounding(tmp_path: Path) -> None:
    clock = SimulatedClock(START)
    async with running(tmp_path, clock) as rig:
        await rig.flood()
        await rig.node.database.write(
            lambda db: db.execute("INSERT INTO emergency VALUES ('x', 'sounding', '{', '{}', '')")
        )
    async with running(tmp_path, clock) as rig:
        await rig.advance(1)
        assert len(rig.sounds()) == 1


# bulletins


async def test_a_bulletin_is_settled_in_the_transaction_that_ends_it(tmp_path: Path) -> None:
    clock = SimulatedClock(START)
    async with running(tmp_path, clock) as rig:
        settled: list[tuple[str, str]] = []
        rig.station.emergencies.settle = lambda db, alarm, airing: settled.append((alarm.id, airing.state))
        planned = START + 5 * S
        alarm = Alarm(
            id="storm",
            speaker="loa-1",
            title="Bão",
            segments=(Text(text="Bão"),),
            origin="bulletin",
            owner="storm",
            at=planned,
            planned=planned,
            until=planned + timedelta(hours=3),
            repeat_every_s=45,
        )
        task = asyncio.ensure_future(rig.station.emergencies.sound(alarm))
        await rig.advance(25)
        assert (await task).start_error_ms == 0
        over = asyncio.ensure_future(rig.station.emergencies.over("storm"))
        await rig.advance(3 * 3600)
        airing = await over
        assert airing is not None and airing.repetitions == 180
        assert settled == [("storm", "aired")]
        assert rig.sound.sounds.owners == ["storm"] and rig.sound.sounds.released == []
        assert await rig.station.emergencies.over("nothing") is None


async def test_a_cancelled_bulletin_falls_silent(rig: Rig) -> None:
    await rig.alarm("storm")
    await rig.advance(5)
    assert rig.station.emergencies.end("storm", "lan") is True
    await rig.node.settle()
    assert rig.state.playing is None
    assert rig.station.emergencies.end("storm", "lan") is False


def _us(instant: Any) -> int:
    return round(instant.timestamp() * 1_000_000)
