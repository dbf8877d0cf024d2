from pathlib import Path

import pytest
from tts_stand_ins import Programs

from tts import audio
from tts.engines.espeak import EspeakEngine
from tts.engines.program import run_program
from tts.errors import EngineError
from tts.model import EspeakSettings


def test_it_speaks(tmp_path: Path) -> None:
    engine = EspeakEngine(EspeakSettings())
    engine.synthesise("kính mời bà con đến họp.", tmp_path / "raw")
    audio.prepare(tmp_path / "raw", tmp_path / "piece.wav", 6)
    assert audio.seconds_of(tmp_path / "piece.wav") > 1
    assert engine.version()


def test_the_text_never_is_an_argument(tmp_path: Path, programs: Programs) -> None:
    program = programs.make("good")
    EspeakEngine(EspeakSettings(program=program)).synthesise("-w/tmp/x --help; $(reboot) bà con", tmp_path / "raw")
    log = Path(f"{program}.log").read_text()
    assert "reboot" not in log
    assert "-v vi -s 150 -p 50 -b 1 --stdin" in log


def test_phoneme_notation_is_spoken_as_text(tmp_path: Path) -> None:
    engine = EspeakEngine(EspeakSettings())
    engine.synthesise("[[t'a]]", tmp_path / "marked")
    engine.synthesise(" t'a ", tmp_path / "plain")
    assert (tmp_path / "marked").read_bytes() == (tmp_path / "plain").read_bytes()


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        ("hang", "engine.timeout", "did not end within 0.3 s"),
        ("die", "engine.failed", "code -11"),
        ("fail", "engine.failed", "code 3: no such voice"),
        ("nothing", "engine.bad_audio", "wrote no audio"),
    ],
)
def test_a_failing_program_is_an_error(tmp_path: Path, programs: Programs, kind: str, code: str, reason: str) -> None:
    engine = EspeakEngine(EspeakSettings(program=programs.make(kind), timeout_s=0.3))
    with pytest.raises(EngineError, match=reason) as caught:
        engine.synthesise("xin chào", tmp_path / "raw")
    assert caught.value.code == code


@pytest.mark.parametrize(("kind", "reason"), [("empty", "no audio"), ("text", "neither"), ("silent", "silent")])
def test_a_file_without_speech_is_refused(tmp_path: Path, programs: Programs, kind: str, reason: str) -> None:
    EspeakEngine(EspeakSettings(program=programs.make(kind))).synthesise("xin chào", tmp_path / "raw")
    with pytest.raises(audio.AudioError, match=reason):
        audio.prepare(tmp_path / "raw", tmp_path / "piece.wav", 2)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    engine = EspeakEngine(EspeakSettings(program="/nowhere/espeak-ng"))
    assert engine.version() is None
    with pytest.raises(EngineError, match=r"engine\.missing.*/nowhere/espeak-ng.*No such file"):
        engine.synthesise("xin chào", tmp_path / "raw")


def test_an_unknown_voice_is_reported_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="voice does not exist"):
        EspeakEngine(EspeakSettings(voice="xx-none")).synthesise("xin chào", tmp_path / "raw")


def test_a_grandchild_that_holds_the_output_does_not_hold_us() -> None:
    ended = run_program(["/bin/sh", "-c", "sleep 3 & echo done"], "", 2)
    assert (ended.code, ended.printed) == (0, "done")
