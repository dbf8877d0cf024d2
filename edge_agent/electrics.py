"""Everything that is switched and measured at a node, put together: sensors, things, rules, cabinets."""

from collections.abc import Awaitable, Callable

from edge_agent.contract.switched import LightState
from edge_agent.core import Core
from edge_agent.desk import Desk
from edge_agent.hardware import Hardware
from edge_agent.rules.scene import Scene
from edge_agent.rules.service import RuleService
from edge_agent.sensing.service import Sensing
from edge_agent.switching.cabinets import CabinetService
from edge_agent.switching.foretelling import Foretelling
from edge_agent.switching.plant import Plant
from edge_agent.switching.service import SwitchService

Start = Callable[[str, Callable[[], Awaitable[None]]], None]


class Electrics:
    """The services behind lights, pumps, sensors, rules and cabinets, and who hears whom."""

    def __init__(self, core: Core, hardware: Hardware) -> None:
        config = core.config
        self.sensing = Sensing(
            config.sensors,
            core.clock,
            core.recorder,
            measuring=hardware.measuring,
            watching=hardware.watching,
            post=core.post("sensor"),
        )
        light, switch = core.post("light"), core.post("switch")
        plant = Plant.of(config)
        self.switching = SwitchService(
            plant,
            core.clock,
            core.database,
            core.recorder,
            drivers=hardware.lines,
            readings=self.sensing.reading,
            post=lambda state: light(state) if isinstance(state, LightState) else switch(state),
        )
        self.foretelling = Foretelling(plant.plans(), core.clock, core.post("timetable"))
        self.rules = RuleService(
            config.rules,
            Scene.of(config),
            core.clock,
            core.database,
            core.recorder,
            self.sensing,
            litres=self.switching.litres,
            post=core.post("rule"),
        )
        self.cabinets = CabinetService(
            config.cabinets,
            core.clock,
            core.database,
            core.recorder,
            readings=self.sensing.reading,
            loads=self.switching.loads,
            post=core.post("cabinet"),
        )
        self.switching.connect(
            demand=self.rules.demand, supply_lost=self.cabinets.supply_lost, changed=self.cabinets.thing_changed
        )
        self.sensing.listen(self.switching.sensor_changed)
        self.sensing.listen(self.cabinets.sensor_changed)
        self.rules.listen(self.switching.look_at)
        self.cabinets.listen(self.switching.look_at)

    async def load(self) -> None:
        """Read what each knew before."""
        await self.rules.load()
        await self.cabinets.load()
        await self.switching.load()

    def register(self, desk: Desk) -> None:
        """Whose commands these are."""
        desk.register("switch.override", self.switching.override)
        desk.register("switch.release", self.switching.release)
        desk.register("switch.reset", self.switching.reset)
        desk.register("rule.arm", self.rules.arm)

    def start(self, start: Start) -> None:
        """Start all, with lines already as they should be."""
        start("switching", self.switching.run)
        start("switching-memory", self.switching.keep)
        start("sensing", self.sensing.run)
        start("rules", self.rules.run)
        start("cabinets", self.cabinets.run)
        start("timetables", self.foretelling.run)

    def driver_changed(self, name: str) -> None:
        """A driver came or went."""
        self.sensing.driver_changed(name)
        self.switching.driver_changed(name)

    def values(self) -> dict[str, float]:
        """For telemetry."""
        return {**self.sensing.values(), **self.switching.values(), **self.cabinets.values()}
