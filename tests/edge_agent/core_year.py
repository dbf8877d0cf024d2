"""A commune's year of lights: what is configured, and what befalls the node, all drawn from a seed."""

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core_examples import command
from core_rig import Store

from drivers.contract import DriverContext, DriverFault
from drivers.relay.simulated import SimulatedRelay, SimulatedRelayConfig
from edge_agent.clock import SimulatedClock
from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import GroupEntry, Light, Switch
from edge_agent.config.timetable import Calendar, NamedProgramme
from edge_agent.contract.commands import ResetInterlock, SwitchOverride, SwitchRelease
from edge_agent.contract.errors import Refusal, Said
from edge_agent.contract.switched import Switched
from edge_agent.control.facts import Demand, Reading
from edge_agent.switching.plant import Plant
from edge_agent.switching.service import SwitchService
from edge_agent.timetable.place import Place
from edge_agent.timetable.timetable import Timetable

BEGIN = datetime(2027, 1, 9, 5, 0, tzinfo=UTC)  # noon in Viet Nam; Tet is on 6 February
SITE = {"latitude": 20.95, "longitude": 106.08}
CONFIG: dict[str, Any] = {
    "node": {"position": SITE, "timezone": "Asia/Ho_Chi_Minh"},
    "programmes": [
        {"id": "ca-dem", "on": "sunset-10m", "off": "sunrise+10m"},
        {"id": "nua-dem", "on": "sunset-10m", "off": "23:00"},
        {"id": "toi", "on": "dusk", "off": "21:30"},
        {"id": "gio-co-dinh", "on": "18:15", "off": "05:15"},
        {
            "id": "mo-dan",
            "on": "sunset",
            "off": "dawn",
            "ramp_s": 20,
            "steps": [{"at": "22:30", "level": 60, "ramp_s": 60}, {"at": "04:30", "level": 100, "ramp_s": 30}],
        },
        {"id": "hai-lan", "periods": [{"on": "18:00", "off": "22:00"}, {"on": "04:30", "off": "sunrise"}]},
        {
            "id": "chong-nhau",
            "periods": [{"on": "17:30", "off": "23:30", "level": 40}, {"on": "19:00", "off": "20:00", "level": 100}],
        },
        {"id": "quang-tro", "on": "sunset", "off": "sunrise", "photocell": {"sensor": "mat-than"}},
        {
            "id": "tuoi",
            "begins": "midnight",
            "periods": [{"on": "05:30", "off": "06:15"}, {"on": "16:30", "off": "17:10"}],
        },
    ],
    "calendars": [
        {
            "id": "duong-chan",
            "rules": [
                {"programme": "ca-dem", "tet": [7, 5]},
                {"programme": "ca-dem", "lunar": {"days": [15]}},
                {"programme": "off", "dates": ["2027-03-27", "04-22"]},
            ],
            "otherwise": "nua-dem",
        },
        {
            "id": "san-dinh",
            "rules": [
                {"programme": "ca-dem", "lunar": {"days": [9, 10, 11], "month": 3}},
                {"programme": "toi", "lunar": {"days": [1, 30]}},
                {"programme": "nua-dem", "weekdays": ["sat"], "occurrences": [1, "last"]},
                {"programme": "off", "lunar": {"before_tet": 1}},
            ],
            "otherwise": "hai-lan",
        },
        {
            "id": "truong",
            "rules": [
                {"programme": "off", "from": "12-28", "to": "01-12"},
                {"programme": "toi", "from": "09-05", "to": "05-31", "weekdays": ["mon", "tue", "wed", "thu", "fri"]},
            ],
            "otherwise": "gio-co-dinh",
        },
    ],
    "lights": [
        *({"id": f"le-{n}", "programme": "ca-dem"} for n in range(1, 7)),
        *({"id": f"chan-{n}", "calendar": "duong-chan"} for n in range(1, 7)),
        *({"id": f"mo-{n}", "programme": "mo-dan", "dimmable": True, "fail_safe": 50} for n in range(1, 3)),
        {"id": "chong", "programme": "chong-nhau", "dimmable": True},
        {"id": "dinh-1", "calendar": "san-dinh"},
        {"id": "dinh-2", "calendar": "san-dinh", "limits": {"minimum_on_s": 120, "minimum_off_s": 600}},
        {"id": "truong", "calendar": "truong", "fail_safe": 0},
        {"id": "cao-ap", "programme": "ca-dem", "limits": {"minimum_on_s": 300, "minimum_off_s": 900}},
        {"id": "quang", "programme": "quang-tro"},
        {"id": "nha-van-hoa", "programme": {"on": "19:00", "off": "21:00"}},
        {"id": "luon-sang", "default": 100},
        {"id": "bang-tin", "default": 0},
        {"id": "san-bong", "programme": "toi", "limits": {"minimum_on_s": 60, "minimum_off_s": 1200}},
    ],
    "switches": [
        {
            "id": "bom",
            "use": "pump",
            "programme": "tuoi",
            "limits": {"maximum_run_s": 1800, "rest_s": 900},
            "blocks": [{"sensor": "be", "below": 20, "ends": 30}],
        },
        {"id": "quat", "use": "fan", "blocks": [{"sensor": "cua", "above": 0.5, "for_s": 20}]},
        {"id": "phun", "use": "mist", "blocks": [{"sensor": "be", "below": 10, "ends": 15, "stays": True}]},
    ],
    "groups": [
        {"id": "hang-le", "members": [f"le-{n}" for n in range(1, 7)], "gap_s": 1},
        {"id": "duong", "members": ["hang-le", *(f"chan-{n}" for n in range(1, 7))], "gap_s": 0.5},
        {"id": "dinh", "members": ["dinh-1", "dinh-2"]},
    ],
    "sensors": [
        {"id": "mat-than", "kind": "photocell"},
        {"id": "be", "kind": "level"},
        {"id": "cua", "kind": "door"},
    ],
}
DIMS = {each["id"] for each in CONFIG["lights"] if each.get("dimmable")}
LIGHTS = [each["id"] for each in CONFIG["lights"]]
THINGS = [*LIGHTS, *(each["id"] for each in CONFIG["switches"])]
NO_CALENDAR_END = {"quang"}
"""A photocell ends whenever it is light: whoever overrides it must say until when."""
_CLOCK_SEEN_S = 10.0
Tell = Callable[..., None]


