"""The folder of the demo: secrets made here, and the configurations that the real programs read."""

import json
import os
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import yaml

from edge_agent.contract.signature import Signer
from edge_agent.demo import hours
from edge_agent.demo.things import things
from edge_agent.store.files import write_atomically

COMMUNE = "26734"
_HERE = ZoneInfo("Asia/Ho_Chi_Minh")
NODES = ("thon-dong", "thon-tay", "cho-tay")
_USERS = ("hub", *NODES)
_ROAD = [[0, 0.62], [1, 0.62], [1, 1], [0, 1]]
_CLOCK = [[0, 0], [0.4, 0], [0.4, 0.1], [0, 0.1]]
"""What the film's own clock covers."""
_TITLES = {"thon-dong": "Cụm loa thôn Đông", "thon-tay": "Cụm loa thôn Tây", "cho-tay": "Cụm loa chợ Tây"}
_AREAS = {"thon-dong": "Thôn Đông", "thon-tay": "Thôn Tây", "cho-tay": "Thôn Tây"}
_PLACES = {"thon-dong": (20.95, 106.08), "thon-tay": (20.95, 106.05), "cho-tay": (20.94, 106.062)}
_DEAD = "cho-tay"
"""The horn of this cluster is broken: its microphone hears nothing of it."""
PEOPLE = (
    ("can-bo", "Nguyễn Thị Lan", "staff", COMMUNE),
    ("duyet", "Trần Văn Minh", "approver", COMMUNE),
    ("dong", "Lê Văn Đông", "area_head", f"{COMMUNE}//thon-dong"),
    ("tay", "Phạm Thị Tây", "area_head", f"{COMMUNE}//thon-tay"),
    ("quan-tri", "Vũ Quốc Quản", "administrator", ""),
)
"""Login, name, role and place of whom everybody may be."""
_VOICES = [
    {"engine": "espeak-ng", "id": "mien-bac", "name": "Giọng miền Bắc"},
    {"engine": "espeak-ng", "id": "mien-nam", "name": "Giọng miền Nam", "voice": "vi-vn-x-south"},
]
"""Without network. The same ids on hub and nodes: so each can say what the other was asked to."""


