from collections.abc import Iterator
from pathlib import Path

import pytest
from tts_stand_ins import Programs, StandIn


@pytest.fixture(autouse=True)
def _loopback_goes_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the machine must not see what the tests send to 127.0.0.1."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture
def google(tmp_path: Path) -> Iterator[StandIn]:
    stand_in = StandIn(tmp_path)
    yield stand_in
    stand_in.close()


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    folder = tmp_path / "programs"
    folder.mkdir()
    return Programs(folder)
