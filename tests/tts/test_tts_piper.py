"""The real Piper with a voice of our own making; and programs that behave like it, or worse."""

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from piper_voice import make_voice
from tts_stand_ins import encode, tone

from tts import audio
from tts.chain import Synthesiser
from tts.client import VoiceWorker
from tts.engines.piper import PiperEngine
from tts.errors import EngineError
from tts.levels import SPEECH_DBFS, active_db, frame_powers
from tts.model import EspeakSettings, PiperSettings, VoiceSettings

SENTENCE = "kính mời bà con đến nhà văn hoá thôn họp."


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_voice(tmp_path_factory.mktemp("voice"))


@pytest.fixture
def engine(voice: Path) -> Iterator[PiperEngine]:
    made = PiperEngine(PiperSettings(model=voice))
    yield made
    made.close()


def speak(engine: PiperEngine, folder: Path, text: str = SENTENCE) -> np.ndarray:
    """What the chain does: speak, check, level. Returns the samples, full scale 1."""
    engine.synthesise(text, folder / "raw")
    audio.prepare(folder / "raw", folder / "piece.wav", len(text.split()))
    return audio.decode((folder / "piece.wav").read_bytes()).astype(np.float32) / 32768


def pid_of(engine: PiperEngine) -> int:
    assert engine._program is not None
    return engine._program.pid


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie has, too)."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_it_speaks_and_what_it_says_depends_on_the_text(engine: PiperEngine, tmp_path: Path) -> None:
    first = speak(engine, tmp_path)
    again = speak(engine, tmp_path)
    other = speak(engine, tmp_path, "xin cảm ơn bà con.")
    assert len(first) / 48_000 > 2
    assert np.array_equal(first, again)
    assert len(other) < len(first)


def test_the_voice_stays_loaded_between_sentences(engine: PiperEngine, tmp_path: Path) -> None:
    speak(engine, tmp_path)
    before = pid_of(engine)
    speak(engine, tmp_path, "xin cảm ơn.")
    assert pid_of(engine) == before


def test_every_sentence_has_one_level_however_loud_the_voice_file_is(tmp_path: Path) -> None:
    levels = []
    for name, level in (("soft", 0.02), ("loud", 1.9)):
        engine = PiperEngine(PiperSettings(model=make_voice(tmp_path, level=level, name=name)))
        for text in ("một.", SENTENCE, "cảm ơn bà con rất nhiều, hẹn gặp lại!"):
            samples = speak(engine, tmp_path, text)
            levels.append(active_db(frame_powers(samples)))
            assert np.abs(samples).max() < 0.999
        engine.close()
    assert levels == pytest.approx([SPEECH_DBFS] * 6, abs=0.3)


def test_piper_does_not_bring_a_sentence_to_full_scale(engine: PiperEngine, tmp_path: Path) -> None:
    engine.synthesise(SENTENCE, tmp_path / "raw")
    assert audio.peak([audio.decode((tmp_path / "raw").read_bytes())]) == pytest.approx(0.3 * 0.5 * 32768, rel=0.1)


def test_a_voice_that_returns_silence_is_noticed(tmp_path: Path) -> None:
    engine = PiperEngine(PiperSettings(model=make_voice(tmp_path, level=0.0)))
    with pytest.raises(audio.AudioError, match="silent"):
        speak(engine, tmp_path)
    engine.close()


def test_phoneme_notation_and_line_ends_do_not_reach_it(engine: PiperEngine, tmp_path: Path) -> None:
    assert np.array_equal(speak(engine, tmp_path, "bà [[con]]\nơi."), speak(engine, tmp_path, "bà con ơi."))


def test_a_long_sentence_is_spoken_in_parts(voice: Path, tmp_path: Path) -> None:
    engine = PiperEngine(PiperSettings(model=voice, part_chars=40))
    whole = "kính mời bà con cô bác trong thôn, mang theo giấy mời, đến nhà văn hoá."
    samples = speak(engine, tmp_path, whole)
    engine.close()
    assert len(samples) / 48_000 > 4
    assert not list(Path(tmp_path).glob("*.tmp"))


