"""What the demo's nodes switch and measure: right for `check`, and all that the simulated cabinets offer is there."""

from pathlib import Path

import pytest

from drivers.simulated.faults import OF_CABINET
from edge_agent.config.load import load
from edge_agent.demo.layout import NODES, Layout


@pytest.mark.parametrize("card", [None, "default"])
@pytest.mark.parametrize("node", NODES)
def test_a_node_of_the_demo_has_no_mistakes(tmp_path: Path, node: str, card: str | None) -> None:
    layout = Layout(tmp_path, 1883, 8080, card)
    layout.prepare()
    loaded = load(layout.node(node))
    assert [problem.text() for problem in loaded.problems] == []
    config = loaded.config
    assert config is not None
    assert {light.programme is not None for light in config.lights} == ({True} if node == "cho-tay" else {True, False})
    assert all(light.limits.minimum_off_s == 0 for light in config.lights)
    assert config.speakers[0].amplifier is not None
    sensors = {sensor.id for sensor in config.sensors}
    for thing in (*config.lights, *config.switches):
        assert {thing.feedback.contact, thing.feedback.power, thing.feedback.energy} <= sensors
        assert {thing.feedback.breaker, thing.feedback.hand} <= sensors
    kinds = {sensor.id: sensor.kind for sensor in config.sensors}
    (cabinet,) = config.cabinets
    for kind in OF_CABINET:  # what the panel can break has a sensor that tells of it
        assert kinds[getattr(cabinet, kind)] == kind


def test_a_newcomer_meets_each_kind_of_thing(tmp_path: Path) -> None:
    layout = Layout(tmp_path, 1883, 8080, None)
    layout.prepare()
    configs = [load(layout.node(node)).config for node in NODES]
    assert all(configs)
    lights = [light.id for config in configs if config for light in config.lights]
    assert lights == ["cong-lang", "nha-van-hoa", "duong-tay", "san-bong", "cho"]
    uses = {switch.use for config in configs if config for switch in config.switches}
    assert uses == {"pump", "valve", "fan"}
    assert all(config.groups and config.cabinets for config in configs[:2] if config)
    assert any(light.dimmable for config in configs if config for light in config.lights)
    assert configs[0] is not None
    assert {rule.armed for rule in configs[0].rules} == {True}
