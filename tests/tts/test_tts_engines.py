"""What all engines must stand: hostile texts, programs that flood; and the engine of recorded phrases."""

import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from piper_voice import make_voice
from tts_stand_ins import Programs, StandIn, certificate, encode, tone

from tts import audio
from tts.chain import Synthesiser
from tts.engines import Engine, build
from tts.engines.program import MOST_BYTES, run_program
from tts.engines.recording import RecordingEngine
from tts.engines.survey import survey
from tts.errors import EngineError, SpeechError
from tts.model import EngineSettings, EspeakSettings, GttsSettings, PiperSettings, RecordingSettings, VoiceSettings

SENTENCE = "kính mời bà con họp thôn."

TEXTS = {
    "empty": "",
    "spaces": " \t\n ",
    "symbols": "@#$%^&*() ≠ ∞ ← §§ …",
    "mixed scripts": "xin chào Привет 你好 ສະບາຍດີ ជំរាបសួរ ꪎꪱꪣ مرحبا",
    "SSML": '<speak><prosody rate="x-fast">bà con</prosody><break time="9999s"/></speak>',
    "control characters": "bà\x00 con\x1b[2J \x07\x08\x7f\u200b\u202e ơi\r\n",
    "lone surrogate": "bà \ud800 con",
    "phonemes": "[[ [[[[ t'a ]] ]]",
    "options": "-w /tmp/x --help --version -f /etc/passwd",
    "shell": "$(touch /tmp/x); `reboot` | cat /etc/passwd > x",
    "JSON": '{"text": "bà con", "speaker_id": 99, "output_file": "/tmp/x"}',
    "one long word": "a" * 3000,
    "stacked marks": "a" + "\u0301" * 500,
    "emoji": "bà con 👨‍👩‍👧‍👦🎉🇻🇳 ơi",
}


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_voice(tmp_path_factory.mktemp("voice"))


@pytest.fixture(params=["espeak-ng", "piper"])
def engine(request: pytest.FixtureRequest, voice: Path) -> Iterator[Engine]:
    made = build(EspeakSettings() if request.param == "espeak-ng" else PiperSettings(model=voice, timeout_s=10))
    yield made
    made.close()


@pytest.mark.parametrize("kind", TEXTS)
def test_a_hostile_text_gives_speech_or_an_error_and_the_engine_goes_on(
    engine: Engine, tmp_path: Path, kind: str
) -> None:
    text = TEXTS[kind]
    try:
        engine.synthesise(text, tmp_path / "raw")
        audio.prepare(tmp_path / "raw", tmp_path / "piece.wav", 1)
    except (EngineError, audio.AudioError) as error:
        assert kind in {"empty", "spaces", "symbols", "phonemes", "one long word", "stacked marks"}, error
    assert {path.name for path in tmp_path.iterdir()} <= {"raw", "piece.wav"}
    (tmp_path / "raw").unlink(missing_ok=True)
    engine.synthesise(SENTENCE, tmp_path / "raw")
    audio.prepare(tmp_path / "raw", tmp_path / "piece.wav", 6)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "speech.empty"),
        (" \n\t ", "speech.empty"),
        ("\x00\x1b\x07", "speech.empty"),
        ("bà con " * 15_000, "speech.too_long"),
    ],
)
def test_a_text_that_cannot_be_spoken_is_refused_before_any_engine(text: str, code: str) -> None:
    settings = VoiceSettings(chain=(EspeakSettings(program="/nowhere/espeak-ng"),))
    with Synthesiser(settings) as synthesiser, pytest.raises(SpeechError) as caught:
        synthesiser.say(text)
    assert caught.value.code == code


def test_a_program_that_floods_does_not_fill_the_disk(tmp_path: Path, programs: Programs) -> None:
    program = programs.make("flood")
    path = Path(program)
    path.write_text(path.read_text() + 'exec head -c 400000000 /dev/zero > "$out"\n')
    engine = build(EspeakSettings(program=program))
    with pytest.raises(EngineError) as caught:
        engine.synthesise(SENTENCE, tmp_path / "raw")
    assert caught.value.code == "engine.failed"
    assert (tmp_path / "raw").stat().st_size <= MOST_BYTES
    with pytest.raises(audio.AudioError) as refused:
        audio.prepare(tmp_path / "raw", tmp_path / "piece.wav", 2)
    assert refused.value.code == "audio.too_long"


