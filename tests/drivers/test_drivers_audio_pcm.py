import struct
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.audio import pcm
from drivers.audio.resample import Resampler
from drivers.audio.source import Form, Source
from drivers.audio.wav import read_info

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


@given(shorts.filter(lambda values: len(values) % 2 == 0))
def test_a_fade_falls_on_both_channels_alike(values):
    faded = array("h", pcm.fade_out(as16(values), 2, 2))
    frames = len(values) // 2
    assert faded[0:2] == array("h", values[0:2])
    for index, (before, after) in enumerate(zip(values, faded, strict=True)):
        assert after == pytest.approx(before * (1 - index // 2 / frames), abs=0.51)


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
    tone = np.sin(2 * np.pi * 440 * np.arange(frames) / rate)[:, None] * [[1.0, -0.5]]
    resampler = Resampler(rate, to, 2)
    parts = [resampler.feed(tone[i : i + block]) for i in range(0, frames, block)]
    out = np.concatenate([*parts, resampler.flush()])
    assert len(out) == -(-frames * to // rate)
    wanted = np.sin(2 * np.pi * 440 * np.arange(len(out)) / to)
    edge = 40 * max(1, to // rate)
    assert np.abs(out[edge:-edge, 0] - wanted[edge:-edge]).max() < 0.002
    assert np.allclose(out[:, 1], out[:, 0] * -0.5)


def test_resampling_down_removes_what_would_alias():
    tone = np.sin(2 * np.pi * 30_000 * np.arange(9600) / 96_000)[:, None]
    resampler = Resampler(96_000, 48_000, 1)
    out = np.concatenate([resampler.feed(tone), resampler.flush()])
    assert np.abs(out[100:-100]).max() < 0.01


@pytest.mark.parametrize("step", [1, 100, 10_000])
def test_a_source_gives_the_files_bytes_in_any_steps(tmp_path, step):
    from drivers_stand_ins import write_wav

    path = tmp_path / "a.wav"
    data = write_wav(path, seconds=0.05, channels=2)
    source = Source(path, read_info(path), 1.0, Form(22_050, 2, 2))
    parts = list(iter(lambda: source.read(step), b""))
    source.close()
    assert b"".join(parts) == data
    assert {len(part) for part in parts[:-1]} <= {step * 4}


def test_a_source_converts_rate_channels_and_width(tmp_path):
    from drivers_stand_ins import write_wav

    path = tmp_path / "a.wav"
    write_wav(path, seconds=0.1, rate=44_100, width=3)
    info = read_info(path)
    source = Source(path, info, 0.5, Form(48_000, 2, 2))
    data = array("h", b"".join(iter(lambda: source.read(333), b"")))
    source.close()
    assert len(data) == 4800 * 2
    assert data[0::2] == data[1::2]
    assert 100 < max(data) < 16_384
