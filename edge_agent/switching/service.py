"""Everything that is switched: decided, driven, restored after a restart without a blink, and told as it really is."""

from collections.abc import Callable

from edge_agent.config.model import NodeConfig
from edge_agent.contract.commands import Command, ResetInterlock, SwitchOverride, SwitchRelease
from edge_agent.contract.switched import Switched
from edge_agent.core import Core
from edge_agent.desk import Act


class SwitchService:
    """All lights and other switched things of the node."""

    def __init__(self, config: NodeConfig, core: Core, *, post: Callable[[Switched], None]) -> None:
        """`post` publishes a state."""

    async def load(self) -> None:
        """Read what was in force when the agent stopped: overrides, last switches, interlocks, usage."""
        raise NotImplementedError

    async def refresh(self) -> None:
        """Decide, switch and report all things now."""
        raise NotImplementedError

    async def run(self) -> None:
        """Look at each thing when it is due, for ever."""
        raise NotImplementedError

    async def override(self, asked: Command, args: SwitchOverride) -> Act:
        """Handle `switch.override` of a thing, a group or `lights`."""
        raise NotImplementedError

    async def release(self, asked: Command, args: SwitchRelease) -> Act:
        """Handle `switch.release`."""
        raise NotImplementedError

    async def reset(self, asked: Command, args: ResetInterlock) -> Act:
        """Handle `switch.reset`."""
        raise NotImplementedError

    def litres(self, thing: str) -> float | None:
        """What has ever flowed through a thing; None without flow meter."""
        raise NotImplementedError

    def telemetry(self) -> dict[str, float]:
        """Energy, power, hours, switch counts and litres of each thing."""
        raise NotImplementedError

    def sensor_news(self, sensor: str) -> None:
        """A sensor has changed: look at what uses it."""
        raise NotImplementedError

    def driver_news(self, driver: str) -> None:
        """A driver came or went: look at what is behind it."""
        raise NotImplementedError
