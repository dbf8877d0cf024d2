"""`python -m bench.camera_motion`: how many made events the eye finds from key frames, and what it cries falsely.

Hours of made scenes (`bench.camera_scenes`) on seeds that the detector was not tuned on. Nothing is encoded here; the
tests encode a few minutes.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bench.camera_scenes import Passage, Scene, Weathering, crossings, instants
from camera.eye.events import Doubts, EventMaker
from camera.eye.finder import MotionFinder, small_of, small_size
from camera.model import MotionEvent
from camera.settings import Motion

START = datetime(2026, 1, 1, tzinfo=UTC)
SLACK_S = 1.0


VISIBLE_LEVELS, VISIBLE_HIGH = 10.0, 0.1
"""A body is visible when it differs from what is behind it by so many grey levels on average, and is so high (part of
the picture): set before anything was counted by it, from what the guide has always told as the limit."""


@dataclass(frozen=True)
class Outcome:
    """What became of one scene."""

    wanted: int
    missed: tuple[Passage, ...]
    false: tuple[MotionEvent, ...]


def watch(scene: Scene, seconds: float, gop_s: float, settings: Motion | None = None) -> list[MotionEvent]:
    """Look at the key frames of a scene as the eye does; return the events."""
    settings = settings or Motion()
    finder = MotionFinder(settings, *small_size(scene.height, scene.width))
    doubts, maker, found_all = Doubts(), EventMaker("gate", settings), []
    before = START
    at_s = 0.37
    while at_s < seconds:
        at = START + timedelta(seconds=at_s)
        luma = scene.draw(at_s)
        found = finder.look(small_of(luma), at_s, night=scene.dark(at_s))
        begin = doubts.ask(found, at, before)
        if not finder.light_changed:
            told = maker.still(at) if begin is None or found is None else maker.moving(begin, at, found)
            found_all += [event for event in told if event.end is not None]
        before = at
        at_s += gop_s
    return found_all + maker.still(START + timedelta(seconds=seconds + 1000))


def compare(scene: Scene, events: list[MotionEvent], gop_s: float) -> Outcome:
    """Return which passages no event covers, and which events cover no passage."""
    spans = [
        ((event.begin - START).total_seconds(), ((event.end or START) - START).total_seconds()) for event in events
    ]
    slack = gop_s + SLACK_S
    missed = [one for one in scene.passages if not any(b < one.end and e > one.begin for b, e in spans)]
    false = [
        event
        for event, (begin, end) in zip(events, spans, strict=True)
        if not any(begin - slack < one.end and end + slack > one.begin for one in scene.passages)
    ]
    return Outcome(len(scene.passages), tuple(missed), tuple(false))


def contrast(scene: Scene, passage: Passage, seconds: float, gop_s: float) -> float:
    """Return by how many grey levels a body differs from what is behind it in the second best key frame.

    Of those that show at least half of it; 0 when there are not two of them, or it is too small.
    """
    frames = [0.37 + number * gop_s for number in range(int(seconds / gop_s) + 1)]
    shown = [scene.shows(passage, at) for at in frames if passage.begin <= at <= min(passage.end, seconds)]
    whole = max((size for _, size in shown), default=0.0)
    levels = sorted(level for level, size in shown if size >= whole / 2)
    high = passage.tall(scene.height) / scene.height
    return levels[-2] if len(levels) > 1 and high >= VISIBLE_HIGH else 0.0


def weathers(seed: int, seconds: float) -> dict[str, Weathering]:
    """Return all that may deceive, by name."""
    lamps = instants(seed, seconds, 45)
    flashes = instants(seed, seconds, 90)
    return {
        "day": Weathering(),
        "day, lamps": Weathering(switches=lamps),
        "rain, lamps, lightning": Weathering(weather="rain", switches=lamps, lightning=flashes, noise=3),
        "snow, lamps": Weathering(weather="snow", switches=lamps),
        "night, lamps": Weathering(night=True, noise=4, switches=lamps, headlights=instants(seed, seconds, 120)),
        "night, rain, insects": Weathering(
            night=True, noise=5, weather="rain", switches=lamps, insects=0.05, headlights=instants(seed, seconds, 120)
        ),
        "infrared": Weathering(infrared_at=seconds / 3, noise=4, insects=0.05),
    }


@dataclass
class Tally:
    """What became of all scenes of one kind."""

    found: Counter[str] = field(default_factory=Counter)
    wanted: Counter[str] = field(default_factory=Counter)
    false: int = 0
    quiet: int = 0

    def add(self, classes: list[str], found: bool) -> None:
        """Count one event in each of its classes."""
        self.wanted.update(classes)
        self.found.update(classes if found else [])

    def of(self, name: str) -> str:
        """Return how many of a class were found."""
        return f"{self.found[name]} of {self.wanted[name]}"


def classes_of(levels: float, high: float) -> list[str]:
    """Return the classes of contrast and size that an event is counted in."""
    contrast_class = "< 10 levels" if levels < 10 else "10-20 levels" if levels < 20 else ">= 20 levels"
    size = "high < 1/5" if high < 0.2 else "1/5-1/3" if high < 1 / 3 else ">= 1/3"
    return ["all", contrast_class, *(["visible", size] if levels >= VISIBLE_LEVELS and high >= VISIBLE_HIGH else [])]


CLASSES = ("< 10 levels", "10-20 levels", ">= 20 levels", "high < 1/5", "1/5-1/3", ">= 1/3")


def hours(name: str, seed: int, seconds: float, gop_s: float, *, tally: Tally, details: bool) -> None:
    """Look at one hour with bodies and at the same without, and count."""
    going_on = weathers(seed, seconds)[name]
    busy = Scene(seed, passages=crossings(seed, seconds, shortest=max(4, 2 * gop_s)), going_on=going_on)
    outcome = compare(busy, watch(busy, seconds, gop_s), gop_s)
    empty = Scene(seed, going_on=going_on)
    alone = compare(empty, watch(empty, seconds, gop_s), gop_s)
    tally.false, tally.quiet = tally.false + len(outcome.false), tally.quiet + len(alone.false)
    for one in busy.passages:
        levels = contrast(busy, one, seconds, gop_s)
        tally.add(classes_of(levels, one.tall(busy.height) / busy.height), one not in outcome.missed)
        if details and one in outcome.missed:
            print(f"   missed {seed} {levels:.1f} levels, {one}")
    for event in (*outcome.false, *alone.false) if details else ():
        print(f"   false {seed} {(event.begin - START).total_seconds():.1f} {event.score:.4f} {event.box}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--gop", type=float, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[201, 202])
    parser.add_argument("--only")
    parser.add_argument("--details", action="store_true")
    args = parser.parse_args()
    seconds = args.minutes * 60
    print(f"{args.minutes:g} min each with and without bodies, a key frame every {args.gop:g} s, seeds {args.seeds}")
    for name in weathers(0, seconds):
        if args.only and args.only not in name:
            continue
        tally = Tally()
        for seed in args.seeds:
            hours(name, seed, seconds, args.gop, tally=tally, details=args.details)
        print(
            f"{name:24} found {tally.of('all')}, of the visible {tally.of('visible')}; "
            f"false beside them {tally.false}, in empty hours {tally.quiet}"
        )
        print(" " * 24, "; ".join(f"{one}: {tally.of(one)}" for one in CLASSES), flush=True)


if __name__ == "__main__":
    main()
