"""Updates on a node: real releases, real slots, the real agent and installer; only systemd is played."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from update_rig import Node, Release, Web, archive, custom, environment, program_tree, running, well

OLD, NEW = "0.1.0", "0.2.0"
LIGHT = """
drivers: [{id: relays, driver: simulated-relay, lines: {"1": {}}}]
lights: [{id: den, name: Đèn, line: relays/1}]
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = program_tree(tmp_path_factory.mktemp("base"), OLD)
    environment(folder)
    return folder


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of a newer version that works."""
    folder = tmp_path_factory.mktemp("good")
    return archive(program_tree(folder / "tree", NEW), folder / "good.tar.xz")


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path / "release")


@pytest.fixture
def web(release: Release) -> Iterator[Web]:
    serving = Web(release.folder)
    yield serving
    serving.close()


@pytest.fixture
def node(tmp_path: Path, base: Path, release: Release, web: Web) -> Node:
    return Node(tmp_path / "node", base, release.pinned, web.url, LIGHT)


def test_a_new_version_comes_in_pieces_is_switched_to_and_stays(
    node: Node, release: Release, web: Web, good: Path
) -> None:
    release.add(good, custom(NEW))
    web.cut = good.stat().st_size // 3
    with running(node):
        before = node.healthy()
        assert node.apply()["ok"]
        fetched = [asked for asked in web.asked if "targets/" in asked[0]]
        assert len(fetched) >= 3 and fetched[0][1] is None and all(asked[1] for asked in fetched[1:])
        done = node.install()
        assert node.last()["result"] == "healthy", (done.stderr, node.last())
        said = node.healthy()
        assert (said["version"], before["version"]) == (NEW, OLD) and well(node)
    assert (node.current, str((node.opt / "good").readlink())) == ("slots/a", "slots/a")
    assert not node.pending() and not (node.root / "var/lib/edge-agent/update/wanted.json").exists()
    again = node.apply(slot="slots/a")
    assert again["fault"]["code"] == "update.none"
