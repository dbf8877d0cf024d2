"""What the look-back templates draw: a day as a bar, its events, clips and how far they are, in chosen words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import quote

from edge_agent.contract.base import iso
from edge_agent.contract.watching import Moved, Recorded
from hub.cameras import lookback_bar as bar
from hub.cameras.lookback_asking import Found, day_after
from hub.cameras.lookback_bar import Bar
from hub.cameras.lookback_clips import ClipNow, Stage, clip_id
from hub.language import catalogue
from hub.sentences import Speaker
from hub.times import day as day_words
from hub.times import local

BEFORE_S = AFTER_S = 5.0
"""What an event's clip shows of the time before and after."""
PER_PAGE = 20


@dataclass(frozen=True, slots=True)
class ClipView:
    """A clip in words. `size`: bytes in all, `here`: bytes that have come."""

    id: str
    stage: Stage
    title: str
    word: str
    note: str
    here: int
    size: int
    video: str
    file: str
    begin: str
    end: str
    active: bool


@dataclass(frozen=True, slots=True)
class EventView:
    """A motion event. `begin`, `end`: of its clip."""

    at: str
    words: str
    where: str
    picture: str
    begin: str
    end: str
    kept: bool
    clip: ClipView | None


@dataclass(frozen=True, slots=True)
class DayView:
    """One day of one camera."""

    base: str
    camera: str
    node: str
    day: str
    title: str
    before: str
    after: str
    today: str
    bars: tuple[Bar, ...]
    marks: tuple[Bar, ...]
    now_x: float | None
    summary: str
    notices: tuple[str, ...]
    events: tuple[EventView, ...]
    more: str
    clips: tuple[ClipView, ...]
    start: str
    end: str
    rate: int
    oldest: str


