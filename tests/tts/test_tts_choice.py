"""A voice that a text names: its id, that it speaks first, and what is told where it does not."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from tts.chain import Synthesiser
from tts.manner import ORDINARY, Manner
from tts.model import EspeakSettings, GttsSettings, PiperSettings, RecordingSettings, VoiceSettings
from tts.recall import shape_of
from tts.voices import voices_of


def test_ids_say_what_the_voice_is_and_never_meet(tmp_path: Path) -> None:
    chain = (
        PiperSettings(model=tmp_path / "vi_VN-vais1000-medium.onnx"),
        PiperSettings(model=tmp_path / "vi_VN-vais1000-medium.onnx", length_scale=1.2),
        PiperSettings(model=tmp_path / "Giọng Đông.onnx", speaker=3),
        GttsSettings(),
        EspeakSettings(voice="vi+f2"),
        RecordingSettings(folder=tmp_path / "cau-thu"),
        EspeakSettings(id="gtts-2", name="Giọng dự phòng"),
        GttsSettings(tld="com.vn"),
    )
    voices = voices_of(chain)
    assert [voice.id for voice in voices] == [
        "piper-vi-vn-vais1000-medium",
        "piper-vi-vn-vais1000-medium-2",
        "piper-giong-dong-3",
        "gtts",
        "espeak-ng-vi-f2",
        "recording-cau-thu",
        "gtts-2",
        "gtts-3",
    ]
    assert [voice.sends_text for voice in voices].count(True) == 2
    assert voices[6].name == "Giọng dự phòng"


def test_two_voices_cannot_have_one_id() -> None:
    with pytest.raises(ValidationError, match="two voices have the id loa"):
        VoiceSettings(chain=(EspeakSettings(id="loa"), GttsSettings(id="loa")))


def test_names_shape_no_sound_and_what_was_said_before_is_known_again() -> None:
    plain = shape_of(VoiceSettings(chain=(EspeakSettings(),)))
    assert plain == shape_of(VoiceSettings(chain=(EspeakSettings(name="Giọng máy"),)))
    assert plain != shape_of(VoiceSettings(chain=(EspeakSettings(id="may"),)))
    assert "id" not in json.dumps(plain["chain"]).split('"') and "voice" not in ORDINARY.as_json()
    assert Manner(**Manner(voice="nu").as_json()) == Manner(voice="nu")


@pytest.fixture
def chain(tmp_path: Path) -> VoiceSettings:
    """Two voices that work, and one that does not."""
    return VoiceSettings(
        chain=(
            EspeakSettings(id="nu"),
            EspeakSettings(id="nam", pitch=20),
            EspeakSettings(id="hong", pitch=80, program=str(tmp_path / "nobody")),
        ),
        cache_dir=tmp_path / "cache",
    )


def test_the_voice_that_is_named_speaks_and_else_it_is_told_who_did(chain: VoiceSettings) -> None:
    with Synthesiser(chain) as speaker:
        first = speaker.say("Xin chào bà con.")
        named = speaker.say("Xin chào bà con.", Manner(voice="nam"))
        broken = speaker.say("Xin chào bà con.", Manner(voice="hong"))
        unknown = speaker.say("Xin chào bà con.", Manner(voice="ai-do"))
    assert (first.id, first.tried) == ("nu", ())
    assert (named.id, named.tried) == ("nam", ())
    assert (broken.id, [attempt.code for attempt in broken.tried]) == ("nu", ["engine.missing"])
    assert (unknown.id, [attempt.engine for attempt in unknown.tried]) == ("nu", ["ai-do"])
    assert first.sha256 != named.sha256
