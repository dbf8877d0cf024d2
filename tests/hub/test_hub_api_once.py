"""The same request with the same key is done once."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from hub_rig import FakeNode, Running

from hub.api import once

V1 = "/api/v1"
TEXT = {"title": "Lịch tiêm chủng", "text": "Sáng thứ bảy, trạm y tế tiêm chủng cho trẻ em."}
KEY = {once.HEADER: "mot-cua-0001"}


async def program(hub: Running, *rights: str) -> httpx.AsyncClient:
    asked = {"name": "Một cửa", "rights": ["see", *rights], "places": ["29401"]}
    secret = (await hub.http.post(f"{V1}/tokens", json=asked)).json()["secret"]
    return httpx.AsyncClient(base_url=f"{hub.url}{V1}", timeout=30, headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
async def office(hub: Running, node: FakeNode) -> AsyncIterator[httpx.AsyncClient]:
    async with await program(hub, "write") as http:
        yield http


async def test_filed_twice_with_one_key_is_one_bulletin(office: httpx.AsyncClient, hub: Running) -> None:
    first = await office.post("/bulletins", json=TEXT, headers=KEY)
    again = await office.post("/bulletins", json=TEXT, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (once.AGAIN in first.headers, again.headers[once.AGAIN]) == (False, "true")
    assert len((await office.get("/bulletins")).json()) == 1
    other = await office.post("/bulletins", json={**TEXT, "title": "Khác"}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "api.key_other")
    async with await program(hub, "write") as neighbour:
        assert (await neighbour.post("/bulletins", json=TEXT, headers=KEY)).status_code == 201
    assert (await office.post("/bulletins", json=TEXT)).json()["id"] != first.json()["id"]


async def test_asked_at_the_same_time_it_is_done_once(office: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(office.post("/bulletins", json=TEXT, headers=KEY) for _ in range(6)))
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    late = {answer.json()["code"] for answer in answers if answer.status_code != 201}
    assert len(made) == 1
    assert late <= {"api.key_running"}
    assert len((await office.get("/bulletins")).json()) == 1


async def test_after_a_refusal_the_key_is_free(office: httpx.AsyncClient) -> None:
    refused = await office.post("/bulletins", json={**TEXT, "places": ["29402"]}, headers=KEY)
    assert refused.status_code == 403
    assert (await office.post("/bulletins", json=TEXT, headers=KEY)).status_code == 201


async def test_a_secret_is_told_once_and_not_kept(hub: Running, tmp_path: Path) -> None:
    asked = {"name": "Một cửa", "rights": ["see"], "places": ["29401"]}
    made = await hub.http.post(f"{V1}/tokens", json=asked, headers=KEY)
    again = await hub.http.post(f"{V1}/tokens", json=asked, headers=KEY)
    assert (made.status_code, again.status_code, again.json()["code"]) == (201, 409, "api.key_used")
    kept = await hub.hub.store.read(lambda c: c.execute(sa.select(once.answers)).all())
    assert len(kept) == 1
    assert made.json()["secret"] not in str(kept)


@pytest.mark.parametrize("key", ["", "x" * 101, "chín"])
async def test_a_key_that_is_none_is_refused(office: httpx.AsyncClient, key: str) -> None:
    refused = await office.post("/bulletins", json=TEXT, headers={once.HEADER: key.encode()})
    assert (refused.status_code, refused.json()["code"]) == (422, "api.bad_key")
    assert (await office.get("/bulletins")).json() == []


def test_keys_are_bounded_and_forgotten_after_a_day() -> None:
    engine = sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(":memory:"), poolclass=sa.StaticPool)
    begun = datetime(2026, 11, 23, tzinfo=UTC)
    with engine.begin() as connection:
        once.answers.create(connection)
        for number in range(once.MOST_OF_ONE + 10):
            at = begun + timedelta(seconds=number)
            assert once.begin(connection, "token:1", f"k{number}", "h", at) is None
        count = sa.select(sa.func.count()).select_from(once.answers)
        assert connection.execute(count).scalar_one() <= once.MOST_OF_ONE
        last = f"k{once.MOST_OF_ONE + 9}"
        assert once.begin(connection, "token:1", last, "h", at) == once.Kept("h", 0, "")
        assert once.begin(connection, "token:1", last, "h", at + once.LIFE + timedelta(seconds=1)) is None
        assert connection.execute(count).scalar_one() == 1
