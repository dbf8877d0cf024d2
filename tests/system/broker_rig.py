"""The commune's broker as it is shipped, in a folder of the test, and clients that remember what they heard."""

import contextlib
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from system_rig import CONFIGS, end, free_port, run, tool, until

from edge_agent.demo.layout import owner
from hub.enrolment.authority import Authority
from hub.enrolment.broker_files import write_for_broker
from hub.enrolment.revoking import write_list
from hub.enrolment.settings import Enrolment

ACCOUNTS = ("hub", "ioc", "thon-dong", "thon-tay")


class Broker:
    """mosquitto with the shipped configuration; only paths, port and the account it runs under are the test's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.tls_port = free_port(), free_port()
        self.certificates = folder / "certificates"
        self.authority = _certificates(self.certificates)
        self.data = folder / "data"
        self.data.mkdir()
        self.log = folder / "log"
        text = (CONFIGS / "mosquitto/mosquitto.conf").read_text()
        for shipped, ours in {
            "\nlistener 1883 127.0.0.1\n": f"\nlistener {self.port} 127.0.0.1\n",
            "\nlistener 8883\n": f"\nlistener {self.tls_port} 127.0.0.1\n",
            "/var/lib/edge-hub-broker/": f"{self.certificates}/",
            "/etc/mosquitto/": f"{folder}/",
            "/var/lib/mosquitto/": f"{self.data}/",
            "log_dest syslog": "log_dest stderr",
        }.items():
            assert shipped in text
            text = text.replace(shipped, ours)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"{text}\nuser {owner()}\n")
        self._file("acl", (CONFIGS / "mosquitto/acl").read_text())
        self._file("acl-nodes", (CONFIGS / "mosquitto/acl-nodes").read_text())
        self._file("passwords", "".join(f"{name}:secret-{name}\n" for name in ACCOUNTS))
        assert run(tool("mosquitto_passwd"), "-U", folder / "passwords").returncode == 0
        self._process: subprocess.Popen[str] | None = None

    def _file(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)

    def start(self) -> None:
        with self.log.open("a") as output:
            self._process = subprocess.Popen(
                [tool("mosquitto"), "-c", str(self._config)], stdout=output, stderr=output, text=True
            )
        until(self._listens)

    def _listens(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def reload(self) -> None:
        """As the shipped units do when the list of revoked nodes has changed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
            self._process = None

    def cut_power(self) -> None:
        """No goodbye, no last save."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(5)
        self._process = None


def _certificates(folder: Path) -> Authority:
    """What a hub writes for its broker."""
    authority = Authority(folder.with_name("identity"))
    address = {"address": "https://localhost:8443", "broker": "mqtts://localhost:8883", "broker_files": folder}
    write_for_broker(authority, Enrolment.model_validate(address))
    write_list(authority, [], folder)
    return authority


class Client:
    """A paho client with an account; `heard` are topic and text."""

    def __init__(self, broker: Broker, name: str, password: str | None = None, *, keep: bool = False) -> None:
        self.heard: list[tuple[str, str]] = []
        self.refused: str | None = None
        self._ready = threading.Event()
        self._subscribed = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"test-{name}", clean_session=not keep, protocol=mqtt.MQTTv311
        )
        if name:
            self._client.username_pw_set(name, password or f"secret-{name}")
        self._client.on_connect = self._connected
        self._client.on_message = self._message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert self._ready.wait(10)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self.refused = str(code) if code.is_failure else None
        self._ready.set()
        if self.refused:
            self._client.disconnect()

    def _message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.heard.append((message.topic, message.payload.decode()))

    def listen(self, *topics: str) -> None:
        for topic in topics:
            self._subscribed.clear()
            self._client.subscribe(topic, 1)
            assert self._subscribed.wait(10)

    def say(self, topic: str, text: str = "x", *, retain: bool = False) -> None:
        """Publish at QoS 1 and wait for PUBACK. mosquitto acknowledges what it refuses, too."""
        self._client.publish(topic, text, 1, retain).wait_for_publish(10)

    def hears(self, topic: str, text: str = "x") -> None:
        until(lambda: (topic, text) in self.heard)
