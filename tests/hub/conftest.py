from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, mosquitto, serving, until

from edge_agent.contract.signature import Verifier


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker of the test's own: nothing retained by others."""
    with mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    """A hub that serves and is connected."""
    async with serving(config_for(tmp_path, broker.port)) as running:
        yield running


@pytest.fixture
async def node(hub: Running, broker: Mosquitto) -> AsyncIterator[FakeNode]:
    """A node that the hub has seen."""
    signer = hub.hub.signer
    fake = FakeNode(broker.port, Verifier({signer.key_id: signer.public}), hub_url=hub.url)
    async with fake:
        await until(lambda: len(getattr(hub.hub.registry.nodes.get("29401/tram-bom"), "states", ())) >= 4)
        yield fake
