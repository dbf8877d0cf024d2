"""`python -m bench.camera_motion`: how many made events the eye finds from key frames, and what it cries falsely.

Hours of made scenes (`bench.camera_scenes`) on seeds that the detector was not tuned on. Nothing is encoded here; the
tests encode a few minutes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.camera_scenes import Passage, Scene, Weathering, crossings, instants
from camera.eye.events import Doubts, EventMaker
from camera.eye.finder import MotionFinder, small_of, small_size
from camera.model import MotionEvent
from camera.settings import Motion

START = datetime(2026, 1, 1, tzinfo=UTC)
SLACK_S = 1.0


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--gop", type=float, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--only")
    parser.add_argument("--details", action="store_true")
    args = parser.parse_args()
    seconds = args.minutes * 60
    print(f"{args.minutes:g} min each with and without bodies, a key frame every {args.gop:g} s, seeds {args.seeds}")
    for name in weathers(0, seconds):
        if args.only and args.only not in name:
            continue
        wanted = missed = false = quiet = 0
        for seed in args.seeds:
            going_on = weathers(seed, seconds)[name]
            busy = Scene(seed, passages=crossings(seed, seconds, shortest=max(4, 2 * args.gop)), going_on=going_on)
            outcome = compare(busy, watch(busy, seconds, args.gop), args.gop)
            empty = Scene(seed, going_on=going_on)
            alone = compare(empty, watch(empty, seconds, args.gop), args.gop)
            wanted, missed, false = wanted + outcome.wanted, missed + len(outcome.missed), false + len(outcome.false)
            quiet += len(alone.false)
            if args.details:
                for one in outcome.missed:
                    print("   missed", seed, one)
                for event in (*outcome.false, *alone.false):
                    begin = (event.begin - START).total_seconds()
                    print(f"   false {seed} {begin:.1f} {event.score:.4f} {event.box}")
        print(f"{name:26} found {wanted - missed} of {wanted}; false beside them {false}, in empty hours {quiet}")


if __name__ == "__main__":
    main()