def test_a_speaker_of_a_voice_file_that_holds_several(tmp_path: Path) -> None:
    model = make_voice(tmp_path, speakers=3)
    engine = PiperEngine(PiperSettings(model=model, speaker=2))
    assert engine.voice == "tieng#2"
    assert len(speak(engine, tmp_path)) > 0
    engine.close()
    with pytest.raises(EngineError, match="3 speakers; asked for speaker 3") as caught:
        PiperEngine(PiperSettings(model=model, speaker=3)).check()
    assert caught.value.code == "engine.bad_voice_file"


def test_a_death_between_two_sentences_is_not_even_noticed(engine: PiperEngine, tmp_path: Path) -> None:
    speak(engine, tmp_path)
    before = pid_of(engine)
    os.kill(before, signal.SIGKILL)
    while engine._program is not None and engine._program.alive:
        time.sleep(0.01)
    speak(engine, tmp_path)
    assert pid_of(engine) != before


def test_closing_ends_it_and_leaves_no_files(voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    engine = PiperEngine(PiperSettings(model=voice))
    speak(engine, tmp_path)
    pid = pid_of(engine)
    engine.close()
    assert gone(pid)
    assert list((tmp_path / "t").iterdir()) == []
    speak(engine, tmp_path)  # it may be used again
    engine.close()


def test_the_version_tells_voice_files_apart(tmp_path: Path) -> None:
    model = make_voice(tmp_path)
    first = PiperEngine(PiperSettings(model=model)).version()
    assert first == PiperEngine(PiperSettings(model=model)).version()
    data = bytearray(model.read_bytes())
    data[-100] ^= 1
    model.write_bytes(data)
    second = PiperEngine(PiperSettings(model=model)).version()
    config = model.with_name(f"{model.name}.json")
    config.write_text(config.read_text().replace("0.667", "0.5"))
    third = PiperEngine(PiperSettings(model=model)).version()
    assert len({first, second, third}) == 3
    model.unlink()
    assert PiperEngine(PiperSettings(model=model)).version() is None


def test_what_is_missing_is_named(voice: Path, tmp_path: Path) -> None:
    def code_of(settings: PiperSettings) -> tuple[str, str]:
        engine = PiperEngine(settings)
        with pytest.raises(EngineError) as caught:
            engine.check()
        with pytest.raises(EngineError) as again:
            engine.synthesise("xin chào", tmp_path / "raw")
        assert again.value.code == caught.value.code
        return caught.value.code, caught.value.detail

    code, detail = code_of(PiperSettings(model=tmp_path / "none.onnx"))
    assert (code, "none.onnx" in detail) == ("engine.no_voice_file", True)
    lonely = tmp_path / "lonely.onnx"
    shutil.copy(voice, lonely)
    code, detail = code_of(PiperSettings(model=lonely))
    assert (code, "lonely.onnx.json" in detail) == ("engine.bad_voice_file", True)
    for wrong in ("{", "[]", "{}", json.dumps({"audio": {"sample_rate": "x"}})):
        (tmp_path / "lonely.onnx.json").write_text(wrong)
        assert code_of(PiperSettings(model=lonely))[0] == "engine.bad_voice_file"
    assert code_of(PiperSettings(model=voice, python="/nowhere/python"))[0] == "engine.missing"
    bare = tmp_path / "bare"  # a Python that has no packages
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    code, detail = code_of(PiperSettings(model=voice, python=str(bare)))
    assert (code, "piper-tts is not installed" in detail) == ("engine.missing", True)


def test_a_voice_file_that_is_none_gives_pipers_own_words(voice: Path, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"no model at all" * 100)
    shutil.copy(f"{voice}.json", tmp_path / "a.onnx.json")
    engine = PiperEngine(PiperSettings(model=tmp_path / "a.onnx"))
    with pytest.raises(EngineError, match=r"engine\.failed.*code 1.*Protobuf"):
        engine.synthesise("xin chào", tmp_path / "raw")


_STAND_IN = """#!/bin/sh
# Called as: python -c ... (asks the version) | python -m piper --model M --config C --output-dir DIR ...
case "$1" in -c) echo 9.9; exit 0;; esac
while [ $# -gt 0 ]; do [ "$1" = --output-dir ] && dir=$2; shift; done
echo start >> "{log}"
{body}
"""

BODIES = {
    "hang": "exec sleep 60",
    "die": "read line; echo 'out of memory' >&2; exit 3",
    "crash": "read line; kill -SEGV $$",
    "flood": "exec yes 'I: nothing to see' >&2",
    "flood_out": "exec yes",
    "lie": 'read line; echo "INFO: Wrote $dir/nothing.wav" >&2; exec sleep 60',
    "elsewhere": "read line; echo 'INFO: Wrote /etc/hostname.wav' >&2; exec sleep 60",
    "silent": 'read line; cp "{silence}" "$dir/1.wav"; echo "INFO: Wrote $dir/1.wav" >&2; exec sleep 60',
    "empty": 'read line; : > "$dir/1.wav"; echo "INFO: Wrote $dir/1.wav" >&2; exec sleep 60',
    "once": 'read line; cp "{speech}" "$dir/1.wav"; echo "INFO: Wrote $dir/1.wav" >&2; read line; exit 1',
    "big_file": 'read line; head -c 300000000 /dev/zero > "$dir/1.wav"; echo "Wrote $dir/1.wav" >&2; exec sleep 60',
}


def stand_in(folder: Path, kind: str) -> str:
    encode(folder / "silence.wav", tone(5, level=0), codec="pcm_s16le")
    encode(folder / "speech.wav", tone(5), codec="pcm_s16le")
    path = folder / f"python-{kind}"
    body = BODIES[kind].format(silence=folder / "silence.wav", speech=folder / "speech.wav")
    path.write_text(_STAND_IN.format(log=f"{path}.log", body=body))
    path.chmod(0o755)
    return str(path)


def starts(python: str) -> int:
    return len(Path(f"{python}.log").read_text().splitlines())


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        ("hang", "engine.timeout", "no answer within 0.6 s"),
        ("flood_out", "engine.timeout", "no answer"),
        ("lie", "engine.timeout", "no answer"),
        ("elsewhere", "engine.timeout", "no answer"),
        ("die", "engine.failed", "code 3.*out of memory"),
        ("crash", "engine.failed", "code -11"),
        ("flood", "engine.failed", "prints without end"),
    ],
)
def test_a_program_that_misbehaves_is_ended(voice: Path, tmp_path: Path, kind: str, code: str, reason: str) -> None:
    settings = PiperSettings(model=voice, python=stand_in(tmp_path, kind), timeout_s=0.3, start_s=0.3)
    engine = PiperEngine(settings)
    with pytest.raises(EngineError, match=reason) as caught:
        engine.synthesise(SENTENCE, tmp_path / "raw")
    assert caught.value.code == code
    assert engine._program is None


