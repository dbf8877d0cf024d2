"""What a node refuses to install, each with its code; nothing of it changes what runs."""

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from system_rig import tool
from tuf.api.metadata import Metadata
from update_rig import Release, Web, archive_of, custom

from edge_agent.backoff import Backoff
from edge_agent.contract.errors import Refusal
from edge_agent.update.ask import Asker
from edge_agent.update.bundle import Custom, Here
from edge_agent.update.download import Download
from edge_agent.update.inbox import Inbox
from edge_agent.update.install import Installer
from edge_agent.update.journal import Last
from edge_agent.update.means import Means
from edge_agent.update.places import Places, machine, python_minor
from edge_agent.update.remote import Remote
from edge_agent.update.unpack import unpack

NEW = "0.2.0"
AT_ONCE = Backoff(0.01, 0.01)


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o644
    return info


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path / "release")


@pytest.fixture
def web(release: Release) -> Iterator[Web]:
    serving = Web(release.folder)
    yield serving
    serving.close()


@pytest.fixture
def places(tmp_path: Path, release: Release) -> Places:
    places = Places(tmp_path / "root")
    for folder in (places.inbox, places.keep, places.opt / "base/bin", places.config.parent):
        folder.mkdir(parents=True)
    (places.opt / "current").symlink_to("base")
    (places.opt / "base/bin/python").symlink_to(sys.executable)
    (places.root / "etc/edge-agent/update-root.json").write_bytes(release.pinned)
    return places


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An archive that is whole, but no agent."""
    return archive_of(tmp_path / "small.tar.xz", (member("readme"), b"x" * 200_000))


def asker(places: Places, web: Web) -> Asker:
    return Asker(places, places.inbox, Remote(web.url))


def code(act: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refused:
        act()
    assert refused.value.fault.vi != refused.value.fault.code
    return refused.value.fault.code


def install(places: Places) -> Last:
    last = Installer(places, Means(restart=("true",), user=None, healthy_s=1)).run()
    assert last is not None and str((places.opt / "current").readlink()) == "base"
    assert not (places.keep / "journal.json").exists() and not (places.inbox / "wanted.json").exists()
    return last


def ask(places: Places, web: Web) -> None:
    asking = asker(places, web)
    bundle = asking.look(NEW)
    asking.fetch(bundle, None)
    asking.hand_over(bundle, "an")


def test_a_list_that_nobody_signed_is_not_believed(places: Places, release: Release, web: Web, tmp_path: Path) -> None:
    other = Release(tmp_path / "other")
    shutil.rmtree(release.folder / "metadata")
    shutil.copytree(other.folder / "metadata", release.folder / "metadata")
    assert code(lambda: asker(places, web).look()) == "update.signature"


def test_a_list_that_expired_is_not_believed(places: Places, release: Release, web: Web) -> None:
    stamp = release.folder / "metadata/timestamp.json"
    loaded = Metadata.from_file(str(stamp))
    loaded.signed.expires = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    loaded.sign(release.keys["online"])
    stamp.write_bytes(loaded.to_bytes())
    assert code(lambda: asker(places, web).look()) == "update.expired"
    release.repository.renew(release.keys["online"])
    assert code(lambda: asker(places, web).look()) == "update.none"


def test_an_older_list_is_not_believed_by_agent_or_installer(
    places: Places, release: Release, web: Web, small: Path, tmp_path: Path
) -> None:
    release.add(small, custom(NEW))
    shutil.copytree(release.folder / "metadata", tmp_path / "then")
    ask(places, web)
    assert install(places).fault  # no agent in it: refused, but the lists are known now
    release.repository.renew(release.keys["online"])
    ask(places, web)
    install(places)
    for path in (tmp_path / "then").iterdir():
        shutil.copy(path, release.folder / "metadata")
    assert code(lambda: asker(places, web).look()) == "update.rolled_back"
    # whoever has the agent's account forgets on purpose what was known: root's own memory does not
    shutil.rmtree(places.inbox / "metadata")
    ask(places, web)
    last = install(places)
    assert last.fault is not None and last.fault.code == "update.rolled_back"


def test_without_a_root_or_a_right_clock_nothing_is_asked(places: Places, web: Web) -> None:
    assert code(lambda: Asker(places, places.inbox, Remote(web.url), clock_trusted=False).look()) == "update.clock"
    (places.root / "etc/edge-agent/update-root.json").unlink()
    assert code(lambda: asker(places, web).look()) == "update.no_root"
    assert web.asked == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"arch": "riscv64"}, "update.wrong_arch"),
        ({"board": ["Raspberry Pi 5"]}, "update.wrong_board"),
        ({"python": "3.8"}, "update.wrong_python"),
        ({"version": "0.0.9"}, "update.old"),
    ],
)
def test_an_archive_for_others_is_refused_by_agent_and_installer(
    places: Places, release: Release, web: Web, small: Path, words: dict[str, object], expected: str
) -> None:
    said = {**custom(NEW), **words}
    release.add(small, said)
    asking = asker(places, web)
    assert code(lambda: asking.look(str(said["version"]))) == expected
    (places.inbox / "wanted.json").write_text(json.dumps({"version": said["version"]}))
    last = install(places)
    assert last.fault is not None and last.fault.code == expected


def test_an_older_archive_than_the_package_is_refused_though_a_slot_proved_itself_before(
    places: Places, release: Release, web: Web, small: Path
) -> None:
    release.add(small, custom(NEW))
    ask(places, web)
    (places.opt / "base/VERSION").write_text("0.3.0\n")
    last = install(places)
    assert last.fault is not None and (last.fault.code, last.version_before) == ("update.old", "0.1.0")


def test_an_archive_for_this_board_is_taken(places: Places, release: Release, web: Web, small: Path) -> None:
    release.add(small, custom(NEW, board=["Raspberry Pi 4", "Raspberry Pi 5"]))
    here = Here("0.1.0", machine(), python_minor(), "Raspberry Pi 5 Model B Rev 1.0")
    assert Asker(places, places.inbox, Remote(web.url), here=here).look().custom.version == NEW


def test_a_download_goes_on_where_it_was_cut_and_is_given_up_when_nothing_comes(
    places: Places, release: Release, web: Web, small: Path
) -> None:
    release.add(small, custom(NEW))
    bundle = asker(places, web).look()
    assert bundle.length > 200
    web.cut = 0
    assert code(lambda: Download(Remote(web.url), places.inbox, wait=AT_ONCE).fetch(bundle)) == "update.offline"
    web.cut, web.asked = 100, []
    whole = Download(Remote(web.url), places.inbox, wait=AT_ONCE).fetch(bundle)
    assert whole.read_bytes() == small.read_bytes()
    ranges = [asked for _, asked in web.asked]
    assert ranges[:3] == [None, "bytes=100-", "bytes=200-"]


def test_an_archive_of_another_hash_is_thrown_away_by_both(
    places: Places, release: Release, web: Web, small: Path
) -> None:
    release.add(small, custom(NEW))
    ask(places, web)
    bundle = asker(places, web).look()
    kept = places.inbox / bundle.sha256
    kept.write_bytes(kept.read_bytes()[:-1] + b"!")  # by whoever has the agent's account
    last = install(places)
    assert last.fault is not None and last.fault.code == "update.wrong_hash" and not kept.exists()
    served = next((release.folder / "targets").iterdir())
    served.write_bytes(served.read_bytes()[:-1] + b"!")
    assert code(lambda: asker(places, web).fetch(bundle, None)) == "update.wrong_hash"


@pytest.mark.parametrize(
    "members",
    [
        [(member("../out"), b"x")],
        [(member("/etc/out"), b"x")],
        [(member("out", tarfile.SYMTYPE, "/etc/passwd"), b"")],
        [(member("out", tarfile.SYMTYPE, "../../x"), b"")],
        [(member("p/q", tarfile.DIRTYPE), b""), (member("p/q/b", tarfile.SYMTYPE, "../.."), b""),
         (member("x", tarfile.SYMTYPE, "p/q/b/.."), b"")],
        [(member("a", tarfile.SYMTYPE, "b"), b""), (member("b", tarfile.DIRTYPE), b""), (member("a/file"), b"x")],
        [(member("tty", tarfile.CHRTYPE), b"")],
        [(member("pipe", tarfile.FIFOTYPE), b"")],
        [(member("hard", tarfile.LNKTYPE, "/etc/passwd"), b"")],
        [(member("twice"), b"1"), (member("twice"), b"2")],
        [(member("big"), b"x" * 200_001)],
        [(member(f"file-{number}"), b"") for number in range(51)],
        [(member("d/" * 40 + "deep"), b"x")],
    ],
)  # fmt: skip
def test_what_an_archive_must_not_hold(tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    path = archive_of(tmp_path / "bad.tar.xz", *members)
    words = Custom(**custom(NEW, unpacked=200_000, files=50))
    inside = tmp_path / "jail/slot"
    assert code(lambda: unpack(path, inside, words, Path("/usr/bin/python3"))) in ("update.archive", "update.disk")
    assert {entry.name for entry in tmp_path.iterdir()} == {"bad.tar.xz", "jail"}
    assert {entry.name for entry in (tmp_path / "jail").iterdir()} == {"slot"}


def test_what_an_archive_may_hold_and_whose_python_runs(tmp_path: Path) -> None:
    tool_ = member("bin/tool")
    tool_.mode = 0o4777
    members = [
        (member("lib/a"), b"1"),
        (member("lib/module.py"), b"x = 1"),
        (member("lib/b", tarfile.SYMTYPE, "a"), b""),
        (member("bin/python", tarfile.SYMTYPE, "/tmp/evil"), b""),
        (member("pyvenv.cfg"), b"home = /tmp/evil"),
        (tool_, b"#!"),
    ]
    path = archive_of(tmp_path / "good.tar.xz", *members)
    unpack(path, tmp_path / "slot", Custom(**custom(NEW)), Path("/usr/bin/python3"))
    assert (tmp_path / "slot/lib/b").read_bytes() == b"1"
    assert str((tmp_path / "slot/bin/python").readlink()) == "/usr/bin/python3"
    assert "evil" not in (tmp_path / "slot/pyvenv.cfg").read_text()
    assert (tmp_path / "slot/VERSION").read_text() == f"{NEW}\n"
    assert list((tmp_path / "slot/lib").glob("__pycache__/module.*.pyc"))
    assert (tmp_path / "slot/bin/tool").stat().st_mode & 0o7777 == 0o755


def test_a_truncated_archive_is_damaged_not_half_installed(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "whole.tar.xz", (member("a"), bytes(range(256)) * 500))
    path.write_bytes(path.read_bytes()[:-40])
    assert code(lambda: unpack(path, tmp_path / "slot", Custom(**custom(NEW)), Path("/x"))) == "update.archive"


def test_the_installer_follows_no_link_of_the_agents_and_waits_for_no_pipe(tmp_path: Path, places: Places) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"version": "9.9"}')
    (places.inbox / "wanted.json").symlink_to(secret)
    assert Installer(places, Means(user=None)).run() is None
    assert secret.exists() and not (places.inbox / "wanted.json").is_symlink()
    subprocess.run([tool("mkfifo"), str(places.inbox / "wanted.json")], check=True)
    assert Installer(places, Means(user=None)).run() is None
    shutil.rmtree(places.inbox)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/wanted.json").write_text("{}")
    places.inbox.symlink_to(tmp_path / "elsewhere")
    assert Inbox(places.inbox).read("wanted.json", 100) is None


def test_a_full_disk_is_told_and_changes_nothing(places: Places, release: Release, web: Web, small: Path) -> None:
    """A tmpfs of 80 MB: 64 are reserved for the agent."""
    release.add(small, custom(NEW, unpacked=40_000_000))
    asking = asker(places, web)
    bundle = asking.look()
    asking.fetch(bundle, None)
    asking.hand_over(bundle, "an")
    shutil.rmtree(places.keep)
    script = f"""
mount -t tmpfs -o size=80m tmpfs {places.opt}
mkdir -p {places.opt}/base/bin && ln -s base {places.opt}/current && ln -s {sys.executable} {places.opt}/base/bin/python
exec {sys.executable} -m edge_agent update install --root {places.root}
"""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script], capture_output=True, text=True, timeout=60, check=False
    )
    last = Last.model_validate_json(done.stdout or done.stderr)
    assert last.fault is not None and last.fault.code == "update.no_room" and last.result == "refused"
