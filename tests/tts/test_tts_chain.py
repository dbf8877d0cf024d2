import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tts_stand_ins import Programs, StandIn, encode, tone

from tts import audio
from tts.chain import Synthesiser
from tts.engines import About
from tts.errors import EngineError, SpeechError
from tts.files import sha256_of
from tts.finish import target_lufs
from tts.loudness import integrated, true_peak
from tts.model import EspeakSettings, GttsSettings, VoiceSettings

TEXT = "Kính mời bà con họp lúc 7h30-11h30. Mang theo giấy mời! Xin cảm ơn."


class FakeEngine:
    """Speaks with a copy of a given file; fails where `failures` (text -> error) says so."""

    def __init__(self, name: str, voice_file: Path, version: str = "1") -> None:
        self.name, self.voice, self.rate = name, "vi", "normal"
        self.failures: dict[str, EngineError] = {}
        self.texts: list[str] = []
        self.passing: list[EngineError] = []  # raised once each, whatever the text
        self.closed = 0
        self._file, self._version = voice_file, version

    def version(self) -> str:
        return self._version

    def synthesise(self, text: str, out: Path) -> None:
        self.texts.append(text)
        if self.passing:
            raise self.passing.pop()
        for part, error in self.failures.items():
            if part in text:
                raise error
        shutil.copy(self._file, out)

    def about(self) -> About:
        return About("Apache-2.0", "free", (), sends_text=False)

    def check(self) -> None:
        pass

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def voice_file(tmp_path: Path) -> Path:
    encode(tmp_path / "voice.mp3", tone(3))
    return tmp_path / "voice.mp3"


@pytest.fixture
def settings(tmp_path: Path) -> VoiceSettings:
    return VoiceSettings(cache_dir=tmp_path / "cache", chain=(EspeakSettings(),))


@pytest.fixture
def pair(voice_file: Path) -> Iterator[tuple[FakeEngine, FakeEngine]]:
    yield FakeEngine("first", voice_file), FakeEngine("second", voice_file)


def test_the_whole_way_with_espeak(settings: VoiceSettings) -> None:
    with Synthesiser(settings) as synthesiser:
        speech = synthesiser.say(TEXT)
    assert (speech.engine, speech.voice, speech.cached, speech.tried) == ("espeak-ng", "vi", False, ())
    assert "bảy giờ ba mươi phút đến mười một giờ ba mươi phút" in speech.spoken
    assert sha256_of(speech.path) == speech.sha256
    assert audio.seconds_of(speech.path) == speech.seconds
    assert speech.seconds > 5
    samples = audio.decode(speech.path.read_bytes()).astype(np.float32) / 32768
    assert integrated(samples, audio.RATE) == pytest.approx(target_lufs(settings.enhancement), abs=0.5)
    assert true_peak(samples, audio.RATE) <= -0.9


def test_the_whole_way_with_gtts(google: StandIn, tmp_path: Path) -> None:
    settings = VoiceSettings(cache_dir=tmp_path / "cache", chain=(GttsSettings(address=google.address),))
    with Synthesiser(settings) as synthesiser:
        speech = synthesiser.say(TEXT)
    assert speech.engine == "gtts"
    assert len(google.texts) == 3


def test_without_a_cache_folder_nothing_is_left_behind() -> None:
    with Synthesiser(VoiceSettings(chain=(EspeakSettings(),))) as synthesiser:
        path = synthesiser.say("xin chào").path
        assert path.exists()
    assert not path.exists()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("hang", "engine.timeout"),
        ("die", "engine.failed"),
        ("nothing", "engine.bad_audio"),
        ("empty", "engine.bad_audio"),
        ("silent", "engine.bad_audio"),
    ],
)
def test_the_next_engine_takes_over(tmp_path: Path, programs: Programs, kind: str, code: str) -> None:
    broken = EspeakSettings(program=programs.make(kind), timeout_s=0.3)
    settings = VoiceSettings(cache_dir=tmp_path / "cache", chain=(broken, EspeakSettings(voice="vi-vn-x-south")))
    with Synthesiser(settings) as synthesiser:
        speech = synthesiser.say("Xin chào bà con.")
    assert speech.voice == "vi-vn-x-south"
    assert [(attempt.engine, attempt.code) for attempt in speech.tried] == [("espeak-ng", code)]
    assert speech.tried[0].detail