def test_a_program_that_prints_without_end_is_ended() -> None:
    ended = run_program(["/bin/sh", "-c", "exec yes"], "", 60)
    assert ended.code != 0
    assert len(ended.printed) <= 2000


# A person's recordings


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, text in (("moi.wav", "kính mời bà con họp thôn"), ("xin-chao.wav", "xin chào bà con")):
        subprocess.run(["espeak-ng", "-v", "vi", "-w", folder / name, text], check=True, timeout=20)
    write(folder, '"Xin chào bà con!": xin-chao.wav\nKính mời bà con họp thôn: moi.wav\n')
    return folder


def write(folder: Path, phrases: str) -> None:
    (folder / "phrases.yaml").write_text(phrases, encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    ["xin chào bà con.", "XIN CHÀO BÀ CON", "xin chào, bà  con…", unicodedata.normalize("NFD", "xin chào bà con")],
)
def test_a_recorded_phrase_is_found_by_its_words(recorded: Path, tmp_path: Path, text: str) -> None:
    engine = RecordingEngine(RecordingSettings(folder=recorded))
    engine.check()
    engine.synthesise(text, tmp_path / "raw")
    audio.prepare(tmp_path / "raw", tmp_path / "piece.wav", 4)


def test_what_nobody_has_recorded_is_left_to_the_next_voice(recorded: Path, tmp_path: Path) -> None:
    chain = (RecordingSettings(folder=recorded), EspeakSettings())
    with Synthesiser(VoiceSettings(cache_dir=tmp_path / "cache", chain=chain)) as synthesiser:
        known = synthesiser.say("Xin chào bà con! Kính mời bà con họp thôn.")
        unknown = synthesiser.say("Xin chào bà con! Mời ra ngay.")
    assert (known.engine, known.voice, known.tried) == ("recording", "recordings", ())
    assert unknown.engine == "espeak-ng"
    assert [(attempt.engine, attempt.code) for attempt in unknown.tried] == [("recording", "engine.missing")]
    assert "nobody has recorded 'mời ra ngay.'" in unknown.tried[0].detail


def test_a_new_recording_of_a_phrase_is_used_at_once(recorded: Path, tmp_path: Path) -> None:
    settings = VoiceSettings(cache_dir=tmp_path / "cache", chain=(RecordingSettings(folder=recorded),))
    with Synthesiser(settings) as synthesiser:
        first = synthesiser.say("Xin chào bà con!")
        encode(recorded / "xin-chao.wav", tone(4), codec="pcm_s16le")
        second = synthesiser.say("Xin chào bà con!")
    assert not second.cached
    assert second.seconds > first.seconds + 1


@pytest.mark.parametrize(
    ("phrases", "reason"),
    [
        ("- a\n- b\n", "lines such as"),
        ("", "lines such as"),
        ("Xin chào: [a.wav]\n", "needs the name of a file"),
        ("Xin chào: ../../etc/passwd\n", "needs the name of a file"),
        ("Xin chào: /etc/passwd\n", "needs the name of a file"),
        ("'...': a.wav\n", "needs the name of a file"),
        ("Họp lúc 7 giờ: a.wav\n", "numbers in 'Họp lúc 7 giờ' as words"),
        ("Xin chào: a.wav\nxin chào!: b.wav\n", "there twice"),
        ("a: [", "phrases.yaml: while parsing"),
        ("!!python/object/apply:os.system ['true']\n", "lines such as"),
    ],
)
def test_phrases_that_are_wrong_are_explained(recorded: Path, tmp_path: Path, phrases: str, reason: str) -> None:
    write(recorded, phrases)
    engine = RecordingEngine(RecordingSettings(folder=recorded))
    for attempt in (engine.check, lambda: engine.synthesise("xin chào", tmp_path / "raw")):
        with pytest.raises(EngineError, match=reason) as caught:
            attempt()
        assert caught.value.code == "engine.bad_phrases"
    assert engine.version() is None


