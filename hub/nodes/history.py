"""What is kept of a node: its measurements of the last days, and what it said last before it went silent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy.engine import Connection

from edge_agent.contract.records import Event, Sample
from hub import record_rows as rows
from hub.nodes.charts import Chart, called, charts, value
from hub.presence import Offline
from hub.sentences import Speaker
from hub.store import Store

SPAN = timedelta(days=2)
MOST_SAMPLES = 3000
MOST_POINTS = 300
LAST_EVENTS = 10
_TOLD = ("under_voltage", "temperature", "disk", "memory", "wifi_signal", "link_rtt", "clock_error", "outbox_waiting")


@dataclass(frozen=True, slots=True)
class LastWords:
    """Of a node that is away. `values`: what it measured last; `events`: instant and words, newest first."""

    word: str
    measured: str
    values: tuple[tuple[str, str], ...]
    events: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class History:
    """For the page of a node. `samples`: oldest first, thinned."""

    samples: tuple[Sample, ...] = ()
    events: tuple[Event, ...] = ()
    tested: tuple[Event, ...] = ()

    def charts(self, speak: Speaker) -> tuple[Chart, ...]:
        """Drawn."""
        return charts(self.samples, speak)

    def last_words(self, offline: Offline, word: str, speak: Speaker, names: dict[str, str]) -> LastWords:
        """What it said before it went away; what came later, of an older session, is not among it."""
        sample, told_last = self.last(offline)
        values = sample.values if sample else {}
        told = tuple((called(n, speak.language), value(n, values[n], speak.language)) for n in _TOLD if n in values)
        events = tuple((speak.moment(event.at), speak.event(event, names)) for event in told_last)
        return LastWords(word, speak.moment(sample.at) if sample else "", told, events)

    def last(self, offline: Offline) -> tuple[Sample | None, tuple[Event, ...]]:
        """What it measured last before it went away, and its last events, the newest first."""
        sample = next((s for s in reversed(self.samples) if s.at <= offline.at), None)
        return sample, tuple(event for event in self.events if event.at <= offline.at)[:LAST_EVENTS]


async def history(store: Store, address: str, now: datetime) -> History:
    """Read it. Raises SQLAlchemyError."""

    def read(connection: Connection) -> tuple[list[str], list[str]]:
        samples = rows.recent(connection, address, telemetry=True, most=MOST_SAMPLES)
        return samples, rows.recent(connection, address, telemetry=False, most=100)

    sample_bodies, event_bodies = await store.read(read)
    step = max(1, len(sample_bodies) // MOST_POINTS)
    found = [sample for body in sample_bodies[::step] if (sample := _sample(body)) is not None]
    events = [event for body in event_bodies if (event := _event(body)) is not None]
    newest = max((sample.at for sample in found), default=now)
    kept = sorted((s for s in found if newest - s.at <= SPAN), key=lambda s: s.at)
    told = sorted(events, key=lambda e: (e.at, e.seq), reverse=True)
    return History(tuple(kept), tuple(_news(told)), tuple(e for e in told if e.type == "tested")[:5])


def _news(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.type != "command"][:50]


def _sample(body: str) -> Sample | None:
    try:
        return Sample.model_validate_json(body)
    except ValidationError:  # written by another version of the hub
        return None


def _event(body: str) -> Event | None:
    try:
        return Event.model_validate_json(body)
    except ValidationError:
        return None
