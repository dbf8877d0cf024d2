"""A broker, an agent and a sender on loopback, started and ended by their own process ids."""

import contextlib
import os
import secrets
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.contract.signature import Signer

COMMUNE, NODE = "26734", "bench"
REPO = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextlib.contextmanager
def process(*argv: str, log: Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends."""
    with log.open("ab") as output:
        child = subprocess.Popen(argv, stdout=output, stderr=output, env={**os.environ, **(env or {})})
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    """A mosquitto on a free port; yields the port."""
    port = free_port()
    conf = folder / "mosquitto.conf"
    conf.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\npersistence false\n"
        "max_queued_messages 0\nmax_inflight_messages 100\n"
    )
    program = "/usr/sbin/mosquitto" if Path("/usr/sbin/mosquitto").exists() else "mosquitto"
    with process(program, "-c", str(conf), log=folder / "mosquitto.log"):
        wait_for_port(port)
        yield port


def wait_for_port(port: int, limit_s: float = 10) -> None:
    """Until somebody listens."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nobody listens on {port}")


def node_config(folder: Path, port: int, signer: Signer, **more: object) -> Path:
    """The configuration of a node with one simulated line, a file speaker and no camera."""
    config: dict[str, object] = {
        "node": {
            "commune": COMMUNE,
            "name": NODE,
            "title": "Bench",
            "position": {"latitude": 21.03, "longitude": 105.85},
        },
        "storage": {"path": str(folder / "state")},
        "broker": {"url": f"mqtt://127.0.0.1:{port}"},
        "command_keys": [{"id": signer.key_id, "public": signer.public}],
        "clock": {"trust": "assume"},
        "drivers": [
            {"id": "relays", "driver": "simulated-relay", "lines": {"1": {}}},
            {"id": "horn", "driver": "file-speaker"},
        ],
        "lights": [{"id": "lamp", "name": "Lamp", "line": "relays/1"}],
        "speakers": [{"id": "horn", "name": "Horn", "driver": "horn"}],
        "voice": {"chain": [{"engine": "espeak-ng"}]},
        **more,
    }
    path = folder / "node.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True))
    return path


def agent(folder: Path, config: Path) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """The real agent, as systemd starts it."""
    return process(sys.executable, "-m", "edge_agent", "run", str(config), log=folder / "agent.log")


class Sender:
    """A plain paho client without threads: publishes, and waits for a message that a test recognises."""

    def __init__(self, port: int, filters: list[str]) -> None:
        self._got: list[tuple[str, bytes, float]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"bench-{secrets.token_hex(4)}")
        self._client.on_socket_open = lambda _c, _d, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.on_message = lambda _c, _d, m: self._got.append((m.topic, m.payload, time.perf_counter()))
        self._client.connect("127.0.0.1", port)
        ready: list[int] = []
        self._client.on_subscribe = lambda *_: ready.append(1)
        self._client.on_connect = lambda *_: self._client.subscribe([(name, 1) for name in filters])
        while not ready:
            self._client.loop(0.05)
        self._sock = self._client.socket()
        assert self._sock is not None

    def publish(self, topic: str, body: bytes) -> float:
        """Send at QoS 1; returns when (perf_counter)."""
        began = time.perf_counter()
        self._client.publish(topic, body, 1)
        return began

    def wait(self, topic: str, needle: bytes, limit_s: float = 10) -> tuple[float, bytes]:
        """When the message on a topic that holds the needle came, and the message."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            for place, (got_topic, body, when) in enumerate(self._got):
                if got_topic == topic and needle in body:
                    del self._got[: place + 1]
                    return when, body
            select.select([self._sock], [], [], 0.5)
            self._client.loop_read(20)
            if self._client.want_write():
                self._client.loop_write()
            self._client.loop_misc()
        raise TimeoutError(f"nothing with {needle!r} on {topic}")

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()


@contextlib.contextmanager
def workshop() -> Iterator[Path]:
    """A folder on the disk that the repository is on, removed in the end."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=REPO) as folder:
        yield Path(folder)


def percentile(values: list[float], part: float) -> float:
    """Nearest-rank percentile, `part` from 0 to 1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
