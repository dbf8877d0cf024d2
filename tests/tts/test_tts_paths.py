from pathlib import Path

from tts.model import VoiceSettings

SETTINGS = {
    "chain": [
        {"engine": "recording", "folder": "phrases"},
        {"engine": "piper", "model": "voices/vi.onnx"},
        {"engine": "gtts", "ca_file": "/etc/ca.pem"},
    ],
    "reading": {"dictionaries": ["words.yaml"]},
    "enhancement": {"horn": "horn.yaml"},
}


def test_paths_begin_at_the_folder_of_the_file_that_names_them() -> None:
    voice = VoiceSettings.model_validate(SETTINGS, context={"folder": Path("/srv/node")})
    recording, piper, gtts = voice.chain
    assert recording.folder == Path("/srv/node/phrases")  # type: ignore[union-attr]
    assert (piper.model, piper.config) == (Path("/srv/node/voices/vi.onnx"), None)  # type: ignore[union-attr]
    assert gtts.ca_file == Path("/etc/ca.pem")  # type: ignore[union-attr]
    assert voice.reading.dictionaries == (Path("/srv/node/words.yaml"),)
    assert voice.enhancement.horn == "/srv/node/horn.yaml"


def test_without_such_a_file_they_are_left_alone() -> None:
    voice = VoiceSettings.model_validate(SETTINGS)
    assert voice.reading.dictionaries == (Path("words.yaml"),)
    assert VoiceSettings().enhancement.horn == "generic-30w"
