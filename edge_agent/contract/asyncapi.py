"""The protocol as an AsyncAPI 3 document and JSON Schemas, generated from the models."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from edge_agent.contract.base import NAME_PATTERN
from edge_agent.contract.commands import Ack, Command, SignedCommand
from edge_agent.contract.enrolment import CardEnrolment, EnrolmentRequest, Grant, RenewalRequest
from edge_agent.contract.health import DoctorState
from edge_agent.contract.records import EventBatch, TelemetryBatch
from edge_agent.contract.reports import (
    About,
    BulletinState,
    CameraState,
    DriverState,
    SpeakerState,
    Status,
)
from edge_agent.contract.switched import CabinetState, LightState, RuleState, SensorState, SwitchState
from edge_agent.contract.timetables import TimetableState


@dataclass(frozen=True)
class _Channel:
    name: str
    address: str
    qos: int
    retained: bool
    sender: str
    models: tuple[type[BaseModel], ...]
    summary: str


_STATES = (
    LightState,
    SwitchState,
    SensorState,
    CabinetState,
    RuleState,
    SpeakerState,
    CameraState,
    DriverState,
    BulletinState,
    TimetableState,
    DoctorState,
)
_CHANNELS = (
    _Channel("status", "edge/{commune}/{node}/status", 1, True, "node", (Status,), "Online or offline; also last will"),
    _Channel("about", "edge/{commune}/{node}/about", 1, True, "node", (About,), "What the node has"),
    _Channel("state", "edge/{commune}/{node}/state/{kind}/{id}", 1, True, "node", _STATES, "Latest state of one thing"),
    _Channel("event", "edge/{commune}/{node}/event", 1, False, "node", (EventBatch,), "What happened, numbered"),
    _Channel(
        "telemetry", "edge/{commune}/{node}/telemetry", 1, False, "node", (TelemetryBatch,), "Measurements, numbered"
    ),
    _Channel("cmd", "edge/{commune}/{node}/cmd", 1, False, "hub", (SignedCommand,), "A command for this node"),
    _Channel("cmd_all", "edge/{commune}/all/cmd", 1, False, "hub", (SignedCommand,), "A command for many nodes"),
    _Channel("ack", "edge/{commune}/{node}/ack", 1, False, "node", (Ack,), "What became of a command"),
    _Channel("live", "edge/{commune}/{node}/live/{camera}", 0, False, "node", (), "Pictures while somebody watches"),
    _Channel("voice", "edge/{commune}/voice/{session}", 0, False, "hub", (), "Opus frames of a live microphone"),
)
_OVER_HTTPS: tuple[type[BaseModel], ...] = (EnrolmentRequest, RenewalRequest, Grant, CardEnrolment)
"""What is said before a node may come to the broker; no topic carries it, and the schemas describe it too."""
_BINARY = {"live": "video/mp4", "voice": "audio/opus"}
_PARAMETERS = {
    "commune": "Official administrative code",
    "node": f"Unique in the system, {NAME_PATTERN}",
    "kind": "light, switch, speaker, camera, bulletin, timetable, doctor ...",
    "id": "Id of the thing",
    "camera": "Id of the camera",
    "session": "Id of the live session",
}


def models() -> tuple[type[BaseModel], ...]:
    """Every message model, `Command` (the signed payload) included."""
    named = [model for channel in _CHANNELS for model in channel.models]
    return tuple(dict.fromkeys([*named, Command]))


def json_schemas() -> dict[str, dict[str, Any]]:
    """Model name -> JSON Schema (2020-12), each complete in itself."""
    schemas: dict[str, dict[str, Any]] = {}
    for model in (*models(), *_OVER_HTTPS):
        schema = model.model_json_schema(mode="serialization" if model is not Command else "validation")
        schemas[model.__name__] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return schemas


def document(version: str) -> dict[str, Any]:
    """The AsyncAPI 3.0 document."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in models()], ref_template="#/components/schemas/{model}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Smart-commune edge protocol",
            "version": version,
            "description": "Nodes and hubs meet on these topics only. Bodies are JSON (UTF-8, ISO 8601 times with "
            "offset). A command is a JWS whose payload is `Command`.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in _CHANNELS},
        "operations": {channel.name: _operation(channel) for channel in _CHANNELS},
        "components": {
            "schemas": definitions["$defs"],
            "messages": {message["name"]: message for channel in _CHANNELS for message in _messages(channel)},
        },
    }


def _messages(channel: _Channel) -> list[dict[str, Any]]:
    if not channel.models:
        return [{"name": channel.name.capitalize(), "contentType": _BINARY[channel.name], "summary": channel.summary}]
    return [
        {
            "name": model.__name__,
            "summary": channel.summary,
            "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        }
        for model in channel.models
    ]


def _channel(channel: _Channel) -> dict[str, Any]:
    used = [name for name in _PARAMETERS if "{" + name + "}" in channel.address]
    return {
        "address": channel.address,
        "description": f"{channel.summary}. QoS {channel.qos}, {'retained' if channel.retained else 'not retained'}.",
        "messages": {m["name"]: {"$ref": f"#/components/messages/{m['name']}"} for m in _messages(channel)},
        "parameters": {name: {"description": _PARAMETERS[name]} for name in used},
        "bindings": {"mqtt": {"bindingVersion": "0.2.0"}},
    }


def _operation(channel: _Channel) -> dict[str, Any]:
    return {
        "action": "send" if channel.sender == "node" else "receive",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": f"Sent by the {channel.sender}",
        "bindings": {"mqtt": {"qos": channel.qos, "retain": channel.retained, "bindingVersion": "0.2.0"}},
    }
