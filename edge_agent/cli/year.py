"""A year of nights as a picture (SVG): each day a column from noon to noon, dark where it is night, lit where on."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from html import escape
from typing import NamedTuple

from edge_agent.calendar.lunar import FIRST_YEAR, LAST_YEAR, tet
from edge_agent.timetable import sun
from edge_agent.timetable.place import Place
from edge_agent.timetable.timetable import Night
from edge_agent.words import say

_DAY_W, _HOUR_H = 3.0, 8.0
_LEFT, _TOP, _TITLE, _FOOT, _RIGHT = 52, 12, 24, 46, 20
_DAYS = 365
_WIDE = _DAYS * _DAY_W
_HIGH = 24 * _HOUR_H
_SKY, _TWILIGHT, _NIGHT, _LIT = "#dcebf8", "#8fa6c8", "#26335c", "#ffc233"


class Panel(NamedTuple):
    """What is drawn for things that do the same."""

    title: str
    nights: Sequence[Night]


def picture(panels: Sequence[Panel], place: Place, first: date) -> str:
    """The picture of the year that begins with a day; a panel for each."""
    height = _TOP + len(panels) * (_TITLE + _HIGH + _FOOT) + 24
    width = _LEFT + _WIDE + _RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" font-family="sans-serif" font-size="11" fill="#333">',
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>',
    ]
    for midnight in sorted({_from_midnight(panel, place) for panel in panels}):
        parts += [f'<defs><g id="{_sky(midnight)}">', *_dark(place, first, midnight), "</g></defs>"]
    for number, panel in enumerate(panels):
        top = _TOP + number * (_TITLE + _HIGH + _FOOT)
        parts.append(
            f'<text x="{_LEFT}" y="{top + 14:g}" font-size="14" font-weight="bold">{escape(panel.title)}</text>'
        )
        parts.append(f'<g transform="translate({_LEFT} {top + _TITLE:g})" shape-rendering="crispEdges">')
        parts += _panel(panel, place, first)
        parts.append("</g>")
    parts.append(f'<g transform="translate({_LEFT} {height - 18:g})">{_legend()}</g></svg>')
    return "\n".join(parts) + "\n"


def _panel(panel: Panel, place: Place, first: date) -> Iterator[str]:
    midnight = _from_midnight(panel, place)
    yield f'<use href="#{_sky(midnight)}"/>'
    for column, night in enumerate(panel.nights):
        for here, after in zip(night.switches, (*night.switches[1:], None), strict=True):
            if here.level:
                top = _height(here.at, night.day, place, midnight)
                end = _HIGH if after is None else _height(after.at, night.day, place, midnight)
                yield (
                    f'<rect x="{column * _DAY_W:.1f}" y="{top:.1f}" width="{_DAY_W:g}" height="{end - top:.1f}" '
                    f'fill="{_LIT}" fill-opacity="{_opacity(here.level):.2f}"/>'
                )
    yield from _axes(first, midnight)


def _from_midnight(panel: Panel, place: Place) -> bool:
    return panel.nights[0].switches[0].at.astimezone(place.zone).hour == 0


def _sky(midnight: bool) -> str:
    return "from-midnight" if midnight else "from-noon"


def _height(at: datetime, day: date, place: Place, midnight: bool) -> float:
    """How far down an instant is, by the clocks there."""
    local = at.astimezone(place.zone).replace(tzinfo=None)
    begin = datetime(day.year, day.month, day.day, 0 if midnight else 12)
    return min(max((local - begin) / timedelta(hours=1), 0.0), 24.0) * _HOUR_H


def _dark(place: Place, first: date, midnight: bool) -> Iterator[str]:
    """Day, twilight and night, column by column."""
    yield f'<rect width="{_WIDE:g}" height="{_HIGH:g}" fill="{_SKY}"/>'
    for colour, down, up in ((_TWILIGHT, "sunset", "sunrise"), (_NIGHT, "dusk", "dawn")):
        for column in range(_DAYS):
            day = first + timedelta(days=column)
            try:
                ends = sun.event(up, place, day if midnight else day + timedelta(days=1))
                begins = sun.event(down, place, day)
            except sun.NoSun:
                continue
            low, high = (_height(at, day, place, midnight) for at in (begins, ends))
            for top, end in [(low, _HIGH), (0.0, high)] if midnight else [(low, high)]:
                yield (
                    f'<rect x="{column * _DAY_W:.1f}" y="{top:.1f}" width="{_DAY_W:g}" '
                    f'height="{max(0.0, end - top):.1f}" fill="{colour}"/>'
                )


def _axes(first: date, midnight: bool) -> Iterator[str]:
    for hours in range(0, 25, 3):
        y = hours * _HOUR_H
        yield f'<text x="-6" y="{y + 4:g}" text-anchor="end">{(hours + (0 if midnight else 12)) % 24:02}:00</text>'
        yield f'<path d="M0 {y:g}H{_WIDE:g}" stroke="#fff" stroke-opacity=".35"/>'
    for column in range(_DAYS):
        day = first + timedelta(days=column)
        x = column * _DAY_W
        if day.day == 1:
            yield f'<path d="M{x:.1f} 0V{_HIGH + 5:g}" stroke="#fff" stroke-opacity=".35"/>'
            label = say("lights.month", year=day.year) if day.month == 1 else f"{day.month}"
            yield f'<text x="{x + 2:.1f}" y="{_HIGH + 15:g}">{label}</text>'
        if FIRST_YEAR <= day.year <= LAST_YEAR and day == tet(day.year):
            yield f'<path d="M{x:.1f} {_HIGH:g}l4 8h-8z" fill="#c22"/>'
            yield f'<text x="{x:.1f}" y="{_HIGH + 28:g}" fill="#c22" text-anchor="middle">{say("lights.tet")}</text>'


def _legend() -> str:
    told = []
    x = 0
    for under, over, key in (
        (_SKY, 0.0, "day"),
        (_TWILIGHT, 0.0, "twilight"),
        (_NIGHT, 0.0, "night"),
        (_NIGHT, 1.0, "lit"),
        (_NIGHT, _opacity(40), "dimmed"),
    ):
        text = say(f"lights.{key}")
        told.append(f'<rect x="{x}" y="-10" width="14" height="12" fill="{under}"/>')
        told.append(f'<rect x="{x}" y="-10" width="14" height="12" fill="{_LIT}" fill-opacity="{over:.2f}"/>')
        told.append(f'<text x="{x + 19}">{text}</text>')
        x += 40 + 7 * len(text)
    return "".join(told)


def _opacity(level: float) -> float:
    return 0.25 + 0.75 * level / 100
