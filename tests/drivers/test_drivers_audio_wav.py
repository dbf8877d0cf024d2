import shutil
import struct
import subprocess
import wave

import pytest
from drivers_stand_ins import write_wav
from hypothesis import given
from hypothesis import strategies as st

from drivers.audio.wav import WavInfo, header, read_info
from drivers.contract import DriverFault


def why(path):
    with pytest.raises(DriverFault) as caught:
        read_info(path)
    assert caught.value.code == "speaker.bad_audio"
    assert not caught.value.retry
    assert path.name in caught.value.detail
    return caught.value.detail


@pytest.mark.parametrize("width", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 22_050, 96_000])
def test_reads_what_the_standard_library_writes(tmp_path, rate, channels, width):
    path = tmp_path / "a.wav"
    write_wav(path, seconds=0.1, rate=rate, channels=channels, width=width)
    assert read_info(path) == WavInfo(rate, channels, width, rate // 10, 44)
    assert read_info(path).seconds == pytest.approx(0.1)


@given(
    rate=st.integers(1, 768_000),
    channels=st.integers(1, 2),
    width=st.sampled_from([2, 3, 4]),
    frames=st.integers(1, 50),
    before=st.lists(st.binary(max_size=9), max_size=3),
)
def test_finds_the_samples_behind_any_chunks(tmp_path_factory, rate, channels, width, frames, before):
    path = tmp_path_factory.getbasetemp() / "chunks.wav"
    data = bytes(frames * channels * width)
    plain = header(rate, channels, width, len(data))
    extra = b"".join(b"LIST" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for body in before)
    path.write_bytes(plain[:36] + extra + plain[36:] + data + b"trailing")
    info = read_info(path)
    assert info == WavInfo(rate, channels, width, frames, 44 + len(extra))


@given(cut=st.integers(0, 143))
def test_no_truncated_file_passes(tmp_path_factory, cut):
    path = tmp_path_factory.getbasetemp() / "cut.wav"
    path.write_bytes((header(8000, 1, 2, 100) + bytes(100))[:cut])
    why(path)


def test_our_header_is_what_the_standard_library_reads(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(header(44_100, 2, 3, 600) + bytes(600))
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (2, 3, 44_100, 100)


def test_says_what_is_wrong(tmp_path):
    path = tmp_path / "bad.wav"
    assert "cannot be read" in why(path)
    path.write_bytes(b"")
    assert "is not a WAV file" in why(path)
    path.write_bytes(b"ID3" + bytes(100))
    assert "is not a WAV file" in why(path)
    path.write_bytes(header(8000, 1, 2, 0))
    assert "length of zero" in why(path)
    path.write_bytes(header(8000, 1, 2, 100) + bytes(60))
    assert "truncated: 60 of 100 bytes" in why(path)
    path.write_bytes(header(8000, 2, 2, 6) + bytes(6))
    assert "within a sample" in why(path)
    path.write_bytes(header(8000, 1, 1, 10) + bytes(10))
    assert "8 bits" in why(path)
    path.write_bytes(header(8000, 6, 2, 24) + bytes(24))
    assert "6 channels" in why(path)
    path.write_bytes(header(0, 1, 2, 2) + bytes(2))
    assert "0 Hz" in why(path)
    path.write_bytes(header(8000, 1, 2, 10)[:36])
    assert "no samples" in why(path)
    path.write_bytes(b"RIFF\0\0\0\0WAVEdata\x02\0\0\0\0\0")
    assert "before its format" in why(path)
    float_header = bytearray(header(8000, 1, 4, 8))
    float_header[20] = 3
    path.write_bytes(float_header + bytes(8))
    assert "format 3" in why(path)


def test_a_folder_is_no_audio(tmp_path):
    assert "cannot be read" in why(tmp_path)


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le", "pcm_s32le"])
def test_reads_what_ffmpeg_writes_into_files_and_pipes(tmp_path, codec):
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg
    make = [
        ffmpeg,
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=0.5:sample_rate=48000",
        "-ac",
        "2",
        "-c:a",
        codec,
    ]
    path = tmp_path / "a.wav"
    subprocess.run([*make, str(path)], check=True, timeout=20)
    piped = tmp_path / "piped.wav"
    with piped.open("wb") as file:
        subprocess.run([*make, "-f", "wav", "-"], check=True, stdout=file, timeout=20)
    for info in (read_info(path), read_info(piped)):
        assert (info.rate, info.channels, info.width, info.frames) == (48_000, 2, int(codec[5:7]) // 8, 24_000)


def test_reads_what_espeak_pipes(tmp_path):
    path = tmp_path / "a.wav"
    with path.open("wb") as file:
        subprocess.run(["espeak-ng", "-v", "vi", "--stdout", "xin chào"], check=True, stdout=file, timeout=20)
    assert read_info(path).seconds > 0.2