class Relays(SimulatedRelay):
    """The simulated board; it tells what its lines do."""

    tell: Tell

    async def switch(self, line: str, on: bool) -> None:
        try:
            await super().switch(line, on)
        except DriverFault:
            self.tell("line", thing=line, level=100.0 if on else 0.0, failed=True)
            raise
        self.tell("line", thing=line, level=100.0 if on else 0.0)


class Dimmers(SimulatedRelay):
    """A board of dimmers."""

    tell: Tell

    async def switch(self, line: str, on: bool) -> None:
        await self.dim(line, 100.0 if on else 0.0)

    async def dim(self, line: str, level: float) -> None:
        if line in self._stuck and self._levels.get(line, 0.0) != level:
            self.tell("line", thing=line, level=level, failed=True)
            raise DriverFault("driver.stuck", "it does not follow", retry=True)
        await super().switch(line, level > 0) if line not in self._stuck else None
        self._levels[line] = level
        self.tell("line", thing=line, level=level)

    async def level(self, line: str) -> float:
        await super().read(line)
        return self._levels[line]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._levels: dict[str, float] = {}


@dataclass(order=True)
class Happening:
    """Something that befalls the node, in seconds of true time."""

    when: float
    what: str = field(compare=False)
    value: Any = field(compare=False, default=None)


