"""Checks the rows of a sheet: every mistake of every row at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from edge_agent.card import cells
from edge_agent.card.box import Box, Way, Wifi
from edge_agent.card.cells import Wrong
from edge_agent.card.faults import SheetFault, SheetProblem
from edge_agent.card.hashing import is_hash, looks_like_hash
from edge_agent.card.sheet import Row
from edge_agent.contract.enrolment import CardEnrolment

T = TypeVar("T")
USER = "edge"
TIMEZONE = "Asia/Ho_Chi_Minh"
COUNTRY = "VN"
SHORTEST_PASSWORD = 8
ENROLMENT = ("hub", "pin", "token", "expires")


@dataclass(frozen=True, slots=True)
class Common:
    """What stands for all boxes where their rows say nothing else: column -> value; and where the sheet lies."""

    cells: dict[str, str] = field(default_factory=dict)
    folder: Path = Path()


def checked(rows: Sequence[Row], common: Common, now: datetime) -> list[Box]:
    """The boxes of a sheet. Passwords are still as they were written: `sealed` makes hashes of them.

    Raises SheetFault with the mistakes of all rows.
    """
    problems: list[SheetProblem] = []
    boxes: list[Box] = []
    first: dict[str, int] = {}
    for row in rows:
        check = _Check(row, common, now)
        box = check.box()
        problems += check.problems
        if box is None:
            continue
        if box.name in first:
            problems.append(SheetProblem(row.number, "name", "card.name_twice", {"first": first[box.name]}))
        first.setdefault(box.name, row.number)
        boxes.append(box)
    if problems:
        raise SheetFault(sorted(problems, key=lambda problem: problem.row))
    return boxes


class _Check:
    """One row; collects what is wrong with it."""

    def __init__(self, row: Row, common: Common, now: datetime) -> None:
        self.problems: list[SheetProblem] = []
        self._row = row
        self._cells = {**common.cells, **row.cells}
        self._folder = common.folder
        self._now = now

    def box(self) -> Box | None:
        """The box, or None with `problems`."""
        get = self._optional
        name, commune = self._needed("name", cells.name), self._needed("commune", cells.name)
        title = self._needed("title", cells.title)
        latitude = self._needed("latitude", lambda text: cells.degrees(text, 90))
        longitude = self._needed("longitude", lambda text: cells.degrees(text, 180))
        devices = self._needed("devices", str)
        self._cells.setdefault("hostname", name or "")
        hostname = get("hostname", cells.hostname)
        timezone = get("timezone", cells.timezone) or TIMEZONE
        zone, address, camera = get("zone", cells.title), get("address", cells.address), get("camera", cells.camera)
        wifi, apn, way, enrolment = self._wifi(), get("apn", cells.apn), self._way(), self._enrolment()
        console, secrets = get("console", cells.web), get("secrets", self._inside)
        if self.problems or name is None or commune is None or title is None or devices is None:
            return None
        if latitude is None or longitude is None or way is None:
            return None
        asked = {"name": name, "title": title, "zone": zone or "", "camera": camera or ""}
        return Box(
            self._row.number, name, commune, title, zone, address, latitude, longitude, timezone, hostname or name,
            devices, {key: value for key, value in asked.items() if value}, wifi, apn, way, enrolment, secrets, console,
        )  # fmt: skip

    def _wrong(self, at: str, code: str, /, **params: str | int | float) -> None:
        self.problems.append(SheetProblem(self._row.number, at, code, params))

    def _optional(self, column: str, read: Callable[[str], T]) -> T | None:
        text = self._cells.get(column, "")
        if not text:
            return None
        try:
            return read(text)
        except Wrong as wrong:
            self._wrong(column, wrong.code, **wrong.params)
            return None

    def _needed(self, column: str, read: Callable[[str], T]) -> T | None:
        if not self._cells.get(column):
            self._wrong(column, "card.cell_missing", column=column)
            return None
        return self._optional(column, read)

    def _inside(self, text: str) -> Path:
        folder = self._folder / text
        if not folder.is_dir():
            raise Wrong("card.secrets", path=str(folder))
        return folder

    def _wifi(self) -> Wifi | None:
        if "wifi" not in self._cells:
            if self._cells.get("wifi_password"):
                self._wrong("wifi", "card.wifi_missing")
            return None
        ssid, key = self._optional("wifi", cells.ssid), self._optional("wifi_password", cells.wifi_password)
        country = self._optional("wifi_country", cells.country) or COUNTRY
        return Wifi(ssid, key, country) if ssid else None

    def _way(self) -> Way | None:
        """Refuses whatever would leave the installer before a locked box."""
        user, keyboard = self._optional("user", cells.user) or USER, self._optional("keyboard", cells.keyboard)
        ssh, keys = self._optional("ssh", cells.truth), self._optional("ssh_key", cells.ssh_keys) or ()
        password = self._optional("password", lambda text: _password(text, user))
        written = [bool(self._cells.get(column)) for column in ("password", "ssh_key")]
        if not any(written):
            self._wrong("ssh_key", "card.locked_out")
            return None
        if ssh is False and not (password and keyboard):
            self._wrong("ssh", "card.locked_out_ssh")
            return None
        return Way(user, password, ssh is not False, keys, keyboard)

    def _enrolment(self) -> CardEnrolment | None:
        present = [column for column in ENROLMENT if self._cells.get(column)]
        if not present:
            return None
        for column in ENROLMENT:
            if column not in present:
                self._wrong(column, "card.enrol_half", column=column, others=", ".join(present))
        hub, pin = self._optional("hub", cells.hub), self._optional("pin", cells.pin)
        token, expires = self._optional("token", cells.token), self._optional("expires", cells.instant)
        if expires is not None and expires <= self._now:
            self._wrong("expires", "card.expired", at=expires.isoformat())
        if hub is None or pin is None or token is None or expires is None:
            return None
        return CardEnrolment(hub=hub, pin=pin, token=token, expires=expires)


def _password(text: str, user: str) -> str:
    if is_hash(text):
        return text
    if looks_like_hash(text):
        raise Wrong("card.hash")
    if len(text) < SHORTEST_PASSWORD or text in (user, "raspberry") or not text.isprintable():
        raise Wrong("card.password", limit=SHORTEST_PASSWORD)
    return text
