"""Whole programmes with the real espeak-ng."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tts.audio import RATE
from tts.loudness import integrated, measure, true_peak
from tts.programme import CueSheet, Progress, ScriptError, check, load, render

HEAD = """
title: Bản tin thử
date: 2026-11-23
enhancement: {enabled: false}
voices:
  nu: [{engine: espeak-ng, voice: vi+f2}]
  nam: [{engine: espeak-ng, voice: vi+m3}]
segments:
"""
SHORT = f"""{HEAD}
  - chime: two-tone
  - music: calm
    lead_s: 1.5
  - greeting: "Kính chào bà con. Hôm nay là {{weekday}}, {{date}}, tức {{lunar}}."
  - text: Trời nắng.
    voice: nam
    title: Thời tiết
  - dialogue: [Đừng vứt rác., Vâng ạ., Cảm ơn bà con.]
    voices: [nu, nam]
  - pause: 2
  - closing: Xin chào.
  - music: stop
    lead_s: 2
"""


def script(folder: Path, text: str, name: str = "script.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def samples_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        read = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    return (read / 32768).astype(np.float32) if read.dtype == np.int16 else read


def speak(path: Path, text: str, *options: str) -> Path:
    subprocess.run(["espeak-ng", "-v", "vi", "-w", path, *options, text], check=True)
    return path


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> tuple[CueSheet, Path]:
    folder = tmp_path_factory.mktemp("short")
    out = folder / "out.flac"
    return render(load(script(folder, SHORT)), out, cache_dir=folder / "cache"), out


def test_the_cue_sheet_tells_what_is_said_when_and_by_whom(short: tuple[CueSheet, Path]) -> None:
    sheet, out = short
    said = [(cue.segment, cue.kind, cue.voice, cue.engine) for cue in sheet.items]
    espeak = "espeak-ng"
    assert said == [
        (1, "chime", "", "chime"),
        (3, "greeting", "nu", espeak),
        (4, "text", "nam", espeak),
        (5, "dialogue", "nu", espeak),
        (5, "dialogue", "nam", espeak),
        (5, "dialogue", "nu", espeak),
        (7, "closing", "nu", espeak),
    ]
    greeting = sheet.items[1]
    assert greeting.written.endswith("tức rằm tháng 10 âm lịch, năm Bính Ngọ.")
    assert greeting.spoken.lower().startswith("kính chào bà con")
    assert "hai nghìn không trăm hai mươi sáu" in greeting.spoken
    assert sheet.items[2].title == "Thời tiết"
    assert sheet.date == "2026-11-23"
    assert sheet.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()


def test_items_follow_each_other_with_the_gaps_of_the_script(short: tuple[CueSheet, Path]) -> None:
    sheet, out = short
    cues = sheet.items
    gaps = [round(after.start_s - before.end_s, 3) for before, after in pairwise(cues)]
    assert gaps == [1.5, 0.6, 0.6, 0.6, 0.6, 2.0]
    assert sheet.seconds == pytest.approx(cues[-1].end_s + 2)
    assert len(samples_of(out)) == pytest.approx(sheet.seconds * RATE, abs=RATE / 1000)


def test_the_sound_is_where_the_cue_sheet_says(short: tuple[CueSheet, Path]) -> None:
    """The music is 14 LU under the speech: each cue's part of the file is loud, what lies between is not."""
    sheet, out = short
    samples = samples_of(out)
    for cue in sheet.items:
        part = samples[round(cue.start_s * RATE) : round(cue.end_s * RATE)]
        assert measure([part], RATE).momentary().max() > sheet.target - 1
    for before, after in pairwise(sheet.items[1:]):
        middle = round((before.end_s + after.start_s) / 2 * RATE)
        between = samples[middle - 4800 : middle + 4800]
        assert integrated(between, RATE) < sheet.target - 8


def test_items_are_equally_loud_and_nothing_clips(short: tuple[CueSheet, Path]) -> None:
    sheet, out = short
    assert sheet.spread() < 0.5
    assert all(cue.reached for cue in sheet.items)
    samples = samples_of(out)
    assert true_peak(samples, RATE) <= -1.0
    assert sheet.true_peak == pytest.approx(true_peak(samples, RATE), abs=0.02)
    assert sheet.loudness == pytest.approx(integrated(samples, RATE), abs=0.02)


def test_the_second_time_comes_from_the_cache_byte_for_byte(tmp_path: Path) -> None:
    made = load(script(tmp_path, SHORT))
    first = render(made, tmp_path / "a.flac", cache_dir=tmp_path / "cache")
    again = render(made, tmp_path / "b.flac", cache_dir=tmp_path / "cache")
    assert not any(cue.cached for cue in first.items[:3])
    assert all(cue.cached for cue in again.items)
    assert again.sha256 == first.sha256


