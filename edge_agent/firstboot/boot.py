"""The steps of a first boot, each of which may be done again: after a power cut it goes on where it stood."""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from edge_agent.config.load import load
from edge_agent.config.model import NodeConfig
from edge_agent.contract.enrolment import CardEnrolment
from edge_agent.contract.errors import Fault
from edge_agent.firstboot.card import ENROL, NODE, Card
from edge_agent.firstboot.journal import Journal
from edge_agent.firstboot.result import Result, State
from edge_agent.firstboot.system import System
from edge_agent.firstboot.telling import Teller
from edge_agent.firstboot.text import NotText, decoded
from edge_agent.identity.when import day, written
from edge_agent.store.files import write_atomically

log = logging.getLogger(__name__)
_LINK_S = 600.0


class FirstBoot:
    """`run` to the end: a box that works, or a plain sentence on the card."""

    def __init__(
        self,
        card: Card,
        config: Path,
        journal: Journal,
        system: System,
        *,
        sleep: Callable[[float], None] = time.sleep,
        tries: float = float("inf"),
    ) -> None:
        """`config`: where the node's configuration belongs; `tries`: of the enrolment, at most."""
        self._card = card
        self._config = config
        self._journal = journal
        self._system = system
        self._sleep = sleep
        self._tries = tries
        self._clock = SystemClock()
        self._notes: dict[str, Fault] = {}
        self._node: NodeConfig | None = None
        self._teller = Teller(card, journal, system, self._clock)

    def run(self) -> Result:
        """Do what is left to do. Returns how it ended."""
        result = self._steps()
        if result.state != "ready" or self._journal.done.ready != self._journal.marks:  # later boots are quiet ones
            self._teller.tell(result, self._node)
        if result.state == "ready":
            self._journal.remember(ready=self._journal.marks)
        return result

    def _steps(self) -> Result:
        self._move_secrets()
        failed = self._install()
        if failed is not None:
            return failed
        failed = self._enrol()
        if failed is not None:
            return failed
        if self._journal.done.ready == self._journal.marks:
            return self._result("ready", "done")
        return self._wait_for_link()

    def _install(self) -> Result | None:
        """The card's node.yaml becomes the node's, if it is well; the agent is started in any case."""
        failed, changed = None, False
        try:
            raw = self._card.read(NODE)
        except OSError as error:
            raw, failed = None, self._bad(_unreadable("node.yaml", error))
        if raw is not None and (_mark(raw) != self._journal.done.config or not self._config.exists()):
            failed = self._installed(raw)
            changed = failed is None
        self._node = self._node or load(self._config).config
        if self._node is not None:
            self._system.start_agent(again=changed)
        elif failed is None:
            failed = self._bad(Fault.of("identity.card_no_node"))
        return failed

    def _installed(self, raw: bytes) -> Result | None:
        """Checked where it will lie, because its paths begin there; then put into place at one stroke."""
        staged = self._config.with_name(".node.card.yaml")
        try:
            text = decoded(raw).encode()
            write_atomically(staged, text, 0o644)
            loaded = load(staged)
            if loaded.config is None:
                fault = Fault.of("identity.card_bad_node", count=len(loaded.problems))
                return replace(self._bad(fault), problems=tuple(loaded.problems))
            write_atomically(self._config, text, 0o644)
            self._node = loaded.config
            self._journal.remember(config=_mark(raw))
        except NotText as error:
            return self._bad(_unreadable("node.yaml", error))
        except OSError as error:
            return self._bad(Fault.of("store.failed", detail=f"{error.filename}: {error.strerror}"))
        finally:
            staged.unlink(missing_ok=True)
        return None

    def _bad(self, fault: Fault) -> Result:
        return self._result("failed", "config", fault)

    def _move_secrets(self) -> None:
        """Passwords and tokens for hardware and others: onto the node's own disk, then off the card."""
        for path in self._card.secrets():
            target = self._config.parent / "secrets" / path.name
            try:
                write_atomically(target, path.read_bytes(), 0o640)
                self._system.give(target)
                self._card.wipe(path)
            except OSError as error:
                self._note("identity.card_secret_left", file=path.name, detail=error.strerror or str(error))

    def _enrol(self) -> Result | None:
        """None: nothing is left to do for it."""
        assert self._node is not None  # noqa: S101 - it is installed
        path = self._card.file(ENROL)
        try:
            raw = self._card.read(ENROL)
        except OSError as error:
            return self._result("failed", "enrol", _unreadable("enrol.json", error))
        if raw is None or path is None:
            return None
        if _mark(raw) == self._journal.done.enrolled:
            self._wipe(path)
            return None
        if self._node.identity is None:
            return self._result("failed", "enrol", Fault.of("identity.card_bad_enrol", detail="identity"))
        try:
            card = CardEnrolment.model_validate(json.loads(decoded(raw)))
        except (ValueError, RecursionError) as error:
            return self._result("failed", "enrol", Fault.of("identity.card_bad_enrol", detail=_place(error)))
        failed = self._until_trusted(card, written(path))
        if failed is None:
            self._wipe(path)
            self._journal.remember(enrolled=_mark(raw))
        return failed

    def _until_trusted(self, card: CardEnrolment, floor: datetime) -> Result | None:
        """Ask for as long as the token lives. The hub has the last word on that: our clock may be in 1970."""
        backoff, tries = Backoff(2.0, 60.0), 0
        while True:
            answer = self._system.enrol(self._config, card.model_dump_json().encode(), floor)
            tries += 1
            if answer.fault is None:
                return None
            fault = answer.fault
            over = self._clock.trusted and datetime.now(UTC) >= card.expires
            if over and not answer.final:
                name = self._node.node.name if self._node is not None else "-"
                fault = Fault.of("enrol.token_expired", at=day(card.expires), name=name)
            if answer.final or over:
                return self._result("failed", "enrol", fault)
            waiting = self._result("waiting", "enrol", fault)
            if tries >= self._tries:
                return waiting
            self._teller.tell(waiting, self._node)
            self._sleep(backoff.after(0))

    def _wait_for_link(self) -> Result:
        """Trusted; the agent finds that out by itself."""
        assert self._node is not None  # noqa: S101 - it is installed
        identity = self._node.identity
        if identity is not None and self._node.broker is None and not (identity.folder / "grant.json").exists():
            return self._result("failed", "enrol", Fault.of("identity.none"))
        self._teller.write(self._result("working", "link"), self._node)
        ends = self._clock.monotonic() + (_LINK_S if self._tries == float("inf") else 0)
        while not self._system.connected(self._node.storage.path):
            if self._clock.monotonic() >= ends:
                return self._result("waiting", "link", Fault.of("identity.no_link_yet"))
            self._sleep(2.0)
        return self._result("ready", "done")

    def _wipe(self, path: Path) -> None:
        try:
            self._card.wipe(path)
        except OSError as error:
            self._note("identity.card_not_wiped", detail=error.strerror or str(error))

    def _note(self, code: str, **params: str) -> None:
        self._notes[code] = Fault.of(code, **params)
        log.warning("%s", self._notes[code].en)

    def _result(self, state: State, step: str, fault: Fault | None = None) -> Result:
        node = self._node.node if self._node is not None else None
        return Result(
            state,
            step,
            f"{node.commune}/{node.name}" if node is not None else "",
            node.title if node is not None else "",
            fault,
            notes=tuple(self._notes.values()),
        )


def _mark(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _unreadable(file: str, error: Exception) -> Fault:
    detail = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return Fault.of("identity.card_unreadable", file=file, detail=detail)


def _place(error: Exception) -> str:
    """Where a file is wrong: never what stands there, which may be a secret."""
    if isinstance(error, ValidationError):
        return ", ".join(sorted({".".join(map(str, each["loc"])) or "-" for each in error.errors()}))
    return "JSON"
