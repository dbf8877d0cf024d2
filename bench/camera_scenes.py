"""Made scenes for the camera's eye: a street with people, vehicles, rain and lights, drawn at any instant from a seed.

A `Scene` draws the luma plane at the instant asked for, so an hour of key frames costs seconds. What moves in it is
listed in `passages`, so that what was found can be compared. Nothing is taken from a real camera: these scenes test
that the detector tells a moving body from a change of light, not how good a lens is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Floats = NDArray[np.float32]
Weather = Literal["dry", "rain", "snow"]


@dataclass(frozen=True)
class Passage:
    """A body that is in the picture from `begin` to `end` (seconds)."""

    begin: float
    end: float
    kind: Literal["person", "vehicle"]
    distance: float
    """0 near, 1 far."""
    rightward: bool
    shade: float
    """Its brightness against what is behind: 0.2 dark to 1.9 bright."""
    stops: bool = False
    """Stands still in the middle third of its time."""

    def tall(self, height: int) -> float:
        """Return how high the body is in a picture so high."""
        return height * (0.45 * (1 - self.distance) + 0.13 * self.distance)


@dataclass(frozen=True)
class Weathering:
    """What else goes on: everything that must NOT be taken for motion."""

    night: bool = False
    weather: Weather = "dry"
    noise: float = 2.5
    """Standard deviation of the sensor's noise, in grey levels."""
    switches: tuple[float, ...] = ()
    """Instants at which a lamp goes on or off."""
    clouds: bool = True
    lightning: tuple[float, ...] = ()
    headlights: tuple[float, ...] = ()
    """Instants at which the light of a car out of sight sweeps through for three seconds."""
    insects: float = 0
    """Chance of one before the lens in a picture, at night: the light beside the lens draws and shows them."""
    tree: bool = True
    infrared_at: float | None = None
    """When the camera changes from day to infrared."""


