"""A disk that takes no writing when the node starts: it works with what it knew, and writes again when it can."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from core_rig import store

from edge_agent.store import database as module
from edge_agent.store.database import StoreError
from edge_agent.store.outbox import EVENT, Entry

SOMETHING = Entry(EVENT, '{"type":"x"}')


async def test_without_its_folder_the_node_knows_nothing_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TRY_AGAIN_S", 0)
    folder = tmp_path / "card"
    folder.write_text("no folder")
    async with store(folder) as node:
        with pytest.raises(StoreError):
            await node.outbox.append(SOMETHING)
        assert await node.records() == []
        assert (node.outbox.last, node.outbox.count) == (0, 0)
        folder.unlink()
        assert await node.outbox.append(SOMETHING) == 1
    async with store(folder) as node:
        assert len(await node.records()) == 1


@pytest.mark.parametrize("readable", [True, False])
async def test_what_was_known_can_be_read_and_nothing_is_believed_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    monkeypatch.setattr(module, "_TRY_AGAIN_S", 0)
    async with store(tmp_path / "card") as node:
        await node.outbox.append(SOMETHING, SOMETHING)
    real = module.open_file

    def broken(path: Path):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(module, "open_file", broken)
    if not readable:
        monkeypatch.setattr("edge_agent.store.opening._ELSEWHERE", (str(tmp_path / "nowhere"),))
    async with store(tmp_path / "card") as node:
        assert [record.seq for record in await node.records()] == ([1, 2] if readable else [])
        for _ in range(3):
            with pytest.raises(StoreError) as caught:
                await node.outbox.append(SOMETHING)
            assert not caught.value.full
        node.recorder.event("started")
        await node.recorder.flush()
        monkeypatch.setattr(module, "open_file", real)
        await node.recorder.flush()
        assert [event["type"] for event in await node.events()] == ["x", "x", "started"]
        assert (node.outbox.last, node.outbox.count) == (3, 3)


REHEARSAL = """
import asyncio, os, subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from core_rig import store
from edge_agent.store import database as module
from edge_agent.store.database import StoreError
from edge_agent.store.outbox import EVENT, Entry

module._TRY_AGAIN_S = 0
card, how = Path(sys.argv[2]), sys.argv[3]
SOMETHING = Entry(EVENT, '{"type":"x"}')

def fill():
    descriptor = os.open(card / "video", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except OSError:
        os.close(descriptor)

def remount(option):
    subprocess.run(["mount", "-o", f"remount,{option}", str(card)], check=True)

async def refused(node):
    try:
        await node.outbox.append(Entry(EVENT, "x" * 50_000))
    except StoreError as error:
        return error.full
    raise AssertionError("it was written")

async def main():
    async with store(card) as node:
        await node.outbox.append(SOMETHING)
        if how == "full while it runs":
            fill()
            for _ in range(3):
                assert await refused(node)
            assert len(await node.records()) == 1
            (card / "video").unlink()
            assert await node.outbox.append(SOMETHING) == 2
            return
    fill() if how == "full at the start" else remount("ro")
    async with store(card) as node:
        assert node.moved is None
        assert [record.seq for record in await node.records()] == [1]
        assert await refused(node) == (how == "full at the start")
        if how == "full at the start":
            (card / "video").unlink()
        else:
            remount("rw")
        assert await node.outbox.append(SOMETHING) == 2
    async with store(card) as node:
        assert [record.seq for record in await node.records()] == [1, 2]

asyncio.run(main())
print("well")
"""


def _may_mount() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-rm", "true"], check=False).returncode == 0


if _may_mount():  # where the system lets tests have a small disk of their own

    @pytest.mark.parametrize("how", ["full while it runs", "full at the start", "read-only at the start"])
    def test_on_a_real_small_disk(tmp_path: Path, how: str) -> None:
        card = tmp_path / "card"
        card.mkdir()
        script = f'mount -t tmpfs -o size=1m tmpfs "{card}" && exec "$@"'
        command = [sys.executable, "-c", REHEARSAL, str(Path(__file__).parent), str(card), how]
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, "sh", *command],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout.strip() == "well", done.stderr
