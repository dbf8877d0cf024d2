"""The example configurations pass the real checks, and leave nothing out."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from system_rig import BIN, CONFIGS, run, unit

from drivers import registry
from edge_agent.config.load import load
from edge_agent.config.model import NodeConfig
from hub.config import HubConfig

NODES = ("node.example.yaml", "node.minimal.yaml")


@pytest.mark.parametrize("name", NODES)
def test_a_node_passes_its_check(name: str) -> None:
    done = run(BIN / "edge-agent", "check", CONFIGS / name)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_hub_passes_its_check(tmp_path: Path) -> None:
    bare = run(BIN / "edge-hub", "check", CONFIGS / "hub.example.yaml")  # nobody has made its secrets yet
    assert [line.split(": ")[2] for line in bare.stderr.splitlines()] == ["broker.password", "upload_tokens.file"]
    text = (CONFIGS / "hub.example.yaml").read_text(encoding="utf-8")
    for folder in ("/etc/edge-agent/hub-secrets/", "/var/lib/edge-hub"):
        assert folder in text
        text = text.replace(folder, f"{tmp_path}/")
    (tmp_path / "hub.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "mqtt").write_text("secret")
    (tmp_path / "upload-tokens.json").write_text('{"thon-dong-1": "h7Qk"}')
    done = run(BIN / "edge-hub", "check", tmp_path / "hub.yaml")
    assert (done.returncode, done.stderr) == (0, "")


def keys(model: type[BaseModel]) -> Iterator[str]:
    """Every key of a model and of the models inside it."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        yield from inner_keys(field.annotation)


def inner_keys(annotation: object) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from keys(annotation)
    for argument in getattr(annotation, "__args__", ()):
        yield from inner_keys(argument)


def shown(name: str) -> set[str]:
    """Keys that stand in a file, also as a comment."""
    return set(re.findall(r"([a-z0-9_]+):(?=\s|$)", (CONFIGS / name).read_text()))


def test_the_node_example_shows_every_key() -> None:
    drivers = {key for name in registry.names() for key in keys(registry.load(name).Config)}
    missing = ({*keys(NodeConfig)} | drivers) - shown("node.example.yaml")
    assert missing - {"env"} == set(), "env is explained at the top"


def test_the_hub_example_shows_every_key() -> None:
    assert {*keys(HubConfig)} - shown("hub.example.yaml") - {"env"} == set()


@pytest.mark.parametrize("driver", ["rpi-gpio-relay", "pyaudio-speaker", "simulated-relay", "file-speaker"])
def test_the_example_names_the_drivers_that_ship(driver: str) -> None:
    assert f"driver: {driver}" in (CONFIGS / "node.example.yaml").read_text()


def test_what_is_commented_out_is_right_too(tmp_path: Path) -> None:
    text = (CONFIGS / "node.example.yaml").read_text()
    lines = [re.sub(r"^(\s*)# (?=(- \{|[a-z_]+: \S))", r"\1", line) for line in text.splitlines()]
    everything = tmp_path / "node.yaml"
    everything.write_text("\n".join(lines))
    assert len(everything.read_text()) < len(text), "something was commented out"
    assert [problem.text() for problem in load(everything).problems] == []


def test_examples_fit_the_units() -> None:
    config = load(CONFIGS / "node.example.yaml").config
    assert config is not None
    assert config.node.name == config.broker.username, "the broker's rules go by the account's name"
    for name, service in (("node.example.yaml", "edge-agent.service"), ("hub.example.yaml", "edge-hub.service")):
        state = f"/var/lib/{unit(service)['Service.StateDirectory'][0]}"
        text = (CONFIGS / name).read_text()
        secrets = "/etc/edge-agent/hub-secrets/" if "hub" in name else "/etc/edge-agent/secrets/"
        paths = re.findall(r"(?<![\w/])/(?:etc|var)/[\w./-]+", re.sub(r"(?m)^#.*$", "", text))
        assert paths
        assert [path for path in paths if not path.startswith((state, secrets))] == []
