"""How far a bulletin is prepared. Pure."""

from dataclasses import dataclass
from typing import Literal

from edge_agent.contract.errors import Fault, Refusal, Said
from edge_agent.contract.sentences import sentence


@dataclass(frozen=True, slots=True)
class Readiness:
    """`prepared` of `needed` segments are ready; `fault`: why it does not go on by itself at the moment."""

    prepared: int = 0
    needed: int = 0
    fault: Fault | None = None
    said: Said | None = None
    """What is otherwise than was asked for."""

    @property
    def state(self) -> Literal["ready", "preparing", "not_ready"]:
        """`ready`; `preparing` k of n; `not_ready` because of `fault`."""
        if self.fault is not None:
            return "not_ready"
        return "ready" if self.needed and self.prepared >= self.needed else "preparing"

    def counted(self, prepared: int, needed: int) -> "Readiness":
        """After `progress(prepared, needed)` of `Preparer.prepare`: what failed before is being tried again."""
        return Readiness(prepared, needed)

    def failed(self, refusal: Refusal) -> "Readiness":
        """After a refusal of `Preparer.prepare`."""
        return Readiness(self.prepared, self.needed, refusal.fault)


class NotReady(Refusal):
    """A segment cannot be made ready: the cause's own code and parameters, and `part` of `parts` (from 1)."""

    def __init__(self, part: int, parts: int, cause: Fault) -> None:
        where: dict[str, object] = {"part": part, "parts": parts}
        place_vi, place_en = (sentence("prepare.part", language, where) for language in ("vi", "en"))
        super().__init__(cause.code)
        self.fault = Fault(
            code=cause.code,
            params={**cause.params, "part": part, "parts": parts},
            vi=f"{place_vi}: {cause.vi}",
            en=f"{place_en}: {cause.en}",
        )
        self.args = (self.fault.en,)
