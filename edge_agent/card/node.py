"""`node.yaml` of a box: who it is from the sheet, what hangs on it from a preset or from a fragment of YAML."""

import re
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from edge_agent.card.box import Box
from edge_agent.card.faults import SheetProblem
from edge_agent.card.sheet import MOST_BYTES
from edge_agent.config.load import load
from edge_agent.config.problems import guess
from edge_agent.config.yaml import YamlFault, read

IDENTITY = "/var/lib/edge-agent/identity"
_ASKED = re.compile(r"\{([a-z_]+)\}")


class Unusable(Exception):
    """The devices of a box are no good; `problem` says why and in which row."""

    def __init__(self, problem: SheetProblem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def presets() -> list[str]:
    """Names of the boxes that we know."""
    folder = resources.files("edge_agent.card") / "boxes"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def node_yaml(box: Box, folder: Path) -> bytes:
    """The configuration of a box, checked as `edge-agent check` does. `folder`: where the sheet lies.

    Raises Unusable: there is no such preset or file, it asks for an empty column, or the whole is wrong.
    """
    fragment = _fragment(box, folder)
    whole: dict[str, Any] = {"node": _node(box)}
    if "broker" not in fragment:
        whole["identity"] = {"folder": IDENTITY}
    whole |= _filled(fragment, box)
    head = f"# {box.title}\n# edge-agent card\n\n"
    text = head + yaml.safe_dump(whole, allow_unicode=True, sort_keys=False, width=110)
    _check(box, text)
    return text.encode()


def _node(box: Box) -> dict[str, Any]:
    node: dict[str, Any] = {"commune": box.commune, "name": box.name, "title": box.title}
    if box.zone:
        node["zone"] = box.zone
    node["position"] = {"latitude": box.latitude, "longitude": box.longitude}
    node["timezone"] = box.timezone
    return node


def _fragment(box: Box, folder: Path) -> Mapping[str, Any]:
    text = _text(box, folder)
    try:
        data = read(text).data
    except YamlFault as fault:
        at = f"{fault.place.line}:{fault.place.column}"
        raise _unusable(box, "card.devices_yaml", path=box.devices, place=at) from fault
    if not isinstance(data, Mapping) or "node" in data or "identity" in data:
        raise _unusable(box, "card.devices_shape", path=box.devices)
    return data


def _text(box: Box, folder: Path) -> str:
    known = presets()
    if box.devices in known:
        return (resources.files("edge_agent.card") / "boxes" / f"{box.devices}.yaml").read_text(encoding="utf-8")
    if "/" not in box.devices and not box.devices.endswith((".yaml", ".yml")):
        meant = guess(box.devices, known) or "-"
        raise _unusable(box, "card.devices_unknown", value=box.devices[:60], known=", ".join(known), guess=meant)
    try:
        with (folder / box.devices).open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        detail = (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
        raise _unusable(box, "card.devices_unreadable", path=box.devices, detail=detail) from error


def _filled(value: Any, box: Box) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(each, box) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, box) for each in value]
    if not isinstance(value, str):
        return value
    for column in _ASKED.findall(value):
        if column not in ("name", "title", "zone", "camera"):
            raise _unusable(box, "card.devices_gap", path=box.devices, column=column)
        if column not in box.cells:
            raise Unusable(SheetProblem(box.row, column, "card.devices_asks", {"path": box.devices, "column": column}))
    return _ASKED.sub(lambda found: box.cells[found[1]], value)


def _check(box: Box, text: str) -> None:
    with tempfile.TemporaryDirectory(prefix="edge-agent-card-") as folder:
        file = Path(folder) / "node.yaml"
        file.write_text(text, encoding="utf-8")
        problems = load(file).problems
    if problems:
        told = "; ".join(f"{problem.path or '-'}: {problem.text()}" for problem in problems[:5])
        raise _unusable(box, "card.devices_wrong", path=box.devices, detail=told)


def _unusable(box: Box, code: str, **params: str | int | float) -> Unusable:
    return Unusable(SheetProblem(box.row, "devices", code, params))
