"""Whoever has the broker cannot make a loudspeaker speak: every forgery at a real agent through a real mosquitto."""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish

from bench.rig import COMMUNE, NODE, Sender, agent, broker, node_config
from edge_agent.contract.ids import uuid7
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics, voice

HUB = Signer("hub", secrets.token_bytes(32))
THIEF = Signer("hub", secrets.token_bytes(32))
"""Another key under the same id."""
TOPICS = NodeTopics(COMMUNE, NODE)
KEYS = {"do": "keys.update", "number": 7, "keys": [{"id": "thief", "public": THIEF.public}]}
ONCE = {"do": "speak", "text": "Xin chào."}


def speak(to: str = f"{COMMUNE}/{NODE}", begins: float = 0, lasts: float = 60, **more: Any) -> bytes:
    """The payload of a command to speak; times in seconds from now."""
    at = datetime.now(UTC) + timedelta(seconds=begins)
    args = {"do": "speak", "text": "Xin chào bà con.", "class": "emergency"}
    body = {"id": uuid7(), "to": to, "by": "hub", "at": at.isoformat(), "args": args}
    return json.dumps({**body, "expires": (at + timedelta(seconds=lasts)).isoformat(), **more}).encode()


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def changed(message: bytes, **parts: str) -> bytes:
    """A genuine command with parts of it replaced."""
    return json.dumps({**json.loads(message), **parts}).encode()


def louder(message: bytes) -> bytes:
    """A genuine command whose words were changed."""
    payload = json.loads(message)["payload"]
    body = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    body["args"]["text"] = "Tin giả."
    return changed(message, payload=encoded(json.dumps(body).encode()))


NO_ALGORITHM = encoded(json.dumps({"alg": "none", "kid": "hub"}).encode())
BY_HMAC = encoded(json.dumps({"alg": "HS256", "kid": "hub"}).encode())
FORGERIES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "unsigned": ("", speak),
    "signed by another key": ("", lambda: THIEF.sign(speak())),
    "under an unknown key": ("", lambda: Signer("thief", secrets.token_bytes(32)).sign(speak())),
    "algorithm none": ("", lambda: changed(HUB.sign(speak()), protected=NO_ALGORITHM, signature="")),
    "another algorithm": ("", lambda: changed(HUB.sign(speak()), protected=BY_HMAC)),
    "no signature": ("", lambda: changed(HUB.sign(speak()), signature="")),
    "words changed": ("", lambda: louder(HUB.sign(speak()))),
    "for another node": ("command.not_for_me", lambda: HUB.sign(speak(f"{COMMUNE}/thon-tay"))),
    "for another commune": ("command.not_for_me", lambda: HUB.sign(speak(f"99999/{NODE}"))),
    "for all of another commune": ("command.not_for_me", lambda: HUB.sign(speak("99999/all"))),
    "held back until it expired": ("command.expired", lambda: HUB.sign(speak(begins=-120, lasts=60))),
    "from the future": ("command.from_future", lambda: HUB.sign(speak(begins=7200))),
    "good for a year": ("command.invalid", lambda: HUB.sign(speak(lasts=365 * 24 * 3600))),
    "names other keys, where they are pinned": ("keys.pinned", lambda: HUB.sign(speak(args=KEYS))),
    "ends before it begins": ("command.invalid", lambda: HUB.sign(speak(lasts=-1))),
    "too large": ("", lambda: b"x" * 70_000),
}


@dataclass
class Attacked:
    """An agent whose broker is somebody else's."""

    folder: Path
    port: int
    sender: Sender

    def recordings(self) -> list[Path]:
        return sorted((self.folder / "state/drivers/horn").glob("*.wav"))

    def answers(self) -> bytes:
        """Until a genuine command that makes no sound was answered: what was sent before it was looked at."""
        asked, heard = speak(args={"do": "speaker.stop"}), b""
        self.sender.publish(TOPICS.command, HUB.sign(asked))
        while json.loads(asked)["id"].encode() not in heard:
            heard += self.sender.wait(TOPICS.ack, b"", 20)[1]
        return heard


@contextmanager
def running(folder: Path, port: int) -> Iterator[Attacked]:
    config = node_config(folder, port, HUB)
    with agent(folder, config):
        sender = Sender(port, [TOPICS.status, TOPICS.ack, TOPICS.event])
        sender.wait(TOPICS.status, b'"online":true', 60)
        try:
            yield Attacked(folder, port, sender)
        finally:
            sender.close()


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    folder = tmp_path_factory.mktemp("attacked")
    with broker(folder) as port, running(folder, port) as made:
        yield made


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_command_is_refused_and_nothing_sounds(attacked: Attacked, forgery: str) -> None:
    code, make = FORGERIES[forgery]
    for topic in (TOPICS.command, TOPICS.command_all):
        attacked.sender.publish(topic, make())
        answers = attacked.answers()
        assert code.encode() in answers
        assert (b'"state":"rejected"' in answers) == bool(code)  # who cannot sign gets no answer at all
    assert attacked.recordings() == []


def test_frames_on_the_voice_topic_alone_are_not_heard(attacked: Attacked) -> None:
    for number in range(20):
        attacked.sender.publish(voice(COMMUNE, "1"), number.to_bytes(8, "big") + secrets.token_bytes(80))
    assert b"rejected" not in attacked.answers()
    assert attacked.recordings() == []


def test_a_recorded_command_is_heard_once_however_often_and_wherever_it_is_sent(tmp_path: Path) -> None:
    message, kept = HUB.sign(speak(lasts=600, args=ONCE)), HUB.sign(speak(lasts=600))
    with broker(tmp_path) as port:
        publish.single(TOPICS.command, kept, 1, retain=True, port=port)  # a command that the broker keeps for later
        with running(tmp_path, port) as node:
            node.sender.wait(TOPICS.ack, b"command.retained")
            assert node.recordings() == []
            node.sender.publish(TOPICS.command, message)  # the genuine one does sound
            node.sender.wait(TOPICS.ack, b'"state":"done"', 30)
            for topic in (TOPICS.command, TOPICS.command_all, TOPICS.command):
                node.sender.publish(topic, message)
                node.sender.wait(TOPICS.ack, b'"repeat":true', 20)
        with running(tmp_path, port) as node:  # also after a power cut
            node.sender.publish(TOPICS.command, message)
            node.sender.wait(TOPICS.ack, b'"repeat":true', 20)
            node.answers()
            assert len(node.recordings()) == 1
