"""A commune's month: its calendar, and what happens to its node. All drawn from a seed."""

import contextlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core_examples import command
from core_radio import NO_SOUND, NO_VOICE, ZONE, Radio
from core_rig import Store

from edge_agent.calendar import Policy
from edge_agent.clock import SimulatedClock
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.commands import AcknowledgeEmergency
from edge_agent.contract.errors import Refusal

BEGIN = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)  # midnight of Monday the 23rd in Viet Nam
HOURS = {
    "windows": [{"from": "05:30", "to": "06:30"}, {"from": "17:00", "to": "18:00"}],
    "minutes_per_session": 60,
    "sessions_per_day": 2,
    "exempt": ["priority"],
}
POLICY = Policy(windows=((330, 390), (1020, 1080)), session_s=3600, sessions_per_day=2)
S = timedelta(seconds=1)
M = timedelta(minutes=1)


def at(day: int, clock: str) -> datetime:
    """A local time of the n-th day (from 0)."""
    hour, minute = clock.split(":")
    return BEGIN + timedelta(days=day, hours=int(hour), minutes=int(minute))


def calendar(draw: random.Random, days: int) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """The bulletins in the order in which they are planned, and how long each lasts."""
    moved, left_out = draw.randrange(3, days - 2), draw.randrange(3, days - 2)
    made = [
        _bulletin("sang", 0, "05:30", 80, "FREQ=DAILY", catch_up_s=600),
        _bulletin("thoi-tiet", 0, "05:35", 30, "FREQ=DAILY", after_interruption="drop", catch_up_s=120),
        _bulletin("chieu", 0, "17:00", 100, "FREQ=DAILY", catch_up_s=900, after_interruption="restart"),
        _bulletin("tin-xa", 0, "17:06", 90, "FREQ=WEEKLY;BYDAY=MO,WE,FR"),
        _bulletin("chu-nhat", 0, "06:00", 60, "FREQ=WEEKLY;BYDAY=SU", catch_up_s=0),
        _bulletin("giua-thang", 0, "06:05", 30, "FREQ=MONTHLY;BYMONTHDAY=1,15,-1"),
        _bulletin("trua", 0, "11:30", 45, "FREQ=DAILY", **{"class": "priority", "authority": "commune"}),
        _bulletin("uu-tien-xa", 0, "17:15", 60, "FREQ=WEEKLY;BYDAY=SA", **{"class": "priority"}),
        _bulletin(
            "uu-tien-tinh", 0, "17:15", 60, "FREQ=WEEKLY;BYDAY=SA", **{"class": "priority", "authority": "province"}
        ),
        _bulletin("qua-dai", 0, "06:12", 1500, "FREQ=WEEKLY;BYDAY=TU"),
        _bulletin("thon-2", 0, "05:30", 70, "FREQ=DAILY", speaker="loa-2"),
        _bulletin("gio-le", 0, "17:40", 20, "FREQ=DAILY"),
    ]
    made[1]["recurrence"]["except"] = [at(left_out, "05:35").isoformat()]
    made[2]["recurrence"]["changes"] = [
        {"planned": at(moved, "17:00").isoformat(), "at": at(moved, "17:25").isoformat(), "text": "chieu doi gio"}
    ]
    made[11]["recurrence"] |= {"valid_from": f"{at(5, '12:00'):%Y-%m-%d}", "valid_to": f"{at(12, '12:00'):%Y-%m-%d}"}
    lunar = _bulletin("mung-mot-ram", 0, "06:08", 40, None)
    lunar["recurrence"] = {"lunar": {"days": [1, 15], "leap": "also"}}
    relay = _bulletin("tiep-am", 0, "17:30", 120, "FREQ=WEEKLY;BYDAY=TU,TH")
    del relay["text"]
    relay["segments"] = [{"kind": "relay", "url": "http://127.0.0.1/vov1", "seconds": 120}]
    once = _bulletin("mot-lan", draw.randrange(1, days - 1), "17:50", 25, None)
    huy = _bulletin("se-huy", 0, "05:40", 20, "FREQ=DAILY")
    made += [lunar, relay, once, huy]
    lengths = {each["id"]: float(each.pop("lasts")) for each in made}
    return made, lengths


def _bulletin(name: str, day: int, clock: str, lasts: float, rule: str | None, **more: Any) -> dict[str, Any]:
    recurrence = {"recurrence": {"rule": rule}} if rule else {}
    first = {"id": name, "title": name, "text": name, "at": at(day, clock).isoformat(), "speaker": "loa-1"}
    return {**first, "lasts": lasts, **recurrence, **more}


