"""What the node reports, in a person's words. One function per thing; no HTML here."""

import math
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from edge_agent.contract.errors import Fault, Said
from edge_agent.contract.records import Event
from edge_agent.contract.reports import BulletinState, CameraState, SpeakerState
from edge_agent.contract.sentences import Language, spelled
from edge_agent.contract.sentences import sentence as fault_sentence
from edge_agent.contract.sentences import sentences as code_sentences
from hub import times
from hub.commands import Outcome
from hub.language import Translate, catalogue, translator
from hub.people.acting import BY_CONSOLE
from hub.titles import titled

_OF_BULLETINS = ("aired", "missed", "heard")
"""Events that tell of an airing, with its title in `data`, or its id."""
_FILLED = re.compile(r"{(\w+)}")


class Speaker:
    """Speaks one language, in one time zone, at one instant."""

    def __init__(self, language: Language, zone: ZoneInfo, now: datetime) -> None:
        self.language: Language = language
        self.zone = zone
        self.now = now
        self.t: Translate = translator(language)

    def moment(self, instant: datetime) -> str:
        """An instant in words."""
        return times.moment(instant, self.now, self.zone, self.language)

    def fault(self, fault: Fault | None) -> str:
        """A fault's own sentence, or nothing."""
        return spelled(fault.text(self.language)[:500], self.moment) if fault else ""

    def said(self, said: Said | None) -> str:
        """What a thing says besides, or nothing."""
        return spelled(said.text(self.language)[:500], self.moment) if said else ""

    def level(self, value: float) -> str:
        """`60 %`."""
        return f"{number(value)} %"

    def speaker(self, state: SpeakerState | None) -> str:
        """What the loudspeaker does."""
        if state is None:
            return self.t("speaker.unknown")
        if state.actual == "idle":
            return self.t("speaker.idle")
        title = titled(state.title or state.playing or "", self.t)
        return self.t(f"speaker.{state.actual}_title", title=title) if title else self.t(f"speaker.{state.actual}")

    def camera(self, state: CameraState | None) -> str:
        """What the camera does."""
        if state is None:
            return self.t("camera.unknown")
        words = [self.t("camera.undecodable" if is_undecodable(state) else f"camera.{state.actual}")]
        if state.recording:
            words.append(self.t("camera.recording"))
        if state.main.width and state.main.height:
            words.append(f"{state.main.width}×{state.main.height}")
        if state.actual != "streaming" and state.main.last_frame:
            words.append(self.t("camera.last_frame", at=self.moment(state.main.last_frame)))
        return " · ".join(words)

    def bulletin(self, state: BulletinState) -> str:
        """Where a bulletin stands."""
        if state.actual in ("preparing", "ready"):
            at = state.next or state.last
            word, airs = self.readiness(state), self.t("bulletin.airs", at=self.moment(at)) if at else ""
            return _join(word, airs) if state.fault else ", ".join(part for part in (word, airs) if part)
        over = state.actual in ("aired", "partly", "missed")
        if over and state.last:
            word = self.t(f"bulletin.{state.actual}_at", at=self.moment(state.last))
        else:
            word = self.t(f"bulletin.{state.actual}")
        heard = "" if state.heard is None or state.actual not in ("aired", "partly") else self._heard(state.heard)
        ahead = state.next if over and state.next and state.next > self.now else None
        coming = self.t("bulletin.next", at=self.moment(ahead)) if ahead else ""
        return _join(word, heard, coming, self.fault(state.fault), self.said(state.said))

    def readiness(self, state: BulletinState) -> str:
        """Whether a bulletin could go on air now, and if not, what is missing."""
        if state.actual == "preparing" and state.fault:
            return self.t("bulletin.not_ready", why=self.fault(state.fault))
        if state.actual == "preparing" and state.needed:
            return self.t("bulletin.preparing_part", prepared=state.prepared or 0, needed=state.needed)
        word = self.t(f"bulletin.{state.actual}")
        return _join(word, self.fault(state.fault), self.said(state.said))

    def _heard(self, heard: bool) -> str:
        return self.t("bulletin.heard" if heard else "bulletin.not_heard")

    def outcome(self, outcome: Outcome, done: str, accepted: str, **params: str) -> str:
        """What became of a command; `done` and `accepted`: keys of the good news, filled with `params`."""
        if outcome.state == "done":
            return self.t(done, **params)
        if outcome.state == "accepted":
            return self.t(accepted, **params)
        if outcome.state == "unsent" and outcome.fault is None:
            return self.t("outcome.unsent")
        return self.t(f"outcome.{outcome.state}", why=self.fault(outcome.fault) or "?")

    def event(self, event: Event, names: dict[str, str]) -> str:
        """Something that happened. `names`: kind/id -> the thing's name."""
        data = event.data
        thing = names.get(event.about or "", (event.about or "").partition("/")[2] or event.about or "")
        if event.type in _OF_BULLETINS:
            thing = titled(str(data.get("title") or names.get(f"bulletin/{data.get('id')}") or thing), self.t)
        return _join(
            self._happened(event, thing),
            self._level(event),
            self._found(event),
            self._detail(event, thing),
            self._was(event, thing),
            self._guessed(data),
            self._who(data),
        )

    def _happened(self, event: Event, thing: str) -> str:
        """The most particular sentence that the catalogue has for it."""
        key, data = f"event.{event.type}", event.data
        variants = [
            data.get("state"),
            data.get("heard"),
            data.get("ended"),
            data.get("did"),
            data.get("trusted"),
            data.get("reason"),
        ]
        for variant in variants:
            if isinstance(variant, str | bool) and f"{key}.{variant}".lower() in catalogue(self.language):
                return self.t(f"{key}.{variant}".lower(), thing=thing)
        if key not in catalogue(self.language):  # a newer node
            return _join(self.t("event.other", type=_short(event.type)), thing)
        return self.t(key, thing=thing)

    def _level(self, event: Event) -> str:
        level = event.data.get("level")
        if event.type not in ("switched", "override") or not isinstance(level, int | float):
            return ""
        return self.t("light.to_off") if level <= 0 else self.t("light.to_on", level=self.level(level))

    def _found(self, event: Event) -> str:
        """How many parts of a node were well when it was examined."""
        counts = {word: event.data.get(word) for word in ("ok", "note", "faulty")} if event.type == "examined" else {}
        known = {word: count for word, count in counts.items() if isinstance(count, int) and count > 0}
        return ", ".join(self.t(f"doctor.count_{word}", count=count) for word, count in known.items())

    def _detail(self, event: Event, thing: str) -> str:
        """The words that an event carries: the sentence of its fault's code, a title, a text."""
        data = event.data
        code = data.get("code")
        if isinstance(code, str) and event.type != "cleared" and data.get("ended") is not True:  # what is over
            params = data.get("params")
            filled = {**data, **(params if isinstance(params, dict) else {})}
            told = data.get(self.language)
            if isinstance(told, str) and told:
                return _short(spelled(told, self.moment))
            if f"fault.{code}" in code_sentences(self.language):  # TALQ's name
                code, filled["id"] = f"fault.{code}", thing
            return _short(spelled(fault_sentence(code, self.language, filled), self.moment))
        if event.type == "clash":
            titles = data.get("titles")
            return _short(" / ".join(map(str, titles))) if isinstance(titles, list | tuple) else ""
        if event.type in _OF_BULLETINS:
            return ""
        for key in ("title", "text"):
            value = data.get(key)
            if isinstance(value, str) and value:
                return _short(value)
        return ""

    def _was(self, event: Event, thing: str) -> str:
        """Of what is over, what it was, where that needs no more words than are known."""
        code = event.data.get("code")
        template = code_sentences(self.language).get(f"fault.{code}", "") if event.type == "cleared" else ""
        if not template or not set(_FILLED.findall(template)) <= {"id"}:
            return ""
        return self.t("event.was", what=_short(fault_sentence(f"fault.{code}", self.language, {"id": thing})))

    def _guessed(self, data: dict[str, Any]) -> str:
        """Places that were spoken although nobody had said how."""
        words = data.get("guessed")
        known = [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
        return _short(self.t("reading.guessed", words=", ".join(known))) if known else ""

    def _who(self, data: dict[str, Any]) -> str:
        by = data.get("by")
        if by == BY_CONSOLE:
            return self.t("event.by_console")
        return self.t("event.by", by=_short(by)) if isinstance(by, str) and by else ""


def why(code: str | None, params: dict[str, Any], reason: str | None, language: Language) -> str:
    """The sentence of a code in this language where everything that fills it is known; else as the node said it."""
    template = code_sentences(language).get(code or "")
    if template is None or not set(_FILLED.findall(template)) <= params.keys():
        return reason or code or ""
    return fault_sentence(code or "", language, params)


def is_undecodable(state: CameraState) -> bool:
    """Whether a camera sends what nobody can look at."""
    return state.actual == "streaming" and state.fault is not None and state.fault.code == "camera.garbage"


def number(value: float) -> str:
    """A measured number without false digits; a dash where it is none."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"


def digits(value: float, language: Language) -> str:
    """A number as its readers write it: `12,2` in Vietnamese."""
    return number(value).replace(".", ",") if language == "vi" else number(value)


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"


def _join(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
