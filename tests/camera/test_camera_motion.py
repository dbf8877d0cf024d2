"""What counts as motion, on made scenes drawn at key-frame times: bodies do, lights, rain and noise do not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bench.camera_motion import VISIBLE_LEVELS, Tally, compare, contrast, hours, watch, weathers
from bench.camera_scenes import Passage, Scene, Weathering, crossings, instants
from camera.eye.events import Doubts, EventMaker
from camera.eye.finder import Body, Found, MotionFinder, small_of, small_size
from camera.eye.lights import Lights
from camera.settings import Motion, Zone

NOON = datetime(2026, 5, 1, 5, tzinfo=UTC)
BODY = Found(0.02, (0.4, 0.4, 0.5, 0.6), ("gate",), doubtful=False)
WALKER = Passage(40, 48, "person", 0.2, True, 0.4)


def minutes(count: float) -> float:
    return count * 60


@pytest.mark.parametrize("seed", [201, 202])
def test_every_body_is_found_by_day_with_lamps_switched_at_random(seed):
    seconds = minutes(6)
    scene = Scene(seed, passages=crossings(seed, seconds), going_on=Weathering(switches=instants(seed, seconds, 45)))
    outcome = compare(scene, watch(scene, seconds, 2), 2)
    assert outcome.wanted >= 5
    assert outcome.missed == ()
    assert outcome.false == ()


def test_rain_lamps_and_lightning_are_no_motion():
    seconds = minutes(10)
    going_on = Weathering(
        weather="rain", switches=instants(203, seconds, 30), lightning=instants(203, seconds, 60), noise=3
    )
    assert watch(Scene(203, going_on=going_on), seconds, 2) == []


@pytest.mark.parametrize(
    "going_on",
    [
        Weathering(night=True, noise=5, switches=(50.0, 90.0, 110.0), headlights=(70.0, 150.0)),
        Weathering(infrared_at=100, noise=4),
        Weathering(weather="snow"),
    ],
    ids=["night", "infrared", "snow"],
)
def test_nothing_moves_but_the_light(going_on):
    assert watch(Scene(204, going_on=going_on), minutes(4), 2) == []


@pytest.mark.parametrize("name", ["night, lamps", "night, rain, insects"])
def test_visible_bodies_are_found_by_night(name):
    seconds = minutes(7)
    going_on = weathers(4, seconds)[name]
    scene = Scene(4, passages=crossings(4, seconds), going_on=going_on)
    outcome = compare(scene, watch(scene, seconds, 2), 2)
    assert outcome.wanted >= 6
    visible = [one for one in outcome.missed if contrast(scene, one, seconds, 2) >= VISIBLE_LEVELS]
    assert len(visible) <= 1, "a far one in white is missed by night, told in the guide"
    assert outcome.false == ()


def test_the_shadow_that_a_small_lamp_throws_is_no_body():
    lamps = Weathering(switches=(42.1, 82.8, 168.9, 173.1))
    assert watch(Scene(5, going_on=lamps), minutes(3), 2) == []


def test_a_body_is_seen_in_the_very_picture_in_which_a_known_light_comes_back():
    lamps = Weathering(switches=(40, 40, 41, 60, 60, 61), night=True, noise=4)
    walker = Passage(60, 67, "person", 0.1, True, 0.4)
    scene = Scene(211, passages=[walker], going_on=lamps)
    finder = MotionFinder(Motion(), *small_size(scene.height, scene.width))
    looks = {at: finder.look(small_of(scene.draw(at)), at, night=True) for at in (*range(1, 60, 2), 62)}
    assert looks[41] is None
    assert looks[62] is not None
    assert looks[62].doubtful, "what was parked there since would look so, too"


def test_a_light_is_known_again_and_another_is_not():
    rows = np.linspace(40, 120, 64, dtype=np.float32)
    day, lamp = np.tile(rows, (48, 1)), np.tile(rows[::-1], (48, 1))
    lights = Lights()
    lights.remember(day)
    lights.remember(lamp)
    again = day + np.random.default_rng(1).normal(0, 2, day.shape).astype(np.float32)
    found = lights.find(again)
    assert found is not None
    assert float(np.abs(found - day).max()) <= 0.5
    assert lights.find(day * 2) is None
    for level in range(10):
        lights.remember(np.full_like(day, 20 * level))
    assert lights.find(day) is None, "the one not seen for longest goes"


@pytest.mark.long
@pytest.mark.parametrize("name", list(weathers(0, 60)))
def test_hours_of_bodies_and_hours_of_nothing_but_weather(name):
    tally = Tally()
    hours(name, 3, minutes(60), 2, tally=tally, details=True)
    assert tally.found["visible"] >= 0.94 * tally.wanted["visible"]
    assert tally.false + tally.quiet <= (2 if "insects" in name else 0)


def test_a_body_in_the_rain_at_its_place_and_time():
    walker = replace(WALKER, begin=60, end=72)
    scene = Scene(205, passages=[walker], going_on=Weathering(weather="rain"))
    (event,) = watch(scene, minutes(2), 2)
    begin, end = (
        (moment - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds() for moment in (event.begin, event.end or NOON)
    )
    assert 57 < begin <= 62, "the key frame before the body came"
    assert 70 <= end <= 77
    assert event.box is not None
    assert event.box[1] > 0.3, "on the road, not in the sky"
    assert event.score > 0.005


def test_what_stops_is_found_again_when_it_goes_on():
    scene = Scene(206, passages=[Passage(40, 130, "vehicle", 0.3, True, 0.4, stops=True)])
    events = watch(scene, minutes(3), 2)
    assert len(events) >= 2, "standing still ends an event"
    assert sum((event.end - event.begin).total_seconds() for event in events if event.end) < 90


def finder_and_scene(settings: Motion, scene: Scene) -> list[Found | None]:
    finder = MotionFinder(settings, *small_size(scene.height, scene.width))
    return [finder.look(small_of(scene.draw(at)), at) for at in np.arange(0.3, 60, 2).tolist()]


def test_zones_are_told_and_masks_hide():
    scene = Scene(207, passages=[WALKER])
    left = Zone(id="left", points=((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    right = Zone(id="right", points=((0.5, 0), (1, 0), (1, 1), (0.5, 1)))
    seen = [found.zones for found in finder_and_scene(Motion(zones=(left, right)), scene) if found]
    assert seen[0] == ("left",)
    assert seen[-1] == ("right",)
    sky = Zone(id="sky", points=((0, 0), (1, 0), (1, 0.3), (0, 0.3)))
    assert not any(finder_and_scene(Motion(zones=(sky,)), scene))
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    assert not any(finder_and_scene(Motion(masks=(whole,)), scene))
    assert any(finder_and_scene(Motion(), scene))


def test_smaller_than_smallest_does_not_count():
    scene = Scene(208, passages=[replace(WALKER, distance=0.9)])
    assert any(finder_and_scene(Motion(), scene))
    assert not any(finder_and_scene(Motion(smallest=0.05), scene))


def test_sensitivity_finds_a_faint_body():
    faint = Scene(209, passages=[replace(WALKER, distance=0.5)], going_on=Weathering(night=True, noise=4))
    high = [found for found in finder_and_scene(Motion(sensitivity="high"), faint) if found and not found.doubtful]
    low = [found for found in finder_and_scene(Motion(sensitivity="low"), faint) if found and not found.doubtful]
    assert len(high) > len(low), "one picture is enough more often"


def test_a_still_picture_and_pictures_without_structure():
    for picture in (np.full((180, 320), 7, np.uint8), np.zeros((16, 16), np.uint8)):
        finder = MotionFinder(Motion(), *picture.shape)
        assert not any(finder.look(picture, at) for at in range(0, 60, 2))


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_an_event_begins_with_the_picture_before_and_ends_with_the_first_quiet_one():
    maker = EventMaker("gate", Motion(quiet_s=6))
    (begun,) = maker.moving(at(0), at(2), BODY)
    assert (begun.begin, begun.end, begun.zones) == (at(0), None, ("gate",))
    assert maker.moving(at(2), at(4), replace(BODY, score=0.3, zones=("yard",))) == []
    assert [maker.still(at(second)) for second in (6, 8)] == [[], []]
    (ended,) = maker.still(at(10))
    assert (ended.id, ended.begin, ended.end) == (begun.id, at(0), at(6))
    assert (ended.score, ended.zones) == (0.3, ("gate", "yard"))
    assert maker.still(at(12)) == []


def test_short_motion_makes_no_event_where_that_is_asked():
    maker = EventMaker("gate", Motion(persist_s=5, quiet_s=3))
    assert maker.moving(at(0), at(2), BODY) == []
    assert [*maker.still(at(4)), *maker.still(at(6))] == []
    assert maker.open is None
    assert maker.moving(at(10), at(12), BODY) == []
    assert len(maker.moving(at(12), at(16), BODY)) == 1


def test_an_event_that_lasts_too_long_is_closed_and_another_begun():
    maker = EventMaker("gate", Motion(longest_s=10))
    events = [event for second in range(0, 40, 2) for event in maker.moving(at(second), at(second + 2), BODY)]
    ended = [event for event in events if event.end]
    assert len(ended) >= 2
    assert all((event.end - event.begin).total_seconds() <= 14 for event in ended)
    assert len({event.id for event in events}) == len([event for event in events if not event.end])


def test_pictures_that_stop_end_the_event_where_it_was_last_seen():
    maker = EventMaker("gate", Motion())
    maker.moving(at(0), at(2), BODY)
    (ended,) = maker.finish()
    assert ended.end == at(2)
    assert maker.finish() == []


def test_a_doubtful_picture_needs_a_second_one_within_reach():
    doubtful = replace(BODY, box=(0.4, 0.4, 0.44, 0.48), doubtful=True)
    doubts = Doubts()
    assert doubts.ask(doubtful, at(2), at(0)) is None
    assert doubts.ask(doubtful, at(4), at(2)) == at(0), "the motion began before the first"
    doubts = Doubts()
    assert doubts.ask(doubtful, at(2), at(0)) is None
    assert doubts.ask(replace(doubtful, box=(0.0, 0.9, 0.02, 0.95), score=0.01), at(4), at(2)) is None, "too far"
    doubts = Doubts()
    assert doubts.ask(doubtful, at(2), at(0)) is None
    assert doubts.ask(doubtful, at(30), at(28)) is None, "too late"
    assert Doubts().ask(BODY, at(2), at(0)) == at(0), "nothing to doubt"


def test_what_is_faint_counts_when_it_goes_on_at_its_height():
    here = replace(BODY, doubtful=True, bodies=(Body((0.4, 0.4, 0.45, 0.6), 0.01, faint=True),))
    swaying = replace(here, bodies=(Body((0.41, 0.4, 0.46, 0.6), 0.01, faint=True),))
    walked = replace(here, bodies=(Body((0.6, 0.42, 0.65, 0.61), 0.01, faint=True),))
    fallen = replace(here, bodies=(Body((0.5, 0.75, 0.55, 0.95), 0.01, faint=True),))
    for later, begin in ((swaying, None), (walked, at(0)), (fallen, None)):
        doubts = Doubts()
        assert doubts.ask(here, at(2), at(0)) is None
        assert doubts.ask(later, at(4), at(2)) == begin