class Wording:
    """Looks at one camera's day for one reader."""

    def __init__(self, speak: Speaker, base: str, online: bool) -> None:
        """`base`: the address of the camera's pages."""
        self._speak = speak
        self._t = speak.t
        self._base = base
        self._online = online

    def day(
        self, titles: tuple[str, str], midnight: datetime, found: Found, clips: Sequence[ClipNow], shown: int
    ) -> DayView:
        """`titles`: of camera and node; `shown`: events to draw."""
        now = local(self._speak.now, self._speak.zone)
        tomorrow = day_after(midnight)
        today = midnight.date() == now.date()
        moved = sorted(found.list.moved, key=lambda m: (m.begin, m.id), reverse=True)
        known = {clip.clip.id: clip for clip in clips}
        start = now - timedelta(minutes=1) if today else midnight + timedelta(hours=12)
        if moved and not today:
            start = local(moved[0].begin, self._speak.zone)
        start = max(start, midnight)
        return DayView(
            base=self._base,
            camera=titles[0],
            node=titles[1],
            day=f"{midnight:%Y-%m-%d}",
            title=self._day_title(midnight, now),
            before=f"{day_after(midnight, -1):%Y-%m-%d}",
            after="" if today else f"{tomorrow:%Y-%m-%d}",
            today=f"{now:%Y-%m-%d}",
            bars=bar.spans(found.list.recorded, midnight, tomorrow),
            marks=bar.marks(moved, midnight, tomorrow, self._speak.now),
            now_x=bar.place(self._speak.now, midnight, tomorrow) if today else None,
            summary=self._summary(found, midnight, tomorrow),
            notices=tuple(self._notices(found)),
            events=tuple(self._event(m, found.list.recorded, known) for m in moved[:shown]),
            more=self._t("camera.lookback_more", count=len(moved) - shown) if len(moved) > shown else "",
            clips=tuple(self.clip(clip) for clip in clips),
            start=f"{start:%H:%M:%S}",
            end=f"{min(start + timedelta(minutes=1), tomorrow - timedelta(seconds=1)):%H:%M:%S}",
            rate=bar.rate(found.list.recorded),
            oldest=f"{local(found.list.oldest, self._speak.zone):%Y-%m-%d}" if found.list.oldest else "",
        )

    def clip(self, now: ClipNow) -> ClipView:
        """One clip, as far as it has come."""
        clip, size = now.clip, now.medium.size if now.medium else now.clip.bytes
        cut = clip.cut_end > clip.cut_begin
        begin, end = (clip.cut_begin, clip.cut_end) if cut else (clip.begin, clip.end)
        there, then = local(begin, self._speak.zone), local(end, self._speak.zone)
        title = f"{there:%H:%M:%S} – {then:%H:%M:%S} {day_words(there.date(), self._today(), self._speak.language)}"
        active = now.stage in ("cutting", "waiting", "sending")
        return ClipView(
            id=clip.id,
            stage=now.stage,
            title=title,
            word=self._clip_word(now, size),
            note=self._clip_note(now),
            here=min(now.here, size),
            size=size,
            video=f"/media/{clip.sha256}" if now.stage == "here" else "",
            file=f"{clip.camera}-{there:%Y%m%d-%H%M%S}.mp4",
            begin=iso(clip.begin),
            end=iso(clip.end),
            active=active,
        )

    def still(self, at: datetime) -> str:
        """`14:03:22 ngày 05/12`: when a picture was recorded."""
        there = local(at, self._speak.zone)
        return f"{there:%H:%M:%S} {day_words(there.date(), self._today(), self._speak.language)}"

    def _today(self) -> date:
        return local(self._speak.now, self._speak.zone).date()

    def _clip_word(self, now: ClipNow, size: int) -> str:
        match now.stage:
            case "sending":
                share = 100 * now.here // size if size else 0
                return self._t("camera.lookback_sending", here=self._mb(now.here), all=self._mb(size), share=share)
            case "here" | "waiting":
                return self._t(f"camera.lookback_{now.stage}", all=self._mb(size))
            case "failed":
                why = self._speak.fault(now.clip.fault) or self._t("outcome.unsent")
                return self._t("camera.lookback_failed", why=why)
            case _:
                return self._t(f"camera.lookback_{now.stage}")

    def _clip_note(self, now: ClipNow) -> str:
        if now.stage in ("waiting", "sending") and not self._online:
            return self._t("camera.lookback_goes_on")
        if now.clip.gap_s >= 1 and now.stage in ("waiting", "sending", "here"):
            return self._t("camera.lookback_gap", seconds=round(now.clip.gap_s))
        return ""

    def _event(self, moved: Moved, recorded: Sequence[Recorded], clips: dict[str, ClipNow]) -> EventView:
        end = moved.end or min(self._speak.now, moved.begin + timedelta(minutes=1))
        begin, until = moved.begin - timedelta(seconds=BEFORE_S), end + timedelta(seconds=AFTER_S)
        begin, until = _whole_ms(begin), _whole_ms(until)
        words = [self._t("camera.lookback_moves") if moved.end is None else self._length(moved.end - moved.begin)]
        if moved.label:
            words.insert(0, self._label(moved.label))
        place = next((c for c in clips.values() if _same(c, begin, until)), None)
        return EventView(
            at=f"{local(moved.begin, self._speak.zone):%H:%M:%S}",
            words=" · ".join(words),
            where=", ".join(zone[:60] for zone in (moved.places or moved.zones)[:4]),
            picture=f"{self._base}/events/{quote(moved.id, safe='')}/picture" if moved.picture else "",
            begin=iso(begin),
            end=iso(until),
            kept=any(r.kept and r.begin <= moved.begin and r.end >= end for r in recorded),
            clip=self.clip(place) if place else None,
        )

    def _label(self, label: str) -> str:
        key = f"camera.lookback_label_{label}"
        return self._t(key) if key in catalogue(self._speak.language) else label[:40]

    def _length(self, length: timedelta) -> str:
        seconds = max(1, round(length.total_seconds()))
        if seconds < 60:
            return self._t("camera.lookback_seconds", seconds=seconds)
        if seconds < 3600:
            return self._t("camera.lookback_minutes", minutes=seconds // 60, seconds=seconds % 60)
        return self._t("camera.lookback_hours", hours=seconds // 3600, minutes=seconds % 3600 // 60)

    def _summary(self, found: Found, midnight: datetime, tomorrow: datetime) -> str:
        inside = [(max(r.begin, midnight), min(r.end, tomorrow)) for r in found.list.recorded]
        whole = sum((max(timedelta(), end - begin) for begin, end in inside), timedelta())
        events = self._t("camera.lookback_events", count=len(found.list.moved))
        if found.source == "hub":
            return events
        told = self._t("camera.lookback_recorded", length=self._length(whole)) if whole else ""
        return f"{told or self._t('camera.lookback_no_video')} · {events}"

    def _notices(self, found: Found) -> Iterable[str]:
        t = self._t
        if not self._online:
            yield t("camera.lookback_offline")
        elif found.outcome is not None:
            yield self._speak.outcome(found.outcome, "outcome.accepted", "outcome.accepted")
        if found.source == "before" and found.asked:
            yield t("camera.lookback_before", at=self._speak.moment(found.asked))
        elif found.source == "hub":
            yield t("camera.lookback_hub_only")
        if found.list.more:
            yield t("camera.lookback_too_many")

    def _day_title(self, midnight: datetime, now: datetime) -> str:
        words = day_words(midnight.date(), date.min, self._speak.language).removeprefix("ngày ").removeprefix("on ")
        days = (now.date() - midnight.date()).days
        return self._t(f"camera.lookback_day_{days}", date=words) if days < 2 else words

    def _mb(self, size: int) -> str:
        words = f"{size / 1e6:.1f}" if size < 100e6 else f"{size / 1e6:.0f}"
        return (words.replace(".", ",") if self._speak.language == "vi" else words) + " MB"


def _same(clip: ClipNow, begin: datetime, end: datetime) -> bool:
    return clip.clip.id == clip_id(clip.clip.address, clip.clip.camera, begin, end)


def _whole_ms(instant: datetime) -> datetime:
    """As it comes back from a form."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
