"""What a board in a virtual machine meets on the test's own machine: a broker, a time server, somebody who commands."""

import base64
import functools
import getpass
import io
import json
import os
import shutil
import socket
import subprocess
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from board_rig import HOST, SOUND, Board
from broker_rig import Broker, Client
from system_rig import ROOT, until

from edge_agent.contract.commands import Command
from edge_agent.contract.ids import uuid7
from edge_agent.contract.signature import Signer

COMMUNE = "26734"
NODE = "thon-dong"
PIN = 17


@functools.cache
def package() -> Path:
    """Our Debian package: $EDGE_BOARD_PACKAGE, or built now from this tree. Raises when it cannot be built."""
    if named := os.environ.get("EDGE_BOARD_PACKAGE"):
        return Path(named)
    folder = ROOT / "build" / "board"
    built = subprocess.run(
        [ROOT / "scripts/deb", "--quick", "--out", folder],
        cwd=ROOT, capture_output=True, text=True, timeout=3600, check=False,
    )  # fmt: skip
    assert built.returncode == 0, (built.stdout + built.stderr)[-4000:]
    return max(folder.glob("edge-agent_*.deb"), key=lambda file: file.stat().st_mtime)


class TimeServer:
    """chrony that leaves this machine's clock alone and serves it on a port of loopback."""

    def __init__(self, folder: Path) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        config = folder / "chrony.conf"
        config.write_text(
            f"local stratum 3\nport {self.port}\nbindaddress 127.0.0.1\nallow 127.0.0.1\ncmdport 0\n"
            f"bindcmdaddress /\npidfile {folder}/chrony.pid\n"
        )
        places = os.pathsep.join((os.environ["PATH"], "/usr/sbin", str(ROOT / ".venv/chrony/usr/sbin")))
        program = shutil.which("chronyd", path=places)
        assert program, "chronyd is missing (scripts/setup test unpacks it)"
        self._process = subprocess.Popen(
            [program, "-x", "-d", "-U", "-u", getpass.getuser(), "-f", str(config)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


class Commune:
    """Broker, time and a hub's key for one board called NODE."""

    def __init__(self, folder: Path) -> None:
        self.broker = Broker(folder)
        self.broker.start()
        self._begin(folder, self.broker, Signer("hub", os.urandom(32)))

    def _begin(self, folder: Path, broker: Any, signer: Signer) -> None:
        """Serve the time, and listen at a broker as the hub does."""
        self.time = TimeServer(folder)
        self.signer = signer
        self.hub = Client(broker, "hub")
        self.hub.listen("edge/#")

    def stop(self) -> None:
        """End all of it."""
        self._end()
        self.broker.stop()

    def _end(self) -> None:
        self.hub.__exit__()
        self.time.stop()

    def node_yaml(self, more: str = "") -> str:
        """A light on a GPIO line, a loudspeaker on the sound card, this broker."""
        return f"""
node: {{commune: "{COMMUNE}", name: {NODE}, title: Cụm loa thôn Đông, position: {{latitude: 20.95, longitude: 106.08}}}}
storage: {{path: /var/lib/edge-agent}}
broker: {{url: "mqtt://{HOST}:{self.broker.port}", username: {NODE}, password: {{file: /etc/edge-agent/secrets/mqtt}}}}
command_keys: [{{id: hub, public: {self.signer.public}}}]
drivers:
  - {{id: relay, driver: rpi-gpio, lines: {{den-1: {{pin: {PIN}}}}}}}
  - {{id: card, driver: pyaudio-speaker, device: Loopback}}
lights: [{{id: cong-lang, name: Đèn cổng làng, line: relay/den-1, programme: {{on: sunset, off: sunrise}}}}]
speakers: [{{id: loa, name: Loa thôn Đông, driver: card}}]
voice: {{chain: [{{engine: espeak-ng, voice: vi}}]}}
{more}"""

    def card(self, more: str = "") -> dict[str, str | bytes]:
        """Files of a card by which cloud-init installs a configuration and its password."""
        files = [
            {"path": "/etc/edge-agent/node.yaml", "content": self.node_yaml(more), "permissions": "0644"},
            {
                "path": "/etc/edge-agent/secrets/mqtt",
                "content": f"secret-{NODE}\n",
                "permissions": "0640",
                "owner": "root:edge-agent",
            },
        ]
        start = "systemctl enable edge-agent && systemctl restart --no-block edge-agent"
        data = {"hostname": NODE, "write_files": files, "runcmd": [["sh", "-c", start]]}
        return {
            "user-data": f"#cloud-config\n{json.dumps(data)}\n",
            "meta-data": f"instance-id: {NODE}\n",
            "network-config": "version: 2\nethernets: {eth0: {dhcp4: true, optional: true}}\n",
        }

    # -- what it reports

    def latest(self, channel: str) -> Any:
        """The last message on a channel of the node, such as `status`; None before the first."""
        topic = f"edge/{COMMUNE}/{NODE}/{channel}"
        found = [text for name, text in self.hub.heard if name == topic]
        return json.loads(found[-1]) if found else None

    def online(self) -> bool:
        """Whether its last word is that it is there."""
        status = self.latest("status")
        return bool(status and status["online"])

    def events(self) -> list[dict[str, Any]]:
        """All events that came, in their order of coming; one twice if it came twice."""
        topic = f"edge/{COMMUNE}/{NODE}/event"
        return [record for name, text in self.hub.heard if name == topic for record in json.loads(text)["records"]]

    def missing(self) -> set[int]:
        """Numbers of records that have not come, up to the highest that has; those that a `gap` declares too."""
        topics = [f"edge/{COMMUNE}/{NODE}/{channel}" for channel in ("event", "telemetry")]
        batches = [json.loads(text)["records"] for name, text in list(self.hub.heard) if name in topics]
        numbers = {record["seq"] for batch in batches for record in batch}
        return set(range(1, max(numbers, default=0) + 1)) - numbers

    # -- commands

    def send(self, args: dict[str, Any]) -> str:
        """Publish a signed command; its id."""
        now = datetime.now(UTC)
        command = Command.model_validate(
            {
                "id": uuid7(),
                "to": f"{COMMUNE}/{NODE}",
                "by": "tester",
                "at": now,
                "expires": now + timedelta(minutes=10),
                "args": args,
            }
        )
        signed = self.signer.sign(command.model_dump_json(by_alias=True).encode()).decode()
        self.hub.say(f"edge/{COMMUNE}/{NODE}/cmd", signed)
        return command.id

    def acks(self, id_: str) -> list[dict[str, Any]]:
        """The answers to a command so far."""
        topic = f"edge/{COMMUNE}/{NODE}/ack"
        found = [json.loads(text) for name, text in self.hub.heard if name == topic]
        return [ack for ack in found if ack["id"] == id_]

    def ask(self, args: dict[str, Any], limit_s: float = 120) -> dict[str, Any]:
        """Send a command and wait for its last answer."""
        id_ = self.send(args)

        def last() -> dict[str, Any] | None:
            return next((ack for ack in self.acks(id_) if ack["state"] != "accepted"), None)

        found = until(last, limit_s)
        assert found is not None
        return found


def heard(board: Board) -> tuple["np.ndarray[Any, np.dtype[np.float64]]", int]:
    """What was recorded at the other end of the sound card, -1..1, and its rate in Hz."""
    raw = base64.b64decode(board.ask(f"base64 -w0 {SOUND}", 300))
    with wave.open(io.BytesIO(raw)) as sound:
        rate = sound.getframerate()
    return np.frombuffer(raw[44:][: (len(raw) - 44) // 2 * 2], "<i2").astype(float) / 32768, rate


def loud_s(sound: "np.ndarray[Any, np.dtype[np.float64]]", rate: int, above: float = 0.02) -> float:
    """For how many seconds it was not silent, by windows of 50 ms."""
    size = rate // 20
    windows = sound[: len(sound) // size * size].reshape(-1, size)
    return float((np.sqrt((windows**2).mean(axis=1)) > above).sum()) / 20
