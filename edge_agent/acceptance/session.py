"""One acceptance: where each step is, what was found, what the person said. Used by several threads of a page."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from edge_agent.acceptance.found import Found, Progress, told, wrong
from edge_agent.acceptance.tasks import Task, Todo
from edge_agent.contract.birth import Stage, StepResult
from edge_agent.contract.errors import Refusal
from edge_agent.contract.reports import Position
from edge_agent.local.client import AgentAway

log = logging.getLogger(__name__)


class NotNow(Exception):
    """Something was pressed that cannot be now; `key`: of its sentence."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Doer(Protocol):
    """What a box does for a step; `edge_agent.acceptance.doing` has the one that asks the agent."""

    def do(self, task: Task, todo: Todo, by: str, progress: Progress) -> Found:
        """Do it. Raises AgentAway, Refusal, OSError."""

    def leave(self, task: Task, by: str) -> None:
        """Nobody looks any more. Raises AgentAway, Refusal."""


@dataclass(slots=True)
class Place:
    """Who accepts what and where."""

    installer: str
    position: Position
    position_by: str = "configuration"


@dataclass(slots=True)
class Going:
    """How far one step is. `found` and `stages` go together; of the last one `seen` may still be open."""

    task: Task
    tries: int = 0
    stages: list[Stage] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    running: bool = False
    progress: float = 0.0
    reason: str | None = None

    @property
    def question(self) -> str | None:
        """What the person is asked now (a key)."""
        if self.running or self.reason is not None or not self.stages:
            return None
        return self.task.todo[len(self.stages) - 1].question if self.stages[-1].seen is None else None

    @property
    def next(self) -> Todo | None:
        """What the box would do next."""
        if self.running or self.question or self.reason is not None or len(self.stages) >= len(self.task.todo):
            return None
        return self.task.todo[len(self.stages)]

    @property
    def result(self) -> StepResult | None:
        """None while it is not over."""
        if self.reason is not None:
            return "skipped"
        if not self.task.todo or self.running or self.question or self.next:
            return None
        return "faulty" if any(each.good is False or each.seen is False for each in self.stages) else "ok"


class Session:
    """All steps of one box. The first one is the form: `place`."""

    def __init__(self, tasks: tuple[Task, ...], doer: Doer, place: Place) -> None:
        """`place`: what is known before anybody said anything."""
        self.steps = [Going(task) for task in tasks]
        self.place = place
        self.placed = False
        self.began = datetime.now(UTC)
        self._doer = doer
        self._turn = threading.RLock()
        self.on_begin: Callable[[Callable[[], None]], None] = _in_thread
        """How something that takes long is run; in the terminal it is waited for."""

    def is_over(self, step: int) -> bool:
        """Whether a step is done or skipped."""
        return self.placed if not self.steps[step].task.todo else self.steps[step].result is not None

    @property
    def busy(self) -> bool:
        """Whether the box does something now."""
        return any(step.running for step in self.steps)

    def set_place(self, place: Place) -> None:
        """Who and where. Raises NotNow without a name."""
        if not place.installer.strip():
            raise NotNow("accept.no_installer")
        with self._turn:
            place.installer = " ".join(place.installer.split())[:100]
            self.place, self.placed = place, True

    def begin(self, step: int) -> None:
        """Do the next thing of a step, or all of it again. Raises NotNow."""
        with self._turn:
            going = self._free(step)
            if not going.task.todo:
                raise NotNow("accept.not_now")
            if going.question:
                raise NotNow("accept.answer_first")
            if going.next is None or going.reason is not None:
                self._anew(going)
            if not going.stages:
                going.tries += 1
            todo = going.next
            assert todo is not None  # noqa: S101 - it was begun anew where nothing was left
            going.running, going.progress = True, 0.0
        self.on_begin(lambda: self._do(going, todo))

    def answer(self, step: int, seen: bool) -> None:
        """What the person saw or heard. Raises NotNow."""
        with self._turn:
            going = self._free(step)
            if not going.question:
                raise NotNow("accept.not_now")
            going.stages[-1] = going.stages[-1].model_copy(update={"seen": seen})
            over = going.next is None
        if over:
            self._leave(going)

    def again(self, step: int) -> None:
        """Forget what was found in a step. Raises NotNow."""
        with self._turn:
            self._anew(self._free(step))

    def skip(self, step: int, reason: str) -> None:
        """Leave a step out. Raises NotNow without a reason."""
        if not reason.strip():
            raise NotNow("accept.no_reason")
        with self._turn:
            going = self._free(step)
            began = bool(going.stages)
            self._anew(going)
            going.reason = " ".join(reason.split())[:300]
        if began:
            self._leave(going)

    def end(self) -> None:
        """Whatever was switched for somebody to look at is let go."""
        for going in self.steps:
            if going.stages and going.result is None:
                self._leave(going)

    def _free(self, step: int) -> Going:
        if not 0 <= step < len(self.steps):
            raise NotNow("accept.not_now")
        if self.busy:
            raise NotNow("accept.busy")
        return self.steps[step]

    @staticmethod
    def _anew(going: Going) -> None:
        going.stages, going.found, going.reason = [], [], None

    def _do(self, going: Going, todo: Todo) -> None:
        def progress(part: float) -> None:
            going.progress = part

        found = self._found(going, todo, progress)
        act = Stage(
            act=todo.act,
            at=datetime.now(UTC),
            good=found.good,
            code=found.code,
            vi=found.words.vi[:400],
            en=found.words.en[:400],
            figures=found.figures,
        )
        with self._turn:
            going.found.append(found)
            going.stages.append(act)
            going.running = False

    def _found(self, going: Going, todo: Todo, progress: Progress) -> Found:
        try:
            return self._doer.do(going.task, todo, self.place.installer, progress)
        except Refusal as refusal:
            return wrong(refusal.fault)
        except AgentAway:
            return Found(False, told("accept.agent_away"), "accept.agent_away")
        except OSError as error:
            return Found(False, told("error.sentence", detail=error.strerror or str(error)), "store.failed")
        except Exception as error:  # a step that fails inside must not leave the page waiting for ever
            log.exception("a step of the acceptance failed")
            return Found(False, told("error.sentence", detail=f"{type(error).__name__}: {error}"), "command.internal")

    def _leave(self, going: Going) -> None:
        try:
            self._doer.leave(going.task, self.place.installer)
        except (AgentAway, Refusal) as error:  # it ends by itself after some minutes
            log.warning("%s could not be let go: %s", going.task.id, error)


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="acceptance", daemon=True).start()