def emergency(number: int, when: datetime, draw: random.Random) -> dict[str, Any]:
    """Something that the commune sends in a hurry."""
    return {
        "id": f"khan-{number}",
        "title": f"Khẩn {number}",
        "text": f"khan {number}",
        "class": "emergency",
        "at": when.isoformat(),
        "speaker": draw.choice(["loa-1", "loa-1", "loa-2"]),
        "repeat_every_s": draw.choice([10, 30]),
        "repeat_until": (when + timedelta(minutes=draw.randrange(10, 50))).isoformat(),
    }


@dataclass(order=True)
class Happening:
    """Something that befalls the node. `when` is true time."""

    when: datetime
    what: str = field(compare=False)
    value: Any = field(compare=False, default=None)


def happenings(draw: random.Random, days: int) -> list[Happening]:
    """Power cuts (value: seconds off, and doubted after), steps, doubts, failures, emergencies; in their order."""
    found = []
    for day in range(days):
        session = at(day, draw.choice(["05:30", "17:00", "11:30"]))
        if draw.random() < 0.5:
            off = draw.choice([5, 20, 60, 300, 3600, 6 * 3600])
            cut = session + draw.uniform(-60, 700) * S
            found.append(Happening(cut, "cut", (off * S, draw.choice([0, 0, 20, 90, 400]) * S)))
        if draw.random() < 0.12:
            found.append(
                Happening(session + draw.uniform(-30, 200) * S, "step", draw.choice([-1, 1]) * draw.choice([1, 60]) * M)
            )
        if draw.random() < 0.1:
            begin = session + draw.uniform(-300, 300) * S
            found += [Happening(begin, "doubt"), Happening(begin + draw.uniform(60, 1800) * S, "trust")]
        if draw.random() < 0.1:
            begin = session - 60 * S
            found += [Happening(begin, "mute"), Happening(begin + draw.uniform(120, 1500) * S, "loud")]
        if draw.random() < 0.25:
            found.append(Happening(at(day, "00:00") + draw.uniform(0, 86_000) * S, "emergency", draw.random() < 0.6))
        if (
            draw.random() < 0.3
        ):  # somebody writes something in the last hour, perhaps while the voice or the link is gone
            found.append(Happening(at(day, "04:50"), "news", draw.choice(["05:52", "17:52"])))
            if draw.random() < 0.6:
                begin = at(day, "04:40")
                found += [
                    Happening(begin, "voiceless"),
                    Happening(begin + draw.choice([900, 4500, 60_000]) * S, "voice"),
                ]
    found.append(Happening(at(9, "14:00"), "cancel", "se-huy"))
    return sorted(found)


