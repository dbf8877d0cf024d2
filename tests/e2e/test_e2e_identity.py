"""An agent that runs before it is trusted, by a real broker that lets in nobody without a certificate."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from identity_broker import TlsBroker, until

from bench.rig import process
from edge_agent.identity.board import fingerprint
from edge_agent.identity.folder import IdentityFolder
from edge_agent.identity.keystore import FileKey, spki

sys.path.insert(0, str(Path(__file__).parent.parent / "edge_agent"))
from identity_rig import Authority, SmallHub, enrol_json, small_hub

NODE = """
node: {commune: "26734", name: thon-dong-1, title: Cụm loa thôn Đông, position: {latitude: 20.95, longitude: 106.08}}
storage: {path: state}
identity: {folder: identity}
clock: {trust: assume}
drivers: [{id: relays, driver: simulated-relay, lines: {"1": {}}}]
lights: [{id: lamp, name: Đèn cổng, line: relays/1}]
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    with small_hub(tmp_path) as running:
        yield running


@pytest.fixture
def broker(hub: SmallHub, tmp_path: Path) -> Iterator[TlsBroker]:
    with TlsBroker(tmp_path, hub.authority).running() as running:
        hub.broker = running.url
        yield running


def written(folder: Path) -> Path:
    file = folder / "node.yaml"
    file.write_text(NODE)
    return file


def enrol(file: Path, hub: SmallHub, **changes: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", "enrol", str(file), "-", "--json"],
        input=enrol_json(hub, **changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def online(broker: TlsBroker) -> list[dict[str, object]]:
    return [status for status in broker.statuses if status.get("online")]


def test_a_running_agent_becomes_trusted_renews_itself_and_is_never_away(
    hub: SmallHub, broker: TlsBroker, tmp_path: Path
) -> None:
    file, log = written(tmp_path), tmp_path / "agent.log"
    folder = IdentityFolder(tmp_path / "identity")
    hub.renew_after = timedelta(minutes=-1)
    with process(sys.executable, "-m", "edge_agent", "run", str(file), log=log):
        until(lambda: "is running" in log.read_text())
        assert not broker.connections()
        done = enrol(file, hub)
        assert done.returncode == 0, done.stdout + done.stderr
        asked = next(json.loads(body) for path, body in hub.asked if path == "/identity/enrol")
        first = spki(x509.load_pem_x509_csr(asked["csr"].encode()).public_key())
        until(lambda: online(broker))
        assert online(broker)[0]["board"] == fingerprint()
        # it is due at once: asked for with the present key, shown to the broker, and only then kept
        until(lambda: FileKey.read(folder.path / "node.key").public != first)
        until(lambda: len(broker.connections()) >= 2)
        assert set(broker.connections()) == {"thon-dong-1"}
        assert folder.on_trial() is None
        # a node that was renewed never said that it was away
        assert all(status["online"] for status in broker.statuses)


def test_a_certificate_that_no_broker_takes_leaves_the_old_one_at_work(
    hub: SmallHub, broker: TlsBroker, tmp_path: Path
) -> None:
    file, log = written(tmp_path), tmp_path / "agent.log"
    hub.renew_after = timedelta(minutes=-1)
    assert enrol(file, hub).returncode == 0
    before = IdentityFolder(tmp_path / "identity").read().grant
    stranger = Authority("not the broker's")

    def answer(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if path != "/identity/renew":
            return status, body
        mine, hub.authority = hub.authority, stranger
        try:
            return 200, _granted(hub, hub.asked[-1][1])
        finally:
            hub.authority = mine

    hub.answer = answer
    with process(sys.executable, "-m", "edge_agent", "run", str(file), log=log):
        until(lambda: "/identity/renew" in [path for path, _ in hub.asked])
        until(lambda: len(broker.connections()) >= 2)  # it tried the new one, and came back with the old
    assert IdentityFolder(tmp_path / "identity").read().grant == before


def _granted(hub: SmallHub, body: bytes) -> bytes:
    return hub.grant("thon-dong-1", "26734", json.loads(body)["csr"]).body()


def test_on_another_board_the_node_works_and_stays_away(hub: SmallHub, broker: TlsBroker, tmp_path: Path) -> None:
    file, log = written(tmp_path), tmp_path / "agent.log"
    assert enrol(file, hub).returncode == 0
    place = tmp_path / "identity/enrolled.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "board": "0123456789abcdef"}))
    with process(sys.executable, "-m", "edge_agent", "run", str(file), log=log):
        until(lambda: "is running" in log.read_text())
        assert not broker.connections()
        hub.used.clear()  # a new token, for the board that is here now
        again = enrol(file, hub)
        assert again.returncode == 0
        until(lambda: online(broker))
    doctor = subprocess.run(
        [sys.executable, "-m", "edge_agent", "doctor", str(file), "--json"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    found = {finding["part"]: finding for finding in json.loads(doctor.stdout)["findings"]}
    assert found["identity"]["state"] == "ok" and found["broker"]["state"] == "ok", doctor.stdout


def test_refusals_of_the_hub_are_told_in_words_and_by_the_exit_code(hub: SmallHub, tmp_path: Path) -> None:
    file = written(tmp_path)
    final = enrol(file, hub, token="another-token-of-16")
    assert final.returncode == 3 and json.loads(final.stdout)["fault"]["code"] == "enrol.token_unknown"
    hub.close()
    away = enrol(file, hub)
    assert away.returncode == 1 and json.loads(away.stdout)["fault"]["code"] == "enrol.unreachable"
    card = tmp_path / "enrol.json"
    card.write_bytes(b"\xff\xfe" + "{}".encode("utf-16-le"))
    told = subprocess.run(
        [sys.executable, "-m", "edge_agent", "enrol", str(file), str(card)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 2 and "token" in told.stderr
