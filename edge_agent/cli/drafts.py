"""Bulletins of a YAML or JSON file, each judged alone; recordings may stand there as files of this machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_agent.cli.faults import reason_of
from edge_agent.cli.output import BAD_INPUT, fail
from edge_agent.config.load import dotted, problems_of
from edge_agent.config.problems import ConfigProblem
from edge_agent.config.yaml import Document, Place
from edge_agent.config.yaml import Path as Where
from edge_agent.contract.bulletins import Bulletin
from edge_agent.media.local import LocalSound, NoSound, look
from edge_agent.words import say

MOST_BYTES = 48_000
"""Of a bulletin as JSON: signed, in base64, it still fits into a message (`contract.base.MAX_BODY`)."""
_SOUNDS = ("sound", "stand_in", "bed", "rendered")


@dataclass(slots=True)
class Draft:
    """A bulletin of a file: it is sound, or `problems` say what is wrong. `sounds`: what the hub must have for it."""

    id: str
    title: str
    where: str = ""
    places: dict[str, Place] = field(default_factory=dict)
    bulletin: Bulletin | None = None
    problems: list[ConfigProblem] = field(default_factory=list)
    sounds: list[LocalSound] = field(default_factory=list)

    def refuse(self, file: Path, key: str, code: str, **params: str | int | float) -> None:
        """It is wrong after all, at this key."""
        path = f"{self.where}.{key}" if self.where else key
        self.problems.append(ConfigProblem(str(file), self.place(key), path, code, params))
        self.bulletin = None

    def place(self, key: str = "") -> Place:
        """Where it, or one of its keys, stands; the first line where nobody knows."""
        return self.places.get(key) or Place(1, 1)


def drafts_of(file: Path, document: Document) -> list[Draft]:
    """From a list of bulletins, under the key `bulletins` or alone, or a single one. Ends where there is none."""
    data: Any = document.data
    prefix: Where = ()
    if isinstance(data, Mapping) and "bulletins" in data:
        data, prefix = data["bulletins"], ("bulletins",)
    entries = data if isinstance(data, list) else [data]
    if not entries or not all(isinstance(entry, Mapping) for entry in entries):
        fail(say("calendar.no_bulletins", file=file), BAD_INPUT)
    reader = _Reader(file, document)
    return [
        reader.draft(entry, (*prefix, place) if isinstance(data, list) else prefix)
        for place, entry in enumerate(entries)
    ]


class _Reader:
    """Reads the entries of one file; a recording that is named twice is hashed once."""

    def __init__(self, file: Path, document: Document) -> None:
        self._file = file
        self._document = document
        self._looked: dict[Path, LocalSound | NoSound] = {}

    def draft(self, entry: Mapping[str, Any], where: Where) -> Draft:
        """One entry."""
        places = {key: self._document.place((*where, key) if key else where) for key in ("", "id", "at")}
        draft = Draft(str(entry.get("id", "")), str(entry.get("title", "")), dotted(where), places)
        for path, place, first in self._document.twice:
            if path[: len(where)] == where:
                problem = ConfigProblem(str(self._file), place, dotted(path), "config.twice", {"first": first})
                draft.problems.append(problem)
        resolved = self._resolved(entry, where, draft)
        try:
            draft.bulletin = Bulletin.model_validate(resolved)
        except ValidationError as error:
            draft.problems += problems_of(error, str(self._file), self._document, where, Bulletin)
        if draft.bulletin is not None:
            size = len(draft.bulletin.model_dump_json(by_alias=True).encode())
            if size > MOST_BYTES:
                self._wrong(draft, where, NoSound("plan.too_long", size=size, limit=MOST_BYTES))
        if draft.problems:
            draft.bulletin = None
        return draft

    def _resolved(self, entry: Mapping[str, Any], where: Where, draft: Draft) -> dict[str, Any]:
        """The entry with `sha256` and `bytes` in place of each `file`."""
        copied: dict[str, Any] = dict(entry)
        for holder, place in _lists(copied, where):
            segments = holder["segments"]
            holder["segments"] = [
                self._segment(segment, (*place, "segments", number), draft) if isinstance(segment, Mapping) else segment
                for number, segment in enumerate(segments)
            ]
        return copied

    def _segment(self, segment: Mapping[str, Any], where: Where, draft: Draft) -> dict[str, Any]:
        made: dict[str, Any] = dict(segment)
        if made.get("kind") == "audio" and "file" in made:
            if "sound" in made:
                self._wrong(draft, (*where, "sound"), NoSound("plan.two_sounds"))
            made["sound"] = self._sound({"file": made.pop("file")}, (*where, "file"), draft)
        for key in _SOUNDS:
            value = made.get(key)
            if isinstance(value, Mapping) and "file" in value:
                made[key] = self._sound(value, (*where, key, "file"), draft)
        return made

    def _sound(self, said: Mapping[str, Any], where: Where, draft: Draft) -> dict[str, Any]:
        """`{sha256, bytes}` of a file; where there is none, the problem and something that fits."""
        if len(said) > 1:
            self._wrong(draft, where, NoSound("plan.two_sounds"))
        name = said["file"]
        if not isinstance(name, str) or not name or "\0" in name:
            found: LocalSound | NoSound = NoSound("config.text", key="file")
        else:
            path = self._file.absolute().parent / name
            if path not in self._looked:
                self._looked[path] = _looked(path)
            found = self._looked[path]
        if isinstance(found, NoSound):
            self._wrong(draft, where, found)
            return {"sha256": "0" * 64, "bytes": 1}
        if found not in draft.sounds:
            draft.sounds.append(found)
        return {"sha256": found.sha256, "bytes": found.bytes}

    def _wrong(self, draft: Draft, where: Where, why: NoSound) -> None:
        place = self._document.place(where)
        draft.problems.append(ConfigProblem(str(self._file), place, dotted(where), why.code, why.params))


def _looked(path: Path) -> LocalSound | NoSound:
    try:
        return look(path)
    except NoSound as error:
        return error
    except OSError as error:
        return NoSound("plan.sound_unreadable", path=str(path), detail=reason_of(error))


def _lists(entry: dict[str, Any], where: Where) -> Iterator[tuple[dict[str, Any], Where]]:
    """What holds segments: the bulletin, and its versions, which are copied."""
    if isinstance(entry.get("versions"), list):
        entry["versions"] = [dict(each) if isinstance(each, Mapping) else each for each in entry["versions"]]
        for number, version in enumerate(entry["versions"]):
            if isinstance(version, dict) and isinstance(version.get("segments"), list):
                yield version, (*where, "versions", number)
    if isinstance(entry.get("segments"), list):
        yield entry, where
