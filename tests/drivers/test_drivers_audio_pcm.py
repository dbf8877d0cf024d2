import struct
from array import array

import numpy as np
import pytest
from drivers_stand_ins import samples, write_wav
from hypothesis import given
from hypothesis import strategies as st

from drivers.audio import pcm
from drivers.audio.resample import BEFORE, Placer, Resampler
from drivers.audio.source import Wav

shorts = st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=40)


def as16(values):
    return array("h", values).tobytes()


@given(st.binary(max_size=120).map(lambda data: data[: len(data) // 12 * 12]), st.sampled_from([2, 3, 4]))
def test_unpacking_and_packing_loses_nothing(data, width):
    assert pcm.pack(pcm.unpack(data, width), width) == data


@given(shorts, st.floats(0, 1))
def test_volume_multiplies_each_sample(values, volume):
    got = array("h", pcm.scale(as16(values), 2, volume))
    assert list(got) == [round(value * volume) for value in values]


def test_full_volume_is_the_very_same_bytes_and_none_is_silence():
    data = as16([1, -2, 3])
    assert pcm.scale(data, 2, 1.0) is data
    assert pcm.scale(data, 2, 0.0) == bytes(6)


def test_volume_of_24_and_32_bits():
    data = b"".join(struct.pack("<i", value)[:3] for value in (-8_388_608, 8_388_606, 4))
    half = pcm.scale(data, 3, 0.5)
    assert [int.from_bytes(half[i : i + 3], "little", signed=True) for i in (0, 3, 6)] == [-4_194_304, 4_194_303, 2]
    assert pcm.scale(struct.pack("<2i", 2**31 - 2, -(2**31)), 4, 0.5) == struct.pack("<2i", 2**30 - 1, -(2**30))


@given(shorts.filter(lambda values: len(values) % 2 == 0), st.floats(0, 1), st.floats(0, 1))
def test_a_ramp_goes_on_both_channels_alike(values, begin, end):
    ramped = array("h", pcm.ramp(as16(values), 2, 2, begin, end))
    frames = len(values) // 2
    for index, (before, after) in enumerate(zip(values, ramped, strict=True)):
        assert after == pytest.approx(before * (begin + (end - begin) * (index // 2) / frames), abs=0.51)


def test_stretching_draws_straight_lines():
    assert list(pcm.stretch(array("h", [0, 100]), 200, 4)) == [0, 50, 100, 150]
    assert list(pcm.stretch(array("h", [0, 100, 200, 300]), 400, 2)) == [0, 200]
    assert list(pcm.stretch(array("h", [7]), 7, 3)) == [7, 7, 7]


@given(shorts)
def test_wider_and_back_is_the_same(values):
    data = as16(values)
    for width in (3, 4):
        assert pcm.convert(pcm.convert(data, 2, 1, width, 2), width, 2, 2, 1) == data


def test_the_loudest_32_bits_do_not_wrap_into_16():
    data = struct.pack("<2i", 2**31 - 1, -(2**31))
    assert list(array("h", pcm.convert(data, 4, 1, 2, 1))) == [32_767, -32_768]


def test_stereo_becomes_mono_by_the_mean():
    assert pcm.convert(as16([100, 200, -32_768, -32_768]), 2, 2, 2, 1) == as16([150, -32_768])


@pytest.mark.parametrize(("rate", "to"), [(44_100, 48_000), (22_050, 48_000), (16_000, 44_100), (96_000, 48_000)])
@pytest.mark.parametrize("block", [1, 7, 441, 100_000])
def test_resampling_keeps_a_tone_whatever_the_blocks(rate, to, block):
    frames = rate // 8 if block > 1 else 300
    tone = np.sin(2 * np.pi * 440 * np.arange(frames) / rate).astype(np.float32)
    resampler = Resampler(rate, to)
    parts = [resampler.feed(tone[i : i + block]) for i in range(0, frames, block)]
    out = np.concatenate([*parts, resampler.flush()])
    assert len(out) == -(-frames * to // rate)
    wanted = np.sin(2 * np.pi * 440 * np.arange(len(out)) / to)
    edge = 40 * max(1, to // rate)
    assert np.abs(out[edge:-edge] - wanted[edge:-edge]).max() < 0.002


def test_resampling_down_removes_what_would_alias():
    tone = np.sin(2 * np.pi * 30_000 * np.arange(9600) / 96_000).astype(np.float32)
    resampler = Resampler(96_000, 48_000)
    out = np.concatenate([resampler.feed(tone), resampler.flush()])
    assert np.abs(out[100:-100]).max() < 0.01


@pytest.mark.parametrize(("part", "pace"), [(0.3, 1.00004), (0.99, 1.0001), (0.001, 0.9999), (0.0, 1.0), (0.5, 1.0005)])
def test_a_tone_placed_between_samples_is_that_tone(part, pace):
    placer, out = Placer(480), np.empty(480, dtype=np.float32)
    tone = np.sin(2 * np.pi * 3000 * np.arange(placer.room) / 48_000).astype(np.float32)
    placer.place(tone, part, pace, out)
    places = BEFORE + 1 + part + np.arange(480) * pace
    assert np.abs(out - np.sin(2 * np.pi * 3000 * places / 48_000)).max() < 0.0012


def everything(source):
    parts = []
    while (block := source.read(333, 0)) is not None:
        parts.append(block)
    source.close()
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


def test_a_file_at_the_cards_rate_gives_its_very_samples(tmp_path):
    data = array("h", write_wav(tmp_path / "a.wav", seconds=0.05, rate=48_000))
    assert list(everything(Wav(tmp_path / "a.wav", 48_000))) == list(data)
    assert list(everything(Wav(tmp_path / "a.wav", 48_000, skip=1000))) == list(data)[1000:]
    assert not len(everything(Wav(tmp_path / "a.wav", 48_000, skip=10**6)))


@pytest.mark.parametrize("width", [2, 3, 4])
def test_stereo_becomes_mono_by_the_mean_at_any_width(tmp_path, width):
    write_wav(tmp_path / "a.wav", seconds=0.05, rate=48_000, channels=2, width=width)
    both = np.array(samples(2400, 2)).reshape(-1, 2).mean(axis=1)
    assert np.abs(everything(Wav(tmp_path / "a.wav", 48_000)) - both).max() < 0.01


@pytest.mark.parametrize("rate", [22_050, 44_100, 16_000, 8000, 96_000])
@pytest.mark.parametrize("skip", [1, 160, 5000, 20_001])
def test_what_is_skipped_changes_nothing_behind_it(tmp_path, rate, skip):
    write_wav(tmp_path / "a.wav", seconds=0.6, rate=rate)
    whole = everything(Wav(tmp_path / "a.wav", 48_000))
    rest = everything(Wav(tmp_path / "a.wav", 48_000, skip=skip))
    assert len(rest) == len(whole) - skip
    assert np.abs(rest - whole[skip:]).max() < 0.05
