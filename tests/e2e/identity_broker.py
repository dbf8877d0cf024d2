"""mosquitto as a trusting hub has it: TLS, each node by its certificate, its name as its account."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.rig import free_port, process, wait_for_port
from edge_agent.demo.layout import owner

sys.path.insert(0, str(Path(__file__).parent.parent / "edge_agent"))
from identity_rig import Authority


class TlsBroker:
    """Its status topics are heard by `statuses`."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.port, self.plain = free_port(), free_port()
        self.log = folder / "mosquitto.log"
        certificate, key = authority.for_server(folder, "broker")
        (folder / "ca.pem").write_text(authority.pem)
        (folder / "acl").write_text("pattern readwrite edge/+/%u/#\npattern read edge/+/all/cmd\n")
        self.config = folder / "mosquitto.conf"
        self.config.write_text(
            f"user {owner()}\nper_listener_settings true\npersistence false\n"
            f"listener {self.port} 127.0.0.1\ncafile {folder}/ca.pem\ncertfile {certificate}\nkeyfile {key}\n"
            f"require_certificate true\nuse_identity_as_username true\nacl_file {folder}/acl\n"
            f"listener {self.plain} 127.0.0.1\nallow_anonymous true\n"
        )
        self.statuses: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"mqtts://127.0.0.1:{self.port}"

    def connections(self) -> list[str]:
        """Who came, by account, one entry a connection."""
        lines = self.log.read_text().splitlines()
        return [line.split("u'")[1].split("'")[0] for line in lines if "New client connected" in line and "u'" in line]

    @contextlib.contextmanager
    def running(self) -> Iterator["TlsBroker"]:
        program = "/usr/sbin/mosquitto" if Path("/usr/sbin/mosquitto").exists() else "mosquitto"
        with process(program, "-c", str(self.config), log=self.log):
            wait_for_port(self.plain)
            ear = mqtt.Client(CallbackAPIVersion.VERSION2, "ear")
            ear.on_message = lambda _c, _d, message: self.statuses.append(json.loads(message.payload or b"{}"))
            ear.connect("127.0.0.1", self.plain)
            ear.subscribe("edge/+/+/status", 1)
            ear.loop_start()
            try:
                yield self
            finally:
                ear.disconnect()
                ear.loop_stop()


def until(check: Callable[[], Any], limit_s: float = 40) -> Any:
    """Wait in real time until something holds."""
    ends = time.monotonic() + limit_s
    while not (found := check()):
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.05)
    return found


__all__ = ["TlsBroker", "until"]