@pytest.mark.parametrize("mode", ["empty", "no_audio", "cut_body", "cut_mp3", "silent", "busy", "hang"])
def test_espeak_takes_over_from_google(google: StandIn, tmp_path: Path, mode: str) -> None:
    google.mode = mode
    first = GttsSettings(address=google.address, timeout_s=0.5)
    settings = VoiceSettings(cache_dir=tmp_path / "cache", chain=(first, EspeakSettings()))
    with Synthesiser(settings) as synthesiser:
        speech = synthesiser.say("Kính mời bà con đến họp.")
    assert speech.engine == "espeak-ng"
    assert speech.tried[0].engine == "gtts"


def test_all_engines_failing_lists_every_reason(google: StandIn, programs: Programs) -> None:
    google.mode = "busy"
    chain = (GttsSettings(address=google.address), EspeakSettings(program=programs.make("fail")))
    with Synthesiser(VoiceSettings(chain=chain)) as synthesiser, pytest.raises(SpeechError) as caught:
        synthesiser.say("xin chào")
    assert (caught.value.code, caught.value.retry) == ("speech.no_engine", True)
    assert "gtts: engine.refused" in caught.value.detail
    assert "espeak-ng: engine.failed" in caught.value.detail
    assert "no such voice" in caught.value.detail


def test_no_retry_is_promised_when_nothing_will_change() -> None:
    settings = VoiceSettings(chain=(EspeakSettings(program="/nowhere/espeak-ng"),))
    with Synthesiser(settings) as synthesiser, pytest.raises(SpeechError) as caught:
        synthesiser.say("xin chào")
    assert not caught.value.retry


def test_one_announcement_has_one_voice(settings: VoiceSettings, pair: tuple[FakeEngine, FakeEngine]) -> None:
    first, second = pair
    first.failures["giấy mời"] = EngineError("engine.failed", "no")
    with Synthesiser(settings, engines=pair) as synthesiser:
        speech = synthesiser.say(TEXT)
    assert speech.engine == "second"
    assert len(first.texts) == 3  # the second sentence twice
    assert len(second.texts) == 3


@pytest.mark.parametrize("code", ["engine.offline", "engine.bad_audio", "engine.failed"])
def test_an_error_that_passes_costs_a_second_try_of_one_sentence(
    settings: VoiceSettings, pair: tuple[FakeEngine, FakeEngine], code: str
) -> None:
    first, second = pair
    first.passing = [EngineError(code, "once", rest_s=60)]
    with Synthesiser(settings, engines=pair) as synthesiser:
        speech = synthesiser.say("Xin chào. Kính mời bà con.")
    assert (speech.engine, speech.tried) == ("first", ())
    assert [text.split()[0] for text in first.texts] == ["xin", "xin", "kính"]
    assert second.texts == []


@pytest.mark.parametrize("code", ["engine.missing", "engine.refused", "engine.untrusted", "engine.timeout"])
def test_what_will_not_pass_at_once_is_not_tried_again(
    settings: VoiceSettings, pair: tuple[FakeEngine, FakeEngine], code: str
) -> None:
    first = pair[0]
    first.passing = [EngineError(code, "no")]
    with Synthesiser(settings, engines=pair) as synthesiser:
        speech = synthesiser.say("Xin chào.")
    assert (speech.engine, len(first.texts)) == ("second", 1)
    assert [(attempt.engine, attempt.code) for attempt in speech.tried] == [("first", code)]


