"""A person's recording, whatever it was made with, becomes clean speech."""

import resource
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from tts_stand_ins import tone

from tts.errors import AudioError
from tts.levels import SPEECH_DBFS, active_db, frame_powers
from tts.recording import Recording, clean_recording

TEXT = "Kính mời bà con đến nhà văn hóa thôn, họp lúc bảy giờ sáng mai."


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spoken") / "spoken.wav"
    subprocess.run(["espeak-ng", "-v", "vi", "-w", path, TEXT], check=True, timeout=20)
    return path


def read(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def save(path: Path, samples: np.ndarray, rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def voice(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        assert file.getframerate() == 22_050
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def converted(source: Path, target: Path, *options: str) -> Path:
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, *options, target], check=True, timeout=60)
    return target


def level_of(samples: np.ndarray) -> float:
    return active_db(frame_powers(samples.astype(np.float32)))


KINDS = {
    "8 kHz 8-bit": ("a.wav", "-ar", "8000", "-c:a", "pcm_u8"),
    "16-bit stereo": ("a.wav", "-ac", "2"),
    "24-bit": ("a.wav", "-c:a", "pcm_s24le", "-ar", "44100"),
    "32-bit at 96 kHz": ("a.wav", "-c:a", "pcm_s32le", "-ar", "96000", "-ac", "2"),
    "float": ("a.wav", "-c:a", "pcm_f32le", "-ar", "48000"),
    "MP3": ("a.mp3", "-b:a", "64k"),
    "FLAC": ("a.flac",),
    "Opus": ("a.opus", "-c:a", "libopus"),
    "Vorbis": ("a.ogg", "-c:a", "libvorbis"),
    "AAC": ("a.m4a",),
    "ALAC": ("a.m4a", "-c:a", "alac"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_usual_kind_of_file_becomes_speech_at_speech_level(tmp_path: Path, spoken: Path, kind: str) -> None:
    name, *options = KINDS[kind]
    source = converted(spoken, tmp_path / name, *options)
    made = clean_recording(source, tmp_path / "out.wav")
    samples = read(tmp_path / "out.wav")
    assert len(samples) / 48_000 == made.seconds == pytest.approx(len(voice(spoken)) / 22_050, abs=0.2)
    assert level_of(samples) == pytest.approx(SPEECH_DBFS, abs=0.3)
    assert ("recording.narrow" in made.warnings) == (kind == "8 kHz 8-bit")


def test_the_name_of_a_file_does_not_matter(tmp_path: Path, spoken: Path) -> None:
    converted(spoken, tmp_path / "a.mp3").rename(tmp_path / "a.wav")
    assert clean_recording(tmp_path / "a.wav", tmp_path / "out.wav").seconds > 3


def test_silence_dc_and_rumble_go_and_the_voice_stays(tmp_path: Path, spoken: Path) -> None:
    clear = voice(spoken) * 0.2
    whole = np.concatenate([np.zeros(5 * 22_050), clear, np.zeros(7 * 22_050)])
    at = np.arange(len(whole)) / 22_050
    dirty = whole + 0.1 + 0.2 * np.sin(2 * np.pi * 20 * at)
    dirty[22_050:22_060] = 0.9  # somebody pressed a button
    made = clean_recording(save(tmp_path / "a.wav", dirty, 22_050), tmp_path / "out.wav")
    assert made.seconds == pytest.approx(len(clear) / 22_050, abs=0.4)
    samples = read(tmp_path / "out.wav")
    assert abs(samples.mean()) < 1e-4
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / 48_000)
    assert 10 * np.log10(spectrum[hertz < 30].sum() / spectrum[hertz > 100].sum()) < -40
    clean_recording(save(tmp_path / "b.wav", clear, 22_050), tmp_path / "clear.wav")
    undisturbed = read(tmp_path / "clear.wav")
    longest = min(len(samples), len(undisturbed))
    across = np.fft.irfft(np.fft.rfft(samples, 2 * longest) * np.fft.rfft(undisturbed, 2 * longest).conj())
    assert across.max() / np.sqrt((samples**2).sum() * (undisturbed**2).sum()) > 0.99


def test_pauses_in_noise_are_lowered_gently_and_words_are_not(tmp_path: Path, spoken: Path) -> None:
    clear = voice(spoken) * 0.3
    noise = np.random.default_rng(1).normal(0, 0.003, 22_050 * 2 + 2 * len(clear))
    noise[: len(clear)] += clear
    noise[-len(clear) :] += clear
    source = save(tmp_path / "a.wav", noise, 22_050)
    made = clean_recording(source, tmp_path / "out.wav")
    samples = read(tmp_path / "out.wav")
    middle = samples[len(samples) // 2 - 24_000 : len(samples) // 2 + 24_000]
    pause = 20 * np.log10(middle.std())
    ratio_before = level_of(clear) - 20 * np.log10(0.003)
    assert level_of(samples) - pause == pytest.approx(ratio_before + 10, abs=1.5)
    assert made.warnings == ()


@pytest.mark.parametrize(
    ("gain", "noise", "code"),
    [(8.0, 0.0, "recording.clipped"), (0.01, 0.0, "recording.quiet"), (0.3, 0.05, "recording.noisy")],
)
def test_a_poor_recording_is_taken_with_a_warning(
    tmp_path: Path, spoken: Path, gain: float, noise: float, code: str
) -> None:
    whole = np.pad(voice(spoken), 22_050) * gain
    samples = whole + np.random.default_rng(1).normal(0, 1, len(whole)) * noise
    made = clean_recording(save(tmp_path / "a.wav", samples, 22_050), tmp_path / "out.wav")
    assert made.warnings == (code,)
    assert level_of(read(tmp_path / "out.wav")) == pytest.approx(SPEECH_DBFS, abs=1)


def test_the_edges_are_faded(tmp_path: Path) -> None:
    save(tmp_path / "a.wav", tone(2, 48_000) / 32768, 48_000)
    clean_recording(tmp_path / "a.wav", tmp_path / "out.wav")
    samples = read(tmp_path / "out.wav")
    assert np.abs(samples[:10]).max() < 0.001
    assert np.abs(samples[-10:]).max() < 0.001


@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac", "m4a"])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, spoken: Path, suffix: str) -> None:
    source = tmp_path / f"a.{suffix}"
    data = converted(spoken, source).read_bytes()
    source.write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(AudioError) as caught:
        clean_recording(source, tmp_path / "out.wav")
    assert caught.value.code == "audio.damaged"
    assert list(tmp_path.iterdir()) == [source]


def test_an_ogg_file_without_its_last_page_is_taken_with_a_warning(tmp_path: Path, spoken: Path) -> None:
    source = tmp_path / "a.ogg"
    data = converted(spoken, source, "-c:a", "libopus").read_bytes()
    source.write_bytes(data[: len(data) * 6 // 10])
    assert clean_recording(source, tmp_path / "out.wav").warnings == ("recording.cut",)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "audio.empty"),
        ("Kính mời bà con".encode(), "audio.format"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "audio.format"),
        (b"#EXTM3U\n/etc/passwd\n", "audio.format"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00", "audio.damaged"),
        (b"fLaC" + bytes(200), "audio.damaged"),
        (b"\x00\x00\x00\x20ftypM4A " + bytes(200), "audio.damaged"),
    ],
)
def test_what_is_no_sound_is_refused_and_leaves_nothing(tmp_path: Path, data: bytes, code: str) -> None:
    source, target = tmp_path / "a.wav", tmp_path / "out.wav"
    source.write_bytes(data)
    target.write_bytes(b"what was there before")
    with pytest.raises(AudioError) as caught:
        clean_recording(source, target)
    assert caught.value.code == code
    assert target.read_bytes() == b"what was there before"
    assert len(list(tmp_path.iterdir())) == 2


def wav_header(rate: int, size: int, bits: int = 16, tag: int = 1) -> bytes:
    step = bits // 8
    parts = [(4, size + 36), None, (4, 16), (2, tag), (2, 1), (4, rate), (4, rate * step), (2, step), (2, bits)]
    numbers = [b"WAVEfmt " if part is None else part[1].to_bytes(part[0], "little") for part in parts]
    return b"RIFF" + b"".join(numbers) + b"data" + size.to_bytes(4, "little")


def test_a_wav_without_samples_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_header(16_000, 0))
    with pytest.raises(AudioError) as caught:
        clean_recording(tmp_path / "a.wav", tmp_path / "out.wav")
    assert caught.value.code in {"audio.empty", "audio.damaged"}


@pytest.mark.parametrize("rate", [1, 100, 3_999_999])
def test_a_sample_rate_that_no_recorder_has_is_refused(tmp_path: Path, rate: int) -> None:
    (tmp_path / "a.wav").write_bytes(wav_header(rate, 20_000) + bytes(range(200)) * 100)
    with pytest.raises(AudioError) as caught:
        clean_recording(tmp_path / "a.wav", tmp_path / "out.wav")
    assert caught.value.code in {"audio.format", "audio.too_long"}


def test_numbers_that_are_none_do_not_spoil_a_float_file(tmp_path: Path) -> None:
    samples = (tone(3, 48_000) / 32768).astype("<f4")
    samples[1000:1010] = [np.nan, np.inf, -np.inf, 1e30, -1e30] * 2
    (tmp_path / "a.wav").write_bytes(wav_header(48_000, samples.nbytes, 32, 3) + samples.tobytes())
    clean_recording(tmp_path / "a.wav", tmp_path / "out.wav")
    assert np.isfinite(read(tmp_path / "out.wav")).all()


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_silence_is_refused(tmp_path: Path, level: float) -> None:
    save(tmp_path / "a.wav", tone(3, 48_000, level) / 32768, 48_000)
    with pytest.raises(AudioError) as caught:
        clean_recording(tmp_path / "a.wav", tmp_path / "out.wav")
    assert caught.value.code == "audio.silent"


def test_channels_that_cancel_each_other_are_silent(tmp_path: Path, spoken: Path) -> None:
    source = converted(spoken, tmp_path / "a.wav", "-af", "aeval=val(0)|-val(0):c=stereo")
    with pytest.raises(AudioError) as caught:
        clean_recording(source, tmp_path / "out.wav")
    assert caught.value.code == "audio.silent"


_MEASURED = """
import resource, sys
from pathlib import Path
from tts.errors import AudioError
from tts.recording import clean_recording
limit = float(sys.argv[2])
clean_recording(Path(sys.argv[3]), Path(sys.argv[4] + ".first"))  # loads what is needed
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(clean_recording(Path(sys.argv[1]), Path(sys.argv[4]), limit).seconds)
except AudioError as error:
    print(error.code)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def measured(source: Path, short: Path, longest_s: float, out: Path) -> tuple[str, int]:
    """What became of `source`, and by how many kB the memory of a process of its own grew."""
    arguments = [source, str(longest_s), short, out]
    ended = subprocess.run(
        [sys.executable, "-c", _MEASURED, *arguments], check=True, capture_output=True, text=True, timeout=120
    )
    outcome, grown = ended.stdout.split()
    return outcome, int(grown)


def sparse_wav(path: Path, seconds: int) -> Path:
    size = seconds * 16_000
    with path.open("wb") as file:
        file.write(wav_header(8_000, size))
        file.truncate(44 + size)
    return path


def test_three_hours_are_refused_by_what_the_header_says(tmp_path: Path, spoken: Path) -> None:
    source = sparse_wav(tmp_path / "a.wav", 3 * 3600)
    user_before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with pytest.raises(AudioError) as caught:
        clean_recording(source, tmp_path / "out.wav")
    assert caught.value.code == "audio.too_long"
    assert "longer than 3600 s" in caught.value.detail
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - user_before < 1  # nothing was decoded
    assert measured(source, spoken, 3600, tmp_path / "o.wav") == ("audio.too_long", pytest.approx(0, abs=8_000))


def test_three_hours_without_a_header_are_refused_while_decoding(tmp_path: Path, spoken: Path) -> None:
    short = converted(spoken, tmp_path / "a.mp3", "-write_xing", "0", "-b:a", "32k", "-id3v2_version", "0").read_bytes()
    (tmp_path / "long.mp3").write_bytes(short * (3 * 3600 // 4))
    outcome, grown = measured(tmp_path / "long.mp3", spoken, 600, tmp_path / "o.wav")
    assert outcome == "audio.too_long"
    assert grown < 30_000


def test_a_long_interview_needs_no_more_memory_than_a_short_one(tmp_path: Path, spoken: Path) -> None:
    whole = np.tile(np.pad(voice(spoken), (0, 10_000)), 180)
    source = save(tmp_path / "a.wav", whole, 22_050)
    outcome, grown = measured(source, spoken, 3600, tmp_path / "o.wav")
    assert float(outcome) == pytest.approx(len(whole) / 22_050, abs=1)
    assert grown < 30_000  # all of it would be 160 MB


def test_a_missing_file_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        clean_recording(tmp_path / "nowhere.wav", tmp_path / "out.wav")


def test_a_recording_says_what_it_is() -> None:
    assert Recording(1.0, 0.5).warnings == ()
