"""The real agent and the real hub: trusted by what stands on its card, heard, and thrown out when it is revoked."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import yaml
from enrolment_rig import COMMUNE, NAME, tls_broker, trusted, trusting
from hub_rig import free_port, until


async def test_a_real_agent_is_enrolled_comes_in_and_is_revoked(tmp_path: Path) -> None:
    config = trusting(tmp_path, free_port())
    node: dict[str, Any] = {
        "node": {"commune": COMMUNE, "name": NAME, "title": "Trạm bơm", "position": {"latitude": 21, "longitude": 105}},
        "storage": {"path": str(tmp_path / "state")},
        "identity": {"folder": str(tmp_path / "trusted")},
        "clock": {"trust": "assume"},
        "drivers": [{"id": "relays", "driver": "simulated-relay", "lines": {"1": {}}}],
        "lights": [{"id": "lamp", "name": "Đèn", "line": "relays/1"}],
    }
    (tmp_path / "node.yaml").write_text(yaml.safe_dump(node))

    async def agent(*words: str) -> asyncio.subprocess.Process:
        with (tmp_path / "agent.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "edge_agent", *words, stdout=log, stderr=log
            )

    with tls_broker(tmp_path, config) as broker:
        following = asyncio.create_task(broker.follow())
        async with trusted(config, connected=True) as trust:
            card = await trust.card()
            (tmp_path / "enrol.json").write_text(json.dumps(card.model_dump(mode="json")))
            enrolling = await agent("enrol", str(tmp_path / "node.yaml"), str(tmp_path / "enrol.json"))
            assert await enrolling.wait() == 0, (tmp_path / "agent.log").read_text()
            running = await agent("run", str(tmp_path / "node.yaml"))
            try:
                nodes, address = trust.hub.hub.registry.nodes, f"{COMMUNE}/{NAME}"
                await until(lambda: address in nodes and nodes[address].online, 60)
                status = nodes[address].status
                assert status is not None and status.fault is None
                known = trust.part.known.get(address)
                assert known is not None and status.board == known.mark  # the board that the certificate was given to
                await trust.part.desk.revoke(COMMUNE, NAME)
                await until(lambda: not nodes[address].online, 60)
                assert trust.part.enforcing.is_revoked(int(known.serial, 16))
            finally:
                running.terminate()
                await running.wait()
        following.cancel()