def happenings(draw: random.Random, days: int) -> list[Happening]:
    """All of a year; most of it when lights are switched anyway."""
    found: list[Happening] = []

    def add(each: str, chance: float, value: Callable[[float], Any] = lambda _when: None) -> None:
        count = int(chance) + (draw.random() < chance % 1)
        for _ in range(count):
            when = day * 86400 + _when(draw)
            found.append(Happening(when, each, value(when)))

    for day in range(days):
        add("override", 2.6, lambda _when: _asked(draw))
        add("release", 0.8, lambda _when: draw.choice([*THINGS, "duong", "hang-le", "lights"]))
        add("reset", 0.1, lambda _when: "phun")
        add("restart", 0.12, lambda _when: draw.choice([2, 5, 20, 90]))
        add("kill", 0.15, lambda _when: draw.choice([2, 5, 20, 90, 600]))
        add("cut", 0.15, lambda _when: _cut(draw))
        add("step", 0.05, lambda _when: (draw.choice([-1, 1]) * draw.choice([20, 300, 3600]), draw.uniform(600, 9000)))
        add("doubt", 0.04, lambda _when: draw.uniform(60, 5000))
        add("stick", 0.12, lambda _when: (draw.sample(THINGS, draw.randint(1, 2)), draw.uniform(20, 9000)))
        add("gone", 0.06, lambda _when: (draw.choice(["relays", "dimmers"]), draw.uniform(5, 4000)))
        add("rule", 0.5, lambda _when: (draw.choice(["quat", "bang-tin", "dinh-1"]), draw.uniform(30, 5000)))
        add("door", 0.4, lambda _when: draw.uniform(3, 900))
        add("tank", 1.5, lambda _when: draw.choice([5, 12, 18, 25, 40, 80, 90, 90, None]))
        found.append(Happening(day * 86400 + draw.uniform(4.8, 6.7) * 3600, "dark", 1.0))
        found.append(Happening(day * 86400 + draw.uniform(17, 19.2) * 3600, "dark", 0.0))
        if draw.random() < 0.05:
            found.append(Happening(day * 86400 + draw.uniform(4, 20) * 3600, "dark", None))
    return sorted(found)


def _when(draw: random.Random) -> float:
    """Seconds after noon."""
    if draw.random() < 0.35:
        return draw.uniform(0, 86400)
    low, high = draw.choice([(5.2, 6.8), (5.2, 6.8), (9, 11.2), (15.5, 18.6)])
    return draw.uniform(low, high) * 3600


def _asked(draw: random.Random) -> dict[str, Any]:
    thing = draw.choice([*THINGS, *THINGS, "duong", "hang-le", "dinh", "lights"])
    level = draw.choice([0.0, 100.0]) if thing not in DIMS else draw.choice([0.0, 30.0, 70.0, 100.0])
    end: dict[str, Any] = draw.choice(
        [{}, {"seconds": draw.choice([5, 60, 1800, 7200, 40000])}, {"for": draw.choice([60, 900, 20000])}]
    )
    if thing in NO_CALENDAR_END | {"lights"} and not end:
        end = {"seconds": 1800}
    return {"thing": thing, "level": level, **end}


def _cut(draw: random.Random) -> dict[str, Any]:
    """How long, whether its clock went on meanwhile, and how long nobody vouches for it afterwards."""
    off = draw.choice([3, 20, 60, 600, 3600, 5 * 3600])
    return {"off": off, "battery": draw.random() < 0.4, "doubt": draw.choice([0, 40, 300, 2500, 12000])}


