"""Whose commands count at an enrolled node: by its grant, or by the newest `keys.update`, also after a power cut."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from identity_rig import PUBLIC, SmallHub, small_hub

from edge_agent.clock import SystemClock
from edge_agent.config.load import load
from edge_agent.config.model import NodeConfig
from edge_agent.contract.enrolment import GrantedKey
from edge_agent.contract.errors import Refusal
from edge_agent.identity.applied import applied
from edge_agent.identity.command_keys import CommandKeys
from edge_agent.identity.enrolment import enrol, renew
from edge_agent.identity.folder import IdentityFolder
from edge_agent.identity.trust import Trust

OLD, NEW = GrantedKey(id="hub", public=PUBLIC), GrantedKey(id="hub-7", public="A" * 43)
BOTH, LAST = CommandKeys(7, (OLD, NEW)), CommandKeys(8, (NEW,))
NODE = """
node: {commune: "26734", name: thon-dong-1, title: Cụm loa thôn Đông, position: {latitude: 20.95, longitude: 106.08}}
identity: {folder: identity}
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    with small_hub(tmp_path) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, hub: SmallHub) -> IdentityFolder:
    made = IdentityFolder(tmp_path / "identity")
    enrol(made, "thon-dong-1", "26734", hub.card(), None)
    return made


def config(tmp_path: Path, more: str = "") -> NodeConfig:
    (tmp_path / "node.yaml").write_text(NODE + more)
    read = load(tmp_path / "node.yaml").config
    assert read is not None
    return read


def granting(hub: SmallHub, number: int, *keys: GrantedKey) -> None:
    """From now on it grants these keys."""

    def answer(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if status != 200 or "ca.pem" in path:
            return status, body
        told = {**json.loads(body), "keys_number": number, "command_keys": [key.model_dump() for key in keys]}
        return 200, json.dumps(told).encode()

    hub.answer = answer


def test_newer_keys_hold_from_then_on_and_older_ones_never_again(folder: IdentityFolder, tmp_path: Path) -> None:
    assert folder.read().command_keys == CommandKeys(0, (OLD,))
    folder.keep_keys(BOTH)
    assert IdentityFolder(folder.path).read().command_keys == BOTH
    assert folder.keep_keys(BOTH).command_keys == BOTH, "the same once more, for its answer was lost"
    folder.keep_keys(LAST)
    for old in (BOTH, CommandKeys(8, (OLD,)), CommandKeys(0, (OLD,))):
        with pytest.raises(Refusal) as refused:
            folder.keep_keys(old)
        assert refused.value.fault.code == "keys.old"
    identity = IdentityFolder(folder.path).read()
    assert [key.id for key in applied(config(tmp_path), identity).command_keys] == ["hub-7"]
    assert (folder.path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_cut_while_they_are_written_leaves_the_ones_before(
    folder: IdentityFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.keep_keys(BOTH)

    def cut(_self: Path, _target: Path) -> Path:
        raise OSError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut)
        with pytest.raises(OSError, match="power"):
            folder.keep_keys(LAST)
    assert IdentityFolder(folder.path).read().command_keys == BOTH


@pytest.mark.parametrize(("number", "held"), [(0, BOTH), (9, CommandKeys(9, (NEW,)))])
def test_a_renewal_brings_keys_only_where_they_are_newer(
    folder: IdentityFolder, hub: SmallHub, number: int, held: CommandKeys
) -> None:
    folder.keep_keys(BOTH)
    granting(hub, number, *(held.keys if number else (OLD,)))
    renew(folder, folder.read(), hub.url, None)
    trial = folder.on_trial()
    assert trial is not None and trial.command_keys == held
    assert folder.settle().command_keys == held


def test_a_new_enrolment_begins_from_its_own_keys(folder: IdentityFolder, hub: SmallHub, tmp_path: Path) -> None:
    folder.keep_keys(LAST)
    with small_hub(tmp_path) as other:
        other.used.clear()
        granting(other, 3, OLD)
        (folder.path / "enrolled.json").unlink()  # as if it had been by another token
        enrol(folder, "thon-dong-1", "26734", other.card(), None)
        place = json.loads((folder.path / "enrolled.json").read_text())
        (folder.path / "enrolled.json").write_text(json.dumps({**place, "token": "f" * 32}))
    assert folder.read().command_keys == CommandKeys(3, (OLD,))


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"number": 9, "keys": [], "enrolment": 1}', "\0" * 50])
def test_a_damaged_file_leaves_the_keys_of_the_grant(folder: IdentityFolder, damage: str) -> None:
    folder.keep_keys(BOTH)
    (folder.path / "keys.json").write_text(damage)
    assert folder.read().command_keys == CommandKeys(0, (OLD,))


async def test_a_running_node_works_by_them_at_once(folder: IdentityFolder, tmp_path: Path) -> None:
    trust = Trust(config(tmp_path), folder.path, SystemClock(), on_fault=lambda _name, _fault: None)
    used: list[tuple[list[str], bool]] = []
    await trust.load()
    trust.apply = lambda now, drop: used.append(([key.id for key in now.command_keys] if now else [], drop))
    await trust.take_keys(BOTH)
    await trust.take_keys(LAST)
    assert used == [(["hub", "hub-7"], False), (["hub-7"], False)]


async def test_a_node_that_is_not_enrolled_or_pins_its_keys_refuses(folder: IdentityFolder, tmp_path: Path) -> None:
    def trust(more: str, path: Path) -> Trust:
        return Trust(config(tmp_path, more), path, SystemClock(), on_fault=lambda _name, _fault: None)

    pinned = f'command_keys: [{{id: hub, public: "{PUBLIC}"}}]\n'
    for made, code in ((trust(pinned, folder.path), "keys.pinned"), (trust("", tmp_path / "none"), "identity.none")):
        await made.load()
        with pytest.raises(Refusal) as refused:
            await made.take_keys(BOTH)
        assert refused.value.fault.code == code
    assert folder.read().command_keys.number == 0
