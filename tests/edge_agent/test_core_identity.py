"""A node becomes trusted: by a real TLS server that keeps the contract, and by others that do not."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from identity_rig import Authority, SmallHub, small_hub

from edge_agent.config.load import load
from edge_agent.contract.errors import Refusal
from edge_agent.identity import folder as folder_module
from edge_agent.identity.applied import applied
from edge_agent.identity.board import board_serial, fingerprint
from edge_agent.identity.enrolment import enrol, renew
from edge_agent.identity.folder import IdentityFolder
from edge_agent.identity.keystore import FileKey, spki
from edge_agent.identity.web import ask, pinned_ca

NODE = """
node: {commune: "26734", name: thon-dong-1, title: Cụm loa thôn Đông, position: {latitude: 20.95, longitude: 106.08}}
identity: {folder: identity}
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    with small_hub(tmp_path) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> IdentityFolder:
    return IdentityFolder(tmp_path / "identity")


def joined(folder: IdentityFolder, hub: SmallHub) -> None:
    enrol(folder, "thon-dong-1", "26734", hub.card(), None)


def test_a_node_makes_its_key_and_gets_a_certificate_for_it(hub: SmallHub, folder: IdentityFolder) -> None:
    identity = enrol(folder, "thon-dong-1", "26734", hub.card(), None)
    certificate = x509.load_pem_x509_certificate(identity.certificate.read_bytes())
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "thon-dong-1"
    assert spki(certificate.public_key()) == FileKey.read(identity.key).public
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.path.iterdir()} == {0o600}
    assert folder.place().board == fingerprint()
    asked = json.loads(hub.asked[-1][1])
    assert asked["board"]["mark"] == fingerprint() and "PRIVATE" not in asked["csr"]
    assert folder.on_trial() is None and IdentityFolder(folder.path).read().grant == identity.grant


def test_the_token_goes_to_nobody_but_the_pinned_hub(hub: SmallHub, folder: IdentityFolder) -> None:
    with pytest.raises(Refusal) as refused:
        enrol(folder, "thon-dong-1", "26734", hub.card(pin=Authority().pin), None)
    assert refused.value.fault.code == "enrol.pin"
    assert [path for path, _ in hub.asked] == ["/identity/ca.pem"]


def test_who_only_repeats_the_pinned_certificate_gets_no_token(tmp_path: Path, folder: IdentityFolder) -> None:
    true = Authority()
    with small_hub(tmp_path) as false:
        false.answer = lambda path, status, body: (200, true.pem.encode()) if "ca.pem" in path else (status, body)
        with pytest.raises(Refusal) as refused:
            enrol(folder, "thon-dong-1", "26734", false.card(pin=true.pin), None)
    assert refused.value.fault.code == "identity.untrusted"
    assert all("enrol" not in path for path, _ in false.asked)


def test_a_lost_answer_is_asked_for_again_with_the_same_key(hub: SmallHub, folder: IdentityFolder) -> None:
    hub.lose = 1
    with pytest.raises(Refusal) as refused:
        joined(folder, hub)
    assert refused.value.fault.code == "enrol.unreachable" and folder.read() is None
    joined(IdentityFolder(folder.path), hub)
    assert folder.read() is not None


def test_a_second_box_with_the_same_token_is_refused_for_good(hub: SmallHub, folder: IdentityFolder) -> None:
    joined(folder, hub)
    with pytest.raises(Refusal) as refused:
        joined(IdentityFolder(folder.path.with_name("other")), hub)
    assert refused.value.fault.code == "enrol.token_used"


