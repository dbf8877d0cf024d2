"""A backup of a hub that works, brought back by another program into an empty place: everything is there again."""

import asyncio
import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hub_rig import TOKEN, FakeNode, Mosquitto, config_for, now, serving, until
from postgres_rig import Postgres
from test_hub_killed import TYPED, run
from writing_rig import fields_in, fields_of, new_draft

from edge_agent.contract.records import Event
from edge_agent.contract.signature import Verifier
from hub.backup import nightly
from hub.backup.archive import read
from hub.backup.restoring import NotRestored, restore
from hub.backup.sealing import Unreadable
from hub.backup.settings import Backups
from hub.config import load
from hub.onehub import OneHub

SOUND = b"RIFF\x24\x10\x00\x00WAVEfmt " + bytes(50_000)


def edge_hub(*argv: object) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-m", "hub", *argv)
    return subprocess.run([str(part) for part in argv], capture_output=True, text=True, timeout=90, check=False)


def hub_yaml(folder: Path, port: int, database: str = "") -> Path:
    file = folder / "hub.yaml"
    file.write_text(f"listen: {{port: 0}}\nbroker: {{url: 'mqtt://127.0.0.1:{port}'}}\n{database}\n")
    return file


async def filled(folder: Path, broker: Mosquitto, **more: Any) -> str:
    """A hub with people, a node that reported, and media; returns the administrator's cookie."""
    async with serving(config_for(folder, broker.port, **more)) as hub:
        async with FakeNode(broker.port, Verifier({"hub": hub.hub.signer.public})) as node:
            await node.send(Event(seq=1, at=now(), type="started"))
            await until(lambda: "29401/tram-bom" in hub.hub.registry.nodes)
            auth = {"Authorization": f"Bearer {TOKEN}"}
            put = await hub.http.put(f"/media/{hashlib.sha256(SOUND).hexdigest()}", content=SOUND, headers=auth)
            assert put.status_code == 201
        return hub.secret


async def comes_back(source: Path, target: Path, secret: str, passphrase: Path, archive: Path) -> None:
    """Write while the backup is made; restore; and look at all of it through a hub of its own."""
    async with run(source, secret) as first:
        address = await new_draft(first.http)
        fields = await fields_of(first.http, address)
        saved: list[int] = []

        async def typing() -> None:
            for count in range(1, 10_000):
                typed = {**fields, "s1.text": TYPED * (1 + count % 20) + f"Lần {count}.", "do": "save"}
                assert (await first.http.post(address, data=typed, headers={"HX-Request": "true"})).status_code == 200
                saved.append(count)

        typist = asyncio.create_task(typing())
        await until(lambda: len(saved) >= 3, 30)
        at_least = saved[-1]
        made = await asyncio.to_thread(edge_hub, "backup", source, archive, "--passphrase-file", passphrase)
        assert made.returncode == 0, made.stderr
        assert len(saved) > at_least, "the hub went on meanwhile"
        typist.cancel()
    assert archive.stat().st_mode & 0o777 == 0o600
    assert TYPED.encode() not in archive.read_bytes()
    brought = edge_hub("restore", archive, "--to", target, "--passphrase-file", passphrase)
    assert brought.returncode == 0, brought.stderr
    assert edge_hub("key", target).stdout == edge_hub("key", source).stdout
    verified = edge_hub("audit", "verify", target)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    async with run(target, secret) as second:
        page = await second.http.get(address)
        assert page.status_code == 200
        assert int(fields_in(page.text)["s1.text"].rpartition("Lần ")[2].rstrip(".")) >= at_least
        assert "quan-tri" in (await second.http.get("/people")).text
        assert "Trạm bơm Đông" in (await second.http.get("/nodes")).text


