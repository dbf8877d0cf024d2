"""Which files a box's card gets, and which of an earlier box it loses."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from edge_agent.card.box import Box
from edge_agent.card.cloudinit import meta_data, network_config, user_data
from edge_agent.card.faults import CardFault
from edge_agent.card.firstrun import SCRIPT, first_run, with_first_run, with_instance
from edge_agent.card.hashing import is_hash, password_hash, wifi_key
from edge_agent.card.target import BESIDE, Target

System = Literal["trixie", "bookworm"]
FOLDER = "edge-agent"
NODE = f"{FOLDER}/node.yaml"
ENROL = f"{FOLDER}/enrol.json"
SECRETS = f"{FOLDER}/secrets"
RESULTS = (f"{FOLDER}/KET-QUA.txt", f"{FOLDER}/ket-qua.json")
COMMAND_LINE = "cmdline.txt"
SEED = ("user-data", "network-config", "meta-data")
MOST_SECRET = 64_000


@dataclass(frozen=True, slots=True)
class Card:
    """What is written: path -> content, None for what is removed, in the order of writing."""

    box: Box
    system: System
    files: Mapping[str, bytes | None]


def sealed(box: Box) -> Box:
    """A box whose password is a hash and whose Wi-Fi has a PSK: clear words go no further than here."""
    way, wifi = box.way, box.wifi
    if way.password and not is_hash(way.password):
        way = replace(way, password=password_hash(way.password))
    if wifi is not None and wifi.key:
        wifi = replace(wifi, key=wifi_key(wifi.ssid, wifi.key))
    return replace(box, way=way, wifi=wifi)


def system_of(target: Target) -> System:
    """Which Raspberry Pi OS lies on a card: Trixie brings cloud-init's files, Bookworm none.

    Raises CardFault: nothing on it says that a Raspberry Pi boots from it.
    """
    names = {name.casefold() for name in target.listed("")}
    if names & set(SEED):
        return "trixie"
    if {COMMAND_LINE, "config.txt"} <= names:
        return "bookworm"
    raise CardFault("card.no_system")


def card(box: Box, node_yaml: bytes, system: System, target: Target) -> Card:
    """The files of a box whose password is `sealed`. What earlier boxes left on the card goes.

    Raises CardFault: a secret file is too large or cannot be read, the card cannot be read.
    """
    files: dict[str, bytes | None] = dict.fromkeys(RESULTS)
    files |= dict.fromkeys(target.listed(SECRETS))
    files |= _secret_files(box)
    files[ENROL] = None
    if box.enrolment is not None:
        files[ENROL] = (json.dumps(json.loads(box.enrolment.model_dump_json()), indent=1) + "\n").encode()
    files[NODE] = node_yaml
    files |= _started(box, system, target)
    present = {path: target.read(path) for path, data in files.items() if data is None}
    gone = [path for path, held in present.items() if held is None]
    kept = {path: data for path, data in files.items() if path not in gone}
    beside = [path for folder in ("", FOLDER, SECRETS) for path in target.listed(folder) if path.endswith(BESIDE)]
    leftovers = [path for path in beside if kept.get(path.removesuffix(BESIDE)) is None]  # of a writing that was cut
    return Card(box, system, {**dict.fromkeys(leftovers), **kept})


def _secret_files(box: Box) -> dict[str, bytes | None]:
    files: dict[str, bytes | None] = {}
    for file in sorted(box.secrets.iterdir()) if box.secrets is not None else ():
        if not file.is_file() or file.name.startswith("."):
            continue
        try:
            with file.open("rb") as opened:
                data = opened.read(MOST_SECRET + 1)
        except OSError as error:
            raise CardFault("card.secret_unreadable", path=str(file), detail=error.strerror or "") from error
        if len(data) > MOST_SECRET:
            raise CardFault("card.secret_big", path=str(file), limit=MOST_SECRET // 1000)
        files[f"{SECRETS}/{file.name}"] = data
    return files


def _started(box: Box, system: System, target: Target) -> dict[str, bytes | None]:
    """What makes the system read it at the next start; last of all, for until then the old card works."""
    line = (target.read(COMMAND_LINE) or b"").decode("utf-8", "replace").strip()
    if system == "bookworm":
        return {SCRIPT: first_run(box), COMMAND_LINE: f"{with_first_run(line)}\n".encode()}
    instance = f"edge-agent-{box.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    files: dict[str, bytes | None] = {
        SCRIPT: None,
        "network-config": network_config(box),
        "user-data": user_data(box),
        "meta-data": meta_data(instance),
    }
    if line:
        files[COMMAND_LINE] = f"{with_instance(line, instance)}\n".encode()
    return files
