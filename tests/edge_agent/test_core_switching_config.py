"""Things, groups, sensors and cabinets that cannot be so are found before anything is switched."""

from typing import Any

import pytest

from edge_agent.config.cross import cross_check

DIMMER = {
    "id": "tu",
    "driver": "simulated-cabinet",
    "lines": {"1": {}, "2": {"dimmable": True}},
}


def plant(**sections: Any) -> dict[str, Any]:
    """A node with relays and a cabinet."""
    return {
        "identity": {"folder": "/var/lib/edge-agent/identity"},
        "drivers": [{"id": "ro-le", "driver": "simulated-relay", "lines": {"1": {}, "2": {}, "am": {}}}, DIMMER],
        **sections,
    }


def light(id_: str, line: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": id_, "line": line, **more}


LAMP, SECOND = light("den", "ro-le/1"), light("san", "ro-le/2")
DOOR = {"id": "cua", "name": "Cửa", "line": "tu/door", "kind": "door"}


@pytest.mark.parametrize(
    ("sections", "found"),
    [
        ({"lights": [LAMP, light("san", "ro-le/1")]}, ("lights.1.line", "config.line_taken", "")),
        ({"lights": [LAMP], "switches": [light("bom", "ro-le/1")]}, ("switches.0.line", "config.line_taken", "")),
        (
            {"lights": [light("den", "ro-le/am")], "speakers": [{"id": "loa", "amplifier": {"line": "ro-le/am"}}]},
            ("speakers.0.amplifier.line", "config.line_taken", ""),
        ),
        (
            {"switches": [light("bom", "tu/1")], "sensors": [{**DOOR, "line": "tu/1"}]},
            ("sensors.0.line", "config.line_taken", ""),
        ),
        ({"lights": [light("den", "ro-le/3")]}, ("lights.0.line", "config.no_line", "")),
        ({"lights": [light("den", "role/1")]}, ("lights.0.line", "config.no_driver", "ro-le")),
        ({"sensors": [{**DOOR, "line": "tu/dor"}]}, ("sensors.0.line", "config.no_line", "door")),
        ({"sensors": [{**DOOR, "line": "ro-le/1"}]}, ("sensors.0.line", "config.no_line", "")),
        ({"lights": [light("den", "tu/door")]}, ("lights.0.line", "config.no_line", "")),
        ({"lights": [light("den", "tu/1", dimmable=True)]}, ("lights.0.dimmable", "config.line_not_dimmable", "")),
        ({"lights": [light("den", "ro-le/1", dimmable=True)]}, ("lights.0.dimmable", "config.line_not_dimmable", "")),
        ({"lights": [LAMP], "switches": [light("den", "ro-le/2")]}, ("switches.0.id", "config.same_id", "")),
        (
            {"lights": [LAMP, SECOND], "groups": [{"id": "den", "members": ["san"]}]},
            ("groups.0.id", "config.same_id", ""),
        ),
        ({"lights": [light("lights", "ro-le/1")]}, ("lights.0.id", "config.id_reserved", "")),
        (
            {"lights": [LAMP], "groups": [{"id": "thon", "members": ["dem"]}]},
            ("groups.0.members.0", "config.no_thing", "den"),
        ),
        (
            {"groups": [{"id": "aa", "members": ["bb"]}, {"id": "bb", "members": ["bb"]}]},
            ("groups.1.members", "config.group_ring", ""),
        ),
        (
            {"lights": [{**LAMP, "feedback": {"contact": "cua"}}], "sensors": [{**DOOR, "kind": "power"}]},
            ("lights.0.feedback.contact", "config.no_contact", ""),
        ),
        (
            {"cabinets": [{"id": "tu", "breaker": "cua"}], "sensors": [{**DOOR, "kind": "current"}]},
            ("cabinets.0.breaker", "config.no_contact", ""),
        ),
        (
            {"lights": [{**LAMP, "feedback": {"contact": "cu"}}], "sensors": [DOOR]},
            ("lights.0.feedback.contact", "config.no_sensor", "cua"),
        ),
        (
            {"lights": [{**LAMP, "blocks": [{"sensor": "ca", "above": 0.5}]}], "sensors": [DOOR]},
            ("lights.0.blocks.0.sensor", "config.no_sensor", "cua"),
        ),
        (
            {"cabinets": [{"id": "tu", "door": "cuaa", "things": []}], "sensors": [DOOR]},
            ("cabinets.0.door", "config.no_sensor", "cua"),
        ),
        (
            {"lights": [LAMP], "cabinets": [{"id": "tu", "things": ["dennn"]}]},
            ("cabinets.0.things.0", "config.no_thing", "den"),
        ),
        (
            {"lights": [LAMP], "cabinets": [{"id": "den"}]},
            ("cabinets.0.id", "config.same_id", ""),
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_found_at_its_place(sections: dict, found: tuple[str, str, str]) -> None:
    findings = list(cross_check(plant(**sections)))
    told = [(".".join(map(str, each.path)), each.code, each.meant) for each in findings]
    assert told == [found]
    assert all(text not in ("", "None") for text in map(str, findings[0].params.values()))


def test_what_can_be_is_left_alone() -> None:
    findings = cross_check(
        plant(
            lights=[LAMP, SECOND, light("hang", "tu/2", dimmable=True)],
            sensors=[DOOR, {**DOOR, "id": "cua-2"}],
            groups=[
                {"id": "trong", "members": ["den", "san"]},
                {"id": "ngoai", "members": ["trong", "hang"]},
                {"id": "hai", "members": ["trong"]},
            ],
            cabinets=[{"id": "tu", "door": "cua", "things": ["den"]}],
        )
    )
    assert list(findings) == []