@dataclass
class Scene:
    """A street of one seed. `draw(at)` returns the luma plane at `at` seconds."""

    seed: int
    width: int = 640
    height: int = 360
    passages: list[Passage] = field(default_factory=list)
    going_on: Weathering = Weathering()

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self._street = _street(rng, self.width, self.height)
        self._lamps = [_lamp(rng, self.width, self.height) for _ in range(3)]
        self._tree = (int(rng.integers(0, self.width * 3 // 4)), int(self.width * 0.14), int(self.height * 0.3))
        self._phases = rng.uniform(0, 2 * math.pi, 6)

    def draw(self, at: float) -> Plane:
        on = self.going_on
        rng = np.random.default_rng((self.seed, int(at * 1000)))
        picture = self._lit(at, [one for one in self.passages if one.begin <= at <= one.end])
        self._fall(picture, at, rng)
        if on.insects and self.dark(at) and rng.random() < on.insects:
            _insect(picture, rng)
        picture += rng.standard_normal(picture.shape, dtype=np.float32) * on.noise
        plane = np.clip(picture, 0, 255).astype(np.uint8)
        _clock(plane, at)
        return plane

    def shows(self, passage: Passage, at: float) -> tuple[float, float]:
        """Return by how many grey levels a body differs from what is behind it, and how large it is (pixels).

        The mean over its outline of the absolute difference, in the light of `at`, without noise and weather.
        """
        bare, there = self._street.copy(), self._street.copy()
        self._body(there, passage, at)
        outline = np.abs(there - bare) > 0.5
        if not outline.any():
            return 0.0, 0.0
        without, with_it = (np.clip(self._lit(at, bodies), 0, 255) for bodies in ([], [passage]))
        return float(np.abs(with_it - without)[outline].mean()), float(np.count_nonzero(outline))

    def _lit(self, at: float, bodies: list[Passage]) -> Floats:
        on = self.going_on
        picture = self._street.copy()
        if on.tree:
            self._sway(picture, at)
        for body in bodies:
            self._body(picture, body, at)
        picture *= self._light(at)
        if on.infrared_at is not None and at >= on.infrared_at:
            picture = 20 + 0.55 * picture * _vignette(self.width, self.height)
        return picture

    def dark(self, at: float) -> bool:
        """Tell whether it is night at `at`: by lamps, or by infrared."""
        infrared = self.going_on.infrared_at
        return self.going_on.night or (infrared is not None and at >= infrared)

    def _light(self, at: float) -> Floats | float:
        on = self.going_on
        gain: Floats | float = 0.22 if on.night else 1.0
        if on.clouds and not on.night:
            gain *= 0.85 + 0.15 * math.sin(at / 47 + self._phases[0]) * math.sin(at / 13 + self._phases[1])
        if any(flash <= at < flash + 0.4 for flash in on.lightning):
            gain *= 2.2
        for number, lamp in enumerate(self._lamps):
            if sum(1 for switch in on.switches[number::3] if switch <= at) % 2:
                gain = gain + lamp * (0.7 if on.night else 0.35)
        for sweep in on.headlights:
            if sweep <= at <= sweep + 3:
                gain = gain + _beam(self.width, self.height, (at - sweep) / 3) * (0.8 if on.night else 0.2)
        return gain

    def _sway(self, picture: Floats, at: float) -> None:
        x, wide, high = self._tree
        shift = 2.5 * math.sin(at * 1.1 + self._phases[2]) + 1.5 * math.sin(at * 2.7 + self._phases[3])
        part = picture[:high, x : x + wide]
        moved = cv2.warpAffine(
            part, np.float32([[1, 0, shift], [0, 1, 0]]), (wide, high), borderMode=cv2.BORDER_REFLECT
        )
        part[:] = moved

    def _body(self, picture: Floats, passage: Passage, at: float) -> None:
        part = (at - passage.begin) / (passage.end - passage.begin)
        if passage.stops:
            part = part * 1.5 if part < 1 / 3 else 0.5 if part < 2 / 3 else 0.5 + (part - 2 / 3) * 1.5
        tall = passage.tall(self.height)
        ground = self.height * (0.95 * (1 - passage.distance) + 0.52 * passage.distance)
        wide = tall * (2.2 if passage.kind == "vehicle" else 0.36)
        middle = (part if passage.rightward else 1 - part) * self.width
        if passage.kind == "vehicle":
            _vehicle(picture, middle, ground, wide, tall * 0.8, passage.shade)
        else:
            _person(picture, middle, ground, tall, (passage.shade, at))

    def _fall(self, picture: Floats, at: float, rng: np.random.Generator) -> None:
        on = self.going_on
        if on.weather == "dry":
            return
        heavy = 0.5 + 0.5 * math.sin(at / 300 + self._phases[4])
        layer = np.zeros(picture.shape, np.float32)
        bright = 70.0 if on.night else 35.0
        slant = 0.15 + 0.1 * math.sin(at / 60)
        for _ in range(int(30 + 220 * heavy)):
            x, y = rng.uniform(0, self.width), rng.uniform(0, self.height)
            near = rng.random() ** 3
            strong = bright * (0.4 + rng.random())
            if on.weather == "rain":
                long = 8 + 30 * near
                end = (int(x + slant * long), int(y + long))
                cv2.line(layer, (int(x), int(y)), end, strong, 1 + int(near * 2), cv2.LINE_AA)
            else:
                cv2.circle(layer, (int(x), int(y)), 1 + int(3 * near), strong, -1, cv2.LINE_AA)
        picture += layer


def _street(rng: np.random.Generator, width: int, height: int) -> Floats:
    """Draw what stands still: sky, houses with windows, a road, all with a fine texture."""
    canvas = np.full((height, width), 190, np.float32)
    horizon = int(height * 0.35)
    canvas[horizon:] = rng.uniform(95, 135)
    cv2.rectangle(canvas, (0, int(height * 0.5)), (width, height), float(rng.uniform(80, 120)), -1)
    x = 0
    while x < width:
        wide, top = int(rng.integers(width // 9, width // 4)), int(rng.integers(height // 10, horizon))
        cv2.rectangle(canvas, (x, top), (x + wide, int(height * 0.5)), float(rng.uniform(70, 180)), -1)
        for _ in range(int(rng.integers(1, 5))):
            left, up = x + int(rng.integers(4, wide)), top + int(rng.integers(4, height // 5))
            cv2.rectangle(canvas, (left, up), (left + width // 30, up + height // 18), float(rng.uniform(30, 90)), -1)
        x += wide + int(rng.integers(0, width // 12))
    for _ in range(6):
        x, y = int(rng.integers(0, width)), int(rng.integers(height * 6 // 10, height))
        cv2.line(canvas, (x, y), (x + int(rng.integers(20, 120)), y + int(rng.integers(0, 10))), 180.0, 2, cv2.LINE_AA)
    rough = cv2.resize(rng.standard_normal((height // 3, width // 3)).astype(np.float32), (width, height))
    fine = rng.standard_normal((height, width)).astype(np.float32)
    return cv2.GaussianBlur(canvas + rough * 9 + fine * 6, (0, 0), 0.8)


def _lamp(rng: np.random.Generator, width: int, height: int) -> Floats:
    """Return the light of a lamp: a cone with a soft edge, and a post's shadow with a hard one."""
    middle = (rng.uniform(0.1, 0.9) * width, rng.uniform(0.3, 0.8) * height)
    wide = rng.uniform(0.15, 0.6) * width
    y, x = np.mgrid[:height, :width].astype(np.float32)
    light = 1 / (1 + (((x - middle[0]) ** 2 + 2 * (y - middle[1]) ** 2) / wide**2) ** 2)
    shadow = int(middle[0] + wide * 0.3)
    light[int(middle[1]) :, shadow : shadow + max(3, width // 60)] *= 0.4
    return light.astype(np.float32)


def _beam(width: int, height: int, part: float) -> Floats:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    middle = (part * 1.4 - 0.2) * width
    across = np.exp(-(((x - middle) / (0.16 * width)) ** 2))
    return across * np.exp(-(((y - height * 0.6) / (0.25 * height)) ** 2))


def _vignette(width: int, height: int) -> Floats:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.exp(-(((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) * 2.5)).astype(np.float32)


def _insect(picture: Floats, rng: np.random.Generator) -> None:
    height, width = picture.shape
    layer = np.zeros_like(picture)
    x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
    end = (x + int(rng.integers(-90, 90)), y + int(rng.integers(-60, 60)))
    cv2.line(layer, (x, y), end, 120.0, int(rng.integers(8, 26)), cv2.LINE_AA)
    picture += cv2.GaussianBlur(layer, (0, 0), 7)


def _person(picture: Floats, x: float, ground: float, tall: float, look: tuple[float, float]) -> None:
    shade, at = look
    swing, thick = math.sin(at * 6), max(1, int(tall / 9))
    trousers, shirt, skin = 60 * shade, 125 * shade, 150.0
    hip, neck = ground - tall * 0.47, ground - tall * 0.82
    step = tall * 0.16 * swing
    for foot in (step, -step):
        cv2.line(picture, (int(x), int(hip)), (int(x + foot), int(ground)), trousers, thick, cv2.LINE_AA)
    axes = (max(1, int(tall * 0.12)), max(2, int((hip - neck) / 2)))
    cv2.ellipse(picture, (int(x), int((hip + neck) / 2)), axes, 0, 0, 360, shirt, -1, cv2.LINE_AA)
    cv2.line(picture, (int(x), int(neck)), (int(x - step), int(hip)), shirt * 0.7, max(1, thick // 2), cv2.LINE_AA)
    cv2.circle(picture, (int(x), int(neck - tall * 0.09)), max(1, int(tall * 0.09)), skin, -1, cv2.LINE_AA)


def _vehicle(picture: Floats, x: float, ground: float, wide: float, high: float, shade: float) -> None:
    left, top = int(x - wide / 2), int(ground - high)
    body = 115 * shade
    cv2.rectangle(picture, (left, int(ground - high * 0.6)), (int(x + wide / 2), int(ground - high * 0.12)), body, -1)
    cv2.rectangle(
        picture, (int(x - wide * 0.28), top), (int(x + wide * 0.25), int(ground - high * 0.6)), body * 0.9, -1
    )
    cv2.rectangle(
        picture,
        (int(x - wide * 0.22), top + int(high * 0.08)),
        (int(x + wide * 0.2), int(ground - high * 0.62)),
        45.0,
        -1,
    )
    for wheel in (-0.3, 0.3):
        cv2.circle(
            picture, (int(x + wide * wheel), int(ground - high * 0.12)), max(2, int(high * 0.14)), 25.0, -1, cv2.LINE_AA
        )


def _clock(plane: Plane, at: float) -> None:
    text = f"{8 + int(at) // 3600:02d}:{int(at) // 60 % 60:02d}:{int(at) % 60:02d}"
    scale = plane.shape[1] / 640
    cv2.putText(plane, text, (8, int(20 * scale) + 2), cv2.FONT_HERSHEY_SIMPLEX, 0.5 * scale, 255, max(1, round(scale)))


def crossings(seed: int, seconds: float, *, shortest: float = 4, gap: float = 22, stops: bool = True) -> list[Passage]:
    """Return bodies that cross one after the other, each `shortest` seconds or longer, `gap` apart or more."""
    rng = np.random.default_rng((seed, 7))
    found: list[Passage] = []
    at = 60.0
    while True:
        kind: Any = "vehicle" if rng.random() < 0.25 else "person"
        distance = float(rng.uniform(0, 1))
        lasts = shortest + float(rng.exponential(3)) * (0.5 if kind == "vehicle" else 1)
        if at + lasts + 5 > seconds:
            return found
        shade = float(rng.choice([rng.uniform(0.2, 0.55), rng.uniform(1.45, 1.9)]))
        stands = stops and kind == "person" and rng.random() < 0.2
        lasts *= 3 if stands else 1
        found.append(Passage(at, at + lasts, kind, distance, bool(rng.random() < 0.5), shade, stands))
        at += lasts + gap + float(rng.exponential(15))


def instants(seed: int, seconds: float, often_s: float) -> tuple[float, ...]:
    """Return random instants, `often_s` apart on average."""
    rng = np.random.default_rng((seed, int(often_s * 10)))
    return tuple(np.sort(rng.uniform(40, seconds, int(seconds / often_s))).tolist())
