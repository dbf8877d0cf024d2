"""States of what is switched and measured: lights, pumps, sensors, the cabinet, and the rules between them.

Names of faults are those of TALQ's data model 2.7.1, functions LampMonitor, SegmentMonitor, CabinetMonitor,
ElectricalMeter, and its generic events.
"""

from typing import Literal

from pydantic import Field

from edge_agent.contract.base import Instant, Name, Report
from edge_agent.contract.errors import Fault, Said
from edge_agent.contract.thing import Thing

Why = Literal["interlock", "override", "rule", "program", "default"]
"""Who decides, the strongest first."""

Use = Literal["pump", "valve", "fan", "mist", "feeder", "heater", "siren", "socket", "other"]
"""What a switched thing is, that is no light (TALQ: applicationType)."""

TroubleType = Literal[
    "lampFailure",
    "lampUnexpectedOn",
    "lampPowerTooHigh",
    "lampPowerTooLow",
    "switchingErrorOn",
    "switchingErrorOff",
    "circuitBreakerTripped",
    "localOverride",
    "cyclingFailure",
    "supplyLoss",
    "leakageDetected",
    "cabinetDoorOpen",
    "totalPowerTooHigh",
    "totalPowerTooLow",
    "controlGearCommFailure",
    "deviceMalfunction",
]
"""switchingErrorOn: stuck in the ON position. controlGearCommFailure: its line does not answer. deviceMalfunction: what
is no lamp was switched on and draws nothing."""

Basis = Literal["measured", "estimated"]


class Trouble(Report):
    """Something wrong with a thing, confirmed; it stays until it has been well for the time to clear."""

    type: str = Field(description="TALQ event type", examples=["lampFailure", "switchingErrorOff"])
    since: Instant = Field(description="When it began, as far as was seen")
    fault: Fault


class Usage(Report):
    """What a thing has used since it was installed or its counters were reset."""

    energy_kwh: float | None = Field(default=None, ge=0, description="Absent: no meter, and nobody told its watts")
    energy_by: Basis | None = Field(default=None, description="estimated: rated power times level times time")
    hours_on: float = Field(default=0, ge=0)
    switch_ons: int = Field(default=0, ge=0, description="TALQ: switchOnCounter")
    litres: float | None = Field(default=None, ge=0, description="By its flow meter")


class Switched(Thing):
    """What all switched things tell. Levels are per cent."""

    wanted: float = Field(ge=0, le=100, description="As decided; a ramp may still be on its way there")
    actual: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="By the auxiliary contact, else read back from the line; absent: unknown",
    )
    why: Why
    until: Instant | None = Field(default=None, description="When this will change by itself")
    by: str | None = Field(default=None, description="Who overrode, which rule or which interlock")
    said: Said | None = Field(default=None, description="Why, in a sentence, where there is more to say")
    waits_until: Instant | None = Field(
        default=None, description="It is not as wanted before this: minimum on or off time, or its turn in a row"
    )
    troubles: tuple[Trouble, ...] = Field(default=(), description="The gravest first; `fault` is that of the first")
    usage: Usage | None = None
    power_w: float | None = Field(default=None, description="Measured now")


class LightState(Switched):
    """A lamp, or a row of lamps behind one line."""

    kind: Literal["light"] = "light"


class SwitchState(Switched):
    """A pump, valve, fan ... : anything switched that is no light."""

    kind: Literal["switch"] = "switch"
    use: str = Field(default="other", description="What it is", examples=["pump"])


class SensorState(Thing):
    """What is measured, or a contact: 1 is closed or yes."""

    kind: Literal["sensor"] = "sensor"
    actual: float | None = Field(default=None, description="Absent: unknown, see `fault`")
    unit: str = Field(default="1", description="UCUM; 1 for a contact or a plain number")
    measured: Instant | None = Field(default=None, description="When it was measured last")


class CabinetState(Thing):
    """The cabinet around it all (TALQ: CabinetMonitor and ElectricalMeter)."""

    kind: Literal["cabinet"] = "cabinet"
    troubles: tuple[Trouble, ...] = ()
    door_open: bool | None = None
    supply: bool | None = Field(default=None, description="Whether the mains are there")
    power_w: float | None = None
    energy_kwh: float | None = None
    energy_by: Basis | None = Field(default=None, description="estimated: the sum of what is behind it")
    supply_losses: int = Field(default=0, ge=0, description="TALQ: supplyLossCount")


class RuleState(Thing):
    """A rule on sensors: what it does now, and why, in a sentence."""

    kind: Literal["rule"] = "rule"
    thing: Name = Field(description="What it switches")
    armed: bool = Field(description="False: it only says what it would do")
    actual: Literal["idle", "waiting", "acting", "resting", "unknown"] = Field(
        description="waiting: the condition holds, but not long enough; unknown: a sensor says nothing"
    )
    since: Instant | None = None
    until: Instant | None = Field(default=None, description="When this ends by itself at the latest")
    said: Said | None = Field(default=None, description="Its last decision")
