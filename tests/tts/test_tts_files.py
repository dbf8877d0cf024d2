"""Where files may be written: over files, through links, never over devices, pipes, folders or what is still needed."""

import os
import wave
from pathlib import Path

import numpy as np
import pytest

from tts.enhance import EnhancementSettings
from tts.enhance.sound_file import enhance_file
from tts.errors import SpeechError
from tts.files import TargetError, draft, durable_copy, durable_replace
from tts.programme.cue import CueSheet
from tts.programme.encode import encode
from tts.reading.dictionary import Dictionary, remember
from tts.recording import clean_recording

SHEET = CueSheet("", "", "", "", 0.0, -16.0, -16.0, None, None, ())


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    time = np.arange(32_000) / 16_000
    samples = 0.2 * np.sin(2 * np.pi * 700 * time) * (time * 4 % 2 > 0.6)
    with wave.open(str(tmp_path / "speech.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return tmp_path / "speech.wav"


def writers(speech: Path) -> dict[str, object]:
    made = speech.with_name("made")
    made.write_text("new")
    block = [np.zeros(48_000, np.float32)]
    return {
        "durable_replace": lambda target: durable_replace(made, target),
        "durable_copy": lambda target: durable_copy(speech, target),
        "enhance_file": lambda target: enhance_file(speech, target, EnhancementSettings()),
        "clean_recording": lambda target: clean_recording(speech, target),
        "cue": SHEET.write,
        "encode": lambda target: encode(target, block, ""),
        "remember": lambda target: remember(target, "NVH", "nhà văn hóa"),
    }


NAMES = ["durable_replace", "durable_copy", "enhance_file", "clean_recording", "cue", "encode", "remember"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["pipe", "folder", "link to a pipe"])
def test_what_is_no_file_is_left_alone(tmp_path: Path, speech: Path, name: str, kind: str) -> None:
    target = tmp_path / "out.wav"
    if kind == "folder":
        target.mkdir()
    else:
        os.mkfifo(target if kind == "pipe" else tmp_path / "pipe")
    if kind == "link to a pipe":
        target.symlink_to("pipe")
    write = writers(speech)[name]
    before = {path.name: path.lstat().st_mode for path in tmp_path.iterdir()}
    with pytest.raises(TargetError) as caught:
        write(target)
    assert (caught.value.code, caught.value.filename) == ("files.no_file", str(target))
    assert {path.name: path.lstat().st_mode for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_link_stays_and_its_file_is_written(tmp_path: Path, speech: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.wav", tmp_path / "out.wav"
    real.write_bytes(b"")
    real.chmod(0o640)
    link.symlink_to("elsewhere/real.wav")
    writers(speech)[name](link)
    assert link.is_symlink()
    assert real.stat().st_size > 0
    assert sorted(path.name for path in real.parent.iterdir()) == ["real.wav"]


@pytest.mark.parametrize("name", ["enhance_file", "clean_recording"])
@pytest.mark.parametrize("spelling", ["same", "dotted", "link", "second name"])
def test_a_recording_is_not_written_over_itself(tmp_path: Path, speech: Path, name: str, spelling: str) -> None:
    target = {"same": speech, "dotted": tmp_path / ".." / tmp_path.name / "speech.wav"}.get(
        spelling, tmp_path / "b.wav"
    )
    if spelling == "link":
        target.symlink_to(speech)
    elif spelling == "second name":
        target.hardlink_to(speech)
    before = speech.read_bytes()
    with pytest.raises(TargetError) as caught:
        writers(speech)[name](target)
    assert caught.value.code == "files.same"
    assert speech.read_bytes() == before


@pytest.mark.parametrize("name", ["durable_copy", "enhance_file", "clean_recording", "cue", "remember"])
def test_a_missing_folder_is_told_by_the_name_that_was_given(tmp_path: Path, speech: Path, name: str) -> None:
    target = tmp_path / "no folder" / "out.wav"
    with pytest.raises(FileNotFoundError) as caught:
        writers(speech)[name](target)
    assert caught.value.filename == str(target)


def test_a_draft_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), draft(target) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_paths_may_be_plain_text(tmp_path: Path, speech: Path) -> None:
    assert clean_recording(str(speech), str(tmp_path / "a.wav")).seconds > 1
    assert enhance_file(str(speech), str(tmp_path / "b.wav"), EnhancementSettings()).rate == 16_000
    remember(str(tmp_path / "xa.yaml"), "NVH", "nhà văn hóa")
    assert len(Dictionary.load(tmp_path / "xa.yaml")) >= 1


def test_a_dictionary_that_is_no_text_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "xa.yaml"
    path.write_bytes(b"# x\xe1\n")
    with pytest.raises(SpeechError) as caught:
        remember(path, "NVH", "nhà văn hóa")
    assert (caught.value.code, caught.value.why) == ("speech.dictionary", "dictionary.utf8")
    assert path.read_bytes() == b"# x\xe1\n"
