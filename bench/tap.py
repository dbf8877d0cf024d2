"""A tap: POST at the hub's HTTP API -> signed command -> node -> line switched -> state seen at the API's event stream.

Everything is real but the line: hub, mosquitto at QoS 1, the agent that verifies and writes the command down. Beside it
the limit of this machine in the same run: a plain paho echo, and a plain HTTP answer of the hub.

`python -m bench.tap`; ROUNDS=2000 for more rounds.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.rig import (
    COMMUNE,
    NODE,
    agent,
    broker,
    free_port,
    node_config,
    percentile,
    process,
    wait_for_port,
    workshop,
)
from bench.roundtrip import echo_times
from edge_agent.contract.switched import LightState
from hub.config import load
from hub.keys import signer
from hub.people.sessions import COOKIE

ROUNDS = int(os.environ.get("ROUNDS", "1000"))
PATH = f"/api/v1/nodes/{COMMUNE}/{NODE}"


class Line:
    """One kept connection to the hub. `token`: of the hub that `hub_config` prepared last."""

    token = ""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), 10)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = port
        self._buffer = b""

    def ask(self, method: str, path: str, body: object = None) -> None:
        """Send a request."""
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAuthorization: Bearer {Line.token}\r\n"
        if data:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        self._sock.sendall(f"{head}\r\n".encode() + data)

    def until(self, needle: bytes) -> bytes:
        """Read on until this has come; what came up to it."""
        while (place := self._buffer.find(needle)) < 0:
            chunk = self._sock.recv(65536)
            if not chunk:
                raise ConnectionError("the hub has closed the connection")
            self._buffer += chunk
        end = place + len(needle)
        got, self._buffer = self._buffer[:end], self._buffer[end:]
        return got

    def count(self, needle: bytes, times: int) -> None:
        """Read on until this has come so often; what came is dropped."""
        while times > 0:
            times -= self._buffer.count(needle)
            self._buffer = self._buffer[len(self._buffer) - len(needle) + 1 :] if times > 0 else b""
            if times > 0:
                self._buffer += self._sock.recv(262144)

    def answer(self) -> tuple[int, bytes]:
        """Status and body of an answer with its length."""
        head = self.until(b"\r\n\r\n").lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(self._buffer) < length:
            self._buffer += self._sock.recv(65536)
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return int(head.split()[1]), body


def hub_config(folder: Path, broker_port: int, port: int) -> Path:
    """A hub of its own."""
    path = folder / "hub.yaml"
    config = {
        "listen": {"port": port},
        "broker": {"url": f"mqtt://127.0.0.1:{broker_port}"},
        "data": str(folder / "hub"),
    }
    path.write_text(yaml.safe_dump(config))
    make = [sys.executable, "-m", "hub", "token", "make", str(path), "--name", "bench"]
    rights = ["--right", "see", "--right", "switch"]
    Line.token = subprocess.run([*make, *rights], capture_output=True, check=True, text=True).stdout.strip()
    return path


def signed_in(config: Path, port: int) -> str:
    """The cookie of an administrator who has come in by a link, as browsers do."""
    add = [sys.executable, "-m", "hub", "people", "add", str(config), "--login", "bench", "--role", "administrator"]
    made = subprocess.run([*add, "--link", "--json"], capture_output=True, check=True, text=True).stdout
    path = urlsplit(json.loads(made)["link"]).path
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", path)
    cookies = connection.getresponse().msg.get_all("Set-Cookie") or []
    connection.close()
    return next(cookie for cookie in cookies if cookie.startswith(COOKIE)).partition("=")[2].partition(";")[0]


def until_known(port: int, path: str, online: bool = True, limit_s: float = 30) -> None:
    """Until the hub has seen a node come."""
    line, end = Line(port), time.monotonic() + limit_s
    while time.monotonic() < end:
        line.ask("GET", path)
        status, body = line.answer()
        if status == 200 and json.loads(body)["online"] is online:
            return
        time.sleep(0.1)
    raise TimeoutError(f"the hub does not know {path}")


def taps(port: int, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the POST until the state is seen, and until its answer is there."""
    events, post = Line(port), Line(port)
    events.ask("GET", f"/api/v1/events?node={COMMUNE}/{NODE}&kind=light")
    events.until(b"retry: ")
    seen, answered = [], []
    for number in range(rounds):
        level = 100 if number % 2 == 0 else 0
        began = time.perf_counter()
        post.ask("POST", f"{PATH}/switch", {"thing": "lamp", "level": level})
        events.until(b'"actual":%d.0' % level)
        seen.append((time.perf_counter() - began) * 1000)
        status, body = post.answer()
        answered.append((time.perf_counter() - began) * 1000)
        if status != 200:
            raise RuntimeError(body.decode())
    return seen[rounds // 10 :], answered[rounds // 10 :]


def burst(port: int, mqtt: int, nodes: int = 200, each: int = 10) -> float:
    """Milliseconds from the first of many states, published as fast as one client can, until the last is at the API."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(0)
    client.on_socket_open = lambda _c, _d, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.connect("127.0.0.1", mqtt)
    client.loop_start()
    events = Line(port)
    events.ask("GET", "/api/v1/events?kind=light")
    events.until(b"retry: ")
    states = [
        (f"edge/{COMMUNE}/n-{node}/state/light/l-{light}", f"l-{light}")
        for light in range(each)
        for node in range(nodes)
    ]
    now = datetime.now(UTC)
    bodies = [
        (t, LightState(id=i, at=now, wanted=100, actual=100, why="override", until=now).body()) for t, i in states
    ]
    began = time.perf_counter()
    for topic, body in bodies:
        client.publish(topic, body, 1)
    events.count(b"event: state", len(bodies))
    took = (time.perf_counter() - began) * 1000
    client.disconnect()
    client.loop_stop()
    return took


def http_times(port: int, rounds: int) -> list[float]:
    """Milliseconds of an answer that the hub gives by itself."""
    line, times = Line(port), []
    for _ in range(rounds):
        began = time.perf_counter()
        line.ask("GET", "/api/v1/nodes")
        line.answer()
        times.append((time.perf_counter() - began) * 1000)
    return times[rounds // 10 :]


def measure(rounds: int) -> dict[str, list[float]]:
    """All rows, in milliseconds."""
    with workshop() as folder, broker(folder) as mqtt:
        echo = echo_times(mqtt, folder, rounds)
        port = free_port()
        config = hub_config(folder, mqtt, port)
        key = signer(load(config).signing_key)
        node = node_config(folder, mqtt, key, telemetry={"every_s": 3600})
        with process(sys.executable, "-m", "hub", "run", str(config), log=folder / "hub.log"), agent(folder, node):
            wait_for_port(port)
            until_known(port, PATH)
            plain = http_times(port, rounds)
            seen, answered = taps(port, rounds)
            many = [burst(port, mqtt) for _ in range(5)]
    return {
        "plain paho echo": echo,
        "plain HTTP answer of the hub": plain,
        "tap -> state": seen,
        "tap -> answer": answered,
        "2,000 states -> all seen": many,
    }


def main() -> None:
    """Print the table."""
    rows = measure(ROUNDS)
    load1 = os.getloadavg()[0]
    print(f"{'':34} {'p50 ms':>8} {'p99 ms':>8}   ({ROUNDS} rounds, mosquitto, QoS 1, loopback, load {load1:.1f})")
    targets = {"tap -> state": "   target 1.5 / 3.5", "2,000 states -> all seen": "   target 500, 5 rounds"}
    for name, times in rows.items():
        print(f"{name:34} {percentile(times, 0.5):8.2f} {percentile(times, 0.99):8.2f}{targets.get(name, '')}")


if __name__ == "__main__":
    main()
