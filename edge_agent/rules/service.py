"""Looks at all rules when a sensor or the clock has news, posts what they do, and tells what they want."""

from collections.abc import Callable, Sequence
from typing import Protocol

from edge_agent.clock import Clock
from edge_agent.config.rules import Rule
from edge_agent.contract.commands import ArmRule, Command
from edge_agent.contract.switched import RuleState
from edge_agent.control.facts import Demand, Reading
from edge_agent.desk import Act
from edge_agent.recorder import Recorder
from edge_agent.rules.scene import Scene
from edge_agent.store.database import Database


class Sensors(Protocol):
    """What a rule knows of sensors."""

    def reading(self, sensor: str, /) -> Reading | None:
        """The newest reading; None for one that was never read."""
        ...

    def listen(self, callback: Callable[[str], None], /) -> None:
        """Call with the id of each sensor that has news."""
        ...


class RuleService:
    """All rules of the node."""

    def __init__(
        self,
        rules: Sequence[Rule],
        scene: Scene,
        clock: Clock,
        database: Database,
        recorder: Recorder,
        sensing: Sensors,
        *,
        litres: Callable[[str], float | None],
        post: Callable[[RuleState], None],
    ) -> None:
        """`litres` tells what has ever flowed through a thing, None while that is unknown; `post` publishes a state."""

    async def load(self) -> None:
        """Read which rules are armed and what they were doing when the agent stopped. Before `run`."""
        raise NotImplementedError

    def demand(self, thing: str) -> Demand | None:
        """What the armed rules want of a thing now. The first rule in the order of configuration wins."""
        raise NotImplementedError

    def listen(self, callback: Callable[[str], None]) -> None:
        """Call with the id of each thing of which something else is wanted, or for another reason, than before."""
        raise NotImplementedError

    async def arm(self, asked: Command, args: ArmRule) -> Act:
        """Handle `rule.arm`. Raises Refusal for an unknown rule."""
        raise NotImplementedError

    async def run(self) -> None:
        """Look at the rules as often as needed, for ever."""
        raise NotImplementedError
