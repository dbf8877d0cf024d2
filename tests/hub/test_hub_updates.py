"""The hub's folder of updates: made and signed at the terminal, served to nodes, renewed before it expires."""

import asyncio
import json
import platform
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub_rig import TOKEN, Running
from tuf.api.metadata import Metadata

from edge_agent.update.ask import Asker
from edge_agent.update.bundle import Here
from edge_agent.update.places import Places
from edge_agent.update.remote import Remote
from hub.updates.keys import load, make
from hub.updates.repository import Repository
from hub.updates.serving import renewed

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def cli(*words: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [str(BIN / "edge-hub"), "updates", *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def tree(folder: Path) -> Path:
    """Programs as a package lays them out, as far as packing looks."""
    site = folder / f"lib/python{PYTHON}/site-packages/edge_agent"
    site.mkdir(parents=True)
    (site / "version.py").write_text('VERSION = "0.2.0"\n')
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to("/usr/bin/python3")
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    return folder


def test_a_release_is_packed_signed_and_listed_at_the_terminal(tmp_path: Path) -> None:
    config = tmp_path / "hub.yaml"
    config.write_text((ROOT / "configs/hub.example.yaml").read_text())
    config.write_text(_only_data(config.read_text(), tmp_path / "data"))
    out, again = tmp_path / "a.tar.xz", tmp_path / "b.tar.xz"
    for path in (out, again):
        subprocess.run([sys.executable, ROOT / "scripts/release", tree(tmp_path / path.name[0]), path], check=True)
    assert out.read_bytes() == again.read_bytes()
    with tarfile.open(out) as tar:
        assert not {"bin/python", "pyvenv.cfg"} & set(tar.getnames())
    assert cli("list", config).returncode == 2
    made = cli("keys", config, tmp_path / "keys")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "keys/root.pem").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in (tmp_path / "keys").iterdir()} == {"root.pem", "targets.pem", "update-root.json"}
    assert cli("keys", config, tmp_path / "other").returncode == 2
    words = ("--version", "0.2.0", "--arch", platform.machine(), "--python", PYTHON, "--board", "Raspberry Pi 5")
    added = cli("add", config, tmp_path / "keys", out, *words)
    assert added.returncode == 0, added.stderr
    said = json.loads(cli("list", config, "--json").stdout)
    assert [(one["version"], one["board"]) for one in said["offered"]] == [("0.2.0", ["Raspberry Pi 5"])]
    assert "0.2.0" in cli("list", config).stdout


def _only_data(text: str, data: Path) -> str:
    lines = [line for line in text.splitlines() if line.startswith(("name:", "communes:"))]
    return "\n".join([*lines, f"data: {data}", "broker: {url: 'mqtt://127.0.0.1:1883'}", ""])


async def test_a_node_looks_and_fetches_by_its_token_and_nobody_else_does(hub: Running, tmp_path: Path) -> None:
    keys = {name: make(tmp_path / "keys", name) for name in ("root", "targets", "online")}
    repository = Repository(hub.config.data / "updates")
    pinned = repository.begin(keys["root"], keys["targets"], keys["online"])
    archive = tmp_path / "x.tar.xz"
    archive.write_bytes(bytes(range(256)) * 400)
    words = {"version": "0.2.0", "arch": "any", "python": "3.11", "unpacked": 5, "files": 5}
    repository.add(archive, "edge-agent-0.2.0.tar.xz", words, keys["targets"], keys["online"])
    places = Places(tmp_path / "root")
    (places.root / "etc/edge-agent").mkdir(parents=True)
    (places.root / "etc/edge-agent/update-root.json").write_bytes(pinned)
    remote = Remote(f"{hub.http.base_url}/updates".replace("//updates", "/updates"), token=TOKEN)
    asker = Asker(places, places.inbox, remote, here=Here("0.1.0", "x86_64", "3.11", ""))
    bundle = await asyncio.to_thread(asker.look)
    part = places.inbox / f"{bundle.sha256}.part"
    part.write_bytes(archive.read_bytes()[:1000])  # it goes on where it was cut
    assert (await asyncio.to_thread(asker.fetch, bundle, None)).read_bytes() == archive.read_bytes()

    for header in ({}, {"Authorization": "Bearer wrong"}):
        answer = await hub.http.get("/updates/metadata/timestamp.json", headers=header)
        assert answer.status_code == 401
    mine = {"Authorization": f"Bearer {TOKEN}"}
    half = await hub.http.get(f"/updates/targets/{bundle.sha256}.{bundle.name}", headers={**mine, "Range": "bytes=9-"})
    assert (half.status_code, half.content) == (206, archive.read_bytes()[9:])
    (hub.config.data / "updates/keys").mkdir()
    (hub.config.data / "updates/keys/online.pem").write_text("secret")
    for path in ("keys/online.pem", "metadata/..%2fkeys%2fonline.pem", "metadata/.hidden", "metadata/none.json"):
        assert (await hub.http.get(f"/updates/{path}", headers=mine)).status_code == 404


def test_what_would_expire_soon_is_signed_again_with_the_online_key_alone(tmp_path: Path) -> None:
    folder = tmp_path / "updates"
    assert not renewed(folder)
    root, targets = (make(tmp_path / "keys", name) for name in ("root", "targets"))
    online = make(folder / "keys", "online")
    repository = Repository(folder)
    repository.begin(root, targets, online)
    assert not renewed(folder)
    stamp = folder / "metadata/timestamp.json"
    loaded = Metadata.from_file(str(stamp))
    loaded.signed.expires = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
    loaded.sign(load(folder / "keys", "online"))
    stamp.write_bytes(loaded.to_bytes())
    assert renewed(folder)
    assert repository.expires() - datetime.now(UTC) > timedelta(days=10)
    assert not renewed(folder)