class Month:
    """The node of a commune through all that happens to it."""

    def __init__(self, folder: Path, seed: int, days: int) -> None:
        self.folder = folder
        self.draw = random.Random(seed)
        self.days = days
        self.bulletins, self.lengths = calendar(self.draw, days)
        self.todo = happenings(self.draw, days)
        self.true = BEGIN - timedelta(hours=2)
        self.outages: dict[str, list[list[str]]] = {"speaker": [], "voice": []}
        self.mute = False
        self.voiceless: Refusal | None = None
        self.since: dict[str, tuple[datetime, datetime]] = {}
        self.known: Any = set()
        self.emergencies = 0
        self.cuts = 0
        self.states_cut: set[str] = set()
        self.rig: Radio

    async def run(self) -> list[dict[str, Any]]:
        """All events of the month."""
        end = BEGIN + timedelta(days=self.days, hours=1)
        boot: tuple[timedelta, timedelta] | None = (timedelta(0), timedelta(0))
        now, first = self.true, True
        while boot is not None:
            off, doubtful = boot
            self.true += off
            boot, now = await self._life(now if doubtful else self.true, doubtful, end, first=first)
            first = False
        return self.events

    async def _life(
        self, now: datetime, doubtful: timedelta, end: datetime, *, first: bool
    ) -> tuple[tuple[timedelta, timedelta] | None, datetime]:
        """From a start to a power cut, or to the end. `now`: as the node's clock says."""
        node = Store(self.folder, SimulatedClock(now, trusted=not doubtful))
        await node.outbox.load()
        self.rig = rig = Radio(node, policy=POLICY)
        rig.shelf.lengths = {**self.lengths, "chieu doi gio": self.lengths["chieu"]}
        rig.shelf.known, rig.shelf.error = self.known, self.voiceless
        node.clock.settled = node.settle
        assert rig.horn is not None
        rig.horn.error = NO_SOUND if self.mute else None
        await self._tell("started", version="1", session="s")
        await self._tell("clock", trusted=not doubtful, source="kernel")
        await rig.start()
        if doubtful:
            self.todo = sorted([*self.todo, Happening(self.true + doubtful, "set")])
        if first:
            for each in self.bulletins:
                await rig.plan(Bulletin.model_validate(each))
        boot = None
        while boot is None and self.todo and self.todo[0].when < end:
            boot = await self._happens(self.todo.pop(0))
        if boot is None:
            await self._until(end)
            self.events = await self._all()
        now = node.clock.now()
        await self._power_off(node)
        return boot, now

    async def _happens(self, happening: Happening) -> tuple[timedelta, timedelta] | None:
        await self._until(happening.when)
        clock, rig = self.rig.clock, self.rig
        match happening.what:
            case "cut":
                self.cuts += 1
                self.states_cut |= set({post.id: post.actual for post in rig.posts}.values())
                off, doubtful = happening.value
                return off, doubtful
            case "set" | "trust":
                await self._step(self.true - clock.now())
                await self._trust(True)
            case "step":
                await self._step(happening.value)
                self._later(20 * M, "set")
            case "doubt":
                await self._trust(False)
            case "voiceless" | "voice":
                self._voice(happening.what == "voice")
            case "news":
                await self._news(happening.value)
            case "mute" | "loud":
                self._mute(happening.what == "mute")
            case "cancel":
                await rig.cancel(happening.value)
            case "emergency":
                await self._emergency(acknowledged=happening.value)
            case "acknowledge":
                if happening.value in rig.station.emergencies.active():
                    asked = AcknowledgeEmergency(emergency=happening.value)
                    await rig.write(await rig.station.acknowledge(command(asked), asked))
        return None

    async def _emergency(self, *, acknowledged: bool) -> None:
        self.emergencies += 1
        asked = emergency(self.emergencies, self.rig.clock.now() + 2 * S, self.draw)
        self.bulletins.append(asked)
        self.lengths[asked["id"]] = 13 + float(asked["repeat_every_s"])
        await self.rig.plan(Bulletin.model_validate(asked))
        if acknowledged:
            self._later(self.draw.uniform(20, 480) * S, "acknowledge", asked["id"])

    async def _news(self, clock: str) -> None:
        """A bulletin of today, by the node's own clock. One that is past by then is refused, and nobody planned it."""
        now = self.rig.clock.now().astimezone(ZONE)
        hour, minute = clock.split(":")
        due = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
        name = f"moi-{now:%d-%H%M}"
        asked = {"id": name, "title": name, "text": name, "at": due.isoformat(), "speaker": "loa-1", "catch_up_s": 600}
        with contextlib.suppress(Refusal):
            await self.rig.plan(Bulletin.model_validate(asked))
            self.bulletins.append(asked)
            self.lengths[name] = 10

    def _voice(self, there: bool) -> None:
        self.voiceless = None if there else NO_VOICE
        self.rig.shelf.error = self.voiceless
        self._outage("voice", there)

    def _outage(self, kind: str, over: bool) -> None:
        now = self.rig.clock.now()
        if not over:
            self.since[kind] = (now, self.true)
            self.outages[kind].append([now.isoformat(), (BEGIN + timedelta(days=400)).isoformat()])
        elif self.outages[kind]:  # by the node's clock, whichever way it was set meanwhile
            begun, true = self.since[kind]
            self.outages[kind][-1][1] = max(now, begun + (self.true - true)).isoformat()

    def _later(self, by: timedelta, what: str, value: Any = None) -> None:
        self.todo = sorted([*self.todo, Happening(self.true + by, what, value)])

    def _mute(self, mute: bool) -> None:
        self.mute = mute
        assert self.rig.horn is not None
        self.rig.horn.error = NO_SOUND if mute else None
        self._outage("speaker", not mute)

    async def _step(self, by: timedelta) -> None:
        if abs(by) > S:
            self.rig.clock.step(by)
            await self._tell("clock", code="clock.stepped", seconds=by.total_seconds())

    async def _trust(self, trusted: bool) -> None:
        self.rig.clock.trusted = trusted
        await self._tell("clock", trusted=trusted, source="kernel")

    async def _until(self, when: datetime) -> None:
        if when > self.true:
            await self.rig.passes(when - self.true)
            self.true = when

    async def _tell(self, type_: Any, **data: Any) -> None:
        self.rig.node.recorder.event(type_, **data)
        await self.rig.node.recorder.flush()

    async def _all(self) -> list[dict[str, Any]]:
        await self.rig.node.recorder.flush()
        return await self.rig.node.events()

    async def _power_off(self, node: Store) -> None:
        """Nothing can be written any more, then everything is gone."""
        node.database.close()
        await self.rig.stop()

    @property
    def calendar(self) -> dict[str, Any]:
        """For the checker."""
        lengths = self.lengths
        return {"bulletins": self.bulletins, "hours": HOURS, "seconds": lengths, "outages": self.outages}


@contextmanager
def quicker(monkeypatch: Any) -> Iterator[None]:
    """Look and save less often, so that a month is short."""
    from edge_agent.bulletins import onair, service

    monkeypatch.setattr(service, "_LOOK_EVERY_S", 300)
    monkeypatch.setattr(onair, "SAVE_EVERY_S", 15.0)
    yield
