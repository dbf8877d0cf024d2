"""The command desk: refuses with a code, acts at most once, and answers only what is true and on disk."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core_examples import SIGNER, args
from core_rig import START, Store, store, until

from edge_agent.clock import SimulatedClock
from edge_agent.contract.capabilities import Capability
from edge_agent.contract.commands import KINDS, Ack
from edge_agent.contract.errors import Refusal
from edge_agent.contract.ids import uuid7
from edge_agent.contract.reports import About
from edge_agent.contract.signature import Signer, Verifier
from edge_agent.desk import Act, Desk
from edge_agent.desk.records import RecordRequests
from edge_agent.link.wire import Incoming, LinkDown
from edge_agent.store.journal import Journal

ABOUT = About(
    node="thon-dong-1",
    commune="26734",
    name="Đông",
    zone="Thôn Đông",
    timezone="Asia/Ho_Chi_Minh",
    language="vi",
    version="1",
    capabilities=(
        Capability(id="cong", kind="light", name="Đèn", zone="Cổng"),
        Capability(id="loa", kind="speaker", name="Loa"),
    ),
)
TOPIC = "edge/26734/thon-dong-1/cmd"


class Rig:
    """A desk on a real database; what it answers and acknowledges is collected, in one order."""

    def __init__(self, node: Store) -> None:
        self.node = node
        self.clock = node.clock
        self.journal = Journal(node.database)
        self.told: list[Ack] = []
        self.acknowledged: list[int] = []
        self.acts: list[str] = []
        self.mid = 0
        self.gate: asyncio.Event | None = None
        self.desk = Desk(
            Verifier({SIGNER.key_id: SIGNER.public}),
            node.clock,
            node.database,
            self.journal,
            node.outbox,
            about=lambda: ABOUT,
            answer=self.told.append,
            acknowledge=lambda message: self.acknowledged.append(message.mid),
            on_record=lambda: None,
            keep=node.recorder.keep,
        )
        self.desk.register("switch.override", self.absolute)
        self.desk.register("speak", self.once)
        self.desk.register("bulletin.cancel", self.durable)
        self.desk.register("state.report", self.look)

    async def absolute(self, asked, args) -> Act:
        if args.thing == "kaputt":
            raise RuntimeError("handler")
        if args.thing == "nirgends":
            raise Refusal("command.unknown_thing", kind="light", id=args.thing, known="cong")
        if self.gate is not None:
            await self.gate.wait()
        self.acts.append(asked.id)
        return Act(result={"level": args.level})

    async def once(self, asked, args) -> Act:
        async def run(begin):
            if args.text == "refused":
                raise Refusal("speaker.no_device", detail="x")
            if args.text == "raises":
                raise RuntimeError("run")
            await begin()
            self.acts.append(asked.id)
            if args.text == "long":
                await asyncio.Event().wait()
            return {"seconds": 1}

        return Act(run=run)

    async def durable(self, asked, _args) -> Act:
        return Act(settled=lambda written: self.acts.append(asked.id) if written else self.acts.append("undone"))

    async def look(self, asked, _args) -> Act:
        self.acts.append(asked.id)
        return Act(result={"ok": True})

    def message(self, body: bytes, retained: bool = False) -> Incoming:
        self.mid += 1
        return Incoming(TOPIC, body, 1, retained, self.mid)

    async def send(self, body: bytes, retained: bool = False) -> None:
        self.desk.receive(self.message(body, retained))
        await self.idle()

    async def idle(self) -> None:
        await self.node.settle()

    def states(self, id_: str) -> list[str]:
        return [ack.state for ack in self.told if ack.id == id_]

    def code(self, id_: str) -> str | None:
        fault = [ack for ack in self.told if ack.id == id_][-1].fault
        return fault.code if fault else None


def body(args: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "to": "26734/thon-dong-1",
        "by": "nguyen.van.a",
        "at": START.isoformat(),
        "expires": (START + timedelta(minutes=5)).isoformat(),
        "args": args or {"do": "switch.override", "thing": "cong", "level": 100},
        **changes,
    }


SPEAK = {"do": "speak", "text": "Xin chào"}


def signed(content: object, signer: Signer = SIGNER) -> bytes:
    return signer.sign(content if isinstance(content, bytes) else json.dumps(content).encode())


@asynccontextmanager
async def desk_on(folder: Path, clock: SimulatedClock | None = None) -> AsyncIterator[Rig]:
    async with store(folder, clock) as node:
        rig = Rig(node)
        try:
            yield rig
        finally:
            await rig.desk.close()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with desk_on(tmp_path) as made:
        yield made


async def test_an_absolute_command_is_accepted_and_done(rig: Rig) -> None:
    asked = body()
    await rig.send(signed(asked))
    assert rig.states(asked["id"]) == ["accepted", "done"]
    assert rig.told[-1].result == {"level": 100}
    assert all(Ack.model_validate_json(ack.body()) == ack for ack in rig.told)
    assert rig.acknowledged == [1]
    [event] = await rig.node.events("command")
    assert event["data"] == {"id": asked["id"], "do": "switch.override", "by": "nguyen.van.a", "state": "done"}


async def test_a_command_that_must_not_happen_twice(rig: Rig) -> None:
    asked = body(SPEAK)
    await rig.send(signed(asked))
    assert rig.states(asked["id"]) == ["accepted", "done"]
    assert [event["data"]["state"] for event in await rig.node.events("command")] == ["accepted", "done"]


async def test_no_answer_and_no_puback_before_the_disk_has_it(rig: Rig) -> None:
    import threading

    hold, held = threading.Event(), threading.Event()

    def slow_disk(_db: object) -> None:
        held.set()
        hold.wait(10)

    blocking = asyncio.ensure_future(rig.node.database.write(slow_disk))
    await until(held.is_set)
    rig.desk.receive(rig.message(signed(body())))
    rig.desk.receive(rig.message(signed(body(SPEAK))))
    for _ in range(50):
        await asyncio.sleep(0)
    assert (rig.told, rig.acknowledged) == ([], [])
    assert len(rig.acts) == 1, "the light is switched at once; nothing is spoken before it is on record"
    hold.set()
    await blocking
    await rig.idle()
    assert [ack.state for ack in rig.told].count("done") == 2
    assert sorted(rig.acknowledged) == [1, 2]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"args": {"do": "switch.overide", "thing": "cong"}}, "command.unknown"),
        ({"args": {"do": "fly"}}, "command.unknown"),
        ({"args": {}}, "command.invalid"),
        ({"args": {"do": "switch.override", "thing": "cong"}}, "command.invalid"),
        ({"args": {"do": "switch.override", "thing": "cong", "level": "much"}}, "command.invalid"),
        ({"args": {"do": "switch.override", "thing": "cong", "level": 101}}, "command.invalid"),
        ({"args": {"do": "speak", "text": "x", "loud": True}}, "command.invalid"),
        ({"args": [1]}, "command.invalid"),
        ({"args": None}, "command.invalid"),
        ({"by": ""}, "command.invalid"),
        ({"by": 5}, "command.invalid"),
        ({"extra": 1}, "command.invalid"),
        ({"at": "2026-11-22T12:00:00"}, "command.invalid"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "command.invalid"),
        ({"expires": START.isoformat(), "at": START.isoformat()}, "command.invalid"),
        ({"expires": (START + timedelta(days=60)).isoformat()}, "command.invalid"),
        ({"selector": {"planets": []}}, "command.invalid"),
        ({"to": "26734/thon-tay-1"}, "command.not_for_me"),
        ({"to": "11111/thon-dong-1"}, "command.not_for_me"),
        ({"to": "11111/all"}, "command.not_for_me"),
        ({"to": ""}, "command.not_for_me"),
        ({"at": (START - timedelta(hours=2)).isoformat(), "expires": START.isoformat()}, "command.expired"),
        (
            {"at": (START + timedelta(minutes=6)).isoformat(), "expires": (START + timedelta(hours=1)).isoformat()},
            "command.from_future",
        ),
        ({"args": {"do": "switch.override", "thing": "nirgends", "level": 0}}, "command.unknown_thing"),
        ({"args": {"do": "switch.override", "thing": "kaputt", "level": 0}}, "command.internal"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_wrong_is_rejected_with_its_code(rig: Rig, change: dict[str, Any], code: str) -> None:
    asked = {**body(), **change}
    await rig.send(signed(asked))
    assert rig.states(asked["id"]) == ["rejected"]
    assert rig.code(asked["id"]) == code
    assert (rig.acts, rig.acknowledged) == ([], [1])
    assert await rig.journal.load() == []


async def test_an_unknown_command_comes_with_a_guess(rig: Rig) -> None:
    asked = body({"do": "switch.overide"})
    await rig.send(signed(asked))
    fault = rig.told[-1].fault
    assert fault is not None and fault.params["guess"] == "switch.override"
    await rig.send(signed(body({"do": "zzz"})))
    assert rig.told[-1].fault is not None
    assert rig.told[-1].fault.params["guess"] == ", ".join(KINDS)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{}",
        b"\xff" * 100,
        b"[" * 60_000,
        b"x" * 70_000,
        signed(b"not json"),
        signed(b"[" * 20_000),
        signed(b"null"),
        signed({"id": "no-uuid", "args": {"do": "speak"}}),
        signed(body(id="0" * 36)),
        signed(body(), Signer("hub-1", bytes(32))),
        signed(body(), Signer("hub-9", bytes(range(32)))),
        SIGNER.sign(json.dumps(body()).encode())[:-3],
        json.dumps(body()).encode(),
    ],
    ids=lambda message: repr(message[:8]),  # the same in every process
)
async def test_what_no_hub_of_ours_wrote_gets_no_answer_but_goes_on_record(rig: Rig, message: bytes) -> None:
    await rig.send(message)
    assert (rig.told, rig.acts, rig.acknowledged) == ([], [], [1])
    [event] = await rig.node.events("command")
    assert event["data"]["state"] == "rejected"
    assert event["data"]["code"] in ("command.malformed", "command.signature", "command.too_large", "command.invalid")


async def test_a_flood_of_strangers_is_no_flood_of_events(rig: Rig) -> None:
    for _ in range(500):
        rig.desk.receive(rig.message(b"forged"))
    asked = body()
    await rig.send(signed(asked))
    assert rig.states(asked["id"]) == ["accepted", "done"], "and who has a right is still served"
    assert len([event for event in await rig.node.events("command") if "code" in event["data"]]) == 10
    await rig.clock.advance(timedelta(seconds=61))
    await rig.send(b"forged")
    assert len([event for event in await rig.node.events("command") if "code" in event["data"]]) == 11


async def test_a_copy_gets_the_same_answer_and_nothing_happens_again(rig: Rig) -> None:
    for wanted in (None, SPEAK):
        asked = body(wanted)
        for _ in range(3):
            await rig.send(signed(asked))
        assert rig.states(asked["id"]) == ["accepted", "done", "done", "done"]
        assert [ack.repeat for ack in rig.told if ack.id == asked["id"]] == [False, False, True, True]
        assert rig.acts.count(asked["id"]) == 1
    assert rig.acknowledged == [1, 2, 3, 4, 5, 6]


async def test_a_copy_while_the_first_is_in_work_waits_for_the_disk_too(rig: Rig) -> None:
    rig.gate = asyncio.Event()
    asked = body()
    for _ in range(3):
        rig.desk.receive(rig.message(signed(asked)))
    await rig.idle()
    assert (rig.told, rig.acknowledged) == ([], [])
    rig.gate.set()
    await rig.idle()
    assert rig.states(asked["id"]) == ["accepted", "done"]
    assert rig.acknowledged == [1, 2, 3]
    assert rig.acts == [asked["id"]]


async def test_a_copy_while_it_runs_hears_accepted(rig: Rig) -> None:
    asked = body({"do": "speak", "text": "long"})
    await rig.send(signed(asked))
    await rig.send(signed(asked))
    assert [(ack.state, ack.repeat) for ack in rig.told] == [("accepted", False), ("accepted", True)]


async def test_retained_commands_are_refused_but_a_known_one_gets_its_answer(rig: Rig) -> None:
    asked = body()
    await rig.send(signed(asked), retained=True)
    assert (rig.states(asked["id"]), rig.code(asked["id"])) == (["rejected"], "command.retained")
    known = body()
    await rig.send(signed(known))
    await rig.send(signed(known), retained=True)
    assert rig.states(known["id"]) == ["accepted", "done", "done"]
    assert rig.acts == [known["id"]]


@pytest.mark.parametrize(
    ("selector", "meant"),
    [
        (None, True),
        ({}, True),
        ({"nodes": ["thon-dong-1", "x"]}, True),
        ({"nodes": ["x"]}, False),
        ({"zones": ["Thôn Đông"]}, True),
        ({"zones": ["Cổng"]}, True),
        ({"zones": ["Thôn Tây"]}, False),
        ({"capabilities": ["light", "speaker"]}, True),
        ({"capabilities": ["light", "camera"]}, False),
        ({"nodes": ["thon-dong-1"], "zones": ["Thôn Tây"]}, False),
    ],
    ids=str,
)
async def test_a_command_to_all_is_for_who_is_selected(rig: Rig, selector: dict[str, Any] | None, meant: bool) -> None:
    asked = body(to="26734/all", **({"selector": selector} if selector is not None else {}))
    await rig.send(signed(asked))
    assert rig.states(asked["id"]) == (["accepted", "done"] if meant else [])
    assert rig.acknowledged == [1]


async def test_an_untrusted_clock_still_lets_people_command(tmp_path: Path) -> None:
    async with desk_on(tmp_path, SimulatedClock(START - timedelta(days=300), trusted=False)) as rig:
        asked = body()
        await rig.send(signed(asked))
        assert rig.states(asked["id"]) == ["accepted", "done"]


async def test_a_full_disk_absolute_acts_are_done_others_rejected(rig: Rig) -> None:
    await rig.node.database.read(lambda db: db.execute("PRAGMA query_only=1"))
    light, speak, cancel = body(), body(SPEAK), body({"do": "bulletin.cancel", "bulletin": "x"})
    for asked in (light, speak, cancel):
        await rig.send(signed(asked))
    assert rig.states(light["id"]) == ["done"], "nothing was put on record, so nothing was accepted"
    assert (rig.states(speak["id"]), rig.code(speak["id"])) == (["rejected"], "command.not_recorded")
    assert (rig.states(cancel["id"]), rig.code(cancel["id"])) == (["rejected"], "command.not_recorded")
    assert rig.acts == [light["id"], "undone"]
    assert sorted(rig.acknowledged) == [1, 2, 3]
    await rig.send(signed(light))
    assert rig.acts == [light["id"], "undone"], "known in memory all the same"
    await rig.node.database.read(lambda db: db.execute("PRAGMA query_only=0"))
    await rig.node.recorder.flush()
    assert [event["data"]["id"] for event in await rig.node.events("command")] == [light["id"]]


async def test_a_disk_that_fails_between_accepting_and_beginning(rig: Rig) -> None:
    async def slow(asked, _args) -> Act:
        async def run(begin):
            await gate.wait()
            await begin()
            rig.acts.append(asked.id)

        return Act(run=run)

    gate = asyncio.Event()
    rig.desk.register("speak", slow)
    asked = body(SPEAK)
    await rig.send(signed(asked))
    await rig.node.database.read(lambda db: db.execute("PRAGMA query_only=1"))
    gate.set()
    await rig.idle()
    assert rig.states(asked["id"]) == ["accepted", "failed"]
    assert (rig.code(asked["id"]), rig.acts) == ("command.not_recorded", [])


@pytest.mark.parametrize(("text", "code"), [("refused", "speaker.no_device"), ("raises", "command.internal")])
async def test_what_fails_while_it_runs_is_told_as_failed(rig: Rig, text: str, code: str) -> None:
    asked = body({"do": "speak", "text": text})
    await rig.send(signed(asked))
    assert rig.states(asked["id"]) == ["accepted", "failed"]
    assert rig.code(asked["id"]) == code
    await rig.send(signed(asked))
    assert rig.states(asked["id"]) == ["accepted", "failed", "failed"]


async def test_a_flood_is_answered_to_the_last(rig: Rig) -> None:
    rig.gate = asyncio.Event()
    asked = [body() for _ in range(300)]
    for each in asked:
        rig.desk.receive(rig.message(signed(each)))
    for each in asked:  # all come a second time
        rig.desk.receive(rig.message(signed(each)))
    not_mine = body(to="26734/all", selector={"nodes": ["x"]})
    rig.desk.receive(rig.message(signed(not_mine)))
    rig.gate.set()
    await until(lambda: len(rig.acknowledged) == 601)
    await rig.idle()
    answers = {each["id"]: rig.states(each["id"]) for each in asked}
    done = [id_ for id_, states in answers.items() if "done" in states]
    assert done == rig.acts and len(done) == 200
    assert all(states == ["accepted", "done"] for id_, states in answers.items() if id_ in done)
    busy = [id_ for id_ in answers if id_ not in done]
    assert all(set(answers[id_]) == {"rejected"} and rig.code(id_) == "command.busy" for id_ in busy)
    assert rig.states(not_mine["id"]) == []


async def test_after_closing_nothing_is_taken_and_the_broker_keeps_it(rig: Rig) -> None:
    await rig.desk.close()
    await rig.send(signed(body()))
    assert (rig.told, rig.acknowledged, rig.acts) == ([], [], [])


async def restarted(folder: Path, clock: SimulatedClock, texts: tuple[str, ...]) -> list[str]:
    """Commands that were accepted, then the agent ended."""
    async with desk_on(folder, clock) as rig:
        gate = asyncio.Event()
        real = rig.once

        async def held(asked, args) -> Act:
            if args.text != "begun":
                return Act(run=lambda _begin: gate.wait())  # type: ignore[arg-type,return-value]
            args = args.model_copy(update={"text": "long"})
            return await real(asked, args)

        rig.desk.register("speak", held)
        asked = [body({"do": "speak", "text": text}) for text in texts]
        for each in asked:
            await rig.send(signed(each))
            assert rig.states(each["id"]) == ["accepted"]
        return [each["id"] for each in asked]


async def resumed(folder: Path, clock: SimulatedClock) -> Rig:
    async with desk_on(folder, clock) as rig:
        await rig.desk.resume(await rig.journal.load())
        await rig.idle()
        assert await Journal(rig.node.database).load() == [], "nothing is left unfinished"
        return rig


async def test_a_restart_goes_on_with_what_had_not_begun_and_reports_what_had(tmp_path: Path) -> None:
    begun, waiting = await restarted(tmp_path, SimulatedClock(START), ("begun", "waiting"))
    rig = await resumed(tmp_path, SimulatedClock(START + timedelta(minutes=1)))
    assert (rig.states(begun), rig.code(begun)) == (["failed"], "command.interrupted")
    assert rig.states(waiting) == ["done"]
    assert rig.acts == [waiting]
    again = await resumed(tmp_path, SimulatedClock(START + timedelta(minutes=2)))
    assert (again.told, again.acts) == ([], [])


async def test_what_has_expired_meanwhile_is_not_spoken(tmp_path: Path) -> None:
    [waiting] = await restarted(tmp_path, SimulatedClock(START), ("waiting",))
    rig = await resumed(tmp_path, SimulatedClock(START + timedelta(hours=9)))
    assert (rig.states(waiting), rig.code(waiting), rig.acts) == (["failed"], "command.expired", [])


async def test_with_an_untrusted_clock_nobody_knows_how_old_it_is(tmp_path: Path) -> None:
    [waiting] = await restarted(tmp_path, SimulatedClock(START), ("waiting",))
    rig = await resumed(tmp_path, SimulatedClock(START, trusted=False))
    assert (rig.states(waiting), rig.code(waiting), rig.acts) == (["failed"], "command.interrupted", [])


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), Refusal("command.unknown_thing", kind="speaker", id="x", known="-")]
)
async def test_a_resumed_command_that_cannot_be_is_told(tmp_path: Path, error: Exception) -> None:
    [waiting] = await restarted(tmp_path, SimulatedClock(START), ("waiting",))

    async def broken(_asked, _args) -> Act:
        raise error

    async with desk_on(tmp_path, SimulatedClock(START)) as rig:
        rig.desk.register("speak", broken)
        await rig.desk.resume(await rig.journal.load())
        await rig.idle()
        assert rig.states(waiting) == ["failed"]


async def test_a_copy_after_a_restart_gets_its_old_answer(tmp_path: Path) -> None:
    asked = body(SPEAK)
    async with desk_on(tmp_path) as rig:
        await rig.send(signed(asked))
    async with desk_on(tmp_path) as rig:
        await rig.journal.load()
        await rig.send(signed(asked))
        assert [(ack.state, ack.repeat) for ack in rig.told] == [("done", True)]
        assert rig.acts == []


async def test_commands_that_only_look_leave_no_trace(rig: Rig) -> None:
    asked = body({"do": "state.report"})
    await rig.send(signed(asked))
    assert (rig.states(asked["id"]), rig.acknowledged) == (["done"], [1])
    assert await rig.node.records() == []


async def test_a_look_that_fails_is_told_and_acknowledged_once(rig: Rig) -> None:
    async def broken(_asked, _args) -> Act:
        raise RuntimeError("x")

    rig.desk.register("state.report", broken)
    asked = body({"do": "state.report"})
    await rig.send(signed(asked))
    assert (rig.states(asked["id"]), rig.code(asked["id"])) == (["failed"], "command.internal")
    assert rig.acknowledged == [1]


async def test_requests_about_records(rig: Rig) -> None:
    sent: list[tuple[int, int]] = []
    repeated: list[bool] = []

    async def resend(first: int, last: int) -> int:
        if last == 99:
            raise LinkDown
        sent.append((first, last))
        return last - first + 1

    records = RecordRequests(rig.node.outbox, resend, lambda: repeated.append(True))
    rig.desk.register("outbox.resend", records.resend)
    rig.desk.register("outbox.confirm", records.confirm)
    rig.desk.register("state.report", records.report)
    rig.node.recorder.event("started")
    await rig.node.recorder.flush()
    await rig.node.outbox.mark_sent(1)

    async def ask(**args: Any) -> Ack:
        asked = body(args)
        await rig.send(signed(asked))
        return next(ack for ack in reversed(rig.told) if ack.id == asked["id"])

    assert (await ask(do="outbox.resend", first=1, last=3)).result == {"records": 3, "last": 1}
    assert (await ask(do="outbox.resend", first=3, last=1)).state == "rejected"
    lost = await ask(do="outbox.resend", first=1, last=99)
    assert lost.fault is not None and lost.fault.code == "broker.unreachable"
    assert (await ask(do="state.report")).state == "done"
    assert (sent, repeated) == ([(1, 3)], [True])
    await rig.node.database.read(lambda db: db.execute("PRAGMA query_only=1"))
    refused = await ask(do="outbox.confirm", through=1)
    assert refused.fault is not None and refused.fault.code == "store.failed"
    await rig.node.database.read(lambda db: db.execute("PRAGMA query_only=0"))
    assert (await ask(do="outbox.confirm", through=1)).result == {"forgotten": 1}


async def test_every_kind_of_command_can_be_read(rig: Rig) -> None:

    async def any_(_asked, _args) -> Act:
        return Act()

    for each in args():
        rig.desk.register(each.do, any_)  # type: ignore[attr-defined]
        asked = body(json.loads(each.model_dump_json(by_alias=True, exclude_none=True)))
        await rig.send(signed(asked))
        assert rig.states(asked["id"])[-1] == "done", each
