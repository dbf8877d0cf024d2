"""The doctor inside the running agent: asked for by a command, told part by part, kept at the broker."""

from collections import Counter
from collections.abc import Callable, Mapping

from edge_agent.clock import Clock
from edge_agent.config.model import NodeConfig
from edge_agent.contract import health
from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import Command
from edge_agent.contract.errors import Refusal
from edge_agent.contract.health import EXAMINATION, MOST_CHARS, MOST_FINDINGS, DoctorState, ExamineNode
from edge_agent.desk.act import Act, Begin
from edge_agent.doctor.examine import Examination, examine, parts_of
from edge_agent.doctor.finding import Finding
from edge_agent.recorder import Recorder

_TOLD_EVERY_S = 1.0
"""Of the way there, so often at most: each word of it goes over a phone's network."""
_GRAVEST: dict[health.FindingState, int] = {"faulty": 0, "note": 1, "ok": 2}


class Doctor:
    """One examination at a time."""

    def __init__(
        self,
        config: NodeConfig,
        session: str,
        clock: Clock,
        recorder: Recorder,
        *,
        instead: Mapping[str, Examination],
        post: Callable[[DoctorState], None],
    ) -> None:
        """`session`: as `status` tells it; `instead`: how parts are examined that the agent has open itself."""
        self._config = config
        self._session = session
        self._clock = clock
        self._recorder = recorder
        self._instead = instead
        self._post = post
        self._now: DoctorState | None = None

    def use(self, config: NodeConfig) -> None:
        """Examine this from now on: the node has become trusted, and knows its broker and its hub."""
        self._config = config

    async def examine(self, asked: Command, _args: ExamineNode) -> Act:
        """Handle `node.examine`. Refuses `doctor.busy`."""
        self._refuse_second()

        async def run(begin: Begin) -> JsonObject:
            self._refuse_second()
            self._now = self._begun(asked.by)
            try:
                await begin()
                return await self._examined(self._now)
            finally:
                self._now = None

        return Act(run=run)

    def _refuse_second(self) -> None:
        if self._now is not None:
            raise Refusal("doctor.busy", by=self._now.by)

    def _begun(self, by: str) -> DoctorState:
        now, parts = self._clock.now(), len(parts_of(self._config))
        return DoctorState(
            id=EXAMINATION, at=now, actual="examining", session=self._session, began=now, by=by[:100], parts=parts
        )

    async def _examined(self, state: DoctorState) -> JsonObject:
        """All parts, one after the other."""
        findings: list[Finding] = []
        told_at = float("-inf")
        async for name, found in examine(self._config, agent_runs=True, instead=self._instead):
            if found is not None:
                findings.append(found)
            elif self._clock.monotonic() - told_at >= _TOLD_EVERY_S:
                told_at = self._clock.monotonic()
                self._post(state.model_copy(update={"part": name, "done": len(findings), "at": self._clock.now()}))
        counts = Counter(finding.state for finding in findings)
        result: JsonObject = {**{word: counts[word] for word in _GRAVEST}}
        now = self._clock.now()
        over = {"actual": "done", "at": now, "ended": now, "done": len(findings), "findings": _told(findings)}
        self._post(state.model_copy(update=over))
        self._recorder.event("examined", **result, by=state.by)
        return result


def _told(findings: list[Finding]) -> tuple[health.Finding, ...]:
    """What is wrong first, as far as there is room for it."""
    ordered = sorted(findings, key=lambda finding: _GRAVEST[finding.state])
    return tuple(map(_one, ordered[:MOST_FINDINGS]))


def _one(finding: Finding) -> health.Finding:
    part, _, id_ = finding.part.partition(" ")
    words = finding.words
    return health.Finding(
        part=part, id=id_ or None, state=finding.state, code=finding.code, vi=_short(words.vi), en=_short(words.en)
    )


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARS else text[: MOST_CHARS - 1] + "…"
