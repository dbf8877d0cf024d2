import wave
from pathlib import Path

import numpy as np
import pytest
from tts_stand_ins import encode, tone

from tts import audio
from tts.levels import SPEECH_DBFS, active_db, frame_powers, high_pass


def samples_of(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


@pytest.mark.parametrize(
    ("name", "codec", "rate", "layout"),
    [
        ("a.mp3", "libmp3lame", 24_000, "mono"),
        ("a.mp3", "libmp3lame", 44_100, "stereo"),
        ("a.wav", "pcm_s16le", 22_050, "mono"),
        ("a.wav", "pcm_s16le", 48_000, "stereo"),
        ("a.wav", "pcm_s16le", 8_000, "mono"),
    ],
)
def test_everything_becomes_48_khz_mono(tmp_path: Path, name: str, codec: str, rate: int, layout: str) -> None:
    source, target = tmp_path / name, tmp_path / "out.wav"
    encode(source, tone(1.5, rate), rate, codec, layout)
    audio.prepare(source, target, words=3)
    samples = samples_of(target)
    assert abs(len(samples) / 48_000 - 1.5) < 0.15
    spectrum = np.abs(np.fft.rfft(samples))
    assert abs(np.argmax(spectrum) * 48_000 / len(samples) - 300) < 2
    assert audio.seconds_of(target) == len(samples) / 48_000


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no audio"),
        (b"\xff", "neither MP3 nor WAV"),
        (b"<html>Sorry</html>", "neither MP3 nor WAV"),
        (b"#EXTM3U\n/etc/passwd\n", "neither MP3 nor WAV"),
        (b"RIFF\xff\xff\xff\x7fWAVE", "decoded"),
        (b"RIFF\x00\x00\x00\x00WAVEjunk" * 20, "decoded"),
        (b"\xff\xfb" + bytes(range(256)) * 20, "decoded"),
        (b"ID3" + b"\x00" * 500, "decoded"),
    ],
)
def test_what_is_no_audio_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(data)
    with pytest.raises(audio.AudioError, match=reason):
        audio.prepare(source, tmp_path / "out.wav", words=1)
    assert not (tmp_path / "out.wav").exists()


def test_silence_is_refused(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp3", tone(2, level=0.001))
    with pytest.raises(audio.AudioError, match="silent"):
        audio.prepare(tmp_path / "a.mp3", tmp_path / "out.wav", words=2)


def test_audio_too_short_for_its_words_was_cut_off(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp3", tone(1))
    with pytest.raises(audio.AudioError, match="too short for 40 words"):
        audio.prepare(tmp_path / "a.mp3", tmp_path / "out.wav", words=40)


def test_a_sentence_of_many_minutes_is_refused(tmp_path: Path) -> None:
    encode(tmp_path / "a.wav", tone(200, 8_000), 8_000, "pcm_s16le")
    with pytest.raises(audio.AudioError, match="longer than 180 s"):
        audio.decode((tmp_path / "a.wav").read_bytes())


def test_joined_pieces_have_pauses_one_gain_and_a_peak_of_minus_3_dbfs(tmp_path: Path) -> None:
    for name, level in (("loud", 0.4), ("soft", 0.1)):
        encode(tmp_path / f"{name}.wav", tone(1, 48_000, level), 48_000, "pcm_s16le")
    audio.join([(tmp_path / "soft.wav", 0.5), (tmp_path / "loud.wav", 0.25)], tmp_path / "out.wav")
    samples = samples_of(tmp_path / "out.wav").astype(int)
    assert len(samples) == 48_000 * 2.75
    assert np.abs(samples).max() == pytest.approx(32767 * 10 ** (-3 / 20), abs=2)
    assert np.abs(samples[:48_000]).max() == pytest.approx(np.abs(samples).max() / 4, rel=0.01)
    assert not samples[48_000:72_000].any()
    assert not samples[-12_000:].any()


def test_the_loudest_negative_sample_does_not_wrap(tmp_path: Path) -> None:
    samples = np.array([-32768, 0, 10] * 1000, np.int16)
    assert audio.peak([samples]) == 32768
    encode(tmp_path / "a.wav", samples, 48_000, "pcm_s16le")
    audio.join([(tmp_path / "a.wav", 0)], tmp_path / "out.wav")
    assert samples_of(tmp_path / "out.wav").min() == pytest.approx(-32767 * 10 ** (-3 / 20), abs=2)


@pytest.mark.parametrize("level", [0.01, 0.1, 0.99])
@pytest.mark.parametrize("pause_s", [0, 3])
def test_every_sentence_gets_the_same_level_while_it_is_spoken(tmp_path: Path, level: float, pause_s: int) -> None:
    spoken = tone(2, 48_000, level)
    encode(tmp_path / "a.wav", np.pad(spoken, (0, pause_s * 48_000)), 48_000, "pcm_s16le")
    audio.prepare(tmp_path / "a.wav", tmp_path / "out.wav", words=2)
    samples = samples_of(tmp_path / "out.wav")[: 2 * 48_000] / 32768
    assert 10 * np.log10(np.mean(samples**2)) == pytest.approx(SPEECH_DBFS, abs=0.1)


def test_a_sentence_with_one_sharp_peak_is_not_clipped(tmp_path: Path) -> None:
    samples = tone(2, 48_000, 0.005)
    samples[48_000] = 30_000
    encode(tmp_path / "a.wav", samples, 48_000, "pcm_s16le")
    audio.prepare(tmp_path / "a.wav", tmp_path / "out.wav", words=2)
    assert np.abs(samples_of(tmp_path / "out.wav").astype(int)).max() <= 32767


def test_a_file_of_an_absurd_size_is_not_even_read(tmp_path: Path) -> None:
    with (tmp_path / "a.wav").open("wb") as file:
        file.write(b"RIFF")
        file.truncate(2_000_000_000)
    with pytest.raises(audio.AudioError, match="2000000000 bytes of audio for one sentence"):
        audio.prepare(tmp_path / "a.wav", tmp_path / "out.wav", words=2)


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_the_active_level_ignores_pauses_and_the_filter_rumble(rate: int) -> None:
    speech = np.tile(np.repeat([0.2, 0.0], 24_000), 5).astype(np.float32)
    speech *= np.sqrt(2) * np.sin(2 * np.pi * 1000 * np.arange(len(speech)) / 48_000).astype(np.float32)
    assert active_db(frame_powers(speech)) == pytest.approx(20 * np.log10(0.2), abs=0.05)
    at = np.arange(len(speech)) / 48_000
    rumbling = (speech + 0.3 + 0.3 * np.sin(2 * np.pi * 25 * at)).astype(np.float32)
    filtered = np.concatenate(list(high_pass(rumbling[start : start + rate] for start in range(0, len(at), rate))))
    assert len(filtered) == len(speech)
    changed = (filtered - speech)[4_800:-4_800]
    assert np.sqrt(np.mean(changed**2)) < 0.001  # of 0.3 DC and 0.2 rumble


def test_nothing_has_no_level() -> None:
    assert active_db(frame_powers(np.zeros(48_000, np.float32))) == -120
