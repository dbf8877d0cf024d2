"""What the card tells when it is put back into a laptop: `KET-QUA.txt` for people, `ket-qua.json` for programs."""

import codecs
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from edge_agent.config.problems import ConfigProblem
from edge_agent.contract.base import iso
from edge_agent.contract.errors import Fault
from edge_agent.version import VERSION
from edge_agent.words import Both, both, explain, say

FOR_PEOPLE, FOR_PROGRAMS = "KET-QUA.txt", "ket-qua.json"
State = Literal["ready", "working", "waiting", "failed"]
"""ready: nothing is left to do; working: under way; waiting: tries again by itself; failed: a person must act."""
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Result:
    """How far the first boot is. `step`: a key of the sentences `firstboot.step_*`."""

    state: State
    step: str
    node: str = ""
    title: str = ""
    fault: Fault | None = None
    problems: tuple[ConfigProblem, ...] = ()
    notes: tuple[Fault, ...] = field(default=())

    def for_people(self, at: datetime, clock_trusted: bool) -> bytes:
        """Vietnamese, then English, `at` in the time of its own zone.

        With a byte order mark and CRLF, so that every Notepad shows it.
        """
        pages = both(lambda: self._page(at, clock_trusted))
        text = f"{pages.vi}\n{'-' * 60}\n\n{pages.en}"
        return codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode()

    def for_programs(self, at: datetime, clock_trusted: bool) -> bytes:
        """The same as JSON."""
        told = {
            "state": self.state,
            "step": self.step,
            "node": self.node,
            "title": self.title,
            "at": iso(at),
            "clock_trusted": clock_trusted,
            "version": VERSION,
            "fault": self.fault.model_dump(mode="json") if self.fault is not None else None,
            "problems": [problem.as_json() for problem in self.problems[:_MOST_PROBLEMS]],
            "notes": [note.model_dump(mode="json") for note in self.notes],
        }
        return json.dumps(told, ensure_ascii=False, indent=1).encode()

    def aloud(self) -> Both:
        """One sentence for the loudspeaker."""
        name = self.title or self.node

        def words() -> str:
            if self.state == "ready":
                return say("firstboot.say_ready", name=name)
            return say("firstboot.say_bad", name=name or say("firstboot.box"), why=self._why())

        return both(words)

    def _page(self, at: datetime, clock_trusted: bool) -> str:
        clock = "" if clock_trusted else f" ({say('firstboot.clock')})"
        lines = [
            say("firstboot.head"),
            "",
            say("firstboot.node", name=f"{self.title} ({self.node})" if self.node else "-"),
            say("firstboot.at", at=f"{at:%H:%M:%S %d/%m/%Y}{clock}"),
            say("firstboot.result", word=say(f"firstboot.{self.state}")),
            "",
            say(f"firstboot.step_{self.step}"),
        ]
        if self.fault is not None:
            lines += [self._why(), f"[{self.fault.code}]"]
        for problem in self.problems[:_MOST_PROBLEMS]:
            lines.append(say("firstboot.line", line=problem.place.line, key=problem.path or "-", text=problem.text()))
        lines += [explain(note) for note in self.notes]
        return "\n".join([*lines, "", say(f"firstboot.todo_{self.state}"), ""])

    def _why(self) -> str:
        return explain(self.fault) if self.fault is not None else say(f"firstboot.step_{self.step}")