def _grant(hub: SmallHub, **changes: object) -> object:
    """The true answer with something in it changed."""

    def answer(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        return (status, json.dumps({**json.loads(body), **changes}).encode()) if "enrol" in path else (status, body)

    return answer


OTHER = Authority("Somebody else")
BAD_ANSWERS = {
    "not JSON": lambda _hub: lambda path, status, body: (200, b"<html>") if "enrol" in path else (status, body),
    "too much": lambda _hub: lambda path, status, body: (200, b"{" * 200_000) if "enrol" in path else (status, body),
    "deep": lambda _hub: lambda path, status, body: (200, b"[" * 60_000) if "enrol" in path else (status, body),
    "empty": lambda _hub: lambda path, status, body: (200, b"") if "enrol" in path else (status, body),
    "a list": lambda _hub: lambda path, status, body: (500, b"[1]") if "enrol" in path else (status, body),
    "a deep fault": lambda _hub: lambda path, status, body: (400, b"[" * 60_000) if "enrol" in path else (status, body),
    "another's name": lambda hub: _grant(hub, name="thon-tay"),
    "an unsigned certificate": lambda hub: _grant(hub, certificate=OTHER.pem),
    "another authority": lambda hub: _grant(hub, ca=OTHER.pem),
    "a broker without TLS": lambda hub: _grant(hub, broker="mqtt://127.0.0.1:1883"),
    "no command key": lambda hub: _grant(hub, command_keys=[{"id": "hub", "public": "short"}]),
    "a certificate for another key": lambda hub: _grant(
        hub, certificate=hub.authority.for_node("thon-dong-1", OTHER.key.public_key())
    ),
    "no authority": lambda _hub: lambda path, status, body: (200, b"\0" * 300) if "ca.pem" in path else (status, body),
    "a page": lambda _hub: lambda path, status, body: (503, b"busy") if "ca.pem" in path else (status, body),
}


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_a_hub_that_answers_nonsense_leaves_no_identity(hub: SmallHub, folder: IdentityFolder, kind: str) -> None:
    hub.answer = BAD_ANSWERS[kind](hub)
    with pytest.raises(Refusal) as refused:
        joined(folder, hub)
    assert refused.value.fault.code == "enrol.bad_answer"
    assert folder.read() is None
    hub.answer = lambda _path, status, body: (status, body)
    joined(folder, hub)  # and the next try is well


def test_a_hub_that_drips_is_given_up(hub: SmallHub) -> None:
    hub.drip_s = 0.05
    with pytest.raises(Refusal) as refused:
        pinned_ca(hub.url, hub.authority.pin, limit_s=0.5)
    assert refused.value.fault.code in ("enrol.unreachable", "enrol.bad_answer")


def test_what_the_hub_refuses_with_is_told_as_it_said_it(hub: SmallHub, folder: IdentityFolder) -> None:
    with pytest.raises(Refusal) as refused:
        enrol(folder, "thon-dong-1", "26734", hub.card(token="another-token-of-16"), None)
    assert refused.value.fault.code == "enrol.token_unknown"
    assert "thon-dong-1" in refused.value.fault.vi


def test_a_clock_in_another_year_can_join_while_nobody_believes_it(tmp_path: Path) -> None:
    """The certificate begins tomorrow: as a hub's of today does for a clock in 1970."""
    with small_hub(tmp_path, begins=datetime.now(UTC) + timedelta(days=1)) as hub:
        ca = hub.authority.pem
        with pytest.raises(Refusal) as refused:
            ask(hub.url, "/identity/nothing", b"{}", ca, None)
        assert refused.value.fault.code == "identity.untrusted"
        with pytest.raises(Refusal) as refused:
            ask(hub.url, "/identity/nothing", b"{}", ca, datetime(2026, 1, 1, tzinfo=UTC))
        assert refused.value.fault.code == "enrol.bad_answer", "it got as far as HTTP 404"
        with pytest.raises(Refusal) as refused:
            ask(hub.url, "/identity/nothing", b"{}", ca, datetime(2099, 1, 1, tzinfo=UTC))
        assert refused.value.fault.code == "identity.untrusted", "it had ended before the card was written"


def test_a_renewal_is_on_trial_until_it_is_settled(hub: SmallHub, folder: IdentityFolder) -> None:
    joined(folder, hub)
    first = folder.read()
    old = FileKey.read(first.key).public
    trial = renew(folder, first, hub.url, None)
    assert folder.read().grant == first.grant and FileKey.read(first.key).public == old
    assert FileKey.read(trial.key).public != old
    settled = folder.settle()
    assert settled.grant == trial.grant and folder.on_trial() is None
    assert FileKey.read(settled.key).public != old
    assert settled.certificate.read_text() == trial.grant.certificate


def test_the_power_goes_at_any_step_of_a_renewal(
    hub: SmallHub, folder: IdentityFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each single change of the disk there is an identity whose key and certificate fit."""
    joined(folder, hub)

    class PowerCut(BaseException):
        pass

    def cut_after(steps: int) -> None:
        left = [steps]

        def counted(real):
            def step(*args, **kwargs):
                if left[0] == 0:
                    raise PowerCut
                left[0] -= 1
                return real(*args, **kwargs)

            return step

        monkeypatch.setattr(folder_module, "write_atomically", counted(WRITE))
        monkeypatch.setattr("edge_agent.identity.keystore.write_atomically", counted(WRITE))
        monkeypatch.setattr(Path, "replace", counted(REPLACE))

    WRITE, REPLACE = folder_module.write_atomically, Path.replace
    cuts = 0
    for steps in range(40):
        before = folder.read().grant
        cut_after(steps)
        try:
            renew(folder, folder.read(), hub.url, None)
            folder.settle()
            done = True
        except PowerCut:
            cuts, done = cuts + 1, False
        monkeypatch.undo()
        after = IdentityFolder(folder.path).read()
        certificate = x509.load_pem_x509_certificate(after.certificate.read_bytes())
        assert spki(certificate.public_key()) == FileKey.read(after.key).public
        if done:
            assert after.grant != before
            break
    assert cuts >= 8 and done


def test_another_board_has_another_mark(tmp_path: Path) -> None:
    firmware = tmp_path / "sys/firmware/devicetree/base"
    firmware.mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    by_machine = fingerprint(tmp_path)
    (firmware / "serial-number").write_bytes(b"10000000abcdef01\0")
    assert board_serial(tmp_path) == "10000000abcdef01"
    assert fingerprint(tmp_path) != by_machine
    (firmware / "serial-number").write_bytes(b"0000000000000000\0")
    assert fingerprint(tmp_path) == by_machine, "noughts are no serial number"


def test_with_an_identity_the_configuration_need_not_name_broker_and_keys(
    hub: SmallHub, tmp_path: Path, folder: IdentityFolder
) -> None:
    file = tmp_path / "node.yaml"
    file.write_text(NODE)
    config = load(file).config
    assert config is not None and applied(config, None).broker is None
    joined(folder, hub)
    whole = applied(config, folder.read())
    assert whole.broker.parts() == (True, "127.0.0.1", 8883) and whole.broker.certificate == folder.path / "node.pem"
    assert [key.id for key in whole.command_keys] == ["hub"] and whole.hub.url == hub.url
    file.write_text(NODE + "broker: {url: 'mqtts://10.0.0.9:8883'}\n")
    own = applied(load(file).config, folder.read())
    assert own.broker.parts()[1] == "10.0.0.9" and own.broker.key == folder.path / "node.key"
    file.write_text(NODE + "broker: {url: 'mqtt://10.0.0.9', username: a, password: {env: X}}\n")
    assert applied(load(file).config, folder.read()).broker.certificate is None


def test_without_an_identity_what_is_missing_is_named(tmp_path: Path) -> None:
    file = tmp_path / "node.yaml"
    file.write_text(NODE.replace("identity: {folder: identity}", ""))
    problems = load(file).problems
    assert {(problem.path, problem.code) for problem in problems} == {
        ("broker", "config.no_identity"),
        ("command_keys", "config.no_identity"),
    }