@dataclass(frozen=True)
class Layout:
    """Where everything of the demo lies, and on which ports it listens."""

    folder: Path
    broker_port: int
    hub_port: int
    sound_card: str | None
    started: datetime = field(default_factory=lambda: datetime.now(_HERE))
    """Local; the lawful hours are made to hold it."""

    @property
    def films(self) -> dict[str, Path]:
        """The films that play the camera's streams."""
        return {"main": self.folder / "gate-main.mp4", "sub": self.folder / "gate-sub.mp4"}

    @property
    def hub(self) -> Path:
        """The hub's configuration."""
        return self.folder / "hub.yaml"

    @property
    def open_hours(self) -> str:
        """When may be broadcast, for people."""
        return hours.told(hours.windows(self.started))

    def node(self, name: str) -> Path:
        """A node's configuration."""
        return self.folder / f"{name}.yaml"

    def secret(self, name: str) -> Path:
        """A secret's file."""
        return self.folder / "secrets" / name

    def prepare(self) -> None:
        """Make secrets that are missing; write all configurations anew."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "secrets").mkdir(mode=0o700, exist_ok=True)
        for user in _USERS:
            self._make(f"mqtt-{user}", secrets.token_urlsafe(24))
        for node in NODES:
            self._make(f"upload-{node}", secrets.token_urlsafe(24))
        self._make("signing.key", urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode())
        tokens = {node: self._read(f"upload-{node}") for node in NODES}
        write_atomically(self.secret("upload-tokens.json"), json.dumps(tokens).encode(), 0o600)
        _write_yaml(self.hub, self._hub())
        for node in NODES:
            _write_yaml(self.node(node), self._node(node))

    def passwords(self) -> dict[str, str]:
        """Broker account -> password."""
        return {user: self._read(f"mqtt-{user}") for user in _USERS}

    def _make(self, name: str, value: str) -> None:
        if not self.secret(name).exists():
            write_atomically(self.secret(name), f"{value}\n".encode(), 0o600)

    def _read(self, name: str) -> str:
        return self.secret(name).read_text(encoding="ascii").strip()

    def _public_key(self) -> str:
        from edge_agent.client import seed

        return Signer("demo", seed(self.secret("signing.key").read_bytes())).public

    def _broker(self, user: str) -> dict[str, Any]:
        return {
            "url": f"mqtt://127.0.0.1:{self.broker_port}",
            "username": user,
            "password": {"file": str(self.secret(f"mqtt-{user}"))},
        }

    def _hub(self) -> dict[str, Any]:
        return {
            "name": "Xã Mẫu",
            "listen": {"host": "127.0.0.1", "port": self.hub_port},
            "data": str(self.folder / "hub"),
            "broker": self._broker("hub"),
            "signing_key": {"id": "demo", "file": str(self.secret("signing.key"))},
            "upload_tokens": {"file": str(self.secret("upload-tokens.json"))},
            "residents": {"public": True},
            "voice": {"chain": _VOICES},
            "hours": hours.section(hours.windows(self.started)),
            "demo": {
                "people": [dict(zip(("login", "name", "role", "place"), one, strict=True)) for one in PEOPLE],
                "hours": self.open_hours,
            },
            "log_level": "warning",
        }

    def _node(self, name: str) -> dict[str, Any]:
        first = name == NODES[0]
        card = {"device": self.sound_card} if self.sound_card else {}
        real = first and self.sound_card is not None
        horn = {"driver": "pyaudio-speaker", **card} if real else {"driver": "file-speaker"}
        broken = {"fault": "dead"} if name == _DEAD else {}
        ears = [] if real else [{"id": "ear", "driver": "simulated-microphone", "hears": "horn", **broken}]
        switched = things(name)
        config: dict[str, Any] = {
            "node": {
                "commune": COMMUNE,
                "name": name,
                "title": _TITLES[name],
                "zone": _AREAS[name],
                "position": dict(zip(("latitude", "longitude"), _PLACES[name], strict=True)),
            },
            "storage": {"path": str(self.folder / name)},
            "broker": self._broker(name),
            "hub": {
                "url": f"http://127.0.0.1:{self.hub_port}",
                "token": {"file": str(self.secret(f"upload-{name}"))},
            },
            "command_keys": [{"id": "demo", "public": self._public_key()}],
            "clock": {"trust": "assume"},
            "voice": {"chain": [{"engine": "gtts"}, *_VOICES]},
            "broadcast": {"hours": hours.section(hours.windows(self.started))},
            **switched,
            "drivers": [*switched["drivers"], {"id": "horn", **horn}, *ears],
            "speakers": [
                {
                    "id": "loa",
                    "name": _TITLES[name],
                    "driver": "horn",
                    "amplifier": {"line": "tu/tang-am", "warm_up_s": 0.5, "hold_s": 3},
                    **({"microphone": "ear"} if ears else {}),
                }
            ],
            "telemetry": {"every_s": 10},
        }
        if first:
            config["cameras"] = [self._camera()]
            config["video"] = {"disk": {"bytes": 500_000_000, "free_bytes": 200_000_000}}
        return config

    def _camera(self) -> dict[str, Any]:
        main, sub = (f"clip://{quote(str(film))}" for film in self.films.values())
        gate = [[0.34, 0.36], [0.66, 0.36], [0.66, 1], [0.34, 1]]
        zones = [{"id": "cong", "name": "Cổng làng", "points": gate}, {"id": "duong", "name": "Đường", "points": _ROAD}]
        return {
            "id": "cong-lang",
            "name": "Camera cổng làng",
            "url": main,
            "sub_url": sub,
            "motion": {"zones": zones, "masks": [_CLOCK]},
            "retention": {"days": 1, "event_days": 2, "bytes": 300_000_000},
        }


def _write_yaml(path: Path, data: dict[str, Any]) -> None:
    text = "# Written by `edge-agent demo` at each start.\n" + yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
    write_atomically(path, text.encode(), 0o600)


def owner() -> str:
    """The account that runs us, for the broker."""
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name
