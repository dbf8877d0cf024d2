import socket
import threading
from pathlib import Path

import pytest
from tts_stand_ins import StandIn, certificate

from tts import audio
from tts.chain import Synthesiser
from tts.engines.gtts import GttsEngine
from tts.errors import EngineError
from tts.model import GttsSettings, VoiceSettings

SENTENCE = "kính mời bà con đến nhà văn hoá thôn họp."


def speak(engine: GttsEngine, folder: Path, text: str = SENTENCE) -> None:
    """What the chain does with an engine: speak and check the audio."""
    raw = folder / "raw"
    engine.synthesise(text, raw)
    audio.prepare(raw, folder / "piece.wav", len(text.split()))


def engine_for(stand_in: StandIn, timeout_s: float = 5) -> GttsEngine:
    return GttsEngine(GttsSettings(address=stand_in.address, timeout_s=timeout_s))


def test_a_good_answer_is_speech(google: StandIn, tmp_path: Path) -> None:
    speak(engine_for(google), tmp_path)
    assert google.texts == [SENTENCE]
    assert audio.seconds_of(tmp_path / "piece.wav") == pytest.approx(3.2, abs=0.2)


def test_a_long_sentence_is_asked_for_in_parts_of_100_characters(google: StandIn, tmp_path: Path) -> None:
    text = ("kính mời bà con cô bác đến nhà văn hoá thôn, " * 5).strip(" ,") + "."
    speak(engine_for(google), tmp_path, text)
    assert len(google.texts) == 3
    assert all(len(part) <= 100 for part in google.texts)
    assert " ".join(google.texts).split() == text.split()
    assert audio.seconds_of(tmp_path / "piece.wav") > 0.3 * len(text.split())


@pytest.mark.parametrize(
    ("mode", "code", "reason"),
    [
        ("empty", "engine.bad_audio", "no audio"),
        ("no_audio", "engine.bad_audio", "no audio"),
        ("garbage", "engine.bad_audio", "no audio"),
        ("cut_body", "engine.offline", "IncompleteRead"),
        ("cut_base64", "engine.bad_audio", "damaged"),
        ("busy", "engine.refused", "429"),
        ("error", "engine.refused", "503"),
        ("redirect", "engine.refused", "302"),
        ("endless", "engine.bad_audio", "longer than"),
        ("bomb", "engine.bad_audio", "longer than"),
    ],
)
def test_a_bad_answer_is_an_error(google: StandIn, tmp_path: Path, mode: str, code: str, reason: str) -> None:
    google.mode = mode
    with pytest.raises(EngineError, match=reason) as caught:
        speak(engine_for(google), tmp_path)
    assert caught.value.code == code
    assert (caught.value.rest_s > 0) == (code != "engine.bad_audio")
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(("mode", "reason"), [("cut_mp3", "too short|decoded"), ("silent", "silent")])
def test_bad_audio_in_a_good_answer_is_an_error(google: StandIn, tmp_path: Path, mode: str, reason: str) -> None:
    google.mode = mode
    with pytest.raises(audio.AudioError, match=reason):
        speak(engine_for(google), tmp_path)


def test_one_part_of_a_long_sentence_that_is_cut_off_is_noticed(google: StandIn, tmp_path: Path) -> None:
    google.seconds_per_word = 1
    google.cut_from = 1
    with pytest.raises(audio.AudioError, match="too short"):
        speak(engine_for(google), tmp_path, "kính mời bà con cô bác, " * 8)


@pytest.mark.parametrize("mode", ["hang", "drip"])
def test_an_answer_that_does_not_come_is_given_up(google: StandIn, tmp_path: Path, mode: str) -> None:
    google.mode = mode
    engine = engine_for(google, timeout_s=0.4)
    with pytest.raises(EngineError, match=r"engine\.timeout"):
        speak(engine, tmp_path)
    google.mode = "good"
    google.released.set()
    for thread in threading.enumerate():
        if thread.name == "tts-gtts":
            thread.join(5)
    speak(GttsEngine(GttsSettings(address=google.address)), tmp_path)
    speak(engine, tmp_path, "xin chào")  # the engine itself recovers, too


def test_nobody_listening_is_offline(google: StandIn, tmp_path: Path) -> None:
    engine = engine_for(google)
    google.close()
    with pytest.raises(EngineError, match=r"engine\.offline.*refused"):
        speak(engine, tmp_path)


@pytest.mark.parametrize(("wanted", "rest_s"), [("5", 60), ("300", 300), ("99999", 900), ("Wed, 21 Oct", 60)])
def test_the_service_may_ask_for_a_longer_rest(google: StandIn, tmp_path: Path, wanted: str, rest_s: float) -> None:
    google.mode, google.headers = "busy", {"Retry-After": wanted}
    with pytest.raises(EngineError) as caught:
        speak(engine_for(google), tmp_path)
    assert caught.value.rest_s == rest_s


def test_a_server_that_never_finishes_its_handshake_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = GttsEngine(GttsSettings(address=f"https://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.4))
        for attempt in (lambda: speak(engine, tmp_path), engine.check):
            with pytest.raises(EngineError, match=r"engine\.timeout"):
                attempt()


def test_a_closed_engine_speaks_again(google: StandIn, tmp_path: Path) -> None:
    engine = engine_for(google)
    for _ in range(2):
        engine.check()
        speak(engine, tmp_path)
        engine.close()
    assert len(google.texts) == 2


def test_a_mended_answer_after_a_bad_one_costs_one_more_request(google: StandIn, tmp_path: Path) -> None:
    answers = iter(["cut_mp3", "good", "good"])
    google.before = lambda: setattr(google, "mode", next(answers))
    settings = VoiceSettings(cache_dir=tmp_path / "cache", chain=(GttsSettings(address=google.address),))
    with Synthesiser(settings) as synthesiser:
        speech = synthesiser.say("Kính mời bà con đến họp. Xin cảm ơn bà con.")
    assert (speech.engine, speech.tried) == ("gtts", ())
    assert [text.split()[0] for text in google.texts] == ["kính", "kính", "xin"]


def test_an_unknown_language_is_refused_before_anything_is_sent(google: StandIn, tmp_path: Path) -> None:
    engine = GttsEngine(GttsSettings(address=google.address, lang="xx"))
    with pytest.raises(EngineError, match=r"engine\.failed.*xx"):
        speak(engine, tmp_path)
    assert google.texts == []


def test_an_unknown_certificate_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    pem = certificate(tmp_path)
    google = StandIn(tmp_path, pem)
    try:
        with pytest.raises(EngineError, match=r"engine\.untrusted"):
            speak(engine_for(google), tmp_path)
        assert google.texts == []
        trusting = GttsSettings(address=google.address, ca_file=tmp_path / "cert.pem")
        speak(GttsEngine(trusting), tmp_path)
        assert google.texts == [SENTENCE]
        missing = GttsSettings(address=google.address, ca_file=tmp_path / "nowhere.pem")
        with pytest.raises(EngineError, match=r"engine\.offline.*nowhere"):
            speak(GttsEngine(missing), tmp_path)
    finally:
        google.close()