@pytest.mark.parametrize(
    ("kind", "reason"), [("silent", "silent"), ("empty", "no audio"), ("big_file", "bytes of audio|neither")]
)
def test_a_file_without_speech_is_refused(voice: Path, tmp_path: Path, kind: str, reason: str) -> None:
    engine = PiperEngine(PiperSettings(model=voice, python=stand_in(tmp_path, kind)))
    with pytest.raises(audio.AudioError, match=reason):
        speak(engine, tmp_path)
    engine.close()
    assert (tmp_path / "raw").stat().st_size <= 100_000_000


def test_the_time_to_load_the_voice_is_granted_to_the_first_sentence_only(voice: Path, tmp_path: Path) -> None:
    python = stand_in(tmp_path, "once")
    Path(python).write_text(Path(python).read_text().replace("read line; cp", "sleep 0.7; read line; cp"))
    engine = PiperEngine(PiperSettings(model=voice, python=python, timeout_s=0.5, start_s=5))
    speak(engine, tmp_path)
    engine.close()


def test_a_voice_that_fails_again_and_again_is_left_alone_ever_longer(voice: Path, tmp_path: Path) -> None:
    engine = PiperEngine(PiperSettings(model=voice, python=stand_in(tmp_path, "die")))
    rests = []
    for _ in range(9):
        with pytest.raises(EngineError) as caught:
            engine.synthesise(SENTENCE, tmp_path / "raw")
        rests.append(caught.value.rest_s)
    assert rests == [0, 5, 10, 20, 40, 80, 160, 300, 300]


