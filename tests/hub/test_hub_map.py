"""A local extract of a map below the nodes: served in pieces to whom may see them, drawn by a real browser, checked."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import maps_rig
import pytest
from click.testing import CliRunner
from hub_rig import FakeNode, Mosquitto, Running, config_for, serving, signed_in, until
from looks_rig import look
from PIL import Image
from playwright.async_api import Page, async_playwright, expect

from edge_agent.contract.reports import About, Position
from edge_agent.contract.signature import Verifier
from hub.cli import main
from hub.nodes.grounds import Grounds
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
URL = "/map/29401/ground.pmtiles"
GREEN = (40, 160, 60)
WATER = (128, 222, 234)
"""Of the light flavour of the Protomaps basemap."""


class Placed(FakeNode):
    """A node that says where it stands."""

    spot = (20.9, 105.8)

    def about(self) -> About:
        position = Position(latitude=self.spot[0], longitude=self.spot[1])
        return super().about().model_copy(update={"position": position})


@pytest.fixture
async def mapped(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[tuple[Running, Path, list[Placed]]]:
    """A hub with an extract of pictures, and three nodes; two stand close together."""
    file = tmp_path / "ground.pmtiles"
    file.write_bytes(maps_rig.pictures(GREEN, '<a href="https://example.com">© Bản đồ <b>địa phương</b></a>'))
    extracts = [{"file": "ground.pmtiles", "communes": ["29401"]}]
    async with serving(config_for(tmp_path, broker.port, map={"extracts": extracts})) as hub:
        signer, nodes = hub.hub.signer, []
        for name, title, spot in (
            ("a", "Chợ Đình", (20.9, 105.8)),
            ("b", "Ao làng", (20.5, 105.4)),
            ("c", "Cổng", (20.51, 105.41)),
        ):
            node = Placed(broker.port, Verifier({signer.key_id: signer.public}), node=name, title=title)
            node.spot = spot
            nodes.append(await node.__aenter__())
        known = hub.hub.registry.nodes
        await until(lambda: len(known) == 3 and all(n.about and len(n.states) >= 4 for n in known.values()))
        yield hub, file, nodes  # type: ignore[misc]
        for node in nodes:
            await node.lose()


async def test_pieces_are_given_to_who_may_see_the_commune_and_never_the_whole(
    mapped: tuple[Running, Path, list[Placed]],
) -> None:
    hub, file, _ = mapped
    whole = file.read_bytes()
    first = await hub.http.get(URL, headers={"Range": "bytes=0-16383"})
    assert (first.status_code, first.content) == (206, whole[:16384])
    assert first.headers["content-range"] == f"bytes 0-{min(len(whole), 16384) - 1}/{len(whole)}"
    middle = await hub.http.get(URL, headers={"Range": "bytes=100-199"})
    assert middle.content == whole[100:200] and middle.headers["etag"] == first.headers["etag"]
    for asked in (
        "",
        "bytes=0-",
        "bytes=-5",
        "bytes=9-3",
        "bytes=0-1,3-4",
        f"bytes={len(whole)}-{len(whole) + 5}",
        "x",
    ):
        refused = await hub.http.get(URL, headers={"Range": asked} if asked else {})
        assert (refused.status_code, refused.content) == (416, b""), asked
    with file.open("ab") as grown:
        grown.truncate(9_000_000)
    assert (await hub.http.get(URL, headers={"Range": "bytes=0-8999999"})).status_code == 416
    assert (await hub.http.get("/map/30001/ground.pmtiles", headers={"Range": "bytes=0-1"})).status_code == 404
    elsewhere = await signed_in(hub.hub, "noi-khac", Grant(Role.VIEWER, Place("30001")))
    for cookie, status in ((elsewhere, 404), ("nobody", 401)):
        answer = await hub.http.get(URL, headers={"Range": "bytes=0-1", "Cookie": f"{COOKIE}={cookie}"})
        assert answer.status_code == status or answer.headers.get("location", "").startswith("/sign-in")


async def coloured(page: Page, colour: tuple[int, int, int]) -> float:
    """How much of the map has this colour, roughly."""
    shot = Image.open(io.BytesIO(await page.locator("#map-tiles").screenshot())).convert("RGB")
    pixels: Any = shot.resize((shot.width // 4, shot.height // 4), Image.Resampling.NEAREST).get_flattened_data()
    return sum(all(abs(a - b) < 12 for a, b in zip(pixel, colour, strict=True)) for pixel in pixels) / len(pixels)


async def becomes(page: Page, colour: tuple[int, int, int], least: float) -> None:
    async with asyncio.timeout(15):
        while await coloured(page, colour) < least:
            await asyncio.sleep(0.2)


async def test_pictures_and_a_basemap_are_drawn_and_nodes_stand_on_them(
    mapped: tuple[Running, Path, list[Placed]], broker: Mosquitto
) -> None:
    hub, file, nodes = mapped
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        context = await chromium.new_context(viewport={"width": 360, "height": 640}, has_touch=True, locale="vi-VN")
        await context.add_cookies([hub.cookie])
        page = await context.new_page()
        asked, wrong = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        await page.goto(hub.url + "/map")
        await becomes(page, GREEN, 0.5)
        await expect(page.locator("#title")).to_have_text("Sơ đồ · Xã Tân Hội")
        await expect(page.locator(".leaflet-control-attribution")).to_have_text("© Bản đồ địa phương")
        await expect(page.locator("#map-drawing")).to_be_hidden()
        marks = page.locator(".leaflet-marker-icon")
        await expect(marks).to_have_count(2)
        near = page.locator("[aria-label^='2 nút ở gần nhau']")
        await expect(near).to_contain_text("2")
        # a node that is lost changes its mark: another shape, another word
        await nodes[0].lose()
        lost = page.locator("[aria-label='Chợ Đình: mất kết nối']")
        await expect(lost.locator("path").first).to_be_attached()
        await lost.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".leaflet-popup-content a")).to_have_attribute("href", "/nodes/29401/a")
        await page.keyboard.press("Escape")
        await near.tap()  # closer, so that each stands for itself
        await expect(page.locator("[aria-label='Cổng: tốt']")).to_be_attached()
        for box in [await each.bounding_box() for each in await page.locator(".leaflet-bar a").all()]:
            assert box is not None and min(box["width"], box["height"]) >= 48
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        # the same place, once the file was exchanged for one of shapes
        file.write_bytes(maps_rig.basemap("© OpenStreetMap"))
        await page.goto(hub.url + "/map?commune=29401")
        await becomes(page, WATER, 0.2)
        assert await coloured(page, WATER) < 0.8
        await expect(page.locator(".leaflet-control-attribution")).to_have_text("© OpenStreetMap")
        for width, height in ((360, 640), (1280, 900)):
            seen = await context.new_page()
            await seen.set_viewport_size({"width": width, "height": height})
            assert await look(seen, hub.url, "/map?commune=29401", file.parent) == []
            await seen.close()
        assert {url.split("/")[2] for url in asked if not url.startswith(("blob:", "data:"))} == {hub.url.split("/")[2]}
        assert wrong == []
        # a file that is spoilt while the hub runs leaves the drawing
        file.write_bytes(file.read_bytes()[:200])
        await page.goto(hub.url + "/map")
        await expect(page.locator("#map-drawing svg")).to_be_visible()
        await expect(page.locator("#map-tiles")).to_have_count(0)
        await chromium.close()


async def test_a_picture_is_fitted_by_keys_and_by_numbers(mapped: tuple[Running, Path, list[Placed]]) -> None:
    hub, *_ = mapped
    made = io.BytesIO()
    Image.new("RGB", (800, 400), "white").save(made, "PNG")
    await hub.http.post("/map/29401/fit", data={"do": "picture"}, files={"picture": ("a.png", made.getvalue())})
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for scripted in (True, False):
            context = await chromium.new_context(
                viewport={"width": 360, "height": 640}, locale="vi-VN", java_script_enabled=scripted
            )
            await context.add_cookies([hub.cookie])
            page = await context.new_page()
            await page.goto(hub.url + "/map/29401/fit")
            if scripted:
                await page.locator("#pinning input[type=image]").click(position={"x": 100, "y": 60})
                x, y = [int(await page.locator(name).input_value()) for name in ("#x", "#y")]
                assert abs(x - 100) <= 2 and abs(y - 60) <= 2  # a border, and parts of pixels
                for key in ("ArrowRight", "Shift+ArrowRight", "ArrowDown", "ArrowUp", "ArrowUp", "Enter"):
                    await page.keyboard.press(key)
                await expect(page.locator("#x")).to_have_value(str(x + 21))
                await expect(page.locator("#y")).to_have_value(str(y - 1))
                await page.locator("#pinning button.main").press("Enter")
            else:
                await page.select_option("#where", "29401/b")
                await page.fill("#x", "700")
                await page.fill("#y", "300")
                await page.locator("#y").press("Enter")
            await expect(page.locator(".toast.good")).to_contain_text("Đã ghi điểm này")
            await context.close()
        await chromium.close()
    pins = await pinned(hub)
    assert [(pin.x, pin.y, pin.latitude) for pin in pins] == [(x + 21, y - 1, 20.9), (700, 300, 20.5)]


async def pinned(hub: Running) -> Any:
    """The points that are kept."""
    ground = await Grounds(hub.hub.store).get("29401")
    assert ground is not None
    return ground.pins


def test_check_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    right = maps_rig.basemap()
    other = maps_rig.pmtiles(1, b"tile", {"vector_layers": [{"id": "transportation"}]})
    spoilt = right[:130] + b"\x00" * 20 + right[150:]
    said = {
        "right": (right, ""),
        "pictures": (maps_rig.pictures(GREEN), ""),
        "html": (b"<!doctype html>" * 20, "không phải là bản đồ PMTiles"),
        "old": (right[:7] + b"\x02" + right[8:], "phiên bản 3"),
        "cut": (right[:-1], "bị cụt"),
        "other": (other, "lược đồ Protomaps"),
        "kind": (right[:99] + b"\x09" + right[100:], "loại không vẽ được"),
        "spoilt": (spoilt, "bị hỏng"),
        "none": (None, "Không đọc được tệp bản đồ"),
    }
    lines = [f"data: {tmp_path / 'data'}", "map:", "  extracts:"]
    for name, (body, _) in said.items():
        if body is not None:
            (tmp_path / f"{name}.pmtiles").write_bytes(body)
        lines.append(f"    - file: {name}.pmtiles")
    config = tmp_path / "hub.yaml"
    config.write_text("\n".join(lines))
    found = CliRunner().invoke(main, ["check", str(config)])
    assert found.exit_code != 0
    told = found.stderr.splitlines()
    for number, (name, (_, words)) in enumerate(said.items(), 4):
        of_it = [line for line in told if f"{config}:{number}: " in line]
        assert [words in line for line in of_it] == ([True] if words else []), (name, of_it)