def test_only_what_was_changed_is_made_anew(tmp_path: Path) -> None:
    render(load(script(tmp_path, SHORT)), tmp_path / "a.flac", cache_dir=tmp_path / "cache")
    changed = SHORT.replace("Trời nắng.", "Trời mưa.")
    sheet = render(load(script(tmp_path, changed)), tmp_path / "a.flac", cache_dir=tmp_path / "cache")
    assert [cue.segment for cue in sheet.items if not cue.cached] == [4]


def test_the_loudness_is_that_of_the_script(tmp_path: Path) -> None:
    text = SHORT.replace("title: Bản tin thử", "title: a\nloudness: -23")
    sheet = render(load(script(tmp_path, text)), tmp_path / "a.wav")
    assert sheet.target == -23
    assert all(cue.loudness == pytest.approx(-23, abs=0.25) for cue in sheet.items)


def test_a_loudness_that_one_item_cannot_have_is_not_given_to_the_others(tmp_path: Path) -> None:
    lines = "  - chime: alert\n  - text: Trời nắng.\n  - text: Trời mưa to.\n    voice: nam\n"
    text = HEAD.replace("title: Bản tin thử", "title: a\nloudness: -14.5") + lines
    sheet = render(load(script(tmp_path, text)), tmp_path / "a.flac")
    assert -17.5 <= sheet.level < -14.5
    samples = samples_of(tmp_path / "a.flac")
    parts = [samples[round(cue.start_s * RATE) : round(cue.end_s * RATE)] for cue in sheet.items if cue.reached]
    levels = [integrated(part, RATE) for part in parts]
    assert max(levels) - min(levels) < 0.5
    assert levels == pytest.approx([cue.loudness for cue in sheet.items if cue.reached], abs=0.15)


def test_progress_runs_from_the_first_item_to_the_last_second(tmp_path: Path) -> None:
    told: list[Progress] = []
    sheet = render(load(script(tmp_path, SHORT)), tmp_path / "a.flac", tell=told.append)
    items = [each for each in told if each.stage == "items"]
    seconds = [each for each in told if each.stage == "seconds"]
    assert [each.done for each in items] == list(range(items[0].count + 1))
    assert seconds[-1].done == seconds[-1].count == round(sheet.seconds)
    assert [each.done for each in seconds] == sorted(each.done for each in seconds)


