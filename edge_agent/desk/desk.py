"""The desk itself: one message in, answers out, and the effect exactly once."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable
from typing import Literal

from edge_agent.clock import Clock
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.commands import UNRECORDED, Ack, Command
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.reports import About
from edge_agent.contract.signature import Verifier
from edge_agent.desk.act import Act, Begin, Handler
from edge_agent.desk.limiter import Limiter
from edge_agent.desk.reading import admit, id_of, parse
from edge_agent.link.wire import Incoming
from edge_agent.store.database import Database, StoreError
from edge_agent.store.journal import Journal, Unfinished
from edge_agent.store.outbox import Entry, Outbox

log = logging.getLogger(__name__)
_AT_ONCE = 200
_Outcome = Literal["accepted", "done", "failed"]


class Desk:
    """Takes commands from the link. Every answer goes out only after what it says is true (and on disk)."""

    def __init__(  # noqa: PLR0913 - the desk is where command, clock, disk and answer meet
        self,
        verifier: Verifier,
        clock: Clock,
        database: Database,
        journal: Journal,
        outbox: Outbox,
        *,
        about: Callable[[], About],
        answer: Callable[[Ack], None],
        acknowledge: Callable[[Incoming], None],
        on_record: Callable[[], None],
        keep: Callable[[tuple[Entry, ...]], None] = lambda _entries: None,
    ) -> None:
        """`answer` publishes an ack, `acknowledge` is the PUBACK, `on_record` hears that the outbox has news, `keep`
        gets events of what happened while the disk refused them.
        """
        self._verifier = verifier
        self._clock = clock
        self._database = database
        self._journal = journal
        self._outbox = outbox
        self._about = about
        self._answer = answer
        self._acknowledge = acknowledge
        self._on_record = on_record
        self._keep = keep
        self._handlers: dict[str, Handler] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: dict[str, list[Incoming]] = {}
        self._strangers = Limiter(clock, most=10, per_s=60)
        self._closed = False

    def register(self, do: str, handler: Handler) -> None:
        """Who handles a kind of command."""
        self._handlers[do] = handler

    def receive(self, message: Incoming) -> None:
        """A message on a command topic; carried out in a task of its own, begun in the order in which it came."""
        if self._closed:
            return  # not acknowledged: the broker brings it again when we are back
        payload = b""
        try:
            payload = self._verifier.verify(message.body)
            asked = self._admitted(payload, message)
        except Refusal as refusal:
            self._reject(id_of(payload), refusal.fault)
            self._acknowledge(message)
        except Exception:  # one command must not take the link with it
            log.exception("a command could not be read")
            self._reject(id_of(payload), Fault.of("command.internal"))
            self._acknowledge(message)
        else:
            if asked is not None:
                self._pending[asked.id] = [message]  # before anything awaits: the same id may come again at once
                self._spawn(self._handle(asked, payload.decode()), "command")

    def take_own(self, asked: Command) -> None:
        """A command from this very machine, which needs no signature. It is answered and put on record as any other.

        Refused (`command.busy`) by its answer alone.
        """
        if self._closed or len(self._tasks) >= _AT_ONCE:
            self._reject(asked.id, Fault.of("command.busy"))
            return
        self._pending[asked.id] = []
        self._spawn(self._handle(asked, asked.model_dump_json(by_alias=True)), "command-own")

    async def resume(self, unfinished: Iterable[Unfinished]) -> None:
        """After a start: go on with what was accepted, report as failed what had begun or is too old."""
        for left in unfinished:
            if left.begun or not self._clock.trusted:  # nobody knows for how long the node was off
                await self._finish(left.command, self._ack(left.command, "failed", Fault.of("command.interrupted")))
            else:
                self._spawn(self._resume(left.command), "command-resumed")

    async def close(self) -> None:
        """Stop what runs; what has begun is reported at the next start."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: "asyncio._CoroutineLike[None]", name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _admitted(self, payload: bytes, message: Incoming) -> Command | None:
        """The command if it is new and to be carried out; a copy is acknowledged, now or with the first. Refuses."""
        asked = parse(payload)
        copies = self._pending.get(asked.id)
        if copies is not None:
            copies.append(message)  # answered and acknowledged with the first, when that is on disk
            return None
        known = self._journal.known(asked.id)
        if known is not None:
            self._answer(known.model_copy(update={"repeat": True}))
            self._acknowledge(message)
            return None
        if message.retained:
            raise Refusal("command.retained")
        if not admit(asked, self._about(), self._clock.now(), trusted=self._clock.trusted):
            self._acknowledge(message)
            return None
        if len(self._tasks) >= _AT_ONCE:
            raise Refusal("command.busy")
        return asked

    async def _handle(self, asked: Command, payload: str) -> None:
        act: Act | None = None
        if asked.do in UNRECORDED:
            self._let_go(asked)
            await self._look_up(asked)
            return
        try:
            act = await self._take(asked, payload)
        except Refusal as refusal:
            self._reject(asked.id, refusal.fault)
        except asyncio.CancelledError:
            del self._pending[asked.id]
            raise
        except Exception:  # one command must not take the desk with it
            log.exception("command %s (%s) failed inside", asked.id, asked.do)
            self._reject(asked.id, Fault.of("command.internal"))
        self._let_go(asked)
        if act is not None:
            await self._run(asked, act)

    def _let_go(self, asked: Command) -> None:
        """All copies of the command are safe with us."""
        for message in self._pending.pop(asked.id):
            self._acknowledge(message)

    async def _take(self, asked: Command, payload: str) -> Act | None:
        """Act or accept, write, answer; returns the act when it has yet to run. Raises Refusal: nothing happened."""
        act = await self._handlers[asked.do](asked, asked.args)
        accepted = self._ack(asked, "accepted")
        last = accepted if act.run else self._ack(asked, "done", result=act.result)
        settled = act.settled or _nobody_asks
        try:
            refused = await self._write(asked, payload, act, last)
        except BaseException:
            settled(False)
            raise
        settled(refused is None)
        if refused is not None:
            if (act.run or act.settled) and not act.anyhow:
                raise Refusal("command.not_recorded", detail=str(refused))
            self._keep((*act.entries, self._event(asked, last)))
        self._journal.remember(asked, last)
        if refused is None:
            self._answer(accepted)
        if act.run:
            return act
        self._answer(last)
        return None

    async def _write(self, asked: Command, payload: str, act: Act, answer: Ack) -> StoreError | None:
        entries = (*act.entries, self._event(asked, answer))

        def work(db: sqlite3.Connection) -> None:
            self._journal.write_in(db, asked, payload, answer)
            if act.record is not None:
                act.record(db)
            self._outbox.append_in(db, *entries)

        try:
            await self._database.write(work)
        except StoreError as error:
            log.error("command %s could not be written: %s", asked.id, error)
            return error
        self._on_record()
        return None

    async def _run(self, asked: Command, act: Act) -> None:
        assert act.run is not None  # noqa: S101 - for the type checker
        try:
            result = await act.run(lambda: self._journal.begin(asked.id))
            last = self._ack(asked, "done", result=result)
        except Refusal as refusal:
            last = self._ack(asked, "failed", refusal.fault, refusal.result)
        except StoreError as error:  # its beginning could not be written, so it did not begin
            last = self._ack(asked, "failed", Fault.of("command.not_recorded", detail=str(error)))
        except Exception:  # answered as failed, and the desk goes on
            log.exception("command %s (%s) failed inside", asked.id, asked.do)
            last = self._ack(asked, "failed", Fault.of("command.internal"))
        await self._finish(asked, last)

    async def _finish(self, asked: Command, last: Ack) -> None:
        event = self._event(asked, last)

        def work(db: sqlite3.Connection) -> None:
            self._journal.finish_in(db, last)
            self._outbox.append_in(db, event)

        try:
            await self._database.write(work)
        except StoreError as error:  # it has happened all the same, and is told so
            log.error("the end of command %s could not be written: %s", asked.id, error)
            self._keep((event,))
        self._journal.remember(asked, last)
        self._on_record()
        self._answer(last)

    async def _resume(self, asked: Command) -> None:
        try:
            if asked.expires <= self._clock.now():
                raise Refusal("command.expired", expires=iso(asked.expires))
            act = await self._handlers[asked.do](asked, asked.args)
        except Refusal as refusal:
            await self._finish(asked, self._ack(asked, "failed", refusal.fault))
        except Exception:  # answered as failed, and the desk goes on
            log.exception("command %s (%s) failed inside", asked.id, asked.do)
            await self._finish(asked, self._ack(asked, "failed", Fault.of("command.internal")))
        else:
            await self._run(asked, act if act.run is not None else Act(run=_nothing_to_run))

    async def _look_up(self, asked: Command) -> None:
        """A command that changes nothing in the world: no id on disk, one answer."""
        try:
            act = await self._handlers[asked.do](asked, asked.args)
            result = await act.run(_nothing) if act.run else act.result
            self._answer(self._ack(asked, "done", result=result))
        except Refusal as refusal:
            self._answer(self._ack(asked, "failed", refusal.fault))
        except StoreError as error:
            fault = Fault.of("store.full" if error.full else "store.failed", detail=str(error))
            self._answer(self._ack(asked, "failed", fault))
        except Exception:  # answered as failed, and the desk goes on
            log.exception("command %s (%s) failed inside", asked.id, asked.do)
            self._answer(self._ack(asked, "failed", Fault.of("command.internal")))

    def _reject(self, id_: str | None, fault: Fault) -> None:
        if id_ is None:
            self._note_stranger(fault)
        else:
            about = self._about()
            self._answer(Ack(id=id_, node=about.node, state="rejected", at=self._clock.now(), fault=fault))

    def _note_stranger(self, fault: Fault) -> None:
        """Somebody without a right tries: that is worth an event, but no flood of them."""
        if self._strangers.allow():
            log.warning("a message on the command topic was refused: %s", fault.en)
            self._spawn(self._put_on_record(fault), "stranger")

    async def _put_on_record(self, fault: Fault) -> None:
        event = Entry.event(
            self._clock.now(), "command", data={**fault.params, "state": "rejected", "code": fault.code}
        )
        try:
            await self._outbox.append(event)
            self._on_record()
        except StoreError as error:
            log.error("a refusal could not be put on record: %s", error)
            self._keep((event,))

    def _ack(
        self, asked: Command, state: _Outcome, fault: Fault | None = None, result: JsonObject | None = None
    ) -> Ack:
        return Ack.model_construct(
            id=asked.id,
            node=self._about().node,
            state=state,
            at=self._clock.now(),
            fault=fault,
            result=result,
            repeat=False,
        )

    def _event(self, asked: Command, answer: Ack) -> Entry:
        data: JsonObject = {"id": asked.id, "do": asked.do, "by": asked.by, "state": answer.state}
        if answer.fault is not None:
            data = {**answer.fault.params, **data, "code": answer.fault.code}
        return Entry.event(answer.at, "command", data=data)


def _nobody_asks(_written: bool) -> None:
    return None


async def _nothing() -> None:
    return None


async def _nothing_to_run(_begin: Begin) -> None:
    return None
