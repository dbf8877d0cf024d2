"""What is needed stays in the store of media, whatever comes; and a full disk costs nobody what they typed."""

import hashlib
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hub_rig import JPEG, TOKEN, WAVE, Mosquitto, Running, config_for, serving
from writing_rig import fields_in, fields_of, new_draft

from edge_agent.contract.segments import Audio, Version
from edge_agent.contract.segments import Sound as Aired
from hub.air.tables import prepared
from hub.bulletins.model import Content as Whole
from hub.bulletins.table import bulletins
from hub.clock import SystemClock
from hub.media import MediaStore
from hub.media_needs import MediaNeeds
from hub.media_parts import MediaRefused
from hub.people.acting import acting
from hub.writing.drafts import Drafts
from hub.writing.model import Content, Draft, Played, Sound
from hub.writing.model import Version as Written

ON_BOTH_DATABASES = "long"
LIMIT = 100_000


def sound(n: int, size: int = 18_000) -> bytes:
    return WAVE + bytes([n]) * (size - len(WAVE))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


class Commune:
    """A hub with people, whose database says what is needed, and a store of media with room for five sounds."""

    def __init__(self, hub: Running, folder: Path) -> None:
        self.desk = hub.hub.bulletins.desk
        self.database = hub.hub.store
        self.media = MediaStore(folder, LIMIT, MediaNeeds(self.database, SystemClock()))
        account = hub.hub.accounts.by_login("quan-tri")
        assert account is not None
        self.person = account.person

    async def put(self, content: bytes) -> str:
        """Bring a sound, an hour ago."""
        await self.media.put(digest(content), once(content))
        self.media._held.clear()
        return digest(content)

    async def bulletin(self, content: bytes, state: str) -> None:
        """One that plays it, and stands so."""
        audio = Audio(sound=Aired(sha256=digest(content), bytes=len(content)))
        with acting(self.person):
            whole = Whole(title="Họp", versions=(Version(language="vi", segments=(audio,)),))
            made = await self.desk.create(whole)
        stands = bulletins.update().where(bulletins.c.id == made.id).values(state=state)
        await self.database.call(lambda c: c.execute(stands) and None)

    async def draft(self, content: bytes) -> Draft:
        """One that plays it."""
        played = Played(sound=Sound(sha256=digest(content), bytes=len(content), seconds=1))
        pieces = Content(versions=(Written(language="vi", pieces=(played,)),))
        return await Drafts(self.database, SystemClock()).create(self.person, pieces)

    async def prepare(self, content: bytes) -> None:
        """A prepared emergency message with this sound."""
        first = sa.select(sa.func.min(prepared.c.id)).scalar_subquery()
        spoken = prepared.update().where(prepared.c.id == first).values(sound=digest(content), bytes=len(content))
        await self.database.call(lambda c: c.execute(spoken) and None)


@pytest.fixture
async def commune(hub: Running, tmp_path: Path) -> Commune:
    made = Commune(hub, tmp_path / "small")
    await made.media.start()
    return made


async def test_what_somebody_needs_never_goes_and_then_new_files_are_refused(commune: Commune) -> None:
    approved, written, alarm, past = (sound(n) for n in range(4))
    for content in (approved, written, alarm, past):
        await commune.put(content)
    await commune.bulletin(approved, "approved")
    await commune.bulletin(past, "done")
    draft = await commune.draft(written)
    await commune.prepare(alarm)

    old = await commune.put(JPEG + bytes(15_000))
    new = await commune.put(sound(4))
    assert commune.media.get(old) is None  # a picture goes first
    more = await commune.put(sound(5))
    assert commune.media.get(digest(past)) is None  # then the oldest sound that nobody needs
    assert commune.media.get(new) is not None and commune.media.get(more) is not None

    await commune.bulletin(sound(4), "draft")
    await commune.bulletin(sound(5), "distributed")
    with pytest.raises(MediaRefused, match=r"media\.full"):
        await commune.put(sound(6))
    for content in (approved, written, alarm, sound(4), sound(5)):
        assert commune.media.get(digest(content)) is not None
        assert (commune.media._folder / f"{digest(content)}.wav").read_bytes() == content
    assert commune.media.get(digest(sound(6))) is None
    assert not [path for path in commune.media._folder.iterdir() if path.suffix == ".part"]

    await Drafts(commune.database, SystemClock()).remove(draft)
    await commune.put(sound(6))  # what nobody needs any more makes room
    assert commune.media.get(digest(written)) is None


async def test_sound_of_whom_is_about_to_need_it_stays(commune: Commune) -> None:
    await commune.put(sound(0))
    assert commune.media.hold(digest(sound(0))) is not None
    for n in range(1, 9):
        await commune.put(JPEG + bytes([n]) * 20_000)
    assert commune.media.get(digest(sound(0))) is not None


async def test_hub_whose_database_does_not_answer_throws_no_sound_out(tmp_path: Path) -> None:
    async def nobody_knows() -> None:
        return None

    store = MediaStore(tmp_path / "media", LIMIT, nobody_knows)
    await store.start()
    for n in range(5):
        await store.put(digest(sound(n)), once(sound(n)))
        store._held.clear()
    with pytest.raises(MediaRefused, match=r"media\.full"):
        await store.put(digest(sound(5)), once(sound(5)))
    assert all(store.get(digest(sound(n))) for n in range(5))


async def test_full_store_says_so_to_who_brings_a_file(broker: Mosquitto, tmp_path: Path) -> None:
    async with serving(config_for(tmp_path, broker.port, limits={"media_mb": 10})) as hub:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        for n in range(3):
            content = sound(n, 4_900_000)
            answer = await hub.http.put(f"/media/{digest(content)}", content=content, headers=headers)
            assert answer.status_code == (201 if n < 2 else 507)
        assert "dành thêm chỗ" in answer.text and "media.full" in answer.text


@contextmanager
def full_disk(database: Path) -> Iterator[None]:
    """No file of this process may grow, as on a disk that is full: least of all what the database writes."""
    most = database.with_name(database.name + "-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


TYPED = "Kính mời bà con ra nhà văn hóa họp. " * 200


async def test_full_disk_costs_nobody_what_they_typed(broker: Mosquitto, tmp_path: Path) -> None:
    async with serving(config_for(tmp_path, broker.port)) as hub:
        address = await new_draft(hub.http, "Bài cũ.")
        fields = await fields_of(hub.http, address)
        typed: dict[str, Any] = {**fields, "s1.text": TYPED, "do": "save"}
        with full_disk(hub.config.data / "hub.sqlite3"):
            page = await hub.http.post(address, data=typed)
            quiet = await hub.http.post(address, data=typed, headers={"HX-Request": "true"})
            other = await hub.http.post("/write", data={"text": TYPED})
            body = JPEG + bytes(8_000_000)
            file = await hub.http.put(
                f"/media/{digest(body)}", content=body, headers={"Authorization": f"Bearer {TOKEN}"}
            )
        assert page.status_code == quiet.status_code == other.status_code == 503
        assert fields_in(page.text)["s1.text"] == TYPED.strip()
        for answer in (page, quiet):
            assert "Bài vẫn còn nguyên trong trang này" in answer.text
        assert "chữ đã gõ vẫn còn ở đó" in other.text
        assert file.status_code == 507

        assert (await fields_of(hub.http, address))["s1.text"] == "Bài cũ."
        again = await hub.http.post(address, data={**fields_in(page.text), "do": "save"})
        assert again.status_code == 303
        assert (await fields_of(hub.http, address))["s1.text"] == TYPED.strip()
