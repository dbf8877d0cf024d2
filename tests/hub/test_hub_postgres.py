"""PostgreSQL goes away and comes back: nothing that was taken is lost, nothing is done twice."""

import asyncio
import contextlib
import logging
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hub_rig import FakeNode, Mosquitto, config_for, event, serving, until
from postgres_rig import Postgres
from sqlalchemy.engine import make_url
from writing_rig import fields_of, new_draft

from edge_agent.contract.signature import Verifier
from hub import database as database_module
from hub import store as store_module
from hub.config import HubConfig
from hub.store import Store, StoreAway, StoreFull
from hub.tables import Long, metadata

ADDRESS = "29401/tram-bom"
acts = sa.Table(
    "acts_of_a_test",
    metadata,
    sa.Column("id", Long, primary_key=True, autoincrement=True),
    sa.Column("what", sa.Integer, nullable=False),
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server of these tests' own: after a fall it looks through all its databases before it listens again."""
    server = Postgres()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def given(postgres: Postgres, tmp_path: Path) -> dict[str, Any]:
    return postgres.new(tmp_path)


@contextlib.asynccontextmanager
async def opened(folder: Path, given: dict[str, Any], waiting: int = 5000) -> AsyncIterator[Store]:
    store = Store(HubConfig.model_validate({"database": given}).under(folder).database_address, waiting)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


def act(number: int) -> Any:
    return lambda connection: connection.execute(acts.insert(), {"what": number}) and None


async def written(store: Store) -> list[int]:
    return await store.read(
        lambda c: [int(what) for what in c.execute(sa.select(acts.c.what).order_by("id")).scalars()]
    )


async def test_writes_wait_while_the_server_is_away_and_come_in_order(
    postgres: Postgres, given: dict[str, Any], tmp_path: Path
) -> None:
    async with opened(tmp_path, given) as store:
        await store.call(act(0))
        postgres.kill()
        try:
            for number in range(1, 1000):
                store.offer(act(number))
            with pytest.raises(sa.exc.OperationalError):
                await written(store)
            await asyncio.sleep(0.5)  # it has tried in vain meanwhile
        finally:
            postgres.start()
        await store.call(act(1000))
        assert await written(store) == list(range(1001))


async def test_connections_that_are_cut_at_any_moment_lose_and_double_nothing(
    postgres: Postgres, given: dict[str, Any], tmp_path: Path
) -> None:
    name = make_url(given["url"]).database or ""
    async with opened(tmp_path, given, waiting=100_000) as store:
        for number in range(3000):
            store.offer(act(number))
            if number % 300 == 299:
                await asyncio.to_thread(postgres.cut_connections, name)
        await store.call(act(3000))
        assert await written(store) == list(range(3001))


class Between:
    """A wire to the server that can be cut at a commit: before the server hears it, or before its answer comes."""

    def __init__(self, port: int) -> None:
        self.cut = ""
        self.cuts = 0
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                for one, other, up in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pass, args=(one, other, up), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if up and self.cut and b"COMMIT" in data:
                    how, self.cut = self.cut, ""
                    self.cuts += 1
                    if how == "after":
                        one.shutdown(socket.SHUT_RDWR)
                        other.sendall(data)
                    break
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def between(postgres: Postgres) -> Iterator[Between]:
    wire = Between(postgres.port)
    yield wire
    wire.close()


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_commit_whose_answer_got_lost_is_done_once(
    postgres: Postgres, given: dict[str, Any], between: Between, tmp_path: Path, how: str
) -> None:
    given = {**given, "url": given["url"].replace(str(postgres.port), str(between.port))}
    async with opened(tmp_path, given) as store:
        told: list[Any] = []
        for number in range(10):
            between.cut = how
            store.offer(act(number), lambda result, error: told.append(error))
            await until(lambda: len(told) == number + 1, limit=30)  # noqa: B023 - awaited here
        assert between.cuts == 10
        assert told == [None] * 10
        assert await written(store) == list(range(10))


async def test_more_than_may_wait_is_refused_while_the_server_is_away(
    postgres: Postgres, given: dict[str, Any], tmp_path: Path
) -> None:
    async with opened(tmp_path, given, waiting=50) as store:
        await store.call(act(0))
        postgres.kill()
        taken = 0
        try:
            store.offer(act(1))
            await until(store._queue.empty)  # the thread holds it, and tries
            with pytest.raises(StoreFull):
                for number in range(2, 1000):
                    store.offer(act(number))
                    taken = number
        finally:
            postgres.start()
        await until(store._queue.empty, limit=30)
        await store.call(act(taken + 1))
        assert taken == 51
        assert await written(store) == list(range(taken + 2))


async def test_who_waits_for_a_write_gets_an_answer_and_it_is_not_done_later(
    postgres: Postgres, given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, given) as store:
        await store.call(act(0))
        monkeypatch.setattr(store_module, "CALL_S", 0.5)
        postgres.kill()
        try:
            with pytest.raises(StoreAway):
                await store.call(act(1))
        finally:
            postgres.start()
        monkeypatch.setattr(store_module, "CALL_S", 20.0)
        await store.call(act(2))
        assert await written(store) == [0, 2]


async def test_a_second_hub_is_refused(given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "START_S", 0.5)
    async with opened(tmp_path, given):
        with pytest.raises(database_module.Taken, match="another hub uses this database"):
            async with opened(tmp_path, given):
                pass
    async with opened(tmp_path, given) as store:  # the first has ended
        await store.call(act(1))


async def test_a_statement_that_takes_too_long_fails_alone(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "STATEMENT_S", 1)
    async with opened(tmp_path, given) as store:
        told: list[Any] = []
        store.offer(act(1))
        store.offer(lambda c: c.execute(sa.text("SELECT pg_sleep(60)")), lambda _, error: told.append(error))
        await store.call(act(2))
        assert isinstance(told[0], sa.exc.OperationalError)
        assert await written(store) == [1, 2]


async def test_the_password_is_told_to_nobody(
    postgres: Postgres, given: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    config = HubConfig.model_validate({"database": given}).under(tmp_path)
    store = Store(config.database_address)
    await store.start()
    postgres.kill()
    try:
        store.offer(act(1))
        with pytest.raises(sa.exc.OperationalError) as failed:
            await written(store)
        await until(lambda: "is away" in caplog.text)
    finally:
        postgres.start()
    await store.stop()
    for told in (caplog.text, repr(failed.value), repr(config), repr(store.address), str(store.address)):
        assert postgres.password not in told


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql+psycopg://hub:geheim@127.0.0.1/hub", "a key of its own"),
        ("postgresql://hub@127.0.0.1/hub?password=geheim", "a key of its own"),
        ("mysql://hub@127.0.0.1/hub", "is written postgresql"),
        ("postgresql://127.0.0.1", "is written postgresql"),
        ("postgresql://127.0.0.1:99999/hub", "out of range"),
        ("postgresql://127.0.0.1:0/hub", "port 0"),
    ],
)
def test_addresses_that_cannot_be_right_are_refused(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        HubConfig.model_validate({"database": {"url": url}})


async def test_a_hub_lives_through_a_server_that_falls_and_comes_back(
    postgres: Postgres, broker: Mosquitto, given: dict[str, Any], tmp_path: Path
) -> None:
    async with serving(config_for(tmp_path, broker.port, database=given)) as hub:
        signer = hub.hub.signer

        def through() -> int:
            account = hub.hub.ledger.accounts.get(ADDRESS)
            return account.progress.through if account else 0

        async with FakeNode(broker.port, Verifier({signer.key_id: signer.public})) as node:
            await node.send(event(1))
            await until(lambda: through() == 1)
            postgres.kill()
            try:
                await node.send(*(event(number) for number in range(2, 60)))
                assert (await hub.http.get("/aired")).status_code == 503
                assert (await hub.http.get("/")).status_code == 200
            finally:
                postgres.start()
            await until(lambda: through() == 59, limit=30)
            assert (await hub.http.get("/aired")).status_code == 200
        query = "SELECT seq FROM records ORDER BY id"
        kept = await hub.hub.store.read(lambda c: list(c.exec_driver_sql(query).scalars()))
        assert kept == list(range(1, 60))


async def test_what_was_dumped_while_the_hub_ran_is_a_whole_hub_elsewhere(
    postgres: Postgres, given: dict[str, Any], broker: Mosquitto, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = postgres.new(elsewhere)
    config = config_for(tmp_path, broker.port, database=given)
    async with serving(config) as hub:
        address = await new_draft(hub.http, "Mời bà con thôn Đông họp.")
        key = hub.hub.signer.key_id
        await asyncio.to_thread(postgres.copy, given, other)
    shutil.copytree(config.data, elsewhere / config.data.name)
    restored = config_for(elsewhere, broker.port, database=other)
    async with serving(restored) as hub:
        assert hub.hub.signer.key_id == key
        assert (await fields_of(hub.http, address))["s1.text"] == "Mời bà con thôn Đông họp."
        assert await new_draft(hub.http, "Một bài khác.") != address  # numbers go on where they were
        assert "quan-tri" in (await hub.http.get("/people")).text
