"""A row of the log in a person's words, the same on the page and on paper."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from edge_agent.contract.airings import Interruption
from edge_agent.contract.sentences import Language, spelled
from hub import times
from hub.aired.rows import INSTANCES, UNDELIVERED, UNREACHED, Row, Totals, said_by_hub, started_at
from hub.language import translator
from hub.people.acting import BY_CONSOLE
from hub.sentences import why
from hub.titles import titled


@dataclass(frozen=True, slots=True)
class Line:
    """What is shown of an airing; every word chosen."""

    day: str
    weekday: str
    time: str
    title: str
    class_: str
    class_word: str
    node: str
    length: str
    error: str
    state: str
    state_word: str
    heard: str
    heard_word: str
    approved: str
    by: str
    notes: tuple[str, ...]


class Wording:
    """Words one log, in one language, with local times of one zone."""

    def __init__(self, language: Language, zone: ZoneInfo, names: Mapping[str, str]) -> None:
        """`names`: address -> what the node is called."""
        self._language = language
        self._zone = zone
        self._names = names
        self._t = translator(language)

    def line(self, row: Row) -> Line:
        """One row."""
        airing, t = row.airing, self._t
        there = self._there(row)
        error = airing.start_error_ms
        heard = "" if airing.state == "missed" else {True: "yes", False: "no", None: "unknown"}[row.heard]
        return Line(
            day=f"{there:%d/%m/%Y}",
            weekday=t(f"weekday.{there.weekday()}"),
            time=f"{there:%H:%M:%S}",
            title=titled(airing.title, t),
            class_=airing.class_,
            class_word=t(f"class.{airing.class_}"),
            node=self._names.get(row.address, row.address),
            length=length(airing.seconds) if airing.state != "missed" else "",
            error="" if airing.state == "missed" or error is None else times.punctual(error, self._language),
            state=airing.state,
            state_word=t(f"aired.{airing.state}"),
            heard=heard,
            heard_word=t(f"aired.heard_{heard}") if heard else "",
            approved=(airing.approved_by or "")[:100],
            by=t("aired.console") if airing.by == BY_CONSOLE else (airing.by or "")[:100],
            notes=tuple(self._notes(row)),
        )

    def totals(self, totals: Totals) -> list[tuple[str, str]]:
        """Names and sums, the shares in per cent."""
        t, listened = self._t, totals.heard + totals.unheard
        return [
            (t("aired.total_aired"), share(totals.aired, totals.all)),
            (t("aired.total_partly"), str(totals.partly)),
            (t("aired.total_missed"), str(totals.missed)),
            (t("aired.total_heard"), share(totals.heard, listened)),
            (t("aired.total_unknown"), str(totals.unknown)),
            (t("aired.total_length"), length(totals.seconds)),
        ]

    def _there(self, row: Row) -> datetime:
        started = None if row.airing.state == "missed" else started_at(row.airing)
        return (started or row.at).astimezone(self._zone)

    def _notes(self, row: Row) -> list[str]:
        airing, t = row.airing, self._t
        reason = why(airing.code, airing.params, airing.reason, self._language)
        if airing.code in (UNDELIVERED, UNREACHED):
            reason = t(said_by_hub(airing.code))
        found = [spelled(reason, lambda at: f"{at.astimezone(self._zone):%H:%M:%S %d/%m}")] if reason else []
        if INSTANCES in airing.params:
            since = times.instant_in(airing.params.get("first"), self._zone)
            first = f"{since.astimezone(self._zone):%H:%M %d/%m/%Y}" if since else "?"
            found.append(t("aired.several", count=airing.params[INSTANCES], first=first))
        found += [self._interruption(each) for each in airing.interruptions[:5]]
        if airing.repetitions > 1:
            found.append(t("aired.repeated", count=airing.repetitions))
        if airing.acknowledged_by:
            who = t("aired.console") if airing.acknowledged_by == BY_CONSOLE else airing.acknowledged_by
            found.append(t("aired.acknowledged", who=who))
        return [note[:300] for note in found]

    def _interruption(self, one: Interruption) -> str:
        at = f"{one.at.astimezone(self._zone):%H:%M:%S}"
        return self._t(f"aired.interrupted_{one.then}", at=at, position=length(one.position_s))


def length(seconds: float) -> str:
    """`3:05`, `1:02:03`."""
    whole = round(seconds) if 0 <= seconds < 1e9 else 0
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def share(part: int, whole: int) -> str:
    """`58/60 (97 %)`; never 100 % while one is missing."""
    if not whole:
        return "–"
    return f"{part}/{whole} ({100 * part // whole} %)"
