"""The node's sounds: bounded, never without what is planned, and nothing that is not what its name says."""

import os
import shutil
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from core_media_rig import digest, noise

from edge_agent.contract.errors import Refusal
from edge_agent.media.store import SoundStore, sha256_in

MILLION = 1_000_000


@pytest.fixture
def ticks() -> Iterator[int]:
    return count(1_700_000_000)


@pytest.fixture
def store(tmp_path: Path, ticks: Iterator[int]) -> SoundStore:
    return opened(tmp_path, ticks)


def opened(folder: Path, ticks: Iterator[int]) -> SoundStore:
    store = SoundStore(folder / "media", 10 * MILLION, wall=lambda: next(ticks))
    store.open()
    return store


def put(store: SoundStore, key: str, owner: str, size: int = 3 * MILLION) -> Path:
    draft = store.work / f"{key}.wav"
    draft.write_bytes(noise(size, seed=int.from_bytes(key.encode(), "big")))
    return store.take(draft, key, owner)


def test_what_is_used_longest_ago_goes_first(store: SoundStore) -> None:
    paths = {key: put(store, key, "owner") for key in "abc"}
    store.pin_only("owner", ())
    assert store.made("a", "owner") == paths["a"]  # used again
    store.pin_only("owner", ())
    put(store, "d", "other")
    assert [key for key, path in paths.items() if path.exists()] == ["a", "c"]
    assert store.made("b", "owner") is None
    assert store.used <= 10 * MILLION


def test_what_is_planned_stays_and_what_does_not_fit_is_told(store: SoundStore) -> None:
    paths = [put(store, key, owner) for key, owner in [("a", "b1"), ("b", "b2"), ("c", "b1")]]
    with pytest.raises(Refusal) as caught:
        put(store, "d", "b3")
    fault = caught.value.fault
    assert (fault.code, fault.params) == (
        "media.no_room", {"needed_mb": 3.0, "planned_mb": 9.0, "limit_mb": 10.0}
    )  # fmt: skip
    assert all(path.exists() for path in paths)
    store.pin_only("b2", ())
    put(store, "d", "b3")
    assert [path.exists() for path in paths] == [True, False, True]


def test_two_owners_of_one_sound(store: SoundStore) -> None:
    path = put(store, "a", "b1")
    assert store.made("a", "b2") == path
    store.pin_only("b1", ())
    for key in "cde":
        put(store, key, "b3")
        store.pin_only("b3", ())
    assert path.exists()
    store.pin_only("b2", ())
    for key in "fgh":
        put(store, key, "b3")
    assert not path.exists()


def test_after_a_restart_it_knows_what_it_has_and_clears_up(
    store: SoundStore, tmp_path: Path, ticks: Iterator[int]
) -> None:
    kept = put(store, "a", "b1")
    half = store.work / "half"
    half.mkdir()
    (half / "sound.wav").write_bytes(b"half")
    part, old = store.part(digest(b"part")), store.part(digest(b"old"))
    for path, age in ((part, 0), (old, 30 * 86_400)):
        path.write_bytes(b"part")
        os.utime(path, (next(ticks) - age,) * 2)
    again = opened(tmp_path, ticks)
    assert again.made("a", "b1") == kept
    assert list(again.work.iterdir()) == []
    assert part.exists()
    assert not old.exists()
    assert again.used == 3 * MILLION + 4


def test_a_damaged_sound_is_found_out_and_dropped(store: SoundStore, tmp_path: Path, ticks: Iterator[int]) -> None:
    path = put(store, "a", "b1")
    content = path.read_bytes()
    path.write_bytes(b"x" + content[1:])
    assert opened(tmp_path, ticks).made("a", "b1") is None
    assert not path.exists()
    gone = put(store, "b", "b1")
    gone.unlink()
    assert store.named(gone.name) is None


def test_parts_that_nobody_fetches_make_room_at_last(store: SoundStore) -> None:
    put(store, "a", "b1", 6 * MILLION)
    idle, busy = store.part(digest(b"1")), store.part(digest(b"2"))
    idle.write_bytes(bytes(3 * MILLION))
    store.reserve(digest(b"2"), 1 * MILLION)
    busy.write_bytes(bytes(MILLION // 2))
    store.reserve("new", 3 * MILLION)
    assert not idle.exists()
    assert busy.exists()
    with pytest.raises(Refusal):
        store.reserve("more", MILLION // 10)
    store.unreserve(digest(b"2"), 1 * MILLION)
    busy.unlink()
    store.reserve("more", MILLION // 10)


def test_a_part_that_is_gone_on_with_is_not_what_makes_room(store: SoundStore) -> None:
    put(store, "a", "b1", 6 * MILLION)
    part = store.part(digest(b"1"))
    part.write_bytes(bytes(3 * MILLION))
    store.reserve(part.name, 4 * MILLION)
    assert part.exists()
    store.unreserve(part.name, 4 * MILLION)
    with pytest.raises(Refusal) as caught:
        store.reserve(part.name, 5 * MILLION)
    assert caught.value.fault.params == {"needed_mb": 5.0, "planned_mb": 6.0, "limit_mb": 10.0}
    assert part.exists()


def test_a_disk_with_less_room_than_the_limit_is_not_filled_up(tmp_path: Path) -> None:
    store = SoundStore(tmp_path / "media", 10**18)
    store.open()
    old = put(store, "a", "b1")
    store.pin_only("b1", ())
    with pytest.raises(Refusal) as caught:
        store.reserve("huge", shutil.disk_usage(tmp_path).free)
    assert caught.value.fault.code == "media.disk"
    assert "No space left" in caught.value.fault.en
    assert not old.exists()
    store.reserve("small", 1000)


def test_a_disk_that_refuses_is_told(tmp_path: Path, store: SoundStore) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Refusal) as caught:
        SoundStore(tmp_path / "file" / "media", 10 * MILLION).open()
    assert caught.value.fault.code == "media.disk"
    with pytest.raises(Refusal) as caught:
        store.take(store.work / "never-made.wav", "a", "b1")
    assert caught.value.fault.code == "media.disk"


def test_threads_that_all_want_room_stay_within_the_limit(store: SoundStore) -> None:
    refused: list[str] = []

    def work(number: int) -> None:
        for turn in range(5):
            try:
                put(store, f"{number}{turn}", f"b{number}", MILLION)
            except Refusal as refusal:
                refused.append(refusal.fault.code)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    files = [path for path in (store.folder / "files").iterdir() if path.suffix == ".wav"]
    assert sum(path.stat().st_size for path in files) <= 10 * MILLION
    assert set(refused) == {"media.no_room"}
    assert len(files) + len(refused) == 20
    assert all(digest(path.read_bytes()) == sha256_in(path.name) for path in files)
