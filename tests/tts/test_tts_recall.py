from pathlib import Path

import pytest

from tts import EspeakSettings, VoiceSettings, VoiceWorker
from tts.chain import Synthesiser
from tts.manner import Manner
from tts.recall import Recall
from tts.speech import Speech

TEXT = "Mời bà con họp."


@pytest.fixture
def settings(tmp_path: Path) -> VoiceSettings:
    return VoiceSettings(chain=(EspeakSettings(),), cache_dir=tmp_path / "cache")


@pytest.fixture
def said(settings: VoiceSettings) -> Speech:
    with Synthesiser(settings) as synthesiser:
        return synthesiser.say(TEXT)


async def test_what_was_said_before_needs_no_worker(settings: VoiceSettings, said: Speech) -> None:
    async with VoiceWorker(settings, python="/nowhere/python") as worker:
        again = await worker.say(TEXT)
    assert (again.path, again.sha256, again.spoken, again.cached) == (said.path, said.sha256, said.spoken, True)


@pytest.mark.parametrize(
    ("text", "manner"),
    [
        (TEXT + "!", Manner()),
        (TEXT, Manner(readings={"họp": "hội họp"})),
        (TEXT, Manner(strict=True)),
        (TEXT, Manner(plain=True)),
    ],
)
def test_another_text_or_manner_is_not_known(settings: VoiceSettings, said: Speech, text: str, manner: Manner) -> None:
    assert Recall(settings).get(TEXT, Manner()) is not None
    assert Recall(settings).get(text, manner) is None


def test_another_setting_is_not_known(settings: VoiceSettings, said: Speech) -> None:
    faster = settings.model_copy(update={"chain": (EspeakSettings(rate_wpm=200),)})
    assert Recall(faster).get(TEXT, Manner()) is None


def test_a_changed_dictionary_is_noticed(tmp_path: Path) -> None:
    dictionary = tmp_path / "words.yaml"
    dictionary.write_text("entries: []\n")
    settings = VoiceSettings.model_validate(
        {
            "chain": [{"engine": "espeak-ng"}],
            "cache_dir": tmp_path / "cache",
            "reading": {"dictionaries": [dictionary]},
        }
    )
    recall = Recall(settings)
    (tmp_path / "cache").mkdir()
    sound = tmp_path / "cache" / "sound.wav"
    sound.write_bytes(b"RIFF")
    sha256 = "d3f1b1f6b6e53b3d7a7ab7b4dbd3b8e7f1b5e2d6e9c9c8a7b6a5f4e3d2c1b0a9"
    recall.put(TEXT, Manner(), Speech(sound, sha256, 1.0, "espeak-ng", "vi", TEXT, False))
    assert recall.get(TEXT, Manner()) is None, "a sound that is not what its note says is no sound"
    from tts.files import sha256_of

    recall.put(TEXT, Manner(), Speech(sound, sha256_of(sound), 1.0, "espeak-ng", "vi", TEXT, False))
    assert recall.get(TEXT, Manner()) is not None
    dictionary.write_text("entries: []\n# changed\n")
    assert recall.get(TEXT, Manner()) is None


def test_a_damaged_note_or_sound_is_made_anew(settings: VoiceSettings, said: Speech) -> None:
    recall = Recall(settings)
    (note,) = (settings.cache_dir or Path()).joinpath("said").iterdir()
    whole = note.read_text()
    for broken in ("", "[]", "{}", whole[: len(whole) // 2], '{"speech": {}}'):
        note.write_text(broken)
        assert recall.get(TEXT, Manner()) is None
    note.write_text(whole)
    assert recall.get(TEXT, Manner()) is not None
    said.path.write_bytes(said.path.read_bytes()[:-2])
    assert recall.get(TEXT, Manner()) is None


def test_a_stand_in_voice_is_not_remembered(tmp_path: Path) -> None:
    """Otherwise the better voice would never be asked again."""
    settings = VoiceSettings(
        chain=(EspeakSettings(program="/nowhere/espeak"), EspeakSettings()), cache_dir=tmp_path / "cache"
    )
    with Synthesiser(settings) as synthesiser:
        assert synthesiser.say(TEXT).tried
    assert Recall(settings).get(TEXT, Manner()) is None


def test_notes_stay_bounded(settings: VoiceSettings, said: Speech, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts.recall._MOST_NOTES", 10)
    recall = Recall(settings)
    for count in range(30):
        recall.put(f"{TEXT} {count}", Manner(), said)
    assert len(list((settings.cache_dir or Path()).joinpath("said").iterdir())) <= 11
    assert recall.get(f"{TEXT} 29", Manner()) is not None
