"""`edge-agent voices`, run as people run it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from piper_voice import make_voice
from tts_stand_ins import StandIn

from edge_agent import words
from tts.recording import Recording


def voices(*arguments: object, lang: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", "voices", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"EDGE_LANG": lang, "NO_PROXY": "127.0.0.1"},
    )


@pytest.fixture
def config(tmp_path: Path, google: StandIn) -> Path:
    """A node's YAML: Google's stand-in, a Piper voice that is there, one that is not, and espeak-ng."""
    make_voice(tmp_path)
    path = tmp_path / "node.yaml"
    path.write_text(
        f"""
node:
  commune: "26734"
  name: thon-dong-1
  title: Cụm loa thôn Đông
  position: {{latitude: 20.95, longitude: 106.08}}
broker: {{url: "mqtt://127.0.0.1:1883"}}
command_keys:
  - {{id: hub, public: XNb6lWfecksXXxA5jqGKH0ebOrmx7ryV2vSa5zUaHAk}}
voice:
  chain:
    - {{engine: gtts, address: "{google.address}"}}
    - {{engine: piper, model: {tmp_path}/tieng.onnx}}
    - {{engine: piper, model: {tmp_path}/none.onnx}}
    - {{engine: espeak-ng}}
""",
        encoding="utf-8",
    )
    return path


def test_the_chain_of_a_node_is_listed_as_json(config: Path) -> None:
    ended = voices("--config", config, "--json")
    assert ended.returncode == 0, ended.stderr
    listed = json.loads(ended.stdout)["voices"]
    assert [(voice["engine"], voice["ready"], voice["code"]) for voice in listed] == [
        ("gtts", True, None),
        ("piper", True, None),
        ("piper", False, "engine.no_voice_file"),
        ("espeak-ng", True, None),
    ]
    assert "none.onnx" in listed[2]["detail"]
    assert ".onnx.json" in listed[2]["mend"]
    assert [voice["sends_text"] for voice in listed] == [True, False, False, False]
    assert listed[1]["licence"] == "GPL-3.0-or-later"
    assert all(voice["speed"] is None for voice in listed)


def test_measuring_tells_the_speed_of_each_that_works(config: Path, google: StandIn) -> None:
    ended = voices("--config", config, "--json", "--measure")
    listed = json.loads(ended.stdout)["voices"]
    assert [voice["speed"] is not None for voice in listed] == [True, True, False, True]
    for voice in listed:
        if voice["speed"]:
            speed = voice["speed"]
            assert speed["audio_s"] > 2
            assert speed["real_time_factor"] == pytest.approx(speed["again_s"] / speed["audio_s"], rel=0.05, abs=0.001)
    assert len(google.texts) == 2


@pytest.mark.parametrize(("lang", "ready", "mend"), [("vi", "sẵn sàng", "Cách sửa"), ("en", "ready", "To mend")])
def test_people_read_what_is_missing_and_how_to_mend_it(config: Path, lang: str, ready: str, mend: str) -> None:
    ended = voices("--config", config, "--measure", lang=lang)
    assert ended.returncode == 0, ended.stderr
    assert f"4. espeak-ng (vi): {ready}" in ended.stdout
    assert ended.stdout.count(ready) == 3
    assert ended.stdout.count(mend) == 1
    assert ("Thiếu tệp giọng." if lang == "vi" else "The voice file is missing.") in ended.stdout
    assert "voices." not in ended.stdout  # every key has words


def test_a_voice_file_can_be_looked_at_without_a_configuration(tmp_path: Path) -> None:
    ended = voices("--voice-file", make_voice(tmp_path, name="thu"), "--json")
    last = json.loads(ended.stdout)["voices"][-1]
    assert (last["engine"], last["voice"], last["ready"]) == ("piper", "thu", True)


def test_no_working_voice_is_an_error(config: Path) -> None:
    lines = config.read_text().splitlines()
    config.write_text(
        "\n".join(line for line in lines if "gtts" not in line and "tieng" not in line).replace(
            "engine: espeak-ng", "engine: espeak-ng, program: /nowhere/espeak-ng"
        )
    )
    ended = voices("--config", config)
    assert ended.returncode == 1
    assert "engine.missing" in ended.stdout
    assert "sudo apt install espeak-ng" in ended.stdout


def test_every_code_of_an_engine_has_a_mend_and_every_warning_has_words() -> None:
    codes = ["offline", "timeout", "refused", "untrusted", "bad_audio", "missing", "no_voice_file", "bad_voice_file"]
    for language in ("vi", "en"):
        known = words.catalogue(language)
        assert {f"voices.why.engine.{code}" for code in [*codes, "bad_phrases", "failed"]} <= set(known)
        assert {f"voices.mend.engine.{code}" for code in [*codes, "bad_phrases", "failed"]} <= set(known)
        assert {f"recording.{name}" for name in ("clipped", "noisy", "quiet", "narrow", "cut")} <= set(known)
    for code in ("clipped", "noisy", "quiet", "narrow", "cut"):
        assert f"recording.{code}" in (Recording.__doc__ or "")
