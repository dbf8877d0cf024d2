"""The page of the fault panel: what it says, and its HTML. Pure: no sockets, no files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from drivers.simulated.channels import UNITS, is_contact, parts
from drivers.simulated.config import OF_THE_CABINET, CabinetLine
from drivers.simulated.faults import OF_CABINET, OF_LINES
from edge_agent.cli.panelboxes import Box
from edge_agent.contract.sentences import Language
from edge_agent.words import catalogue

_SHOWN_UNITS = {"Cel": "°C", "kW.h": "kWh", "1": ""}
Shown = Mapping[str, Any]
"""What `look` gives."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is to be seen of a thing: its state, its fault in words, and the setting that is on (DRIVER/THING=WORD)."""

    now: str
    fault: str
    set: str


@dataclass(frozen=True, slots=True)
class View:
    """All that moves on the page."""

    status: str
    running: bool
    cells: Mapping[str, Cell]


def told(language: Language, key: str, **params: object) -> str:
    """A sentence in the language of the reader."""
    return catalogue(language)[key].format(**params)


def view(language: Language, boxes: Sequence[Box], shown: Sequence[Shown]) -> View:
    """What there is to be seen now."""
    cells = {}
    for box, each in zip(boxes, shown, strict=True):
        values = {one["thing"]: one["value"] for one in each["things"]}
        for one in each["things"]:
            thing, word = one["thing"], one["fault"]
            line = thing in box.config.lines
            now = _line_now(language, box, thing, values) if line else _channel_now(language, thing, values[thing])
            place = f"{box.id}/{thing}"
            cells[place] = Cell(now, _fault(language, word), f"{place}={word}" if word else "")
    running = all(each["running"] for each in shown)
    at = max((each["at"] or "" for each in shown), default="")
    if not running or not at:
        return View(told(language, "panel.not_running"), False, cells)
    clock = f"{datetime.fromisoformat(at).astimezone():%H:%M:%S}"
    return View(told(language, "panel.page.on_air", at=clock), True, cells)


def page(language: Language, title: str, token: str, boxes: Sequence[Box], seen: View, opened: str) -> str:
    """The whole page; `opened` is the thing whose buttons are to be seen at first."""
    other: Language = "en" if language == "vi" else "vi"
    maker = _Maker(language, token, seen, opened)
    body = "".join(maker.box(box, several=len(boxes) > 1) for box in boxes)
    heading = escape(told(language, "panel.page.title"))
    mend = f'<button class="all" name="change" value="clear">{escape(told(language, "panel.page.mend_all"))}</button>'
    gone = escape(told(language, "panel.page.no_answer"))
    return f"""<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading}: {escape(title)}</title>
<link rel="stylesheet" href="/panel.css"><script src="/panel.js" defer></script></head>
<body data-state="/state?lang={language}">
<header><div class="top"><div><p>{heading}</p><h1>{escape(title)}</h1></div>
<a href="/?lang={other}" lang="{other}">{escape(told(language, "panel.page.other"))}</a></div>
<p id="status" role="status" class="{"good" if seen.running else "bad"}">{escape(seen.status)}</p>
<p id="problem" class="bad" role="alert" data-gone="{gone}" hidden></p>
{maker.form("", mend)}</header>
<main>{body}</main></body></html>
"""