class Year:
    """The node, and what is written down of it for the checker."""

    def __init__(self, folder: Path, seed: int, days: float, begin: datetime = BEGIN) -> None:
        self.folder, self.days, self.begin = folder, days, begin
        self.draw = random.Random(seed)
        self.story: list[dict[str, Any]] = []
        self.count: Counter[str] = Counter()
        self.todo = happenings(self.draw, int(days))
        self.clock = SimulatedClock(begin)
        self.base = 0.0  # true time at which the monotonic clock of this machine was 0
        self.measured: dict[str, Reading] = {}
        self.demands: dict[str, float] = {}
        self.boards: dict[str, SimulatedRelay] = {}
        self.gone: set[str] = set()
        self.stuck: Counter[str] = Counter()
        self.plant = _plant()
        self.wrong_s = 0.0  # what somebody set the clock by
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def true(self) -> float:
        return self.base + self.clock.monotonic()

    async def run(self) -> list[dict[str, Any]]:
        """Live through it."""
        await self._plug()
        for sensor, value in (("be", 80.0), ("cua", 0.0), ("mat-than", 0.0)):
            self._says(sensor, value)
        await self._up(cut=True)
        while self.todo:
            happening = self.todo.pop(0)
            await self._until(happening.when)
            self.count[happening.what] += 1
            await getattr(self, f"_{happening.what}")(happening.value)
        await self._until(self.days * 86400.0)
        await self._down()
        return self.story

    def tell(self, kind: str, **data: Any) -> None:
        self.story.append({"t": self.true, "kind": kind, **data})

    # The machine

    async def _plug(self) -> None:
        self.stuck.clear()
        for name, kind, lines in (("relays", Relays, set(THINGS) - DIMS), ("dimmers", Dimmers, DIMS)):
            config = SimulatedRelayConfig.model_validate({"lines": {line: {} for line in sorted(lines)}})
            board = kind(config, DriverContext(name, self.clock, logging.getLogger("year"), self.folder))
            board.tell = self.tell  # type: ignore[attr-defined]
            self.boards[name] = await board.__aenter__()

    async def _up(self, *, cut: bool) -> None:
        clock = self.clock
        self.node = node = Store(self.folder, clock)
        await node.outbox.load()
        clock.settled = lambda: node.database.read(lambda _db: None)
        self.service = SwitchService(
            self.plant,
            clock,
            node.database,
            node.recorder,
            drivers=lambda name: None if name in self.gone else self.boards[name],
            readings=self.measured.get,
            post=self._post,
        )
        self.service.connect(demand=self._demand)
        self.tell("up", wall=clock.now().timestamp(), trusted=clock.trusted, cut=cut)
        start = asyncio.create_task(self._start())
        while not start.done():
            await clock.advance(timedelta(milliseconds=50))
        await start
        services = (self.service.run, self.service.keep, node.recorder.run)
        self._tasks = [asyncio.create_task(service()) for service in services]

    async def _start(self) -> None:
        await self.service.load()
        await self.service.refresh()

    async def _down(self, *, cut: bool = False, kill: bool = False) -> None:
        if kill or cut:  # nothing can be written any more, then everything is gone
            self.node.database.close()
        self.clock.settled = None
        self.tell("down", cut=cut)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        others = [task for task in asyncio.all_tasks() if task.get_name().startswith("look-")]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if not (kill or cut):
            await self.service.stop()
            await self.node.recorder.flush()
            self.node.database.close()

    async def _until(self, when: float) -> None:
        if when > self.true:
            await self.clock.advance(timedelta(seconds=when - self.true))

    def _later(self, seconds: float, what: str, value: Any = None) -> None:
        self.todo = sorted([*self.todo, Happening(self.true + seconds, what, value)])

    def _post(self, state: Switched) -> None:
        self.tell("state", thing=state.id, wanted=state.wanted, actual=state.actual, why=state.why)

    def _says(self, sensor: str, value: float | None) -> None:
        self.tell("sensor", sensor=sensor, value=value)
        self.measured[sensor] = Reading(value, self.clock.now())

    def _demand(self, thing: str) -> Demand | None:
        level = self.demands.get(thing)
        said = Said.of("switch.interlocked", id=thing, detail="-")
        return None if level is None else Demand(level, "luat", None, said)

    # What befalls it

    async def _override(self, asked: dict[str, Any]) -> None:
        until = {"until": self.clock.now() + timedelta(seconds=asked["for"])} if "for" in asked else {}
        args = SwitchOverride(thing=asked["thing"], level=asked["level"], seconds=asked.get("seconds"), **until)
        said = {"until": until["until"].timestamp()} if until else {}
        await self._ask(
            "override", self.service.override, args, seconds=asked.get("seconds"), level=asked["level"], **said
        )

    async def _release(self, thing: str) -> None:
        await self._ask("release", self.service.release, SwitchRelease(thing=thing))

    async def _reset(self, thing: str) -> None:
        await self._ask("reset", self.service.reset, ResetInterlock(thing=thing))

    async def _ask(self, kind: str, handle: Any, args: Any, **more: Any) -> None:
        begin = self.true
        work = asyncio.create_task(self._answer(handle, args))
        while not work.done():
            await self.clock.advance(timedelta(milliseconds=50))
        result = None
        try:
            result, refused = work.result(), None
        except Refusal as refusal:
            result, refused = refusal.result, refusal.fault.code
        self.count[f"{kind} {refused or 'done'}"] += 1
        not_taken = [thing for thing, each in ((result or {}).get("things") or {}).items() if _not_taken(each)]
        kept_on = kind == "override" and refused is not None and (result or {}).get("why") == "override"
        if kept_on and (result or {}).get("wanted") == more["level"]:
            refused = None  # an OFF that the line does not follow is answered as failed, and stays
        if refused == "switch.partly" or ((result or {}).get("things") and refused != "switch.interlocked"):
            refused = None
        entry = {"t": begin, "kind": kind, "thing": args.thing, "done": self.true, "refused": refused, "not": not_taken}
        self.story.append({**entry, **more, "result": result})

    async def _answer(self, handle: Any, args: Any) -> Any:
        act = await handle(command(args), args)

        def work(db: Any) -> None:
            if act.record is not None:
                act.record(db)
            self.node.outbox.append_in(db, *act.entries)

        await self.node.database.write(work)
        if act.settled is not None:
            act.settled(True)
        return act.result if act.run is None else await act.run(_begun)

    async def _restart(self, seconds: float, *, kill: bool = False) -> None:
        await self._down(kill=kill)
        await self.clock.advance(timedelta(seconds=seconds))
        await self._up(cut=False)

    async def _kill(self, seconds: float) -> None:
        await self._restart(seconds, kill=True)

    async def _cut(self, how: dict[str, Any]) -> None:
        await self._down(cut=True)
        mended = [happening for happening in self.todo if happening.what == "follow"]
        self.todo = [happening for happening in self.todo if happening not in mended]
        for happening in mended:
            self.tell("broken", things=happening.value, on=False)
        wall = self.clock.now() + (timedelta(seconds=how["off"]) if how["battery"] else timedelta())
        self.base = self.true + how["off"]
        self.clock = SimulatedClock(wall, trusted=not how["doubt"])
        await self._plug()
        await self._up(cut=True)
        if how["doubt"]:
            self._later(how["doubt"], "trust")
        elif not how["battery"]:
            self._later(self.draw.uniform(20, 200), "trust")

    async def _step(self, by: tuple[float, float]) -> None:
        self.clock.step(timedelta(seconds=by[0]))
        self._clock_tells()
        self._later(by[1], "trust")

    async def _doubt(self, seconds: float) -> None:
        self.clock.trusted = False
        self._clock_tells()
        self._later(seconds, "trust")

    async def _trust(self, _value: None) -> None:
        """Somebody who knows sets the clock."""
        self.clock.step(self.begin + timedelta(seconds=self.true) - self.clock.now())
        self.clock.trusted = True
        self._clock_tells()

    def _clock_tells(self) -> None:
        self.tell("clock", wall=self.clock.now().timestamp(), trusted=self.clock.trusted)
        self._later(_CLOCK_SEEN_S, "seen")

    async def _seen(self, _value: None) -> None:
        """Where the clock is looked at less often than on a node: now it would be."""
        self.service.look_at("le-1")

    async def _stick(self, value: tuple[list[str], float]) -> None:
        self.tell("broken", things=value[0], on=True)
        for thing in value[0]:
            self.stuck[thing] += 1
            self._board(thing).stick(thing)
        self._later(value[1], "follow", value[0])

    async def _follow(self, things: list[str]) -> None:
        for thing in things:
            self.stuck[thing] -= 1
            if self.stuck[thing] <= 0:
                self._board(thing).release(thing)
                self.tell("broken", things=[thing], on=False)

    async def _gone(self, value: tuple[str, float]) -> None:
        if value[0] not in self.gone:
            self.gone.add(value[0])
            self.tell("broken", things=sorted(self._behind(value[0])), on=True)
            self.service.driver_changed(value[0])
            self._later(value[1], "back", value[0])

    async def _back(self, name: str) -> None:
        self.gone.discard(name)
        self.tell("broken", things=sorted(each for each in self._behind(name) if self.stuck[each] <= 0), on=False)
        self.service.driver_changed(name)

    async def _rule(self, value: tuple[str, float]) -> None:
        if value[0] not in self.demands:
            self.demands[value[0]] = 100.0
            self.tell("rule", thing=value[0], level=100.0)
            self.service.look_at(value[0])
            self._later(value[1], "unrule", value[0])

    async def _unrule(self, thing: str) -> None:
        del self.demands[thing]
        self.tell("rule", thing=thing, level=None)
        self.service.look_at(thing)

    async def _door(self, seconds: float) -> None:
        self._says("cua", 1.0)
        self.service.sensor_changed("cua")
        self._later(seconds, "closed")

    async def _closed(self, _value: None) -> None:
        self._says("cua", 0.0)
        self.service.sensor_changed("cua")

    async def _tank(self, value: float | None) -> None:
        self._says("be", value)
        self.service.sensor_changed("be")

    async def _dark(self, value: float | None) -> None:
        self._says("mat-than", value)
        self.service.sensor_changed("mat-than")

    def _behind(self, board: str) -> set[str]:
        return DIMS if board == "dimmers" else set(THINGS) - DIMS

    def _board(self, thing: str) -> SimulatedRelay:
        return self.boards["dimmers" if thing in DIMS else "relays"]


