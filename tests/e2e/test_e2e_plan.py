"""`edge-agent plan` on a running demo: a recording goes from a file to the loudspeaker, through the real hub."""

import json
import subprocess
import wave
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import cos, hypot, pi, sin
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_e2e_demo import Demo, run_demo, wait_until

NODES = ("thon-dong", "thon-tay", "cho-tay")
HERTZ = 1000
"""Of the recording: no chime and no voice holds this tone alone."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    yield from run_demo(tmp_path_factory.mktemp("plan"), "mosquitto")


def sound(path: Path, hertz: int, seconds: int) -> None:
    source = ["-f", "lavfi", "-i", f"sine=frequency={hertz}:duration={seconds}"]
    subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *source, str(path)], stdin=subprocess.DEVNULL, check=True
    )


def seconds_of_tone(path: Path) -> int:
    """The seconds of a recording that hold the tone and hardly anything else."""
    with wave.open(str(path)) as file:
        rate, samples = file.getframerate(), array("h", file.readframes(file.getnframes()))
    held = 0
    for first in range(0, len(samples) - rate, rate):
        part = samples[first : first + rate // 10]
        angle = 2 * pi * HERTZ / rate
        found = hypot(
            sum(s * cos(i * angle) for i, s in enumerate(part)), sum(s * sin(i * angle) for i, s in enumerate(part))
        )
        power = sum(s * s for s in part)
        held += power > 0 and 2 * found**2 / (power * len(part)) > 0.8
    return held


def seen(demo: Demo, node: str, topic: str) -> dict[str, Any] | None:
    """What the broker holds of a node under this topic."""
    lines = map(json.loads, demo.command("watch", node, "--json", "--for", "1").splitlines())
    return next((line["body"] for line in lines if line["topic"].endswith(topic)), None)


def write(folder: Path, seconds: float) -> Path:
    """In so many seconds: each kind of segment, a file that is no sound, and words that are not clear."""
    at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    parts = [
        {"kind": "chime", "name": "two-tone"},
        {"kind": "text", "text": "Kính thưa bà con.", "bed": {"file": "bed.ogg"}},
        {"kind": "pause", "seconds": 0.5},
        {"kind": "audio", "file": "song.mp3", "clean": False, "title": "Bài hát"},
        {"kind": "relay", "url": "http://127.0.0.1:9/none", "seconds": 5, "stand_in": {"file": "song.mp3"}},
    ]
    common = {"at": at, "class": "priority"}
    bulletins = [
        {"id": "sai", "title": "Sai", **common, "segments": [{"kind": "audio", "file": "plan.yaml"}]},
        {"id": "tat-ca", "title": "Tất cả", **common, "segments": parts},
        {"id": "chua-ro", "title": "Chưa rõ", **common, "text": "Phòng XQZT họp."},
    ]
    file = folder / "plan.yaml"
    file.write_text(yaml.safe_dump({"bulletins": bulletins}, allow_unicode=True), encoding="utf-8")
    return file


@pytest.mark.long
def test_a_recording_goes_from_a_file_to_the_air(demo: Demo, tmp_path: Path) -> None:
    sound(tmp_path / "song.mp3", HERTZ, 5)
    sound(tmp_path / "bed.ogg", 200, 12)
    wait_until(lambda: all((seen(demo, name, "/status") or {}).get("online") for name in NODES), 30)
    told = json.loads(demo.command("plan", "all", str(write(tmp_path, 60)), "--json", "--wait", "50", code=1))
    wrong, good, unclear = told["bulletins"]
    assert [each["code"] for each in wrong["problems"]] == ["plan.no_sound"] and "nodes" not in wrong
    assert good["taken"] and {each["node"] for each in good["nodes"]} == set(NODES)
    assert {each["state"]["actual"] for each in good["nodes"]} == {"ready"}
    assert {each["answer"] for each in unclear["nodes"]} == {"rejected"}
    assert {each["fault"]["code"] for each in unclear["nodes"]} == {"speech.unclear"}
    assert [(Path(each["file"]).name, each["sent"]) for each in told["sounds"]] == [
        ("bed.ogg", True),
        ("song.mp3", True),
    ]

    for name in NODES:
        wait_until(lambda name=name: (seen(demo, name, "/bulletin/tat-ca") or {}).get("actual") == "aired", 120)
        folder = demo.folder / name / "drivers" / "horn"
        assert sum(map(seconds_of_tone, folder.glob("*.wav"))) >= 4, "the recording was heard"


def test_what_the_hub_has_is_not_sent_again(demo: Demo, tmp_path: Path) -> None:
    sound(tmp_path / "song.mp3", 300, 2)
    sound(tmp_path / "bed.ogg", 200, 12)
    for sent in (True, False):
        told = json.loads(
            demo.command("plan", "thon-dong", str(write(tmp_path, 3600)), "--json", "--wait", "40", code=1)
        )
        assert [each["sent"] for each in told["sounds"] if each["file"].endswith("mp3")] == [sent]
    done = demo.command("plan", "thon-dong", str(write(tmp_path, 3600)), code=1)
    assert "trung tâm đã có" in done and "Sẵn sàng, phát lúc" in done
    demo.command("send", "thon-dong", "bulletin.cancel", "bulletin=tat-ca")


def test_a_calendar_of_another_program_goes_on_air(demo: Demo, tmp_path: Path) -> None:
    source, file = tmp_path / "lich.yaml", tmp_path / "lich.ics"
    text = {"text": "Kính thưa bà con.", "at": "2026-11-23T05:30:00+07:00"}
    rules = {"sang": "FREQ=DAILY", "thu-hai": "FREQ=WEEKLY;BYDAY=MO"}
    bulletins = [{"id": name, "title": name, **text, "recurrence": {"rule": rule}} for name, rule in rules.items()]
    source.write_text(yaml.safe_dump(bulletins, allow_unicode=True), encoding="utf-8")
    demo.command("calendar", "export", str(source), str(file))
    assert f"edge-agent plan NÚT {file}" in demo.command("calendar", "import", str(file))
    told = json.loads(demo.command("plan", "thon-tay", str(file), "--json", "--wait", "50", code=0))
    assert told["ok"] and [each["id"] for each in told["bulletins"]] == list(rules)
    assert all(node["state"]["actual"] == "ready" for each in told["bulletins"] for node in each["nodes"])
    told = json.loads(demo.command("calendar", "show", str(demo.folder / "thon-tay.yaml"), "--json"))
    assert {"sang", "thu-hai"} <= {each["id"] for day in told["days"] for each in day["bulletins"]}


def test_a_wrong_token_sends_no_bulletin(demo: Demo, tmp_path: Path) -> None:
    sound(tmp_path / "song.mp3", 400, 2)
    sound(tmp_path / "bed.ogg", 500, 2)
    hub = yaml.safe_load((demo.folder / "hub.yaml").read_text(encoding="utf-8"))
    (tmp_path / "tokens").write_text("wrong")
    hub["upload_tokens"] = {"file": str(tmp_path / "tokens")}
    other = tmp_path / "hub.yaml"
    other.write_text(yaml.safe_dump(hub), encoding="utf-8")
    file = write(tmp_path, 3600)
    told = json.loads(demo.command("plan", "thon-dong", str(file), "--hub", str(other), "--json", code=1))
    good = told["bulletins"][1]
    assert good["fault"]["code"] == "media.refused" and "401" in good["fault"]["vi"] and good["nodes"] == []
