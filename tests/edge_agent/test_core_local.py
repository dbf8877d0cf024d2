"""The socket by which programs on this machine reach the agent, and what is kept of an acceptance."""

import asyncio
import json
import stat
from pathlib import Path

import pytest
from core_rig import store
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from drivers.audio.file import FileSpeaker
from drivers.audio.portaudio import PyAudioSpeaker
from edge_agent import calibration
from edge_agent.contract.base import JsonObject
from edge_agent.contract.birth import SignedBirth
from edge_agent.contract.detached import BadSignature, check_detached, sign_detached
from edge_agent.contract.errors import Refusal
from edge_agent.local import births
from edge_agent.local.client import AgentAway, LocalAgent
from edge_agent.local.server import LocalServer


async def echo(asked: JsonObject) -> JsonObject:
    return {"heard": asked["word"]}


async def refuse(_asked: JsonObject) -> JsonObject:
    raise Refusal("doctor.busy", by="Lan")


async def test_a_question_is_answered_or_refused_and_only_its_own_user_may_ask(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 90)  # a path longer than a Unix address
    folder.mkdir()
    agent = LocalAgent(folder)
    assert not agent.is_there()
    server = asyncio.create_task(LocalServer(folder, {"echo": echo, "refuse": refuse, "hello": echo}).run())
    socket = folder / "local.sock"
    while not socket.exists():
        await asyncio.sleep(0.01)
    assert await asyncio.to_thread(agent.ask, "echo", word="đèn") == {"heard": "đèn"}
    for words, code in (({"do": "refuse"}, "doctor.busy"), ({"do": "nobody"}, "command.internal")):
        with pytest.raises(Refusal) as refused:
            await asyncio.to_thread(agent.ask, **words)
        assert refused.value.fault.code == code
    with pytest.raises(Refusal):  # a word is missing: refused, and it goes on
        await asyncio.to_thread(agent.ask, "echo")
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)
    with pytest.raises(AgentAway):
        await asyncio.to_thread(agent.ask, "echo", word="x")


def test_a_measured_latency_counts_unless_the_configuration_names_one(tmp_path: Path) -> None:
    kind = PyAudioSpeaker.Config
    assert calibration.applied({}, kind, tmp_path) == {}
    calibration.save(tmp_path, {"latency_ms": 42.5, "gain_db": -12.0})
    assert calibration.applied({"device": "USB"}, kind, tmp_path) == {"device": "USB", "latency_ms": 42.5}
    assert calibration.applied({"latency_ms": 0}, kind, tmp_path) == {"latency_ms": 42.5}
    assert calibration.applied({"latency_ms": 7}, kind, tmp_path) == {"latency_ms": 7}
    assert calibration.applied({}, FileSpeaker.Config, tmp_path) == {}
    for spoilt in ("", "[]", '{"latency_ms": "x"}', '{"latency_ms": NaN}', '{"latency_ms": 1e9}'):
        (tmp_path / "calibration.json").write_text(spoilt)
        assert calibration.applied({}, kind, tmp_path) == {}


def test_what_was_signed_is_known_from_what_was_not() -> None:
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    words = "Đèn cổng làng: sáng".encode()
    jws = sign_detached(words, lambda data: key.sign(data, ec.ECDSA(SHA256())))
    check_detached(jws, words, key.public_key())
    header, _, signature = jws.split(".")
    none = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    wrong = [
        (jws, words + b" ", key),
        (jws, words, other),
        (f"{none}..{signature}", words, key),
        (f"{none}..", words, key),
        (f"{header}.{signature}.{signature}", words, key),
        ("", words, key),
        (f"{header}..AAAA", words, key),
    ]
    for text, payload, by in wrong:
        with pytest.raises(BadSignature):
            check_detached(text, payload, by.public_key())


async def test_a_record_is_told_once_and_a_spoilt_one_never(tmp_path: Path) -> None:
    async with store(tmp_path / "db") as opened:
        recorder = opened.recorder
        assert not await births.tell(tmp_path, recorder)
        births.keep(tmp_path, SignedBirth(record="{}"))
        assert await births.tell(tmp_path, recorder)
        assert not await births.tell(tmp_path, recorder)
        [event] = await opened.events("installed")
        assert event["data"] == {"record": "{}"}
        births.keep(tmp_path, SignedBirth(record="{}"))
        (births.folder_of(tmp_path) / "record.json").write_text(json.dumps({"record": 7}))
        assert not await births.tell(tmp_path, recorder)
