"""Pictures and sounds go to the hub by their content's name; whatever is wrong is told, and never the token."""

import asyncio
import hashlib
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from core_rig import START, store

from edge_agent.clock import SimulatedClock, SystemClock
from edge_agent.contract.errors import Refusal
from edge_agent.contract.units import METRICS
from edge_agent.media import MediaStore
from edge_agent.telemetry import Telemetry, board, under_voltage

SECRET = "Zq9-token-of-the-node"


class Hub(ThreadingHTTPServer):
    status = 201
    got: list[tuple[str, str | None, str | None, bytes]]


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Authorization"], self.headers["Content-Type"], body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub(("127.0.0.1", 0), Handler)
    server.got = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="hub")
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_picture_is_put_under_its_hash(hub: Hub) -> None:
    media = MediaStore(f"http://127.0.0.1:{hub.server_port}/base/", lambda: SECRET)
    digest = await media.put(b"picture", "image/jpeg")
    assert digest == hashlib.sha256(b"picture").hexdigest()
    assert hub.got == [(f"/base/media/{digest}", f"Bearer {SECRET}", "image/jpeg", b"picture")]


async def test_many_at_once(hub: Hub) -> None:
    media = MediaStore(f"http://127.0.0.1:{hub.server_port}", lambda: SECRET)
    await asyncio.gather(*(media.put(bytes([n]) * 1000, "image/jpeg") for n in range(10)))
    assert len(hub.got) == 10


@pytest.mark.parametrize("status", [400, 401, 413, 500, 507])
async def test_a_hub_that_says_no(hub: Hub, status: int) -> None:
    hub.status = status
    with pytest.raises(Refusal) as caught:
        await MediaStore(f"http://127.0.0.1:{hub.server_port}", lambda: SECRET).put(b"x", "image/jpeg")
    assert caught.value.fault.code == "media.refused" and str(status) in caught.value.fault.en


@pytest.mark.parametrize(
    ("url", "token", "code"),
    [
        (None, SECRET, "media.unreachable"),
        ("http://127.0.0.1:1", SECRET, "media.unreachable"),
        ("http://127.0.0.1:99999", SECRET, "media.unreachable"),
        ("http://127.0.0.1:port", SECRET, "media.unreachable"),
        ("http://no.such.host.invalid", SECRET, "media.unreachable"),
        ("hub", SECRET + "\nX: y", "media.refused"),
        ("hub", SECRET + "đ", "media.refused"),
    ],
)
async def test_what_cannot_be_sent_is_told_without_the_token(
    hub: Hub, url: str | None, token: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address = f"http://127.0.0.1:{hub.server_port}" if url == "hub" else url
    with pytest.raises(Refusal) as caught:
        await MediaStore(address, lambda: token).put(b"x", "image/jpeg")
    assert caught.value.fault.code == code
    assert SECRET not in f"{caught.value.fault!r}{caught.value!r}{caught.value.__cause__!r}{caplog.text}"


def test_the_board_says_what_it_knows(tmp_path: Path) -> None:
    values = board(tmp_path)
    assert set(values) <= set(METRICS)
    assert {"cpu", "memory", "disk", "disk_free", "uptime"} <= set(values)
    assert all(isinstance(value, float | int) for value in values.values())


def test_a_card_that_is_gone_takes_no_other_measurement_with_it(tmp_path: Path) -> None:
    values = board(tmp_path / "gone")
    assert "disk" not in values and "memory" in values


def test_the_firmware_tells_of_a_weak_supply(tmp_path: Path) -> None:
    file = tmp_path / "get_throttled"
    assert under_voltage(file) == {}
    file.write_text("50005\n")
    assert under_voltage(file) == {"under_voltage": 1, "under_voltage_since_boot": 1}
    file.write_text("50000\n")
    assert under_voltage(file) == {"under_voltage": 0, "under_voltage_since_boot": 1}
    file.write_text("garbage")
    assert under_voltage(file) == {}


async def test_it_measures_again_and_again(tmp_path: Path) -> None:
    from datetime import timedelta

    async with store(tmp_path, SimulatedClock(START)) as node:
        telemetry = Telemetry(60, tmp_path, node.clock, node.recorder, lambda: {"outbox_waiting": 1.0})
        task = asyncio.create_task(telemetry.run())
        await node.clock.advance(timedelta(minutes=5))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await node.recorder.flush()
        assert [record.kind for record in await node.records()] == [1] * 5
    trusted = Telemetry(60, tmp_path, SystemClock("assume"), node.recorder, dict)._clock_values()
    assert trusted["clock_trusted"] == 1.0