def test_an_engine_that_has_just_spoken_is_waited_for_a_second_time(
    settings: VoiceSettings, pair: tuple[FakeEngine, FakeEngine]
) -> None:
    first = pair[0]
    first.failures["giấy mời"] = EngineError("engine.timeout", "slow")
    with Synthesiser(settings, engines=pair) as synthesiser:
        assert synthesiser.say(TEXT).engine == "second"
    assert [text.split()[0] for text in first.texts] == ["kính", "mang", "mang"]


def test_two_voices_of_one_engine_do_not_forget_their_versions(settings: VoiceSettings, voice_file: Path) -> None:
    pair = [FakeEngine("a", voice_file, version="1"), FakeEngine("a", voice_file, version="2")]
    pair[1].voice = "other"
    pair[0].failures["."] = EngineError("engine.missing", "no")
    with Synthesiser(settings, engines=pair) as synthesiser:
        assert not synthesiser.say("Xin chào.").cached
        pair[1].version = lambda: None  # type: ignore[method-assign, return-value]
        assert synthesiser.say("Xin chào.").cached


def test_closing_ends_what_the_engines_have_started(
    settings: VoiceSettings, pair: tuple[FakeEngine, FakeEngine]
) -> None:
    with Synthesiser(settings, engines=pair):
        pass
    assert [engine.closed for engine in pair] == [1, 1]


def test_a_failure_costs_one_sentence(settings: VoiceSettings, pair: tuple[FakeEngine, FakeEngine]) -> None:
    first = pair[0]
    first.failures["giấy mời"] = EngineError("engine.failed", "no")
    with Synthesiser(settings, engines=[first]) as synthesiser:
        with pytest.raises(SpeechError):
            synthesiser.say(TEXT)
        first.failures.clear()
        first.texts.clear()
        assert not synthesiser.say(TEXT).cached
    assert [text.split()[0] for text in first.texts] == ["mang", "xin"]


def test_a_cached_announcement_needs_no_engine(tmp_path: Path, programs: Programs) -> None:
    program = programs.make("good")
    settings = VoiceSettings(cache_dir=tmp_path / "cache", chain=(EspeakSettings(program=program),))
    with Synthesiser(settings) as synthesiser:
        fresh = synthesiser.say(TEXT)
    Path(program).unlink()
    with Synthesiser(settings) as synthesiser:
        again = synthesiser.say(TEXT)
    assert again.cached
    assert (again.path, again.sha256, again.seconds) == (fresh.path, fresh.sha256, fresh.seconds)
    assert programs.calls(program) == 3


def test_known_sentences_in_a_new_order_need_no_engine(
    settings: VoiceSettings, pair: tuple[FakeEngine, FakeEngine]
) -> None:
    first = pair[0]
    with Synthesiser(settings, engines=[first]) as synthesiser:
        synthesiser.say("Xin chào. Kính mời.")
        assert synthesiser.say("Kính mời. Xin chào.").cached
    assert len(first.texts) == 2


@pytest.mark.parametrize("which", ["announcement", "sentence"])
def test_a_damaged_cache_file_is_made_anew(
    settings: VoiceSettings, pair: tuple[FakeEngine, FakeEngine], which: str
) -> None:
    first = pair[0]
    with Synthesiser(settings, engines=[first]) as synthesiser:
        fresh = synthesiser.say("Xin chào. Kính mời.")
        files = set(settings.cache_dir.glob("??/*.wav")) if settings.cache_dir else set()
        damaged = files if which == "sentence" else {fresh.path}
        for path in damaged:
            data = bytearray(path.read_bytes())
            data[-1] ^= 1
            path.write_bytes(data)
        again = synthesiser.say("Xin chào. Kính mời.")
    assert again.sha256 == fresh.sha256 == sha256_of(again.path)
    assert again.cached == (which == "announcement")
    assert len(first.texts) == (4 if which == "sentence" else 2)


@pytest.mark.parametrize("change", ["name", "voice", "rate", "version"])
def test_another_voice_is_another_entry(settings: VoiceSettings, voice_file: Path, change: str) -> None:
    with Synthesiser(settings, engines=[FakeEngine("a", voice_file)]) as synthesiser:
        synthesiser.say("Xin chào.")
    other = FakeEngine("a", voice_file, version="2" if change == "version" else "1")
    if change != "version":
        setattr(other, change, "other")
    with Synthesiser(settings, engines=[other]) as synthesiser:
        assert not synthesiser.say("Xin chào.").cached


