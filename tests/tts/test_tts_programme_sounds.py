import wave
from pathlib import Path

import av
import numpy as np
import pytest

from tts.audio import RATE
from tts.loudness import integrated, level, true_peak
from tts.programme import sound
from tts.programme.chimes import chime, pad
from tts.programme.encode import OutputError, encode
from tts.programme.mix import ATTACK_S, EDGE_S, RELEASE_S, Bed, Placed, duck, mix, spans
from tts.programme.sound import seamless

CHIMES = ["two-tone", "three-tone", "morning", "closing", "alert", "siren"]


def working_file(path: Path, samples: np.ndarray) -> Path:
    sound.write(path, [samples.astype(np.float32)])
    return path


def steady(seconds: float, value: float = 0.5) -> np.ndarray:
    return np.full(round(seconds * RATE), value, np.float32)


def tone(seconds: float, hertz: float = 440.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


@pytest.mark.parametrize("name", CHIMES)
def test_chimes_fit_through_a_horn_and_end_in_silence(name: str) -> None:
    made = chime(name)
    power = np.abs(np.fft.rfft(made)) ** 2
    hertz = np.fft.rfftfreq(len(made), 1 / RATE)
    assert power[(hertz > 350) & (hertz < 6000)].sum() / power.sum() > 0.98
    assert 1.5 < len(made) / RATE < 10
    assert abs(made[0]) < 0.01
    assert np.abs(made[-10:]).max() < 0.001


@pytest.mark.parametrize("name", CHIMES)
def test_chimes_reach_the_loudness_of_speech_without_damage(name: str) -> None:
    _, how = level(chime(name), RATE, -14.0)
    assert how.reached


def test_chimes_differ() -> None:
    assert len({chime(name).tobytes() for name in CHIMES}) == len(CHIMES)


@pytest.mark.parametrize("name", ["calm", "bright"])
def test_a_pad_repeats_without_a_step(name: str) -> None:
    made = pad(name)
    assert len(made) == 32 * RATE
    steps = np.abs(np.diff(np.concatenate((made[-RATE:], made[:RATE]))))
    assert steps[RATE - 1] <= steps.max() * 1.01
    assert np.abs(np.diff(made)).max() == pytest.approx(steps.max(), rel=1.0)


def test_music_from_a_file_leads_into_its_own_beginning(tmp_path: Path) -> None:
    path = working_file(tmp_path / "a.wav", np.concatenate((steady(5, 0.1), steady(5, 0.5))))
    looped = np.concatenate(list(seamless(path)))
    assert len(looped) == 8 * RATE
    assert abs(looped[-1] - looped[0]) < 0.01
    assert looped[2 * RATE + 10] == pytest.approx(0.1, abs=0.001)


def test_parts_of_a_working_file(tmp_path: Path) -> None:
    samples = np.linspace(-1, 1, 5 * RATE, dtype=np.float32)
    path = working_file(tmp_path / "a.wav", samples)
    assert sound.length(path) == 5 * RATE
    assert np.allclose(np.concatenate(list(sound.blocks(path))), samples, atol=1e-4)
    assert np.allclose(sound.part(path, 100_000, 120_000), samples[100_000:220_000], atol=1e-4)
    assert len(sound.part(path, 5 * RATE, 10)) == 0


def test_items_stand_where_they_were_placed_with_soft_edges(tmp_path: Path) -> None:
    path = working_file(tmp_path / "a.wav", steady(1.5))
    items = [Placed(path, 12_345, 72_000), Placed(path, 100_000, 72_000, gain_db=-6.0)]
    mixed = np.concatenate(list(mix(items, [], 200_000)))
    assert len(mixed) == 200_000
    edge = round(EDGE_S * RATE)
    for item, value in zip(items, (0.5, 0.2506), strict=True):
        inside = mixed[item.start + edge : item.end - edge]
        assert np.allclose(inside, value, atol=1e-3)
        assert abs(mixed[item.start]) < 1e-3
        assert abs(mixed[item.end - 1]) < 1e-3
    assert np.abs(np.diff(mixed)).max() < 0.5 / edge * 2
    assert not mixed[: items[0].start].any()
    assert not mixed[items[0].end : items[1].start].any()


def test_music_makes_way_for_speech_and_comes_back(tmp_path: Path) -> None:
    music = working_file(tmp_path / "music.wav", tone(3.0))
    speech = working_file(tmp_path / "speech.wav", np.zeros(2 * RATE))
    item = Placed(speech, 10 * RATE, 2 * RATE)
    bed = Bed(music, 2 * RATE, 20 * RATE, RATE, 2 * RATE, alone_db=4.0, under_db=14.0)
    mixed = np.concatenate(list(mix([item], [bed], 22 * RATE)))

    def loud(start_s: float, end_s: float) -> float:
        part = mixed[round(start_s * RATE) : round(end_s * RATE)]
        return float(20 * np.log10(np.sqrt(np.mean(part**2)) + 1e-9))

    whole = 20 * np.log10(0.3 / np.sqrt(2))
    assert loud(4, 9) == pytest.approx(whole - 4, abs=0.1)
    assert loud(10, 12) == pytest.approx(whole - 14, abs=0.1), "down from the first word to the last"
    assert loud(12 + RELEASE_S, 17) == pytest.approx(whole - 4, abs=0.1)
    assert loud(2, 2.2) < whole - 20
    assert loud(19.9, 20) < whole - 30
    assert not mixed[: 2 * RATE].any()
    assert not mixed[20 * RATE :].any()
    assert np.abs(np.diff(mixed)).max() < 0.02, "no click where the file begins again"


def test_ducking_is_down_for_all_of_the_speech_and_smooth() -> None:
    quiet = [(5 * RATE, 7 * RATE)]
    down = np.concatenate([duck(quiet, start, 1000) for start in range(0, 12 * RATE, 1000)])
    assert np.all(down[5 * RATE : 7 * RATE] == 1)
    assert np.all(down[: round((5 - ATTACK_S) * RATE)] == 0)
    assert np.all(down[round((7 + RELEASE_S) * RATE) + 1 :] == 0)
    assert np.abs(np.diff(down)).max() < 2e-4


def test_music_stays_down_over_a_short_breath() -> None:
    second = RATE
    assert spans([(0, second), (2 * second, 3 * second), (9 * second, 10 * second)]) == [
        (0, 3 * second),
        (9 * second, 10 * second),
    ]


@pytest.mark.parametrize("name", ["a.flac", "a.wav", "a.opus", "a.ogg"])
def test_a_written_programme_has_the_same_sound(tmp_path: Path, name: str) -> None:
    samples = tone(3.3)
    encode(tmp_path / name, np.split(samples, [1, 1000, 48_000]), "Bản tin")
    with av.open(str(tmp_path / name)) as container:
        title = container.metadata.get("title") or container.streams.audio[0].metadata.get("title")
        read = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    assert title == "Bản tin"
    read = read / 32768 if read.dtype == np.int16 else read
    assert integrated(read.astype(np.float32), RATE) == pytest.approx(integrated(samples, RATE), abs=0.1)
    if name in ("a.flac", "a.wav"):
        assert len(read) == len(samples)
        assert np.allclose(read, samples, atol=1e-4)
        assert true_peak(read, RATE) == pytest.approx(true_peak(samples, RATE), abs=0.01)


def test_the_old_programme_stays_when_the_new_one_fails(tmp_path: Path) -> None:
    out = tmp_path / "a.flac"
    encode(out, [tone(1)], "alt")
    before = out.read_bytes()

    def broken() -> object:
        yield tone(1)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        encode(out, broken(), "neu")
    assert out.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.flac"]


def test_what_a_killed_run_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".a.wav.part").write_bytes(b"x" * 1_000_000)
    encode(tmp_path / "a.wav", [tone(1)], "t")
    with wave.open(str(tmp_path / "a.wav"), "rb") as file:
        assert file.getnframes() == RATE
    assert (tmp_path / "a.wav").stat().st_size < 100_000
    assert [each.name for each in tmp_path.iterdir()] == ["a.wav"]


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    out = tmp_path / "a.wav"

    def blocks() -> object:
        yield tone(1)
        with pytest.raises(OutputError, match="another program"):
            encode(out, [tone(2)], "second")
        yield tone(1)

    encode(out, blocks(), "first")
    assert sound.length(out) == 2 * RATE


@pytest.mark.parametrize("name", ["a.mp3", "a", "none/a.flac"])
def test_names_that_cannot_be_written_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError):
        encode(tmp_path / name, [tone(1)], "t")
    assert not any(tmp_path.iterdir())
