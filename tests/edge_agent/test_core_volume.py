"""How loud something is, by what people set, hours, law and noise."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge_agent.broadcast.volume import Volume
from edge_agent.config.broadcast import LawfulHours, Loudness, VolumeHours

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NIGHT = VolumeHours.model_validate({"from": "21:00", "to": "05:30", "volume": 30})
NOON = VolumeHours.model_validate({"from": "11:30", "to": "13:00", "volume": 60})


def local(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 22, hour, minute, tzinfo=ZONE).astimezone(UTC)


def level(class_: Any = "ordinary", asked: float = 100, at: datetime | None = None, **how: Any) -> float:
    chosen, noise = how.pop("chosen", None), how.pop("noise_db", None)
    lawful = how.pop("lawful", LawfulHours())
    volume = Volume(Loudness(**how), lawful, ZONE)
    return round(volume.of(class_, asked, at or local(8), chosen=chosen, noise_db=noise), 4)


def test_item_speaker_and_class_are_multiplied() -> None:
    own = {"volume": 80, "ordinary": 50, "priority": 90}
    assert level(asked=50, **own) == 0.2
    assert level("priority", asked=50, **own) == 0.36
    assert level("emergency", asked=100, **own) == 0.8


def test_what_a_person_chose_stands_in_the_place_of_the_configured_but_not_for_an_emergency() -> None:
    assert level(volume=80, chosen=20) == 0.2
    assert level("priority", volume=80, chosen=100) == 1
    assert level("emergency", volume=80, chosen=0) == 0.8


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [(5, 29, 0.3), (5, 30, 1), (11, 29, 1), (11, 30, 0.6), (13, 0, 1), (20, 59, 1), (21, 0, 0.3), (0, 0, 0.3)],
)
def test_hours_bound_it_also_over_midnight(hour: int, minute: int, expected: float) -> None:
    hours = (NIGHT, NOON)
    assert level(at=local(hour, minute), hours=hours) == expected
    assert level(at=local(hour, minute), hours=hours, asked=20) == 0.2, "a bound, no factor"
    assert level("emergency", at=local(hour, minute), hours=hours) == 1


def test_lawful_bounds_spare_the_classes_that_are_exempt_and_emergencies() -> None:
    lawful = LawfulHours(volume_hours=(NIGHT,))
    assert level(at=local(22), lawful=lawful) == 0.3
    assert level("priority", at=local(22), lawful=lawful) == 1
    assert level("priority", at=local(22), lawful=LawfulHours(volume_hours=(NIGHT,), exempt=())) == 0.3
    assert level("emergency", at=local(22), lawful=LawfulHours(volume_hours=(NIGHT,), exempt=())) == 1


@pytest.mark.parametrize(("noise", "expected"), [(None, 1), (-80, 0.5), (-60, 0.5), (-47.5, 0.75), (-35, 1), (-10, 1)])
def test_quiet_surroundings_soften_it_and_an_unknown_noise_does_not(noise: float | None, expected: float) -> None:
    assert level(follow_noise=True, noise_db=noise) == expected
    assert level(noise_db=noise) == 1, "only where it is configured"
    assert level("emergency", follow_noise=True, noise_db=noise) == 1


def test_the_next_edge_is_known() -> None:
    volume = Volume(Loudness(hours=(NIGHT,)), LawfulHours(volume_hours=(NOON,)), ZONE)
    assert volume.changes_after(local(8)) == local(11, 30)
    assert volume.changes_after(local(11, 30)) == local(13)
    assert volume.changes_after(local(20)) == local(21)
    assert volume.changes_after(local(23)) == datetime(2026, 11, 23, 5, 30, tzinfo=ZONE)
    assert Volume(Loudness(), LawfulHours(), ZONE).changes_after(local(8)) is None
