"""How loud something is: product of what people set, bounded by hours, softened by quiet surroundings. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from edge_agent.config.broadcast import LawfulHours, Loudness, VolumeHours
from edge_agent.contract.bulletins import BulletinClass


class Volume:
    """The rules of one speaker."""

    def __init__(self, loudness: Loudness, lawful: LawfulHours, zone: ZoneInfo) -> None:
        self._loudness = loudness
        self._lawful = lawful
        self._zone = zone

    def of(
        self, class_: BulletinClass, asked: float, now: datetime, *, chosen: float | None, noise_db: float | None
    ) -> float:
        """The volume (0..1) of something that asks for `asked` per cent.

        `chosen`: what a person set by `speaker.volume`, in the place of the configured one; an emergency keeps to the
        configuration, and neither hours nor noise lower it. `noise_db`: of the surroundings, None: full volume.
        """
        own = self._loudness
        if class_ == "emergency":
            return asked * own.volume * own.emergency / 1e6
        base = own.volume if chosen is None else chosen
        level = asked * base * (own.priority if class_ == "priority" else own.ordinary) / 1e4
        level *= self._share(noise_db)
        return min(level, *self._bounds(class_, now)) / 100

    def changes_after(self, now: datetime) -> datetime | None:
        """The next instant at which an hour's bound begins or ends; None where no hours are given."""
        local = now.astimezone(self._zone)
        instants = [
            datetime.combine(day, datetime.min.time(), self._zone) + timedelta(minutes=minute)
            for day in (local.date(), local.date() + timedelta(days=1))
            for minute in _edges((*self._loudness.hours, *self._lawful.volume_hours))
        ]
        return min((instant.astimezone(now.tzinfo) for instant in instants if instant > local), default=None)

    @property
    def follows_noise(self) -> bool:
        """Whether the volume may change although nobody and no hour changes it."""
        return self._loudness.follow_noise

    def _share(self, noise_db: float | None) -> float:
        """What quiet surroundings leave of the volume (0..1), in proportion to the decibels between the two ends."""
        own = self._loudness
        if not own.follow_noise or noise_db is None or own.loud_db <= own.quiet_db:
            return 1.0
        way = (noise_db - own.quiet_db) / (own.loud_db - own.quiet_db)
        return (own.softest + (100 - own.softest) * min(1.0, max(0.0, way))) / 100

    def _bounds(self, class_: BulletinClass, now: datetime) -> Sequence[float]:
        minute = _minute(now.astimezone(self._zone))
        hours = (*self._loudness.hours, *(() if class_ in self._lawful.exempt else self._lawful.volume_hours))
        return [100.0, *(each.volume for each in hours if _within(minute, each))]


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _parse(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _within(minute: int, hours: VolumeHours) -> bool:
    begin, end = _parse(hours.from_), _parse(hours.to)
    return begin <= minute < end if begin < end else minute >= begin or minute < end


def _edges(hours: Iterable[VolumeHours]) -> set[int]:
    return {_parse(text) for each in hours for text in (each.from_, each.to)}
