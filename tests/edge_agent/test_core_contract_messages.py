"""Every message survives the wire, and the published description is true of it."""

import json
import re

import jsonschema
import pytest
from core_examples import AT, args, bulletin, command, messages
from pydantic import BaseModel, ValidationError

from edge_agent.contract import asyncapi
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.commands import KINDS, UNRECORDED, Command
from edge_agent.contract.commands import command as command_adapter
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import Thing, thing_state

DESIGN_TOPICS = {  # the table of the design: address -> QoS, retained
    "edge/{commune}/{node}/status": (1, True),
    "edge/{commune}/{node}/about": (1, True),
    "edge/{commune}/{node}/state/{kind}/{id}": (1, True),
    "edge/{commune}/{node}/event": (1, False),
    "edge/{commune}/{node}/telemetry": (1, False),
    "edge/{commune}/{node}/cmd": (1, False),
    "edge/{commune}/all/cmd": (1, False),
    "edge/{commune}/{node}/ack": (1, False),
    "edge/{commune}/{node}/live/{camera}": (0, False),
    "edge/{commune}/voice/{session}": (0, False),
}


def wire(message: BaseModel) -> bytes:
    """As it is really sent: absent values left out, aliases as people write them."""
    return message.model_dump_json(exclude_none=True, by_alias=True).encode()


@pytest.mark.parametrize("message", messages(), ids=lambda m: type(m).__name__)
def test_a_message_comes_back_as_it_went(message: BaseModel) -> None:
    assert type(message).model_validate_json(wire(message)) == message


@pytest.mark.parametrize("state", [m for m in messages() if isinstance(m, Thing)], ids=lambda m: type(m).__name__)
def test_a_state_is_known_by_its_kind(state: Thing) -> None:
    assert thing_state.validate_json(state.body()) == state


def test_every_model_has_an_example_and_every_kind_of_command() -> None:
    assert {type(message) for message in messages()} == set(asyncapi.models())
    assert {type(each) for each in args()} == set(KINDS.values())
    assert {kind: model.model_fields["do"].default for kind, model in KINDS.items()} == {kind: kind for kind in KINDS}
    assert set(KINDS) > UNRECORDED


@pytest.mark.parametrize("message", messages(), ids=lambda m: type(m).__name__)
def test_what_is_sent_fits_the_published_schema(message: BaseModel) -> None:
    schema = asyncapi.json_schemas()[type(message).__name__]
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    validator.validate(json.loads(wire(message)))


def test_the_schemas_refuse_what_the_models_refuse() -> None:
    schema = asyncapi.json_schemas()["Command"]
    body = json.loads(wire(command()))
    for wrong in ({**body, "extra": 1}, {**body, "args": {"do": "fly"}}, {k: v for k, v in body.items() if k != "to"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
        with pytest.raises(ValidationError):
            command_adapter.validate_python(wrong)


def test_asyncapi_has_every_topic_of_the_design_and_resolves() -> None:
    document = json.loads(json.dumps(asyncapi.document("1.2.3")))
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(document["info"])
    told = {}
    for name, operation in document["operations"].items():
        assert operation["action"] in ("send", "receive")
        channel = _resolve(document, operation["channel"]["$ref"])
        assert channel is document["channels"][name]
        bindings = operation["bindings"]["mqtt"]
        told[channel["address"]] = (bindings["qos"], bindings["retain"])
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel["parameters"])
    assert told == DESIGN_TOPICS
    for reference in _references(document):
        assert _resolve(document, reference) is not None


def test_asyncapi_payloads_validate_examples() -> None:
    document = asyncapi.document("1")
    for message in messages():
        name = type(message).__name__
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(json.loads(wire(message)))


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [each for value in node.values() for each in _references(value)]
    return [each for value in node for each in _references(value)] if isinstance(node, list) else []


def _resolve(document: object, reference: str) -> object:
    here = document
    for part in reference.removeprefix("#/").split("/"):
        here = here[part]  # type: ignore[index]
    return here


@pytest.mark.parametrize(
    "at", ["2026-11-22T05:30:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday"]
)
def test_a_time_needs_an_offset_and_a_place_in_history(at: str) -> None:
    with pytest.raises(ValidationError):
        Command.model_validate_json(json.dumps({**json.loads(wire(command())), "at": at}))


def test_times_are_written_with_milliseconds_and_offset() -> None:
    assert json.loads(wire(command()))["at"] == "2026-11-22T05:30:00.123+00:00"


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "Bản tin"},
        {"id": "x" * 41},
        {"title": ""},
        {"text": ""},
        {"text": "x" * 20_001},
        {"volume": 101},
        {"at": AT.replace(year=2019)},
        {"at": AT.replace(year=2101)},
        {"catch_up_s": -1},
        {"class": "urgent"},
    ],
    ids=str,
)
def test_a_bulletin_out_of_range_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        bulletin(**changes)


def test_a_bulletin_keeps_its_aliases() -> None:
    body = json.loads(wire(bulletin()))
    assert body["class"] == "ordinary" and "except" in body["recurrence"]
    assert Bulletin.model_validate(body) == bulletin()


def test_a_fault_with_bytes_that_are_no_text_can_still_be_sent() -> None:
    fault = Fault.of("media.refused", detail="/media/\udcff.wav")
    assert Fault.model_validate_json(fault.body()) == fault


def test_a_fault_of_a_newer_node_says_at_least_its_code() -> None:
    assert Fault.of("light.exploded", id="x").vi == "light.exploded"
    assert "(id)" in Fault.of("fault.controlGearCommFailure", detail="x").en
