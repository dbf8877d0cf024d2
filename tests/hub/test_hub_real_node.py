"""The console with a real agent behind it: what people tap is what its lines do."""

import asyncio
import html
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hub_rig import Mosquitto, Running, until

from bench.rig import COMMUNE, NODE, node_config, process

PATH = f"/nodes/{COMMUNE}/{NODE}"
ADDRESS = f"{COMMUNE}/{NODE}"
HX = {"HX-Request": "true"}
MORE: dict[str, Any] = {
    "drivers": [
        {"id": "relays", "driver": "simulated-relay", "lines": {"1": {}, "2": {}, "3": {}}},
        {"id": "horn", "driver": "file-speaker"},
    ],
    "lights": [
        {"id": "lamp", "name": "Đèn cổng", "line": "relays/1"},
        {"id": "yard", "name": "Đèn sân", "line": "relays/2"},
    ],
    "switches": [
        {"id": "pump", "name": "Máy bơm", "line": "relays/3", "use": "pump", "limits": {"minimum_off_s": 600}},
    ],
    "groups": [{"id": "street", "name": "Đường thôn", "members": ["lamp", "yard"], "gap_s": 0}],
}


@pytest.fixture
async def real(hub: Running, broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    folder = tmp_path / "node"
    folder.mkdir()
    config = node_config(folder, broker.port, hub.hub.signer, **MORE)
    with process(sys.executable, "-m", "edge_agent", "run", str(config), log=folder / "agent.log"):
        nodes = hub.hub.registry.nodes
        await until(lambda: (n := nodes.get(ADDRESS)) and n.online and n.about and ("switch", "pump") in n.states, 40)
        yield hub


async def page(hub: Running) -> str:
    text = html.unescape((await hub.http.get(PATH)).text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


async def shows(hub: Running, words: str) -> str:
    """The page, once it says this."""
    text, ends = "", time.monotonic() + 10
    while not re.search(words, text := await page(hub)):
        assert time.monotonic() < ends, text
        await asyncio.sleep(0.05)
    return text


async def tap(hub: Running, path: str, **data: str) -> str:
    return html.unescape((await hub.http.post(f"{PATH}/{path}", data=data, headers=HX)).text)


async def test_taps_reach_the_lines_of_a_real_node(real: Running) -> None:
    assert "Đèn cổng: nút báo đã làm xong" in await tap(real, "lights/lamp", do="on:1800")
    await shows(real, r"Đèn cổng Đang sáng Bật tay bởi quan-tri đến \d\d:\d\d")
    assert "Đường thôn: tất cả đã làm xong" in await tap(real, "groups/street", do="on")
    await shows(real, "Đường thôn 2/2 đang bật")
    assert "Đường thôn: đã theo lịch trở lại" in await tap(real, "groups/street", do="auto")
    await shows(real, "Đường thôn 0/2 đang bật")
    states = (await real.http.get(f"/api/v1/nodes/{ADDRESS}/states")).json()["states"]
    lamp = next(s for s in states if (s["kind"], s["id"]) == ("light", "lamp"))
    assert (lamp["actual"], lamp["why"]) == (0, "default")
    assert lamp["usage"]["switch_ons"] >= 1


async def test_pump_that_must_rest_says_until_when_it_waits(real: Running) -> None:
    assert "Máy bơm: đang chạy. Muốn dừng" in await tap(real, "switches/pump", do="on:1800")
    await tap(real, "switches/pump", do="off")
    await shows(real, "Máy bơm Đang tắt Tắt tay bởi quan-tri")
    assert "đang chờ đến lúc được bật tắt" in await tap(real, "switches/pump", do="on:1800")
    await shows(real, r"Chờ đến \d\d:\d\d:\d\d mới bật lại được")


async def test_refusals_of_a_real_node_are_told(real: Running) -> None:
    assert "Nút từ chối." in await tap(real, "switches/pump", do="on", litres="20")
    answer = await real.http.post(f"/api/v1/nodes/{ADDRESS}/switch", json={"thing": "nobody", "level": 100})
    assert (answer.status_code, answer.json()["code"]) == (409, "command.unknown_thing")
    commune = await real.http.post(f"/api/v1/communes/{COMMUNE}/switch", json={"thing": "lights", "level": 100})
    assert commune.json()["done"] == 1
    assert set(commune.json()["nodes"][ADDRESS]["result"]["things"]) == {"lamp", "yard"}


async def test_a_box_is_accepted_beside_its_running_agent_and_the_hub_keeps_its_record(
    real: Running, tmp_path: Path
) -> None:
    file = str(tmp_path / "node" / "node.yaml")
    argv = [sys.executable, "-m", "edge_agent", "doctor", file, "--install", "--no-page", "--link-seconds", "1"]
    pipe = asyncio.subprocess.PIPE
    doctor = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe)
    seen = "y\ny\n" + "y\ny\ny\n" + "y\ny\nn\n" + "n\n"  # the horn heard; a lamp on and off; one that stays lit
    answers = f"Nguyễn Văn Lắp\n\n\n{seen}n\nchưa có nước\n" + "y\n" * 3 + "n\n" * 3  # no pump; link, clock, power
    _, said = await asyncio.wait_for(doctor.communicate(answers.encode()), 120)
    assert doctor.returncode == 0, said.decode()[-2000:]
    assert "Đã gửi biên bản về trung tâm" in said.decode()

    async def text() -> str:
        return html.unescape((await real.http.get(f"{PATH}/birth")).text)

    async with asyncio.timeout(20):
        while "Nguyễn Văn Lắp" not in await text():
            await asyncio.sleep(0.1)
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", await text()))
    assert "Đèn: Đèn cổng Đạt" in shown and "Đèn: Đèn sân Có lỗi" in shown and "Lý do: chưa có nước" in shown
    assert "hộp chưa ghi danh" in shown
