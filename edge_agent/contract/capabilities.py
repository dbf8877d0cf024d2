"""How a thing describes itself. The console's card, the MQTT state and the reference are drawn from this."""

from typing import Literal

from pydantic import Field

from edge_agent.contract.base import Name, Report

Kind = Literal["light", "switch", "speaker", "camera", "sensor", "cabinet", "rule"]


class Capability(Report):
    """One thing that a node has."""

    id: Name
    kind: Kind = Field(description="What it is, also the second-last part of its state topic")
    name: str = Field(description="As people call it", examples=["Đèn cổng thôn"])
    unit: str | None = Field(default=None, description="Unit of its level, UCUM", examples=["%"])
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = Field(default=None, description="Smallest change; 100 for a lamp that is only on or off")
    writable: bool = Field(default=False, description="Whether a person may change it")
    zone: str | None = Field(default=None, description="Area that it belongs to")
    driver: str | None = Field(default=None, description="Name of the driver behind it", examples=["simulated-relay"])
    use: str | None = Field(default=None, description="What a switched thing or a sensor is", examples=["pump", "door"])
    timetable: Name | None = Field(default=None, description="State of kind `timetable` that a switched thing follows")


class Group(Report):
    """Things that are switched together."""

    id: Name
    name: str = Field(description="As people call it", examples=["Đường trục thôn"])
    members: tuple[Name, ...] = Field(description="Switched things and other groups")


class SpokenVoice(Report):
    """A voice by which the node can speak. A text names it by its id."""

    id: Name
    name: str = Field(max_length=80, description="As people call it", examples=["Giọng nữ miền Bắc"])
    engine: str = Field(max_length=40, examples=["piper", "gtts", "espeak-ng", "recording"])
    sends_text: bool = Field(default=False, description="It speaks over the Internet, and the text leaves the house")
