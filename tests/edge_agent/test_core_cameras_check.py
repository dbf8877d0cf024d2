"""Mistakes in a camera's configuration: each found, at its place, with a sentence that tells the mend."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from edge_agent import words
from edge_agent.cli.check import command
from edge_agent.config.load import Loaded, load
from edge_agent.config.video_room import span
from edge_agent.doctor.video import room_for_video

SQUARE = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]
WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]
LEFT, RIGHT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]
BOW_TIE = [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]
LABELS = {"model": "/no/such/model.onnx", "labels": ["person", "car"]}


@pytest.fixture
def written(tmp_path: Path) -> Any:
    def write(*cameras: dict[str, Any], **sections: Any) -> Path:
        whole = [
            {"id": f"c{place}", "name": "C", "url": f"rtsp://10.0.0.{place + 20}/1", **camera}
            for place, camera in enumerate(cameras)
        ]
        data = {
            "node": {"commune": "26734", "name": "nut", "title": "Nút", "position": {"latitude": 21, "longitude": 105}},
            "broker": {"url": "mqtt://127.0.0.1:1883"},
            "command_keys": [{"id": "hub-1", "public": "A" * 43}],
            "cameras": whole,
            **sections,
        }
        path = tmp_path / "node.yaml"
        path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
        return path

    return write


def told(loaded: Loaded) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in loaded.problems]


def noted(loaded: Loaded) -> list[tuple[str, str]]:
    return [(note.path, note.code) for note in loaded.notes]


@pytest.mark.parametrize(
    ("camera", "path", "code", "words_in"),
    [
        ({"retention": {"days": 0}}, "retention.days", "config.more_than", "“days” phải lớn hơn 0."),
        ({"timeout_s": 0.2}, "timeout_s", "config.too_small", "ít nhất 0,5"),
        ({"motion": {"masks": [SQUARE[:2]]}}, "motion.masks[0]", "config.polygon_few", "có 2 góc; cần ít nhất 3"),
        (
            {"motion": {"masks": [[0.5, 0.5]]}},
            "motion.masks[0]",
            "config.polygon_bare",
            "danh sách các góc",
        ),
        ({"motion": {"masks": [[]]}}, "motion.masks[0]", "config.polygon_few", "có 0 góc"),
        (
            {"motion": {"masks": [[[0, 0], [640, 0], [640, 360]]]}},
            "motion.masks[0]",
            "config.polygon_outside",
            "Góc thứ 2 [640, 0]",
        ),
        (
            {"motion": {"zones": [{"id": "z", "points": BOW_TIE}]}},
            "motion.zones[0].points",
            "config.polygon_crosses",
            "Cạnh 1–2 và cạnh 3–4",
        ),
        (
            {"motion": {"masks": [[[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]]}},
            "motion.masks[0]",
            "config.polygon_flat",
            "“masks[0]” không bao lấy",
        ),
        ({"motion": {"sensitivity": "hight"}}, "motion.sensitivity", "config.choice", "một trong: low, normal, high."),
        ({"motion": {"masks": [WHOLE]}}, "motion.masks", "config.mask_all", "che hết hình"),
        ({"motion": {"masks": [LEFT, RIGHT]}}, "motion.masks", "config.mask_all", "che hết hình"),
        (
            {"motion": {"masks": [SQUARE], "zones": [{"id": "cong", "points": SQUARE}]}},
            "motion.zones[0]",
            "config.mask_zone",
            "vùng “cong”",
        ),
        ({"keep": "events"}, "keep", "config.keep_no_motion", "keep: all"),
        ({"motion": {"stream": "sub"}}, "motion.stream", "config.no_sub_url", "sub_url"),
        (
            {"motion": {"detector": {**LABELS, "wanted": ["persn"]}}},
            "motion.detector.wanted[0]",
            "config.no_label",
            "“person”?",
        ),
        ({"url": "rtsp://10.0.0.9:99999/1"}, "url", "config.camera_port", "từ 1 đến 65535"),
        ({"url": "rtsp://10.0.0.9:0/1"}, "url", "config.camera_port", "554"),
        ({"url": "rtsp:///1"}, "url", "config.camera_host", "thiếu địa chỉ"),
        ({"password": {"file": "/x"}}, "password", "config.camera_no_user", "username"),
        ({"username": "a:b"}, "username", "config.camera_user", "hai chấm"),
    ],
)
def test_mistake_is_told_at_its_place_with_the_mend(
    written: Any, camera: dict[str, Any], path: str, code: str, words_in: str
) -> None:
    loaded = load(written(camera))
    assert told(loaded) == [(f"cameras[0].{path}", code)]
    assert words_in in loaded.problems[0].text()
    assert loaded.config is None
    words.speak("en")
    try:
        english = loaded.problems[0].text()
    finally:
        words.speak("vi")
    assert "{" not in english and english != loaded.problems[0].text()


@pytest.mark.parametrize(
    ("camera", "path", "code"),
    [
        ({"motion": {}, "retention": {"event_days": 3}}, "retention.event_days", "config.event_days"),
        ({"motion": {}, "retention": {"days": 60}}, "retention.days", "config.event_days"),
        ({"motion": {"detector": LABELS}}, "motion.detector.model", "config.no_model"),
        ({"sub_url": "rtsp://10.0.0.20/1"}, "sub_url", "config.same_stream"),
    ],
)
def test_what_may_be_meant_is_a_note(written: Any, camera: dict[str, Any], path: str, code: str) -> None:
    loaded = load(written(camera))
    assert loaded.config is not None and not loaded.problems
    assert noted(loaded) == [(f"cameras[0].{path}", code)]


def test_two_cameras_with_one_address_are_noted_and_shown(written: Any) -> None:
    file = written({}, {"url": "rtsp://10.0.0.20/1"})
    assert noted(load(file)) == [("cameras[1].url", "config.same_camera")]
    shown = CliRunner().invoke(command, [str(file)])
    assert shown.exit_code == 0 and "Lưu ý: Địa chỉ này đã dùng ở cameras[0]" in shown.output
    as_json = json.loads(CliRunner().invoke(command, [str(file), "--json"]).stdout)
    assert as_json["ok"] and [note["code"] for note in as_json["notes"]] == ["config.same_camera"]


@pytest.mark.parametrize(
    "motion",
    [
        {"masks": [LEFT], "zones": [{"id": "phai", "points": RIGHT}]},
        {"masks": [SQUARE]},
        {"zones": [{"id": "l", "points": [[0, 0], [1, 0], [1, 1], [0.5, 0.2], [0, 1]]}]},  # a corner that bends inwards
        {"masks": [LEFT[::-1]]},
        {"detector": {**LABELS, "model": __file__, "wanted": ["car"]}},
    ],
)
def test_what_is_right_passes_without_a_word(written: Any, motion: dict[str, Any]) -> None:
    loaded = load(written({"motion": motion, "keep": "events", "retention": {"days": 3, "event_days": 3}}))
    assert (told(loaded), noted(loaded)) == ([], [])


@pytest.mark.parametrize("mask", ["x", [1, 2, 3], [[0, 0], [1], [1, 1]], [[0, "a"], [1, 0], [1, 1]], [None] * 3, {}])
def test_a_polygon_of_anything_is_refused_in_words(written: Any, mask: Any) -> None:
    loaded = load(written({"motion": {"masks": [mask], "zones": [{"id": "z", "points": mask}]}}))
    assert loaded.problems and all("{" not in problem.text() for problem in loaded.problems)


def test_bytes_that_end_long_before_the_days_are_noted(written: Any) -> None:
    two = {"retention": {"days": 14, "bytes": 2_000_000_000}}, {"retention": {"days": 3}}
    loaded = load(written(*two, {"record": False}, video={"disk": {"bytes": 100_000_000_000}}))
    assert noted(loaded) == [
        ("cameras[0].retention.bytes", "config.video_short"),
        ("video.disk.bytes", "config.video_short"),
    ]
    assert "2 GB chỉ đủ chừng 2 giờ phim của 1 camera ở 2 Mbit/s, ít hơn days: 14." in loaded.notes[0].text()
    assert "100 GB chỉ đủ chừng 2 ngày phim của 2 camera" in loaded.notes[1].text()
    assert noted(load(written({"retention": {"days": 3, "bytes": 80_000_000_000}}, {}))) == []


@pytest.mark.parametrize(
    ("days", "told_"), [(0.01, "0,2 giờ"), (0.1, "2 giờ"), (1.99, "48 giờ"), (2.4, "2 ngày"), (13.6, "14 ngày")]
)
def test_length_is_told_in_hours_below_two_days(days: float, told_: str) -> None:
    assert span(days) == told_


def test_doctor_says_how_long_the_disk_lasts(written: Any, tmp_path: Path) -> None:
    """The real disk under a folder that does not exist yet; limits far below and far above what it holds."""
    video = {"path": str(tmp_path / "not" / "yet"), "disk": {"bytes": 20_000_000, "free_bytes": 0}}
    config = load(written({"retention": {"days": 1}}, {}, {"record": False}, video=video)).config
    assert config is not None
    enough, sentence = room_for_video(config)
    assert not enough and "2 camera" in sentence.vi and "days: 1" in sentence.vi
    config = load(written({"retention": {"days": 0.0001}}, video=video)).config
    assert config is not None
    enough, sentence = room_for_video(config)
    assert enough and sentence.vi.startswith("còn chỗ cho chừng 0 giờ phim của 1 camera")
    assert not (tmp_path / "not").exists()
