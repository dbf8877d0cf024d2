"""The journal knows each command and its newest answer through a restart, and forgets it after its end."""

from datetime import timedelta
from pathlib import Path

from core_examples import AT, command
from core_rig import store

from edge_agent.contract.commands import Ack, Command
from edge_agent.store.journal import Journal


def answer(asked: Command, state: str) -> Ack:
    return Ack(id=asked.id, node="n", state=state, at=AT)


async def write(journal: Journal, node, asked: Command, state: str) -> None:
    payload = asked.model_dump_json(by_alias=True)
    await node.database.write(lambda db: journal.write_in(db, asked, payload, answer(asked, state)))


async def test_what_was_left_unfinished_is_known_after_a_restart(tmp_path: Path) -> None:
    accepted, begun, done = command(), command(), command()
    async with store(tmp_path) as node:
        journal = Journal(node.database)
        for asked, state in ((accepted, "accepted"), (begun, "accepted"), (done, "accepted")):
            await write(journal, node, asked, state)
        await journal.begin(begun.id)
        await journal.begin(done.id)
        await node.database.write(lambda db: journal.finish_in(db, answer(done, "done")))
    async with store(tmp_path) as node:
        journal = Journal(node.database)
        left = await journal.load()
        assert [(each.command, each.begun) for each in left] == [(accepted, False), (begun, True)]
        assert journal.known(done.id) == answer(done, "done")
        assert journal.known(accepted.id) == answer(accepted, "accepted")
        assert journal.known(command().id) is None


async def test_a_row_that_cannot_be_read_keeps_nobody_from_starting(tmp_path: Path) -> None:
    good = command()
    async with store(tmp_path) as node:
        journal = Journal(node.database)
        await write(journal, node, good, "accepted")
        for number, row in enumerate([("{}", "{}"), ("nonsense", answer(good, "accepted").model_dump_json())]):
            await node.database.write(
                lambda db, number=number, row=row: db.execute(
                    "INSERT INTO command (id, payload, state, expires, answer) VALUES (?, ?, 'accepted', 'never', ?)",
                    (str(number), *row),
                )
            )
        assert [each.command for each in await Journal(node.database).load()] == [good]


async def test_expired_commands_are_forgotten_but_not_unfinished_ones(tmp_path: Path) -> None:
    old, new, unfinished = command(), command(expires=AT + timedelta(days=2)), command()
    async with store(tmp_path) as node:
        journal = Journal(node.database)
        for asked, state in ((old, "done"), (new, "done"), (unfinished, "accepted")):
            await write(journal, node, asked, state)
            journal.remember(asked, answer(asked, state))
        await journal.purge(AT + timedelta(days=1))
        for each in (journal, Journal(node.database)):
            await each.load()
            assert each.known(old.id) is None
            assert each.known(new.id) and each.known(unfinished.id)