def test_a_killed_render_goes_on_where_it_was(tmp_path: Path) -> None:
    lines = "\n".join(f"  - text: Đây là câu thứ {number} của bản tin." for number in range(1, 13))
    path, out, cache = script(tmp_path, HEAD + lines), tmp_path / "a.flac", tmp_path / "cache"
    program = (
        "import sys; from pathlib import Path; from tts.programme import load, render\n"
        "render(load(sys.argv[1]), sys.argv[2], cache_dir=Path(sys.argv[3]))"
    )
    child = subprocess.Popen([sys.executable, "-c", program, path, out, cache])
    items = cache / "programme"
    deadline = time.monotonic() + 60
    while child.poll() is None and len(list(items.glob("??/*.wav"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not out.exists()
    kept = len(list(items.glob("??/*.wav")))
    assert 3 <= kept < 12
    sheet = render(load(path), out, cache_dir=cache)
    assert sum(cue.cached for cue in sheet.items) == kept
    fresh = render(load(path), tmp_path / "b.flac")
    assert sheet.sha256 == fresh.sha256


def test_a_lax_script_speaks_what_is_most_likely(tmp_path: Path) -> None:
    text = HEAD.replace("segments:", "reading: {strict: false}\nsegments:") + "  - text: Mời họp XQZK.\n"
    assert render(load(script(tmp_path, text)), tmp_path / "a.flac").items[0].spoken


def test_a_check_reads_and_estimates_without_speaking(tmp_path: Path) -> None:
    made = load(script(tmp_path, SHORT))
    tried = check(made)
    assert not tried.problems
    assert [line.kind for line, _ in tried.lines] == ["greeting", "text", "dialogue", "dialogue", "dialogue", "closing"]
    sheet = render(made, tmp_path / "a.flac")
    assert tried.seconds == pytest.approx(sheet.seconds, rel=0.2)


def test_a_recording_and_music_of_ones_own(tmp_path: Path) -> None:
    speak(tmp_path / "interview.wav", "Tôi là trưởng thôn, mời bà con đi họp.", "-a", "20")
    with av.open(str(tmp_path / "music.mp3"), "w") as container:
        stream = container.add_stream("libmp3lame", rate=44_100, layout="stereo")
        wave = (8000 * np.sin(2 * np.pi * 523 * np.arange(44_100 * 6) / 44_100)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    text = f"""{HEAD}
  - music: music.mp3
    lead_s: 4
  - recording: interview.wav
    by: Ông Nguyễn Văn A
    title: Phỏng vấn
  - text: Cảm ơn ông.
"""
    path = script(tmp_path, text)
    sheet = render(load(path), tmp_path / "a.flac", cache_dir=tmp_path / "cache")
    assert (sheet.items[0].kind, sheet.items[0].voice, sheet.items[0].title) == (
        "recording",
        "Ông Nguyễn Văn A",
        "Phỏng vấn",
    )
    assert sheet.spread() < 0.5
    samples = samples_of(tmp_path / "a.flac")
    alone = samples[2 * RATE : round(3.5 * RATE)]
    assert integrated(alone, RATE) == pytest.approx(sheet.target - 4, abs=1.0)
    assert np.argmax(np.abs(np.fft.rfft(alone))) * RATE / len(alone) == pytest.approx(523, abs=2)
    again = render(load(path), tmp_path / "b.flac", cache_dir=tmp_path / "cache")
    assert all(cue.cached for cue in again.items)
    assert again.sha256 == sheet.sha256


def test_a_warning_about_a_recording_is_told_every_time(tmp_path: Path) -> None:
    speak(tmp_path / "loud.wav", "Tôi là trưởng thôn, mời bà con đi họp.", "-a", "200")
    samples = np.frombuffer((tmp_path / "loud.wav").read_bytes()[44:], "<i2")
    clipped = np.clip(samples.astype(int) * 20, -32768, 32767).astype("<i2").tobytes()
    (tmp_path / "loud.wav").write_bytes((tmp_path / "loud.wav").read_bytes()[:44] + clipped)
    made = load(script(tmp_path, HEAD + "  - recording: loud.wav\n"))
    for _ in range(2):
        sheet = render(made, tmp_path / "a.flac", cache_dir=tmp_path / "cache")
        assert "recording.clipped" in sheet.items[0].warnings


@pytest.mark.parametrize(("content", "code"), [(b"", "audio.empty"), (b"hello" * 100, "audio.format")])
def test_a_recording_that_is_none_is_told_with_its_place(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    for segment in ("recording: a.wav", "music: a.wav"):
        with pytest.raises(ScriptError) as caught:
            render(load(script(tmp_path, f"{HEAD}  - chime: alert\n  - {segment}\n")), tmp_path / "a.flac")
        assert [(each.line, each.code) for each in caught.value.problems] == [(10, code)]
    assert not (tmp_path / "a.flac").exists()


def test_no_voice_that_works_is_told_with_its_place(tmp_path: Path) -> None:
    text = HEAD.replace("vi+m3", "vi+m3, program: /nonexistent") + "  - text: Một.\n  - text: Hai.\n    voice: nam\n"
    with pytest.raises(ScriptError) as caught:
        render(load(script(tmp_path, text)), tmp_path / "a.flac")
    assert [(each.line, each.code) for each in caught.value.problems] == [(10, "speech.no_engine")]


def test_an_empty_text_and_a_day_without_a_calendar_are_told(tmp_path: Path) -> None:
    with pytest.raises(ScriptError) as caught:
        render(load(script(tmp_path, HEAD + "  - text: '...'\n  - text: Một.\n")), tmp_path / "a.flac")
    assert [(each.line, each.code) for each in caught.value.problems] == [(9, "speech.empty")]
    text = HEAD.replace("2026-11-23", "1900-01-01") + "  - greeting: '{lunar}'\n"
    with pytest.raises(ScriptError) as caught:
        render(load(script(tmp_path, text)), tmp_path / "a.flac")
    assert [(each.line, each.code) for each in caught.value.problems] == [(3, "programme.date")]


def test_the_cue_sheet_is_written_whole_as_json(short: tuple[CueSheet, Path], tmp_path: Path) -> None:
    sheet, _ = short
    sheet.write(tmp_path / "a.cue.json")
    read = json.loads((tmp_path / "a.cue.json").read_text(encoding="utf-8"))
    assert read["items"][2]["title"] == "Thời tiết"
    assert read["items"][0]["start_s"] == 0
    assert read["target"] == sheet.target
    assert [each.name for each in tmp_path.iterdir()] == ["a.cue.json"]
