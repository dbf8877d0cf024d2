"""Reads the parts of an XML tree by their names, and remembers everything that is wrong with its place."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from hub.cap.message import NAMESPACE
from hub.cap.xml import Element

E = TypeVar("E", bound=StrEnum)
LONGEST = 20_000
"""Characters of one text."""
MOST = 200
"""Elements of one name beside each other."""
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[-+]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong: the key of its sentence, path and line of the element, what fills the sentence."""

    key: str
    path: str
    line: int
    params: dict[str, str] = field(default_factory=dict)


@dataclass
class Findings:
    """What was found wrong, and what was odd but taken (keys of sentences)."""

    problems: list[Problem] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)

    def bad(self, key: str, path: str, line: int, **params: object) -> None:
        """Remember a mistake; what fills the sentence is cut to a size that can be shown."""
        if len(self.problems) < 50:
            shown = {name: str(value)[:200] for name, value in params.items()}
            self.problems.append(Problem(key, path, line, shown))


class Part:
    """One element and what stands in it. Everything that is asked of it is written to the findings if it is wrong."""

    def __init__(self, element: Element, path: str, findings: Findings) -> None:
        self.element = element
        self.path = path
        self._findings = findings

    def note(self, key: str) -> None:
        """Something odd that is taken all the same."""
        self._findings.notes[key] = None

    def bad(self, key: str, below: str = "", **params: object) -> None:
        """Something wrong here, or in an element below."""
        self._findings.bad(key, f"{self.path}/{below}" if below else self.path, self.element.line, **params)

    def only(self, *names: str) -> None:
        """Complain of elements that the standard does not have here; they come in the order of the standard."""
        last = 0
        for child in self.element.children:
            if child.space != NAMESPACE:
                self.note("cap.note_foreign")
            elif child.name not in names:
                self._findings.bad("cap.bad_unknown", f"{self.path}/{child.name[:100]}", child.line)
            elif (place := names.index(child.name)) < last:
                self.note("cap.note_order")
            else:
                last = place

    def parts(self, name: str, limit: int = MOST) -> list["Part"]:
        """The elements of this name."""
        found = self.element.all(name, NAMESPACE)
        if len(found) > limit:
            self.bad("cap.bad_many", name, limit=limit)
        return [Part(e, f"{self.path}/{name}[{n}]", self._findings) for n, e in enumerate(found[:limit], 1)]

    def words(self) -> str:
        """The text of this element, NFC, without control characters."""
        if self.element.children:
            self.bad("cap.bad_nested")
        text = clean(self.element.text)
        if len(text) > LONGEST:
            self.bad("cap.bad_long", limit=LONGEST)
        return text

    def text(self, name: str, *, required: bool = False) -> str:
        """The text of the one element of this name; empty where there is none."""
        found = self.parts(name)
        if len(found) > 1:
            self.bad("cap.bad_twice", name)
        words = found[0].words() if found else ""
        if required and not words:
            self.bad("cap.bad_missing", name)
        return words

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of all elements of this name that have any."""
        return tuple(filter(None, (part.words() for part in self.parts(name))))

    def one_of(self, name: str, kind: type[E], default: E) -> E:
        """One of the words that the standard has; it must be there. `default`: what stands for it when it is wrong."""
        text = self.text(name, required=True)
        return self._known(name, text, kind, default) if text else default

    def some_of(self, name: str, kind: type[E]) -> tuple[E, ...]:
        """Any number of the words that the standard has."""
        found = (self._known(name, text, kind, None) for text in self.texts(name))
        return tuple(dict.fromkeys(word for word in found if word is not None))

    def _known(self, name: str, text: str, kind: type[E], default: E | None) -> E:
        try:
            return kind(text)
        except ValueError:
            self.bad("cap.bad_value", name, value=text, known=", ".join(kind))
            return default if default is not None else next(iter(kind))

    def time(self, name: str, *, required: bool = False) -> datetime | None:
        """An instant."""
        text = self.text(name, required=required)
        return self.instant(name, text) if text else None

    def instant(self, name: str, text: str) -> datetime | None:
        """What an instant in writing means, in UTC (section 3.3.2: with an offset, and no Z)."""
        match = _TIME.fullmatch(text)
        try:
            instant = datetime.fromisoformat(match[1] + match[3]).astimezone(UTC) if match else None
        except (ValueError, OverflowError):
            instant = None
        if match is None or instant is None or not 2000 <= instant.year <= 2199:
            self.bad("cap.bad_time", name, value=text)
            return None
        if match[3] == "Z" or match[2]:
            self.note("cap.note_time")
        return instant


def clean(text: str) -> str:
    """NFC, without control characters but line ends, which stay; outer white space gone."""
    kept = (c for c in unicodedata.normalize("NFC", text) if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return "".join(kept).strip()
