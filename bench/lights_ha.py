"""Home Assistant beside us: installed by pip into a place of its own, started on loopback, asked as its own page asks.

It is given what is best for it: a device that answers at once without checking or writing anything, no history, no
other entities, the stream of states that its own page reads (`subscribe_entities`), and a client with plain sockets.
"""

import base64
import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from bench.rig import REPO, free_port, process
from bench.tap import Line

PLACE = Path(os.environ.get("HOME_ASSISTANT", Path.home() / ".cache" / "edge-agent-bench" / "home-assistant"))
PINS = REPO / "bench" / "home_assistant.txt"
INSTALL_S, START_S = 900, 120
USER, PASSWORD = "bench", secrets.token_hex(8)


class NotThere(Exception):
    """Home Assistant cannot be had here; the text says why."""


def install() -> str:
    """Make sure that it is installed; its version. Raises NotThere."""
    python = PLACE / "bin" / "python"
    try:
        if not (PLACE / "bin" / "hass").exists():
            print(f"installing Home Assistant into {PLACE} ...", flush=True)
            _run(sys.executable, "-m", "venv", str(PLACE))
            _run(str(python), "-m", "pip", "install", "-q", "setuptools<70", "wheel")
            _run(str(python), "-m", "pip", "install", "-q", "-r", str(PINS))
        return _run(str(PLACE / "bin" / "hass"), "--version").strip()
    except (OSError, subprocess.SubprocessError) as error:
        words = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise NotThere(words[-1] if words else "pip failed") from error


def _run(*argv: str) -> str:
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=INSTALL_S)
    return done.stdout


