"""Say what moved, by a model in an ONNX file, through OpenCV. Off unless a camera's settings name one.

The model takes one picture of N x 3 x `size` x `size` (RGB, 0 to 1, the picture fitted in and grey beside it) and
answers in one of these shapes, told apart by their dimensions and the number C of labels:

- SSD: [1, 1, n, 7] or [n, 7]: picture, class, score, left, top, right, bottom; fractions of the square.
- YOLO: [1, n, 5 + C]: middle x, middle y, width, height in pixels of the square, whether there is anything, scores.
- YOLO since version 8: [1, 4 + C, n] (or turned), the same without the fifth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from camera.model import CameraFault
from camera.settings import Detector as Settings

Box = tuple[float, float, float, float]
_GREY = 114
_OVERLAP = 0.45
"""Boxes that share more are one body."""
_MOST = 100


@dataclass(frozen=True, slots=True)
class Detection:
    """Something recognised: `box` is left, top, right, bottom, fractions of the picture."""

    label: str
    score: float
    box: Box


class Detector(Protocol):
    """What recognises things in a picture."""

    def detect(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """Return what is in `picture` (height x width x 3, RGB), best first. Raises `CameraFault`."""


class OnnxDetector:
    """A model from a file. Raises `CameraFault` (camera.bad_detector) when it cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        if not settings.model.is_file():
            raise _fault(settings, "the file is not there")
        try:
            self._net = cv2.dnn.readNetFromONNX(str(settings.model))
        except (cv2.error, MemoryError) as error:
            raise _fault(settings, "OpenCV cannot read it") from error

    def detect(self, picture: NDArray[np.uint8]) -> list[Detection]:
        size = self._settings.size
        square, scale = _fitted(picture, size)
        try:
            self._net.setInput(cv2.dnn.blobFromImage(square, 1 / 255))
            outputs = self._net.forward(self._net.getUnconnectedOutLayersNames())
        except (cv2.error, MemoryError) as error:
            raise _fault(self._settings, "OpenCV cannot run it") from error
        rows = _rows(np.asarray(outputs[0], np.float32), len(self._settings.labels), size)
        if rows is None:
            raise _fault(self._settings, f"its answer has the shape {list(outputs[0].shape)}, see the guide")
        height, width = picture.shape[:2]
        return self._detections(rows, np.array([width * scale, height * scale] * 2, np.float32) / size)

    def _detections(self, rows: tuple[Any, Any, Any], picture: NDArray[Any]) -> list[Detection]:
        """Drop what is weak, unwanted or said twice; `picture` is the picture's part of the square."""
        settings = self._settings
        kinds, scores, boxes = rows
        found = []
        for kind, score, box in zip(kinds, scores, boxes / picture, strict=True):
            if not score >= settings.least or not 0 <= kind < len(settings.labels) or not np.isfinite(box).all():
                continue
            label = settings.labels[int(kind)]
            if settings.wanted and label not in settings.wanted:
                continue
            left, top, right, bottom = (float(side) for side in np.clip(box, 0, 1))
            if right > left and bottom > top:
                found.append(Detection(label, min(1.0, float(score)), (left, top, right, bottom)))
        return _once(sorted(found, key=lambda one: -one.score)[:_MOST])


def overlap(one: Box, other: Box) -> float:
    """Return the shared part of two boxes, 0 to 1."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / (_size(one) + _size(other) - shared)


def _size(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _once(found: list[Detection]) -> list[Detection]:
    kept: list[Detection] = []
    for one in found:
        if all(one.label != other.label or overlap(one.box, other.box) < _OVERLAP for other in kept):
            kept.append(one)
    return kept


def _fitted(picture: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], float]:
    """Fit the picture into the upper left of a grey square; return it and the scale."""
    height, width = picture.shape[:2]
    scale = size / max(height, width)
    square = np.full((size, size, 3), _GREY, np.uint8)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    square[:high, :wide] = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA)
    return square, scale


def _rows(answer: NDArray[Any], labels: int, size: int) -> tuple[Any, Any, Any] | None:
    """Return class, score and box (fractions of the square) of every line; None when the shape is unknown."""
    if answer.ndim < 2 or answer.size != answer.shape[-2] * answer.shape[-1]:
        return None
    table: NDArray[Any] = answer.reshape(answer.shape[-2:])
    if answer.ndim != 3 and table.shape[1] == 7:
        return table[:, 1], table[:, 2], table[:, 3:7]
    if table.shape[0] in {4 + labels, 5 + labels} and table.shape[1] not in {4 + labels, 5 + labels}:
        table = table.T
    columns = table.shape[1]
    if columns == 5 + labels:
        scores = table[:, 5:] * table[:, 4:5]
    elif columns == 4 + labels:
        scores = table[:, 4:]
    else:
        return None
    middle, half = table[:, :2] / size, table[:, 2:4] / (2 * size)
    return scores.argmax(axis=1), scores.max(axis=1), np.hstack([middle - half, middle + half])


def _fault(settings: Settings, why: str) -> CameraFault:
    return CameraFault("camera.bad_detector", f"{settings.model}: {why}", retry=False)