class _Maker:
    """Writes the parts of one page."""

    def __init__(self, language: Language, token: str, seen: View, opened: str) -> None:
        self._language, self._token, self._seen, self._opened = language, token, seen, opened

    def box(self, box: Box, *, several: bool) -> str:
        """A cabinet: its lines, its contacts, its sensors."""
        lines = "".join(self._line(box, line) for line in box.config.lines)
        contacts = "".join(self._thing(box, thing, "") for thing in OF_CABINET)
        sensors = "".join(self._thing(box, thing, "") for thing in OF_THE_CABINET if thing not in OF_CABINET)
        name = f"<h2>{escape(box.id)}</h2>" if several else ""
        sections = (("lines", lines), ("cabinet", contacts), ("sensors", sensors))
        return name + "".join(
            f'<section aria-label="{self._say(f"panel.page.{key}")}"><h3>{self._say(f"panel.page.{key}")}</h3>'
            f"{inner}</section>"
            for key, inner in sections
            if inner
        )

    def form(self, place: str, inner: str) -> str:
        """A form that works without a script, with what proves that it is ours."""
        hidden = {"token": self._token, "lang": self._language, "open": place}
        fields = "".join(f'<input type="hidden" name="{k}" value="{escape(v)}">' for k, v in hidden.items())
        return f'<form method="post" action="/set" autocomplete="off">{fields}{inner}</form>'

    def _line(self, box: Box, line: str) -> str:
        own = "".join(self._thing(box, f"{line}_{part}", part) for part in parts(box.config.lines[line]))
        label = self._say("panel.page.measured")
        isopen = " open" if self._opened.startswith(f"{box.id}/{line}_") else ""
        return self._thing(box, line, "", f'<details class="own"{isopen}><summary>{label}</summary>{own}</details>')

    def _thing(self, box: Box, thing: str, part: str, below: str = "") -> str:
        place = f"{box.id}/{thing}"
        cell = self._seen.cells[place]
        line = box.config.lines.get(thing)
        name = box.named.get(thing) or (line.name if line else None) or self._part(part or thing, thing)
        isopen = " open" if place == self._opened or (below and self._opened.startswith(f"{place}_")) else ""
        buttons = "".join(self._button(place, cell, word, text) for word, text in self._choices(box, thing))
        mend = f'<button class="mend" name="change" value="{escape(place)}=ok"{"" if cell.set else " disabled"}>'
        inner = f'{self._number(place, thing, line is None)}<div class="buttons">{buttons}{mend}'
        inner += f"{self._say('panel.page.mend')}</button></div>"
        return (
            f'<details class="thing{" broken" if cell.set else ""}" id="{_anchor(place)}"'
            f' data-thing="{escape(place)}"{isopen}>'
            f'<summary><b>{escape(name)}</b> <small>{escape(thing)}</small><span class="now">{escape(cell.now)}</span>'
            f'<span class="fault">{escape(cell.fault)}</span></summary>'
            f"{self.form(place, inner)}{below}</details>"
        )

    def _choices(self, box: Box, thing: str) -> Iterator[tuple[str, str]]:
        """Words that a button sets, with what stands on it."""
        if thing in box.config.lines:
            for word in _of_line(box.config.lines[thing]):
                yield word, _fault_name(self._language, word)
            return
        if thing in OF_CABINET:
            yield OF_CABINET[thing], _fault_name(self._language, OF_CABINET[thing])
        elif is_contact(thing):
            for value in (1, 0):
                yield f"value:{value}", told(self._language, f"panel.is.{thing.rpartition('_')[2]}.{value}")
        yield from ((word, _fault_name(self._language, word)) for word in ("silent", "nan"))

    def _button(self, place: str, cell: Cell, word: str, text: str) -> str:
        value = f"{place}={word}"
        pressed = "true" if cell.set == value else "false"
        return f'<button name="change" value="{escape(value)}" aria-pressed="{pressed}">{escape(text)}</button>'

    def _number(self, place: str, thing: str, channel: bool) -> str:
        if not channel or is_contact(thing):
            return ""
        unit = UNITS.get(thing.rpartition("_")[2], "1")
        label = self._say("panel.page.number")
        return (
            f'<div class="number"><input name="number" type="number" step="any" inputmode="decimal" '
            f'aria-label="{label} ({escape(_SHOWN_UNITS.get(unit, unit))})">'
            f'<button name="change" value="{escape(place)}=value">{label}</button></div>'
        )

    def _part(self, part: str, thing: str) -> str:
        return catalogue(self._language).get(f"panel.part.{part}", thing)

    def _say(self, key: str) -> str:
        return escape(told(self._language, key))


def _of_line(line: CabinetLine) -> Iterator[str]:
    """Faults that are worth a button: of lamps only what lamps do, of water only where it flows."""
    for kind, amounts in OF_LINES.items():
        if kind in ("burnt-out", "cycling") and line.kind != "lamp":
            continue
        if kind == "dry" and line.litres_per_minute <= 0:
            continue
        if kind == "burnt-out":
            yield "burnt-out:50"
        yield kind if amounts is None else f"{kind}:{amounts[0]:g}"


def _anchor(place: str) -> str:
    """A name for the part of the page where a thing stands."""
    return "t-" + place.replace("/", ".")


def _fault_name(language: Language, word: str) -> str:
    kind, _, amount = word.partition(":")
    return told(language, f"panel.kind.{kind}", amount=_number(language, float(amount)) if amount else "")


def _fault(language: Language, word: str | None) -> str:
    """A fault in a sentence; a word that nobody knows as it stands."""
    if not word:
        return ""
    try:
        name = _fault_name(language, word)
    except (KeyError, ValueError):
        name = word
    return told(language, "panel.page.broken", fault=name)


def _line_now(language: Language, box: Box, line: str, values: Mapping[str, float | None]) -> str:
    """A line in a few words: what it is told, its contactor, what it takes and gives."""
    level = values[line]
    if level is None and values.get(f"{line}_contact") is None:
        return told(language, "panel.page.no_word")
    if level is None:
        words = [told(language, "panel.page.ordered_never")]
    else:
        key = "ordered_off" if level <= 0 else "ordered_on" if level >= 100 else "ordered_level"
        words = [told(language, f"panel.page.{key}", level=_number(language, level))]
    for part in ("contact", "power", *(("flow",) if f"{line}_flow" in values else ())):
        value = values.get(f"{line}_{part}")
        words.append("–" if value is None else _channel_now(language, f"{line}_{part}", value))
    return ", ".join(words)


def _channel_now(language: Language, channel: str, value: float | None) -> str:
    if value is None:
        return told(language, "panel.page.no_word")
    part = channel.rpartition("_")[2]
    if is_contact(channel):
        return told(language, f"panel.is.{part}.{int(value > 0)}")
    unit = UNITS.get(part, "1")
    return f"{_number(language, value)} {_SHOWN_UNITS.get(unit, unit)}".strip()


def _number(language: Language, value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if language == "vi" else text