def test_a_death_in_mid_announcement_costs_a_restart_not_the_voice(voice: Path, tmp_path: Path) -> None:
    python = stand_in(tmp_path, "once")
    chain = (PiperSettings(model=voice, python=python), EspeakSettings())
    with Synthesiser(VoiceSettings(cache_dir=tmp_path / "cache", chain=chain)) as synthesiser:
        speech = synthesiser.say("Xin chào bà con. Kính mời họp thôn. Xin cảm ơn.")
    assert (speech.engine, speech.tried) == ("piper", ())
    assert starts(python) == 3


@pytest.mark.parametrize("kind", ["hang", "die", "flood", "silent", "lie"])
def test_the_next_voice_takes_over(voice: Path, tmp_path: Path, kind: str) -> None:
    broken = PiperSettings(model=voice, python=stand_in(tmp_path, kind), timeout_s=0.3, start_s=0.3)
    settings = VoiceSettings(cache_dir=tmp_path / "cache", chain=(broken, EspeakSettings()))
    with Synthesiser(settings) as synthesiser:
        speech = synthesiser.say("Xin chào bà con.")
    assert speech.engine == "espeak-ng"
    assert speech.tried[0].engine == "piper"


async def test_the_worker_takes_piper_along_when_it_is_killed(voice: Path, tmp_path: Path) -> None:
    settings = VoiceSettings(cache_dir=tmp_path / "cache", chain=(PiperSettings(model=voice),))
    async with VoiceWorker(settings) as worker:
        assert (await worker.say("Xin chào bà con.", timeout_s=60)).engine == "piper"
        pid = worker.pid
        assert pid is not None
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        assert len(children) == 1
        os.kill(pid, signal.SIGKILL)
        assert await asyncio.to_thread(gone, int(children[0]))
        assert (await worker.say("Xin cảm ơn bà con.", timeout_s=60)).engine == "piper"
        last = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    assert await asyncio.to_thread(gone, int(last[0]))


async def test_an_idle_worker_leaves_no_piper_and_no_folder(
    voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    settings = VoiceSettings(cache_dir=tmp_path / "cache", idle_s=0.2, chain=(PiperSettings(model=voice),))
    async with VoiceWorker(settings) as worker:
        await worker.say("Xin chào bà con.", timeout_s=60)
        pid = worker.pid
        assert pid is not None
        assert await asyncio.to_thread(gone, pid)
        assert not list(tmp_path.glob("tts-piper-*"))


def test_a_cached_announcement_needs_no_piper(voice: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.onnx"
    shutil.copy(voice, mine)
    shutil.copy(f"{voice}.json", tmp_path / "mine.onnx.json")
    settings = VoiceSettings(cache_dir=tmp_path / "cache", chain=(PiperSettings(model=mine),))
    with Synthesiser(settings) as synthesiser:
        fresh = synthesiser.say("Xin chào bà con.")
    mine.unlink()
    with Synthesiser(settings) as synthesiser:
        again = synthesiser.say("Xin chào bà con.")
    assert (again.cached, again.sha256) == (True, fresh.sha256)