def test_an_engine_that_is_offline_rests_for_a_minute(
    settings: VoiceSettings, pair: tuple[FakeEngine, FakeEngine]
) -> None:
    first = pair[0]
    now = [1000.0]
    first.failures["bà con"] = EngineError("engine.offline", "no route", rest_s=60)
    with Synthesiser(settings, engines=pair, monotonic=lambda: now[0]) as synthesiser:
        assert synthesiser.say("Chào bà con.").tried[0].code == "engine.offline"
        now[0] += 59
        resting = synthesiser.say("Mời bà con.")
        assert (resting.engine, resting.tried[0].code) == ("second", "engine.cooling")
        assert "no route" in resting.tried[0].detail
        now[0] += 2
        first.failures.clear()
        assert synthesiser.say("Cảm ơn bà con.").engine == "first"
    assert len(first.texts) == 3  # twice the first, once the last


def test_a_resting_engine_still_gives_what_is_cached(
    settings: VoiceSettings, pair: tuple[FakeEngine, FakeEngine]
) -> None:
    first = pair[0]
    first.failures["hỏng"] = EngineError("engine.offline", "no route", rest_s=60)
    with Synthesiser(settings, engines=pair) as synthesiser:
        synthesiser.say("Xin chào.")
        assert synthesiser.say("hỏng").engine == "second"
        assert synthesiser.say("hỏng").cached
        assert synthesiser.say("Xin chào.").engine == "first"


def test_the_cache_stays_in_its_bounds(tmp_path: Path, voice_file: Path) -> None:
    settings = VoiceSettings(cache_dir=tmp_path / "cache", cache_bytes=2_000_000)
    with Synthesiser(settings, engines=[FakeEngine("a", voice_file)]) as synthesiser:
        for number in range(8):  # 0.6 MB each, sentence and announcement
            speech = synthesiser.say(f"Tin số {number}.")
            assert speech.path.exists()
    assert sum(path.stat().st_size for path in (tmp_path / "cache").glob("??/*.wav")) <= 2_000_000


def test_a_broken_cache_folder_does_not_silence(tmp_path: Path, voice_file: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = VoiceSettings(cache_dir=tmp_path / "file")
    engine = FakeEngine("a", voice_file)
    with Synthesiser(settings, engines=[engine]) as synthesiser:
        speech = synthesiser.say("Xin chào.")
        assert speech.path.exists()
        assert synthesiser.say("Xin chào.").cached
    assert len(engine.texts) == 1


def test_a_full_disk_costs_old_speech_not_the_new(settings: VoiceSettings, voice_file: Path) -> None:
    engine = FakeEngine("a", voice_file)
    full = [OSError(errno.ENOSPC, "No space left on device")]
    plain = engine.synthesise

    def synthesise(text: str, out: Path) -> None:
        if "mới" in text and full:
            raise full.pop()
        plain(text, out)

    engine.synthesise = synthesise  # type: ignore[method-assign]
    with Synthesiser(settings, engines=[engine]) as synthesiser:
        old = [synthesiser.say(f"Tin số {number}.").path for number in range(4)]
        new = synthesiser.say("Tin mới.")
        assert settings.cache_dir in new.path.parents
        assert not new.cached
        assert 0 < sum(path.exists() for path in old) < 4


def test_no_place_at_all_is_a_storage_error(tmp_path: Path, voice_file: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = VoiceSettings(cache_dir=tmp_path / "file")
    synthesiser = Synthesiser(settings, spare_dir=tmp_path / "file", engines=[FakeEngine("a", voice_file)])
    with synthesiser, pytest.raises(SpeechError) as caught:
        synthesiser.say("Xin chào.")
    assert (caught.value.code, caught.value.retry) == ("speech.storage", True)
