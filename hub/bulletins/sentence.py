"""When a bulletin is heard, as people say it: chosen by taps, kept as a recurrence, read back in words."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from edge_agent.contract.bulletins import LunarDays, Recurrence
from edge_agent.contract.recurrence import parts_of
from hub import times
from hub.bulletins.instants import WEEKDAYS, instances, is_known
from hub.bulletins.model import Schedule
from hub.forms import Fields, FormError
from hub.language import Translate

KINDS = ("once", "daily", "weekly", "monthly", "lunar", "tet")
MOST_LEFT_OUT = 100


@dataclass(frozen=True, slots=True)
class Sentence:
    """What was tapped. `days`: weekdays from 0 (Monday), of the solar month, or of the moon, as `kind` says.

    `left_out`: instants that shall not be heard. `month`: of the moon, None: every one.
    """

    kind: str = "once"
    time: str = "05:30"
    day: date = date(2026, 1, 1)
    days: tuple[int, ...] = ()
    month: int | None = None
    before: int = 3
    until: date | None = None
    left_out: tuple[datetime, ...] = field(default=())


def of_form(fields: Fields, zone: ZoneInfo) -> Sentence:
    """What was tapped in the form. Raises FormError."""
    kind = fields.get("kind") or "once"
    if kind not in KINDS:
        raise FormError("form.bad")
    hour, day = fields.get("time", ""), fields.get("date", "")
    if fields.get("do", "").startswith("move:"):  # one tap takes what was proposed instead
        moved_day, _, hour = fields["do"].removeprefix("move:").partition("T")
        day = moved_day if kind == "once" else day
    try:
        times.from_form(day, hour, zone)  # a year that no bulletin has
        until = date.fromisoformat(fields["until"]) if fields.get("until") and kind != "once" else None
        left_out = tuple(datetime.fromisoformat(at) for at in fields.get("left_out", "").split()[:MOST_LEFT_OUT])
        before = int(fields.get("before") or "3")
        month = int(fields["lunar_month"]) if fields.get("lunar_month") and kind == "lunar" else None
    except (ValueError, OverflowError) as error:
        raise FormError("form.bad_time") from error
    if any(at.tzinfo is None for at in left_out) or not 0 <= before <= 60:
        raise FormError("form.bad")
    days = _days(kind, fields)
    return Sentence(kind, hour[:5], date.fromisoformat(day), days, month, before, until, left_out)


def ahead(said: Sentence, now: datetime, zone: ZoneInfo) -> Sentence:
    """The same; once at an hour that is over today, it is tomorrow. Raises FormError."""
    here = now.astimezone(zone)
    over = said.kind == "once" and said.day == here.date() and time.fromisoformat(said.time) <= here.time()
    return replace(said, day=said.day + timedelta(days=1)) if over else said


def _days(kind: str, fields: Fields) -> tuple[int, ...]:
    """The days that were tapped. Raises FormError where none is, or one that is no day."""
    if kind not in ("weekly", "monthly", "lunar"):
        return ()
    prefix = {"weekly": "wd.", "monthly": "md.", "lunar": "ld."}[kind]
    texts = [name.removeprefix(prefix) for name in fields if name.startswith(prefix)]
    more = fields.get({"monthly": "month_day", "lunar": "lunar_day"}.get(kind, ""), "")
    low, high = (0, 6) if kind == "weekly" else (1, 31 if kind == "monthly" else 30)
    try:
        days = sorted({int(text) for text in [*texts, *([more] if more else [])]})
    except ValueError as error:
        raise FormError("form.bad") from error
    if not days:
        raise FormError(f"plan.no_{kind}")
    if not all(low <= day <= high for day in days):
        raise FormError("form.bad_lunar" if kind == "lunar" else "form.bad")
    return tuple(days)


def schedule_of(sentence: Sentence, zone: ZoneInfo) -> Schedule:
    """As nodes understand it. Raises FormError."""
    at = times.from_form(sentence.day.isoformat(), sentence.time, zone)
    try:
        if sentence.kind == "once":
            return Schedule(at=at)
        again = Recurrence.model_validate({**_rule(sentence), "except": sentence.left_out, "valid_to": sentence.until})
        return Schedule(at=at, recurrence=again)
    except ValidationError as error:
        raise FormError("form.bad") from error


def _rule(sentence: Sentence) -> dict[str, object]:
    match sentence.kind:
        case "daily":
            return {"rule": "FREQ=DAILY"}
        case "weekly":
            return {"rule": "FREQ=WEEKLY;BYDAY=" + ",".join(WEEKDAYS[day] for day in sentence.days)}
        case "monthly":
            return {"rule": "FREQ=MONTHLY;BYMONTHDAY=" + ",".join(map(str, sentence.days))}
        case "lunar":
            return {"lunar": LunarDays(days=sentence.days, month=sentence.month)}
        case _:
            return {"lunar": LunarDays(before_tet=sentence.before)}


def sentence_of(schedule: Schedule, zone: ZoneInfo) -> Sentence | None:
    """The taps that give this schedule; None where it was not made by taps."""
    there, again = schedule.at.astimezone(zone), schedule.recurrence
    plain = Sentence("once", f"{there:%H:%M}", there.date())
    if again is None:
        return plain
    if not is_known(again) or again.also or again.valid_from:
        return None
    kept = replace(plain, until=again.valid_to, left_out=again.except_)
    moon = again.lunar
    if moon is None:
        kind, days = _of_rule(again.rule or "", there.date())
        return replace(kept, kind=kind, days=days)
    if moon.before_tet is not None:
        return replace(kept, kind="tet", before=moon.before_tet)
    return replace(kept, kind="lunar", days=moon.days, month=moon.month)


def _of_rule(rule: str, first: date) -> tuple[str, tuple[int, ...]]:
    parts = parts_of(rule)
    if parts["FREQ"] == "WEEKLY":
        names = parts.get("BYDAY", WEEKDAYS[first.weekday()]).split(",")
        return "weekly", tuple(sorted(WEEKDAYS.index(name) for name in names))
    if parts["FREQ"] == "MONTHLY":
        return "monthly", tuple(sorted(int(number) for number in parts.get("BYMONTHDAY", str(first.day)).split(",")))
    return "daily", ()


def keep_changes(schedule: Schedule, before: Schedule | None, zone: ZoneInfo) -> Schedule:
    """With the single instances that were moved before, as far as the new rule still has them."""
    again, old = schedule.recurrence, before.recurrence if before else None
    if again is None or old is None:
        return schedule
    kept = tuple(change for change in old.changes if _has(schedule, change.planned, zone))
    return schedule.model_copy(update={"recurrence": again.model_copy(update={"changes": kept})})


def _has(schedule: Schedule, at: datetime, zone: ZoneInfo) -> bool:
    return any(True for _ in instances(schedule, at, at + timedelta.resolution, zone))


def words(schedule: Schedule, zone: ZoneInfo, t: Translate) -> str:
    """`05:30 mỗi thứ Hai và thứ Tư, đến hết ngày 31/12/2026, trừ 1 lần`."""
    said = sentence_of(schedule, zone)
    again = schedule.recurrence
    if said is None:
        return t("plan.say_other", time=f"{schedule.at.astimezone(zone):%H:%M}")
    text = t(f"plan.say_{_key(said)}", time=said.time, **_filled(said, t))
    if again is None:
        return text
    if again.valid_to:
        text += t("plan.say_until", day=f"{again.valid_to:%d/%m/%Y}")
    if again.except_:
        text += t("plan.say_except", count=len(again.except_))
    if again.changes:
        text += t("plan.say_changed", count=len(again.changes))
    return text


def _key(said: Sentence) -> str:
    if said.kind == "lunar" and said.month is not None:
        return "lunar_month"
    if said.kind == "tet" and said.before == 0:
        return "tet_day"
    return "daily" if said.kind == "weekly" and len(said.days) == 7 else said.kind


def _filled(said: Sentence, t: Translate) -> dict[str, object]:
    match said.kind:
        case "once":
            return {"weekday": _low(t(f"weekday.{said.day.weekday()}")), "day": f"{said.day:%d/%m/%Y}"}
        case "weekly":
            return {"days": _listed([_low(t(f"weekday.{day}")) for day in said.days], t)}
        case "monthly":
            return {"days": _listed([str(day) for day in said.days], t)}
        case "lunar":
            days = _listed([_moon(day, t) for day in said.days], t)
            return {"days": days, "month": t(f"lunar.month_{said.month}") if said.month else ""}
        case _:
            return {"count": said.before}


def _moon(day: int, t: Translate) -> str:
    if day == 15:
        return t("plan.moon_full")
    return t("plan.moon_first", day=day) if day <= 10 else str(day)


def _low(text: str) -> str:
    """`thứ Hai`, `Chủ Nhật`: within a sentence."""
    return text[0].lower() + text[1:] if text.startswith("Thứ") else text


def _listed(names: list[str], t: Translate) -> str:
    if len(names) < 2:
        return "".join(names)
    return t("plan.and", first=", ".join(names[:-1]), last=names[-1])


def default(now: datetime, zone: ZoneInfo) -> Sentence:
    """What the form proposes: once, the next 05:30 or 17:00."""
    there = now.astimezone(zone)
    for hour in ("05:30", "17:00"):
        if there.time() < time.fromisoformat(hour):
            return Sentence(time=hour, day=there.date())
    return Sentence(time="05:30", day=date.fromordinal(there.date().toordinal() + 1))
