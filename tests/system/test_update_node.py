"""Updates on a node: real releases, real slots, the real agent and installer; only systemd is played."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from system_rig import until
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
        done = node.install(EDGE_UPDATE_TRAIL=str(node.root / "trail"))
        assert node.last()["result"] == "healthy", (done.stderr, node.last())
        assert tuple((node.root / "trail").read_text().split()) == STEPS
        said = node.healthy()
        assert (said["version"], before["version"]) == (NEW, OLD) and well(node)
    assert (node.current, str((node.opt / "good").readlink())) == ("slots/a", "slots/a")
    assert not node.pending() and not (node.root / "var/lib/edge-agent/update/wanted.json").exists()
    again = node.apply(slot="slots/a")
    assert again["fault"]["code"] == "update.none"


STEPS = (
    "taken", "chosen", "copied", "verified", "unpacked-half", "unpacked-whole", "written", "unpacked",
    "switching", "configured", "linked", "switched", "restarted", "healthy", "trusted", "finished",
)  # fmt: skip
"""Every point that a good update passes, in order; the first test holds that there is no other."""


def test_the_power_fails_at_every_step_and_each_start_runs_an_agent_that_works(
    node: Node, release: Release, good: Path
) -> None:
    """One update, cut off sixteen times: the installer is killed at each point, and the next run goes on."""
    release.add(good, custom(NEW))
    with running(node):
        assert node.apply()["ok"]
        for step in STEPS:
            done = node.install(EDGE_UPDATE_DIE_AT=step)
            assert done.returncode == -9, (step, done.stderr)
            # without the guard, which would finish the switch at once: in its middle, too, the link leads to what runs
            expected = OLD if STEPS.index(step) <= STEPS.index("configured") else NEW
            assert node.version(guard=False) == expected, step
        node.install()
        assert node.last()["result"] == "healthy", node.last()
        until(lambda: node.healthy().get("version") == NEW and well(node), 40)
    assert node.current == "slots/a" and not node.pending()


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
def test_the_power_fails_once_and_the_agent_itself_comes_up_well(
    node: Node, release: Release, good: Path, step: str
) -> None:
    """All of it dies at once, agent and installer; the next boot starts guard, agent, and then the installer."""
    release.add(good, custom(NEW))
    with running(node):
        assert node.apply()["ok"]
        assert node.install(EDGE_UPDATE_DIE_AT=step).returncode == -9
    (node.root / "run/edge-agent/healthy").unlink(missing_ok=True)
    with running(node):
        node.install()
        until(lambda: node.healthy().get("version") == NEW and well(node), 40)
    assert node.last()["result"] == "healthy" and node.current == "slots/a" and not node.pending()


def dies_at_once(site: Path) -> None:
    """Before it could say anything, but only as a service: `check` and `--version` still work."""
    (site / "edge_agent/agent.py").write_text("raise SystemExit(3)\n")


def never_well(site: Path) -> None:
    """Runs, and its lines are never looked at."""
    healthy = site / "edge_agent/healthy.py"
    healthy.write_text(
        healthy.read_text().replace("    def lines() -> str:\n", "    def lines() -> str:\n        return 'stuck'\n")
    )


@pytest.mark.parametrize(
    ("patch", "expected"),
    [pytest.param(dies_at_once, "update.starts", marks=pytest.mark.long), (never_well, "update.unhealthy")],
)
def test_a_version_that_is_not_well_is_left_again(
    node: Node, release: Release, tmp_path: Path, patch: Callable[[Path], None], expected: str
) -> None:
    release.add(archive(program_tree(tmp_path / "bad", NEW, patch), tmp_path / "bad.tar.xz"), custom(NEW))
    with running(node):
        assert node.apply()["ok"]
        node.install(within=40 if expected == "update.starts" else 8)
        last = node.last()
        assert (last["result"], last["fault"]["code"]) == ("back", expected), last
        until(lambda: node.healthy().get("version") == OLD and well(node), 40)
    assert node.current == "base" and not node.pending()


def test_a_version_that_kills_every_start_is_left_without_an_installer(
    node: Node, release: Release, good: Path
) -> None:
    """The installer died with the power; the guard alone counts the starts."""
    release.add(good, custom(NEW))
    assert node.apply()["ok"]
    assert node.install(EDGE_UPDATE_DIE_AT="switching").returncode == -9
    assert (node.current, node.version(guard=False)) == ("base", OLD)
    assert [node.version() for _ in range(4)] == [NEW, NEW, NEW, OLD]
    assert node.last()["fault"]["code"] == "update.starts" and not node.pending()
    node.install()  # as systemd would start it for a wish that is still there: it must not come back by itself
    assert (node.version(), node.last()["result"]) == (OLD, "back")


def test_a_link_that_leads_nowhere_leads_to_the_package_again(node: Node) -> None:
    (node.opt / "current").unlink()
    (node.opt / "current").symlink_to("slots/b")
    assert node.version() == OLD and node.current == "base"


def other_form(site: Path) -> None:
    """A version in which `telemetry.every_s` is called `telemetry.seconds`."""
    forms = site / "edge_agent/config/forms.py"
    forms.write_text(forms.read_text().replace("= ()", "= (lambda text: text.replace('every_s:', 'seconds:'),)"))
    model = site / "edge_agent/config/model.py"
    model.write_text(
        model.read_text().replace("    every_s: int = Field(default=60", "    seconds: int = Field(default=60")
    )
    agent = site / "edge_agent/agent.py"
    agent.write_text(agent.read_text().replace("telemetry.every_s", "telemetry.seconds"))


def test_a_new_form_of_the_configuration_comes_and_goes_with_its_version(
    node: Node, release: Release, tmp_path: Path
) -> None:
    old = node.config.read_text() + "telemetry: {every_s: 61}  # kept\n"
    node.config.write_text(old)
    release.add(archive(program_tree(tmp_path / "new", NEW, other_form), tmp_path / "new.tar.xz"), custom(NEW))
    with running(node):
        assert node.apply()["ok"]
        node.install()
        assert node.last()["result"] == "healthy", node.last()
        assert "telemetry: {seconds: 61}  # kept" in node.config.read_text()
        gone = node.back()
        assert gone["fault"]["code"] == "update.by_hand"
        assert node.config.read_text() == old
        until(lambda: node.healthy().get("version") == OLD and well(node), 40)
    assert node.back(code=1) == {"ok": False, "fault": node.nothing_before()}


def unreadable(site: Path) -> None:
    """A version to which names of nodes are too long."""
    model = site / "edge_agent/config/model.py"
    text = model.read_text()
    model.write_text(text.replace("title: str = Field(min_length=1, max_length=100", "title: str = Field(max_length=3"))


def test_a_version_that_cannot_read_the_configuration_is_never_switched_to(
    node: Node, release: Release, tmp_path: Path
) -> None:
    release.add(archive(program_tree(tmp_path / "new", NEW, unreadable), tmp_path / "new.tar.xz"), custom(NEW))
    assert node.apply()["ok"]
    node.install()
    assert (node.last()["result"], node.last()["fault"]["code"]) == ("refused", "update.config"), node.last()
    assert node.current == "base" and "title" in node.last()["fault"]["en"]