async def test_a_hub_that_works_is_backed_up_and_comes_back(broker: Mosquitto, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir(), new.mkdir()
    secret = await filled(old, broker)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("một câu dài mà chỉ xã biết\n")
    source, target, archive = hub_yaml(old, broker.port), hub_yaml(new, broker.port), tmp_path / "hub.backup"
    await comes_back(source, target, secret, passphrase, archive)
    media = {path.relative_to(old): path for path in (old / "hub-data/media").rglob("*") if path.is_file()}
    assert any(path.read_bytes() == SOUND for path in media.values())
    for name, path in media.items():
        assert (new / name).read_bytes() == path.read_bytes()
        assert (new / name).stat().st_mtime == pytest.approx(path.stat().st_mtime, abs=1)

    # a second time nothing is touched unless told to, and then it is put aside; and never under a hub that runs
    config, words = load(target), passphrase.read_text().strip()
    with pytest.raises(NotRestored, match="--replace"):
        restore(archive, config, words)
    (new / "hub-data/of-today").write_text("kept")
    restore(archive, config, words, replace=True)
    assert len(list((new / "hub-data").glob("restored-over-*/of-today"))) == 1
    lock = OneHub(new / "hub-data/hub.sqlite3")
    lock.take()
    with pytest.raises(NotRestored, match="the hub runs"):
        restore(archive, config, words, replace=True)
    lock.leave()

    # whatever is wrong with the file shows before anything is touched
    whole = archive.read_bytes()
    for bad in (whole[:-100], whole[:300], whole[:50_000] + b"!" + whole[50_001:], b"", b"PK nonsense" * 1000):
        archive.write_bytes(bad)
        with pytest.raises(Unreadable):
            read(archive, words, lambda _name, _source, _changed: None)
    archive.write_bytes(whole)
    for wrong in ("another", None):
        with pytest.raises(Unreadable):
            read(archive, wrong, lambda _name, _source, _changed: None)


@pytest.mark.long
async def test_a_hub_on_postgresql_comes_back(broker: Mosquitto, postgres: Postgres, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir(), new.mkdir()
    given = postgres.new(old), postgres.new(new)
    secret = await filled(old, broker, database=given[0])
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("một câu dài")
    texts = [f"database: {{url: '{each['url']}', password: {{file: postgres-password}}}}" for each in given]
    source, target = hub_yaml(old, broker.port, texts[0]), hub_yaml(new, broker.port, texts[1])
    await comes_back(source, target, secret, passphrase, tmp_path / "hub.backup")


def test_by_night_the_oldest_go_but_never_the_newest(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(1, 6):
        (folder / nightly.name_of(datetime(2026, 11, day, tzinfo=UTC))).write_bytes(bytes(4_000_000))
    (folder / "notes.txt").write_text("not ours")
    kept = nightly.rotate(Backups(folder=folder, keep=4, mb=20))
    assert [path.name for path in kept] == ["hub-20261101T000000Z.backup"]
    assert len(nightly.rotate(Backups(folder=folder, keep=4, mb=10))) == 2
    (folder / nightly.name_of(datetime(2026, 11, 9, tzinfo=UTC))).write_bytes(bytes(30_000_000))
    nightly.rotate(Backups(folder=folder, keep=4, mb=10))
    assert [path.name for path in nightly.all_of(folder)] == ["hub-20261109T000000Z.backup"]
    assert (folder / "notes.txt").exists()


async def test_the_first_page_says_when_the_newest_is_too_old(broker: Mosquitto, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    async with serving(config_for(tmp_path, broker.port, backups={"folder": "backups"})) as hub:
        assert "Chưa có bản sao lưu" in (await hub.http.get("/")).text
        folder.mkdir()
        made = folder / nightly.name_of(now())
        made.write_bytes(b"")
        assert "sao lưu" not in (await hub.http.get("/")).text.replace("home-backup", "")
        old = (now() - timedelta(days=4)).timestamp()
        os.utime(made, (old, old))
        assert "đã quá 3 ngày" in (await hub.http.get("/")).text
