"""The desk itself: one message in, answers out, and the effect exactly once."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable
from typing import Literal

from edge_agent.clock import Clock
from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import UNRECORDED, Ack, Command
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.reports import About
from edge_agent.contract.signature import Verifier
from edge_agent.desk.act import Act, Handler
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
    ) -> None:
        """`answer` publishes an ack, `acknowledge` is the PUBACK, `on_record` hears that the outbox has news."""
        self._verifier = verifier
        self._clock = clock
        self._database = database
        self._journal = journal
        self._outbox = outbox
        self._about = about
        self._answer = answer
        self._acknowledge = acknowledge
        self._on_record = on_record
        self._handlers: dict[str, Handler] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: set[str] = set()
        self._strangers = Limiter(clock, most=10, per_s=60)

    def register(self, do: str, handler: Handler) -> None:
        """Who handles a kind of command."""
        self._handlers[do] = handler

    def receive(self, message: Incoming) -> None:
        """A message on a command topic; handled in a task of its own, in the order in which it came."""
        if len(self._tasks) >= _AT_ONCE:
            log.warning("too many commands at once; the broker keeps this one")
            self._refuse_unread(message)
            return
        self._spawn(self._handle(message), "command")

    async def resume(self, unfinished: Iterable[Unfinished]) -> None:
        """After a start: go on with what was accepted, report as failed what had begun."""
        for left in unfinished:
            if left.begun:
                await self._finish(left.command, self._ack(left.command, "failed", Fault.of("command.interrupted")))
            else:
                self._spawn(self._resume(left.command), "command-resumed")

    async def close(self) -> None:
        """Stop what runs; what has begun is reported at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: "asyncio._CoroutineLike[None]", name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _refuse_unread(self, message: Incoming) -> None:
        try:
            id_ = id_of(self._verifier.verify(message.body))
        except Refusal:
            id_ = None
        if id_ is not None and self._journal.known(id_) is None:
            self._answer(self._rejection(id_, Fault.of("command.busy")))
        self._acknowledge(message)

    async def _handle(self, message: Incoming) -> None:
        try:
            payload = self._verifier.verify(message.body)
        except Refusal as refusal:
            self._note_stranger(refusal.fault)
            self._acknowledge(message)
            return
        try:
            asked = self._read(payload, message)
            if asked is not None:
                await self._carry_out(asked, payload.decode(), message)
                return
        except Refusal as refusal:
            self._reject(id_of(payload), refusal.fault)
        except asyncio.CancelledError:
            raise
        except Exception:  # one command must not take the desk with it
            log.exception("a command failed inside")
            self._reject(id_of(payload), Fault.of("command.internal"))
        self._acknowledge(message)

    def _read(self, payload: bytes, message: Incoming) -> Command | None:
        """The command if it is new and to be carried out; its old answer is repeated if not."""
        asked = parse(payload)
        if asked.id in self._pending:
            return None  # its first copy will be answered when it is on disk
        known = self._journal.known(asked.id)
        if known is not None:
            self._answer(known.model_copy(update={"repeat": True}))
            return None
        if message.retained:
            raise Refusal("command.retained")
        if not admit(asked, self._about(), self._clock.now(), trusted=self._clock.trusted):
            return None
        return asked

    async def _carry_out(self, asked: Command, payload: str, message: Incoming) -> None:
        if asked.do in UNRECORDED:
            self._acknowledge(message)
            await self._look_up(asked)
            return
        self._pending.add(asked.id)  # before anything awaits: the same id may come again at once
        try:
            act = await self._handlers[asked.do](asked, asked.args)
            accepted = self._ack(asked, "accepted")
            last = accepted if act.run else self._ack(asked, "done", result=act.result)
            written = await self._write(asked, payload, act, last)
            if written is not None and act.run:  # nothing has happened yet, and nothing will
                raise Refusal("command.not_recorded", detail=str(written))
            self._journal.remember(asked, last)
        finally:
            self._pending.discard(asked.id)
        if written is None:
            self._answer(accepted)
        self._acknowledge(message)
        if act.run:
            await self._run(asked, act)
        else:
            self._answer(last)

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
            last = self._ack(asked, "failed", refusal.fault)
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
        self._journal.remember(asked, last)
        self._on_record()
        self._answer(last)

    async def _resume(self, asked: Command) -> None:
        try:
            act = await self._handlers[asked.do](asked, asked.args)
        except Refusal as refusal:
            await self._finish(asked, self._ack(asked, "failed", refusal.fault))
            return
        if act.run is not None:
            await self._run(asked, act)

    async def _look_up(self, asked: Command) -> None:
        """A command that changes nothing in the world: no id on disk, one answer."""
        try:
            act = await self._handlers[asked.do](asked, asked.args)
            result = await act.run(_nothing) if act.run else act.result
            self._answer(self._ack(asked, "done", result=result))
        except Refusal as refusal:
            self._answer(self._ack(asked, "failed", refusal.fault))

    def _reject(self, id_: str | None, fault: Fault) -> None:
        if id_ is None:
            self._note_stranger(fault)
        else:
            self._answer(self._rejection(id_, fault))

    def _rejection(self, id_: str, fault: Fault) -> Ack:
        return Ack(id=id_, node=self._about().node, state="rejected", at=self._clock.now(), fault=fault)

    def _note_stranger(self, fault: Fault) -> None:
        """Somebody without a right tries: that is worth an event, but no flood of them."""
        log.warning("a message on the command topic was refused: %s", fault.en)
        if self._strangers.allow():
            self._spawn(self._put_on_record(fault), "stranger")

    async def _put_on_record(self, fault: Fault) -> None:
        data: JsonObject = {"state": "rejected", "code": fault.code}
        try:
            await self._outbox.append(Entry.event(self._clock.now(), "command", data=data))
            self._on_record()
        except StoreError as error:
            log.error("a refusal could not be put on record: %s", error)

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
            data["code"] = answer.fault.code
        return Entry.event(answer.at, "command", data=data)


async def _nothing() -> None:
    return None
