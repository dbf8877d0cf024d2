"""The block of a camera for the node's configuration, as it is pasted."""

from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from edge_agent.cli.camera_look import Account, Addresses
from edge_agent.cli.output import BAD_INPUT, fail
from edge_agent.config.cameras import CameraEntry
from edge_agent.words import say


@dataclass(frozen=True, slots=True)
class Block:
    """The entry as data, and as text with what is still to be done."""

    data: dict[str, Any]
    text: str


def block(found: Addresses, account: Account, id_: str, name: str | None, secret: dict[str, Any]) -> Block:
    """Checked as the configuration itself would check it; ends with a sentence where it would refuse."""
    called = name or (found.device and " ".join((found.device.maker, found.device.model)).strip()) or id_
    data: dict[str, Any] = {"id": id_, "name": called[:100], "url": found.url}
    if found.sub_url:
        data["sub_url"] = found.sub_url
    if account.username:
        data |= {"username": account.username, "password": _reference(secret, id_)}
    data["record"] = True
    try:
        CameraEntry.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        fail(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}", BAD_INPUT)
    lines = yaml.safe_dump([data], allow_unicode=True, sort_keys=False, width=1000)
    text = "cameras:\n" + "".join(f"  {line}\n" for line in lines.splitlines())
    if account.username and "file" in data["password"]:
        text += f"# {say('cameras.put_secret', path=data['password']['file'])}\n"
    return Block(data, text.rstrip("\n"))


def _reference(secret: dict[str, Any], id_: str) -> dict[str, str]:
    if "env" in secret:
        return {"env": str(secret["env"])}
    path = secret.get("file")
    return {"file": str(path.absolute()) if path else f"/etc/edge-agent/secrets/camera-{id_}"}
