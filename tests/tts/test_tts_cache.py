import errno
import os
from pathlib import Path

import pytest

from tts.cache import SpeechCache, key_of


def put(cache: SpeechCache, key: str, data: bytes) -> Path:
    with cache.session() as work:
        made = work / "made"
        made.write_bytes(data)
        return cache.put(key_of(key), made).path


def get(cache: SpeechCache, key: str) -> bytes | None:
    with cache.session():
        entry = cache.get(key_of(key))
        return entry.path.read_bytes() if entry else None


def test_what_was_put_is_found_by_another_process_too(tmp_path: Path) -> None:
    put(SpeechCache(tmp_path / "a" / "b", 1000), "one", b"data")
    assert get(SpeechCache(tmp_path / "a" / "b", 1000), "one") == b"data"
    assert get(SpeechCache(tmp_path / "a" / "b", 1000), "two") is None


def test_keys_differ_with_every_part() -> None:
    keys = {key_of("a", "b"), key_of("ab"), key_of("a", "b", 1), key_of("a", "b", "1"), key_of(["a", "b"])}
    assert len(keys) == 5


@pytest.mark.parametrize("damage", [b"", b"dat", b"dutu", b"data and more"])
def test_a_damaged_file_is_dropped(tmp_path: Path, damage: bytes) -> None:
    cache = SpeechCache(tmp_path, 1000)
    path = put(cache, "one", b"data")
    path.write_bytes(damage)
    assert get(cache, "one") is None
    assert not path.exists()


def test_an_unreadable_entry_is_a_miss(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1000)
    path = put(cache, "one", b"data")
    path.unlink()
    path.mkdir()  # open() fails, as on a bad sector
    assert get(cache, "one") is None


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1000)
    for age, name in enumerate(["old", "used", "young"]):
        os.utime(put(cache, name, name.encode() * 60), (1000 + age, 1000 + age))
    assert get(cache, "old") is not None  # now it is the youngest
    put(cache, "big", b"b" * 400)
    assert [get(cache, name) is not None for name in ("old", "used", "young", "big")] == [True, False, True, True]
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*.wav")) <= 1000


def test_what_a_session_uses_stays_even_over_the_limit(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1000)
    with cache.session() as work:
        for number in range(4):
            (work / "made").write_bytes(bytes([number]) * 600)
            cache.put(key_of(number), work / "made")
        assert all(cache.get(key_of(number)) for number in range(4))
    put(cache, "next", b"n" * 600)
    assert len(list(tmp_path.glob("*/*.wav"))) == 1


def test_putting_a_key_again_keeps_one_file(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1000)
    assert put(cache, "one", b"data") == put(cache, "one", b"data")
    assert len(list(tmp_path.glob("*/*.wav"))) == 1


def test_a_power_cut_leaves_nothing_that_is_taken_for_speech(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1000)
    work = tmp_path / "work-left"
    work.mkdir()
    (work / "made").write_bytes(b"half")
    assert get(cache, "one") is None
    put(cache, "two", b"data")
    assert work.exists()  # may be a neighbour's
    os.utime(work, (1000, 1000))
    put(SpeechCache(tmp_path, 1000), "two", b"data")
    assert not work.exists()


def test_a_full_disk_costs_half_of_the_cache(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 10_000)
    for number in range(4):
        put(cache, str(number), bytes([number]) * 500)
    assert not cache.make_room(OSError(errno.EACCES, "no"))
    assert cache.make_room(OSError(errno.ENOSPC, "full"))
    assert len(list(tmp_path.glob("*/*.wav"))) == 2


def test_an_empty_cache_has_no_room_to_make(tmp_path: Path) -> None:
    assert not SpeechCache(tmp_path, 1000).make_room(OSError(errno.ENOSPC, "full"))


def test_a_folder_that_cannot_be_made_still_gives_a_place_to_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = SpeechCache(tmp_path / "file" / "cache", 1000)
    assert get(cache, "one") is None
    with cache.session(), pytest.raises(OSError):
        cache.require_writable()
    with pytest.raises(OSError):
        put(cache, "one", b"data")
    (tmp_path / "file").unlink()
    with cache.session():
        cache.require_writable()


def test_notes_outlive_the_process(tmp_path: Path) -> None:
    with SpeechCache(tmp_path, 1000).session():
        SpeechCache(tmp_path, 1000).remember("espeak-ng", "1.51")
    assert SpeechCache(tmp_path, 1000).recall("espeak-ng") == "1.51"
    assert SpeechCache(tmp_path, 1000).recall("piper") is None