class Home:
    """A running Home Assistant."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token

    def rest(self) -> "HomeLine":
        """A connection to its REST API."""
        return HomeLine(self.port, self.token)

    def socket(self) -> "WebSocket":
        """A WebSocket that has signed in."""
        return WebSocket(self.port, self.token)

    def until_known(self, prefix: str, lights: int, limit_s: float = 120) -> None:
        """Until all lights have been discovered and are off or on."""
        line, end, known = self.rest(), time.monotonic() + limit_s, 0
        while time.monotonic() < end:
            line.ask("GET", "/api/states")
            states = json.loads(line.answer()[1])
            known = sum(s["entity_id"].startswith(f"light.{prefix}_") and s["state"] in ("on", "off") for s in states)
            if known == lights:
                time.sleep(1)
                return
            time.sleep(0.3)
        raise TimeoutError(f"Home Assistant knows {known} of {lights} lights")


class HomeLine(Line):
    """HTTP with a token."""

    def __init__(self, port: int, token: str = "") -> None:
        super().__init__(port)
        self._token = token

    def ask(self, method: str, path: str, body: object = None, kind: str = "application/json") -> None:
        """Send a request; text goes as it is."""
        data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Length: {len(data)}\r\n"
        head += f"Content-Type: {kind}\r\n" if data else ""
        head += f"Authorization: Bearer {self._token}\r\n" if self._token else ""
        self._sock.sendall(f"{head}\r\n".encode() + data)


class WebSocket(Line):
    """As much of RFC 6455 as is needed: text frames there, unfragmented frames back."""

    def __init__(self, port: int, token: str) -> None:
        super().__init__(port)
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET /api/websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self._sock.sendall(f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.until(b"\r\n\r\n")
        self._last = 0
        self.receive()
        self._send({"type": "auth", "access_token": token})
        if self.receive()["type"] != "auth_ok":
            raise NotThere("its WebSocket refuses the token")

    def call(self, **message: Any) -> int:
        """Send a request; its number."""
        self._last += 1
        self._send({"id": self._last, **message})
        return self._last

    def follow(self, *entities: str) -> None:
        """Read the states of entities from now on."""
        self.call(type="supported_features", features={"coalesce_messages": 1})
        self.call(type="subscribe_entities", entity_ids=list(entities))
        while "event" not in json.dumps(self.receive()):  # its first event: all states as they are
            pass

    def until_all(self, entities: set[str], state: str) -> None:
        """Read on until all have been seen to be so."""
        left = set(entities)
        while left:
            got = self.receive()
            for message in got if isinstance(got, list) else [got]:
                changes = message.get("event", {}).get("c", {}) if message["type"] == "event" else {}
                left.difference_update(id_ for id_, c in changes.items() if c.get("+", {}).get("s") == state)

    def receive(self) -> Any:
        """The next message."""
        while True:
            first, length = self._take(2)
            length &= 127
            if length > 125:
                length = int.from_bytes(self._take(2 if length == 126 else 8))
            body = self._take(length)
            if first & 15 == 1:
                return json.loads(body)

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            chunk = self._sock.recv(262144)
            if not chunk:
                raise ConnectionError("Home Assistant has closed the connection")
            self._buffer += chunk
        got, self._buffer = self._buffer[:count], self._buffer[count:]
        return got

    def _send(self, message: object) -> None:
        data, mask = json.dumps(message).encode(), os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2)
        masked = (int.from_bytes(data) ^ int.from_bytes((mask * (len(data) // 4 + 1))[: len(data)])).to_bytes(len(data))
        self._sock.sendall(b"\x81" + size + mask + masked)


@contextlib.contextmanager
def home_assistant(folder: Path, mqtt: int) -> Iterator[Home]:
    """Start it beside a broker. Raises NotThere."""
    port, place = free_port(), folder / "home-assistant"
    hass = str(PLACE / "bin" / "hass")
    _configure(place, port, mqtt)
    try:
        _run(hass, "--script", "auth", "-c", str(place), "add", USER, PASSWORD)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotThere(f"no account can be made: {error}") from error
    with process(hass, "-c", str(place), "--skip-pip", log=folder / "home-assistant.log") as child:
        yield Home(port, _token(port, lambda: child.poll() is None))


def _configure(place: Path, port: int, mqtt: int) -> None:
    (place / ".storage").mkdir(parents=True)
    parts: dict[str, object] = {
        "homeassistant": {"name": "bench", "latitude": 21.03, "longitude": 105.85, "elevation": 10, "country": "VN"},
        "http": {"server_host": "127.0.0.1", "server_port": port},
        "logger": {"default": "warning"},
    }
    bare = ("api", "auth", "websocket_api", "config", "light")
    (place / "configuration.yaml").write_text(yaml.safe_dump({**parts, **dict.fromkeys(bare)}))
    entry = {
        "entry_id": secrets.token_hex(16),
        "version": 1,
        "minor_version": 1,
        "domain": "mqtt",
        "title": "bench",
        "data": {"broker": "127.0.0.1", "port": mqtt, "discovery": True},
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "unique_id": None,
        "disabled_by": None,
    }
    stored = {"version": 1, "minor_version": 1, "key": "core.config_entries", "data": {"entries": [entry]}}
    (place / ".storage" / "core.config_entries").write_text(json.dumps(stored))


def _token(port: int, alive: Callable[[], bool]) -> str:
    """Sign in as its page does, as soon as it answers."""
    end = time.monotonic() + START_S
    client = f"http://127.0.0.1:{port}/"
    while alive() and time.monotonic() < end:
        with contextlib.suppress(OSError):
            line = HomeLine(port)
            flow = {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}
            line.ask("POST", "/auth/login_flow", flow)
            status, body = line.answer()
            if status == 200:
                return _signed_in(line, client, json.loads(body)["flow_id"])
        time.sleep(0.2)
    raise NotThere("it does not start, see its log")


def _signed_in(line: HomeLine, client: str, flow: str) -> str:
    line.ask("POST", f"/auth/login_flow/{flow}", {"client_id": client, "username": USER, "password": PASSWORD})
    code = json.loads(line.answer()[1])["result"]
    form = f"client_id={client}&grant_type=authorization_code&code={code}"
    line.ask("POST", "/auth/token", form, "application/x-www-form-urlencoded")
    return str(json.loads(line.answer()[1])["access_token"])


@contextlib.contextmanager
def lights(folder: Path, home: Home, mqtt: int, prefix: str, count: int, qos: int) -> Iterator[None]:
    """MQTT lights, until Home Assistant knows them."""
    argv = [sys.executable, "-m", "bench.lights_stub", str(mqtt), prefix, str(count), str(qos)]
    with process(*argv, log=folder / "stub.log"):
        home.until_known(prefix, count)
        yield


def socket_times(home: Home, entity: str, rounds: int) -> list[float]:
    """Milliseconds from the call on the WebSocket until the state is seen there."""
    socket = home.socket()
    socket.follow(entity)
    times = []
    for number in range(rounds):
        state = "on" if number % 2 == 0 else "off"
        began = time.perf_counter()
        target = {"entity_id": entity}
        socket.call(type="call_service", domain="light", service=f"turn_{state}", target=target)
        socket.until_all({entity}, state)
        times.append((time.perf_counter() - began) * 1000)
    return times[rounds // 10 :]


def rest_times(home: Home, entity: str, rounds: int) -> list[float]:
    """Milliseconds from the POST until the state is seen at the WebSocket."""
    socket, post = home.socket(), home.rest()
    socket.follow(entity)
    times = []
    for number in range(rounds):
        state = "on" if number % 2 == 0 else "off"
        began = time.perf_counter()
        post.ask("POST", f"/api/services/light/turn_{state}", {"entity_id": entity})
        socket.until_all({entity}, state)
        times.append((time.perf_counter() - began) * 1000)
        post.answer()
    return times[rounds // 10 :]


def group_times(home: Home, prefix: str, count: int, rounds: int) -> list[float]:
    """Milliseconds from one call for all lights until the last state is seen."""
    entities = {f"light.{prefix}_{number}" for number in range(count)}
    socket = home.socket()
    socket.follow(*entities)
    times = []
    for number in range(rounds):
        state = "on" if number % 2 == 0 else "off"
        began = time.perf_counter()
        target = {"entity_id": sorted(entities)}
        socket.call(type="call_service", domain="light", service=f"turn_{state}", target=target)
        socket.until_all(entities, state)
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.5)
    return times
