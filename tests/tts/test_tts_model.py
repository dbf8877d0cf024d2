import pytest
from pydantic import ValidationError

from tts.model import EspeakSettings, GttsSettings, VoiceSettings


def test_the_default_chain_is_google_then_espeak() -> None:
    chain = VoiceSettings().chain
    assert [entry.engine for entry in chain] == ["gtts", "espeak-ng"]
    assert [entry.timeout_s for entry in chain] == [8, 10]


def test_a_chain_is_read_from_plain_data() -> None:
    data = {"chain": [{"engine": "espeak-ng", "rate_wpm": 120}, {"engine": "gtts", "tld": "com.vn"}]}
    settings = VoiceSettings.model_validate(data)
    assert settings.chain == (EspeakSettings(rate_wpm=120), GttsSettings(tld="com.vn"))
    assert VoiceSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    "data",
    [
        {"chian": []},
        {"chain": []},
        {"chain": [{"engine": "piano"}]},
        {"chain": [{"voice": "vi"}]},
        {"chain": [{"engine": "gtts", "voice": "vi"}]},
        {"chain": [{"engine": "espeak-ng", "voice": "-w/etc/passwd"}]},
        {"chain": [{"engine": "espeak-ng", "voice": "../x"}]},
        {"chain": [{"engine": "gtts", "address": "http://tts.example.org"}]},
        {"chain": [{"engine": "gtts", "address": "ftp://127.0.0.1"}]},
        {"chain": [{"engine": "gtts", "address": "https://"}]},
        {"cache_bytes": 5},
        {"idle_s": 0},
    ],
)
def test_wrong_settings_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        VoiceSettings.model_validate(data)


@pytest.mark.parametrize("model", [VoiceSettings, GttsSettings, EspeakSettings])
def test_every_setting_is_described(model: type[VoiceSettings | GttsSettings | EspeakSettings]) -> None:
    missing = [name for name, field in model.model_fields.items() if not field.description and name != "engine"]
    assert missing == []
