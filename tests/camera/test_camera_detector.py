"""The detector: tiny made models of each documented shape, and models that cannot be used."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from camera.eye.detector import OnnxDetector, overlap
from camera.model import CameraFault
from camera.settings import Detector

SIZE = 32
LABELS = ("person", "dog", "lorry")


def model(path: Path, rows: np.ndarray, shape: list[int]) -> Path:
    """Write a model whose answer is `rows` times the brightness (0 to 1) of the picture's upper left pixel in red."""
    nodes = [
        helper.make_node("Slice", ["picture", "starts", "ends"], ["corner"]),
        helper.make_node("Reshape", ["corner", "one"], ["bright"]),
        helper.make_node("Mul", ["rows", "bright"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "shape"], ["answer"]),
    ]
    constants = {
        "starts": np.zeros(4, np.int64),
        "ends": np.ones(4, np.int64),
        "one": np.array([1], np.int64),
        "rows": rows.astype(np.float32).reshape(-1),
        "shape": np.array(shape, np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, str(path))
    return path


def white() -> np.ndarray:
    return np.full((90, 160, 3), 255, np.uint8)


def detector(path: Path, **changes: object) -> OnnxDetector:
    return OnnxDetector(Detector(model=path, labels=LABELS, size=SIZE, **changes))


SSD = np.array(
    [[0, 0, 0.9, 0.25, 0.1, 0.5, 0.4], [0, 2, 0.7, 0.6, 0.1, 0.9, 0.5], [0, 1, 0.2, 0, 0, 1, 0.5]], np.float32
)


def test_ssd_rows_name_a_place_in_the_picture_not_in_the_square(tmp_path):
    found = detector(model(tmp_path / "a.onnx", SSD, [1, 1, 3, 7])).detect(white())
    assert [(one.label, round(one.score, 3)) for one in found] == [("person", 0.9), ("lorry", 0.7)]
    # The picture is 16:9 and takes the upper 9/16 of the square: heights count 16/9 of what the model says.
    assert found[0].box == pytest.approx((0.25, 0.1 * 16 / 9, 0.5, 0.4 * 16 / 9), abs=1e-4)


def test_the_picture_reaches_the_model_as_red_green_blue_from_0_to_1(tmp_path):
    eyes = detector(model(tmp_path / "a.onnx", SSD, [1, 1, 3, 7]), least=0.1)
    blue = np.zeros((90, 160, 3), np.uint8)
    blue[..., 2] = 255
    assert eyes.detect(blue) == []
    half = np.zeros((90, 160, 3), np.uint8)
    half[..., 0] = 128
    assert {round(one.score, 1) for one in eyes.detect(half)} >= {0.5}


def test_only_what_is_wanted(tmp_path):
    found = detector(model(tmp_path / "a.onnx", SSD, [1, 1, 3, 7]), wanted=("lorry",)).detect(white())
    assert [one.label for one in found] == ["lorry"]


def test_yolo_of_both_kinds_and_bodies_said_twice(tmp_path):
    rows = np.array(
        [
            [8, 6, 8, 6, 0.95, 0.9, 0.1, 0.0],
            [8.2, 6, 8, 6, 0.9, 0.8, 0.1, 0.0],
            [24, 9, 4, 4, 0.9, 0.0, 0.0, 0.9],
            [4, 4, 4, 4, 0.1, 0.9, 0.0, 0.0],
            [1, 1, 1, 1, 0.0, 0.0, 0.0, 0.0],
        ]
    )
    old = detector(model(tmp_path / "old.onnx", rows, [1, 5, 8])).detect(white())
    assert [(one.label, one.score) for one in old] == [
        ("person", pytest.approx(0.855)),
        ("lorry", pytest.approx(0.81)),
    ]
    assert old[0].box == pytest.approx((4 / 32, 3 / 18, 12 / 32, 9 / 18), abs=1e-4)
    joined = np.hstack([rows[:, :4], rows[:, 5:] * rows[:, 4:5]]).T
    new = detector(model(tmp_path / "new.onnx", joined, [1, 7, 5])).detect(white())
    assert [(one.label, one.box) for one in new] == [(one.label, pytest.approx(one.box, abs=1e-4)) for one in old]


def test_a_model_that_is_missing_broken_or_strange_says_so(tmp_path):
    def fault(path: Path) -> CameraFault:
        with pytest.raises(CameraFault) as caught:
            detector(path).detect(white())
        assert caught.value.code == "camera.bad_detector"
        assert path.name in caught.value.detail
        return caught.value

    assert "not there" in fault(tmp_path / "missing.onnx").detail
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"this is no model" * 50)
    assert "cannot read" in fault(broken).detail
    assert "shape [1, 4, 6]" in fault(model(tmp_path / "odd.onnx", np.ones((4, 6)), [1, 4, 6])).detail


def test_numbers_that_are_none_are_left_out(tmp_path):
    rows = np.array([[0, 0, np.nan, 0, 0, 1, 1], [0, 0, 0.9, np.inf, 0, 1, 1], [0, 99, 0.9, 0, 0, 1, 1]], np.float32)
    assert detector(model(tmp_path / "a.onnx", rows, [1, 1, 3, 7])).detect(white()) == []


def test_overlap():
    assert overlap((0, 0, 1, 1), (0, 0, 1, 1)) == 1
    assert overlap((0, 0, 0.5, 1), (0.5, 0, 1, 1)) == 0
    assert overlap((0, 0, 0.5, 1), (0, 0, 1, 1)) == pytest.approx(0.5)