def _not_taken(answer: dict[str, Any]) -> bool:
    return "interlock" in str(answer.get("code") or answer.get("fault") or "")


def _plant() -> Plant:
    def whole(each: dict[str, Any]) -> dict[str, Any]:
        board = "dimmers" if each["id"] in DIMS else "relays"
        return {"name": each["id"], "line": f"{board}/{each['id']}", **each}

    sensors = [
        Sensor.model_validate({"name": each["id"], "line": f"x/{each['id']}", **each}) for each in CONFIG["sensors"]
    ]
    return Plant(
        entries=(
            *(Light.model_validate(whole(each)) for each in CONFIG["lights"]),
            *(Switch.model_validate(whole(each)) for each in CONFIG["switches"]),
        ),
        timetable=Timetable(
            [NamedProgramme.model_validate(each) for each in CONFIG["programmes"]],
            [Calendar.model_validate(each) for each in CONFIG["calendars"]],
            Place(SITE["latitude"], SITE["longitude"], "Asia/Ho_Chi_Minh"),
        ),
        groups=tuple(GroupEntry.model_validate({"name": each["id"], **each}) for each in CONFIG["groups"]),
        sensors={sensor.id: sensor for sensor in sensors},
    )


async def _begun() -> None:
    return None


@contextlib.contextmanager
def quicker(monkeypatch: Any) -> Iterator[None]:
    """Look at lines in order and at a clock that goes steadily less often, so that a year is short."""
    from edge_agent.switching import service, settling

    monkeypatch.setattr(settling, "READ_EVERY_S", 900.0)
    monkeypatch.setattr(service, "_CLOCK_EVERY_S", 100.0)
    monkeypatch.setattr(service, "_USAGE_EVERY_S", 200.0)  # looked for so seldom, it is each 300 s at the latest
    yield
