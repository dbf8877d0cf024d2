import sys
from importlib.metadata import entry_points

import pytest

from drivers.contract import DriverFault
from drivers.registry import GROUP, load, names

MODULES = {
    "other_good": "class Good:\n    Config = None\n    async def check(self): ...\n    def capabilities(self): ...\n"
    "    async def __aenter__(self): ...\n    async def __aexit__(self, *e): ...\n",
    "other_syntax": "def broken(:\n",
    "other_raises": "raise RuntimeError('no bus here')\n",
    "other_needs": "import a_library_nobody_has\n",
    "other_partial": "class Partial:\n    Config = None\nanything = 3\n",
}
ENTRIES = """[edge_agent.drivers]
other-good = other_good:Good
other-syntax = other_syntax:X
other-raises = other_raises:X
other-needs = other_needs:X
other-partial = other_partial:Partial
other-value = other_partial:anything
other-absent = other_partial:Absent
"""


@pytest.fixture
def other_package(tmp_path, monkeypatch):
    """A second distribution with drivers, installed for real as far as importlib can tell."""
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    for name, body in MODULES.items():
        (tmp_path / f"{name}.py").write_text(body)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


def test_ours_are_all_installed_and_load():
    assert {"simulated-relay", "rpi-gpio-relay", "file-speaker", "pyaudio-speaker"} <= set(names())
    paths = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    assert paths["pyaudio-speaker"] == "drivers.audio.portaudio:PyAudioSpeaker"
    for name in names():
        assert load(name).__name__ == paths[name].split(":")[1]


def test_names_imports_nothing(other_package):
    assert {"other-good", "other-syntax", "other-raises"} <= set(names())
    assert not set(MODULES) & set(sys.modules)


def test_a_driver_of_another_package_loads(other_package):
    assert load("other-good").__name__ == "Good"


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("other-syntax", "driver.broken", "SyntaxError"),
        ("other-raises", "driver.broken", "no bus here"),
        ("other-needs", "driver.missing_library", "a_library_nobody_has"),
        ("other-absent", "driver.broken", "Absent"),
        ("other-partial", "driver.broken", "check, capabilities"),
        ("other-value", "driver.broken", "lacks"),
    ],
)
def test_a_bad_driver_is_a_fault_with_its_reason(other_package, name, code, says):
    with pytest.raises(DriverFault) as caught:
        load(name)
    assert caught.value.code == code
    assert says in caught.value.detail
    assert name in caught.value.detail


def test_a_wrong_name_gets_the_one_that_was_meant():
    with pytest.raises(DriverFault, match="did you mean 'rpi-gpio-relay'") as caught:
        load("rpi-gpio-rely")
    assert caught.value.code == "driver.unknown"
    with pytest.raises(DriverFault, match=r"installed are: .*file-speaker"):
        load("zzz")
