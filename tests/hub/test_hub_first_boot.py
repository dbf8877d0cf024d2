"""From a token that the hub made to a node that is trusted, online and heard: a card's folder, real programs, mTLS."""

import asyncio
import json
import sys
from pathlib import Path

from enrolment_rig import COMMUNE, NAME, tls_broker, trusted, trusting
from hub_rig import free_port, until

from bench.rig import process
from edge_agent.identity.board import fingerprint
from edge_agent.identity.folder import IdentityFolder

NODE = f"""
node:
  {{commune: "{COMMUNE}", name: {NAME}, title: Trạm bơm thôn Đông, position: {{latitude: 20.95, longitude: 106.08}}}}
storage: {{path: state}}
identity: {{folder: identity}}
clock: {{trust: assume}}
drivers:
  - {{id: relays, driver: simulated-relay, lines: {{"1": {{}}}}}}
  - {{id: horn, driver: file-speaker, directory: heard, paced: false}}
lights: [{{id: lamp, name: Đèn cổng, line: relays/1}}]
speakers: [{{id: loa, name: Loa, driver: horn}}]
voice: {{chain: [{{engine: espeak-ng}}], enhancement: {{enabled: false}}}}
"""
PYTHON = (sys.executable, "-m", "edge_agent")


async def ended(*argv: str, limit_s: float = 90) -> tuple[int, str]:
    child = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(child.communicate(), limit_s)
    finally:
        if child.returncode is None:
            child.kill()
    return child.returncode or 0, output.decode()


async def test_a_card_of_the_hub_becomes_a_node_that_is_online_and_says_so(tmp_path: Path) -> None:
    config = trusting(tmp_path, free_port())
    with tls_broker(tmp_path, config) as broker:
        async with trusted(config, connected=True) as trust:
            following = asyncio.create_task(broker.follow())
            fat, etc = tmp_path / "fat", tmp_path / "etc"
            (fat / "edge-agent").mkdir(parents=True)
            etc.mkdir()
            (fat / "edge-agent/node.yaml").write_bytes(NODE.replace("\n", "\r\n").encode("utf-16"))
            card = (await trust.card()).model_dump_json()
            (fat / "edge-agent/enrol.json").write_text(card)
            file, log = etc / "node.yaml", tmp_path / "agent.log"
            boot = (*PYTHON, "firstboot", "--card", str(fat), "--config", str(file), "--journal", str(tmp_path / "j"))
            boot = (*boot, "--user", "", "--unit", "", "--json")
            first = asyncio.create_task(ended(*boot))
            await until(file.exists, 30)  # where systemd starts the agent
            with process(*PYTHON, "run", str(file), log=log):
                code, output = await first
                assert code == 0, output
                node = await until(lambda: trust.hub.hub.registry.nodes.get(f"{COMMUNE}/{NAME}"), 30)
                await until(lambda: node.online, 30)
                assert node.status.board == fingerprint()
                told = (fat / "edge-agent/KET-QUA.txt").read_text("utf-8-sig")
                assert "SẴN SÀNG" in told and "Trạm bơm thôn Đông" in told
                assert sorted(path.name for path in (fat / "edge-agent").iterdir()) == [
                    "KET-QUA.txt",
                    "ket-qua.json",
                    "node.yaml",
                ]
                assert list((etc / "state/drivers/horn/heard").glob("*.wav")), "it said aloud that it is ready"
                identity = IdentityFolder(etc / "identity").read()
                assert identity is not None and json.loads(card)["token"] not in log.read_text() + output
                # the same card once more: nothing to do, and nobody is asked
                again, _ = await ended(*boot)
                assert again == 0 and IdentityFolder(etc / "identity").read() == identity
                await trust.part.desk.revoke(COMMUNE, NAME)
                await until(lambda: not node.online, 60)
            following.cancel()
