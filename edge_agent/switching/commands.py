"""Commands of people to one thing or to many: override, release, reset."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.commands import Command, ResetInterlock, SwitchOverride, SwitchRelease
from edge_agent.contract.errors import Fault, Refusal, caused_by
from edge_agent.contract.switched import Switched
from edge_agent.control.facts import Moment
from edge_agent.control.override import begin
from edge_agent.desk import Act
from edge_agent.desk.act import Begin
from edge_agent.recorder import Recorder
from edge_agent.store.outbox import Entry
from edge_agent.switching.keeping import Keeping, writing
from edge_agent.switching.settling import Settling
from edge_agent.switching.thing import Thing

ROW_LIMIT_S = 120.0
"""An answer waits so long for the turns of a group at most; what is still in its row then is told with its time."""

One = Callable[[Thing, list[Entry]], Awaitable[Switched]]


class StillOn(Refusal):
    """It was told off, does not follow, and is tried on: the will is kept, and the answer is `failed`."""


class Commands:
    """The handlers. One thing: done, then recorded. Many: accepted, then done, with an answer of each."""

    def __init__(
        self,
        things: Mapping[str, Thing],
        members: Mapping[str, Sequence[str]],
        settling: Settling,
        keeping: Keeping,
        recorder: Recorder,
    ) -> None:
        self._things = things
        self._members = members
        self._settling = settling
        self._keeping = keeping
        self._recorder = recorder

    async def override(self, asked: Command, args: SwitchOverride) -> Act:
        """Handle `switch.override`: acts at once, since setting a level twice harms nobody; recorded after."""

        async def one(thing: Thing, happened: list[Entry]) -> Switched:
            return await self._override(thing, asked, args, happened, keep=args.thing != thing.id)

        begin(args, asked.by, self._settling.moment(), next_switch=None, litres=0.0)  # an end that cannot be is refused
        return await self._act(args.thing, one)

    async def release(self, asked: Command, args: SwitchRelease) -> Act:
        """Handle `switch.release`."""

        async def one(thing: Thing, happened: list[Entry]) -> Switched:
            async with thing.lock:
                if thing.override is not None:
                    thing.override = None
                    self._say(thing, asked, {"ended": "released"}, happened)
                self._keeping.keep("override", thing.id, None)
                return await self._settling.settle(thing, happened, ahead=True)

        return await self._act(args.thing, one)

    async def reset(self, asked: Command, args: ResetInterlock) -> Act:
        """Handle `switch.reset`: somebody has looked."""

        async def one(thing: Thing, happened: list[Entry]) -> Switched:
            async with thing.lock:
                thing.interlocks.reset()
                happened.append(
                    Entry.event(
                        self._settling.moment().now,
                        "interlock",
                        thing.about,
                        {"reset": True, "by": asked.by, "command": asked.id},
                    )
                )
                return await self._settling.settle(thing, happened, ahead=True)

        return await self._act(args.thing, one)

    async def _act(self, aimed: str, one: One) -> Act:
        thing = self._things.get(aimed)
        if thing is not None:
            return await self._single(thing, one)
        members = self._members.get(aimed)
        if members is None:
            known = ", ".join((*self._things, *self._members))
            raise Refusal("command.unknown_thing", kind="switch", id=aimed, known=known)
        many = [self._things[id_] for id_ in members]

        async def run(_begin: Begin) -> JsonObject:
            return await self._many(many, one)

        return Act(run=run, anyhow=True)

    async def _single(self, thing: Thing, one: One) -> Act:
        happened: list[Entry] = []
        try:
            state = await one(thing, happened)
        except StillOn as refusal:
            return self._fails(thing, refusal, happened)
        except Refusal:
            self._recorder.keep(tuple(happened))
            raise
        bodies = self._keeping.taken((thing.id,))

        def settled(written: bool) -> None:
            if not written:
                self._keeping.returned(bodies)

        return Act(writing(bodies), tuple(happened), result=_answer(state), settled=settled, anyhow=True)

    def _fails(self, thing: Thing, refusal: StillOn, happened: list[Entry]) -> Act:
        """On record first, so that a power cut forgets no OFF; then answered as failed."""
        refusal.result = _answer(thing.state)
        bodies = self._keeping.taken((thing.id,))

        def settled(written: bool) -> None:
            if not written:
                self._keeping.returned(bodies)

        async def run(_begin: Begin) -> JsonObject | None:
            raise refusal

        return Act(writing(bodies), tuple(happened), run=run, settled=settled, anyhow=True)

    async def _many(self, things: Sequence[Thing], one: One) -> JsonObject:
        """All at once, but for the gaps of their groups; the answer has what became of each."""
        happened: list[Entry] = []
        answers = await asyncio.gather(*(self._member(thing, one, happened) for thing in things))
        self._recorder.keep(tuple(happened))
        for thing in things:
            self._keeping.keep("usage", thing.id, thing.meter.dump())
        await self._keeping.flush()  # what is called done shall be so after a power cut
        results = {thing.id: answer for thing, answer in zip(things, answers, strict=True)}
        failed = [id_ for id_, answer in results.items() if "fault" in answer]
        result: JsonObject = {"things": results}
        if failed:
            done = len(results) - len(failed)
            refusal = Refusal("switch.partly", done=done, all=len(results), failed=", ".join(failed))
            refusal.result = result
            raise refusal
        return result

    async def _member(self, thing: Thing, one: One, happened: list[Entry]) -> JsonObject:
        try:
            await one(thing, happened)
        except Refusal as refusal:
            answer = _answer(thing.state) if thing.state is not None else {}
            return {**answer, "fault": refusal.fault.model_dump(mode="json")}
        await self._turn(thing)
        answer = _answer(thing.state)
        fault = _not_done(thing)
        return answer if fault is None else {**answer, "fault": fault.model_dump(mode="json")}

    async def _turn(self, thing: Thing) -> None:
        """Wait for its turn in a row, for a while."""
        wanted = thing.override
        try:
            async with asyncio.timeout(ROW_LIMIT_S):
                while thing.in_row and thing.override is wanted:
                    await thing.moved.wait()
        except TimeoutError:
            return

    async def _override(
        self, thing: Thing, asked: Command, args: SwitchOverride, happened: list[Entry], *, keep: bool
    ) -> Switched:
        """`keep`: the override stays though its line does not follow now, so that it follows as soon as it can.

        One that says off always stays: whoever wants a pump off must not find it running for a rule's sake.
        """
        if args.level not in (0, 100) and not thing.entry.dimmable:
            raise Refusal("switch.not_dimmable", id=thing.id, level=args.level)
        async with thing.lock:
            moment = self._settling.moment()
            self._permit(thing, args, moment)
            before = thing.override
            phase = self._settling.phase(thing, moment)
            wanted = begin(
                args,
                asked.by,
                moment,
                next_switch=phase.until if phase is not None else None,
                litres=thing.meter.litres,
                light=thing.kind == "light",
            )
            thing.override = wanted
            state = await self._settling.settle(thing, happened, ahead=not keep)
            fault = _not_done(thing)
            if fault is not None and not keep and args.level > 0:
                thing.override = before
                await self._settling.settle(thing, happened)
                raise Refusal(fault.code, **fault.params)
            self._keeping.keep("override", thing.id, wanted.dump(moment))
            amount = {} if args.amount is None else {"litres": args.amount}
            self._say(thing, asked, {"level": args.level, "until": iso(wanted.until), **amount}, happened)
        if fault is not None and not keep:
            raise StillOn(fault.code, **fault.params)
        return state

    def _permit(self, thing: Thing, args: SwitchOverride, moment: Moment) -> None:
        """Raises Refusal: a person must know at once that an interlock would keep it off, or that nothing counts."""
        if args.amount is not None and not self._settling.counts_litres(thing):
            raise Refusal("switch.no_flow_meter", id=thing.id)
        held = self._settling.held(thing, moment) if args.level > 0 else None
        if held is not None:
            said = held.said
            raise Refusal(
                "switch.interlocked",
                id=thing.entry.name,
                why=held.code,
                detail=said.en.rstrip("."),
                detail_vi=said.vi.rstrip("."),
            )

    def _say(self, thing: Thing, asked: Command, data: JsonObject, happened: list[Entry]) -> None:
        told = {**data, "by": asked.by, "command": asked.id}
        happened.append(Entry.event(self._settling.moment().now, "override", thing.about, told))


def _not_done(thing: Thing) -> Fault | None:
    """Why its line is not as it was told, None when it is, or when it waits for its time."""
    if thing.fault is not None:
        return Fault.of("fault.controlGearCommFailure", id=thing.entry.name, **caused_by(thing.fault))
    if thing.failed and thing.told is not None:
        return Fault.of("fault.switchingErrorOff" if thing.told > 0 else "fault.switchingErrorOn", id=thing.entry.name)
    return None


def _answer(state: Switched | None) -> JsonObject:
    """What a command's answer tells of a thing."""
    if state is None:
        return {}
    answer: JsonObject = {
        "wanted": state.wanted,
        "actual": state.actual,
        "why": state.why,
        "until": iso(state.until) if state.until else None,
    }
    if state.waits_until is not None:
        answer["waits_until"] = iso(state.waits_until)
    return answer