def test_phrases_that_are_missing_or_no_text_are_explained(recorded: Path) -> None:
    engine = RecordingEngine(RecordingSettings(folder=recorded))
    (recorded / "moi.wav").unlink()
    with pytest.raises(EngineError, match=r"1 files .* missing: moi\.wav"):
        engine.check()
    (recorded / "phrases.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EngineError, match="no UTF-8"):
        engine.check()
    (recorded / "phrases.yaml").unlink()
    with pytest.raises(EngineError, match=r"engine\.missing.*No such file"):
        engine.check()


def test_yes_and_no_are_words(recorded: Path, tmp_path: Path) -> None:
    write(recorded, "no: moi.wav\n")
    RecordingEngine(RecordingSettings(folder=recorded)).synthesise("no", tmp_path / "raw")


@pytest.mark.parametrize("data", [b"", b"no sound at all", b"RIFF\x24\x00\x00\x00WAVEfmt "])
def test_a_recording_that_is_damaged_is_named_and_the_next_voice_speaks(
    recorded: Path, tmp_path: Path, data: bytes
) -> None:
    (recorded / "xin-chao.wav").write_bytes(data)
    chain = (RecordingSettings(folder=recorded), EspeakSettings())
    with Synthesiser(VoiceSettings(cache_dir=tmp_path / "cache", chain=chain)) as synthesiser:
        speech = synthesiser.say("Xin chào bà con!")
    assert (speech.engine, speech.tried[0].code) == ("espeak-ng", "engine.bad_audio")
    assert "xin-chao.wav" in speech.tried[0].detail


# What `edge-agent voices` shows


def state_of(settings: EngineSettings) -> tuple[str | None, str]:
    (state,) = survey([settings])
    return state.code, state.detail


def test_every_voice_that_is_there_is_ready_and_measured(voice: Path, recorded: Path, google: StandIn) -> None:
    chain = (
        GttsSettings(address=google.address),
        PiperSettings(model=voice),
        EspeakSettings(),
        RecordingSettings(folder=recorded),
    )
    states = list(survey(chain))
    assert [(state.engine, state.code) for state in states] == [
        ("gtts", None),
        ("piper", None),
        ("espeak-ng", None),
        ("recording", None),
    ]
    assert google.texts == []  # looking sends no text
    assert [state.about.sends_text for state in states] == [True, False, False, False]
    assert all(state.speed is None for state in states)
    *spoken, recording = survey(chain, measure=True)
    assert recording.speed is None
    for state in spoken:
        assert state.speed is not None
        assert state.speed.audio_s > 2
        assert 0 < state.speed.again_s < 10
        assert state.speed.real_time_factor == state.speed.again_s / state.speed.audio_s
    assert len(google.texts) == 2


def test_what_keeps_a_voice_from_speaking_is_said(
    voice: Path, tmp_path: Path, google: StandIn, programs: Programs
) -> None:
    assert state_of(EspeakSettings(program="/nowhere/espeak-ng"))[0] == "engine.missing"
    assert state_of(EspeakSettings(program=programs.make("hang").replace("hang", "none")))[0] == "engine.missing"
    assert state_of(EspeakSettings(voice="xx-none"))[0] == "engine.failed"
    assert state_of(PiperSettings(model=tmp_path / "none.onnx"))[0] == "engine.no_voice_file"
    assert state_of(RecordingSettings(folder=tmp_path / "none"))[0] == "engine.missing"
    for mode, code in (("busy", "engine.refused"), ("error", "engine.refused"), ("hang", "engine.timeout")):
        google.mode = mode
        assert state_of(GttsSettings(address=google.address, timeout_s=0.5))[0] == code
    google.close()
    assert state_of(GttsSettings(address=google.address))[0] == "engine.offline"


def test_a_stranger_in_googles_place_is_noticed_without_speaking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    google = StandIn(tmp_path, certificate(tmp_path))
    try:
        assert state_of(GttsSettings(address=google.address))[0] == "engine.untrusted"
        assert state_of(GttsSettings(address=google.address, ca_file=tmp_path / "cert.pem"))[0] is None
    finally:
        google.close()


def test_settings_engines_and_survey_are_light() -> None:
    heavy = "{'numpy', 'av', 'requests', 'gtts', 'piper', 'onnxruntime', 'sea_g2p'}"
    code = f"import sys, tts.engines.survey, tts.model; sys.exit(len({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0


def test_piper_is_never_imported() -> None:
    root = Path(audio.__file__).parent
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import piper" not in text and "from piper" not in text, path
