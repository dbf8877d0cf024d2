from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, mosquitto, serving, until
from postgres_rig import Postgres

from edge_agent.contract.signature import Verifier


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Modules that say so are run on both databases; where one says "long", on PostgreSQL in the long run."""
    of_one = any("database" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    both = getattr(metafunc.module, "ON_BOTH_DATABASES", False)
    if "database" in metafunc.fixturenames and both and not of_one:
        marks = [pytest.mark.long] if both == "long" else []
        databases = ["sqlite", pytest.param("postgresql", marks=marks)]
        metafunc.parametrize("database", databases, indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for all tests of this process, each with a database of its own."""
    server = Postgres()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """What a configuration says of the database."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return {}
    return {"database": request.getfixturevalue("postgres").new(tmp_path)}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker of the test's own: nothing retained by others."""
    with mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path, database: dict[str, Any]) -> AsyncIterator[Running]:
    """A hub that serves and is connected."""
    async with serving(config_for(tmp_path, broker.port, **database)) as running:
        yield running


@pytest.fixture
async def node(hub: Running, broker: Mosquitto) -> AsyncIterator[FakeNode]:
    """A node that the hub has seen."""
    signer = hub.hub.signer
    fake = FakeNode(broker.port, Verifier({signer.key_id: signer.public}), hub_url=hub.url)
    async with fake:
        await until(lambda: len(getattr(hub.hub.registry.nodes.get("29401/tram-bom"), "states", ())) >= 4)
        yield fake
