"""A real hub, killed without a word: what it had said yes to is there when it comes back; and it is alone there."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from hub_rig import Mosquitto, config_for, serving
from writing_rig import fields_in, fields_of, new_draft

from hub.people.sessions import COOKIE

TYPED = "Kính mời bà con thôn Đông ra nhà văn hóa họp. "


@dataclass
class Process:
    """`edge-hub run`, and a browser in it."""

    pid: int
    http: httpx.AsyncClient


def command(file: Path) -> list[str]:
    return [sys.executable, "-m", "hub", "run", str(file)]


@contextlib.asynccontextmanager
async def run(file: Path, secret: str) -> AsyncIterator[Process]:
    """The hub as systemd starts it; killed at the end, if it is still there."""
    process = await asyncio.create_subprocess_exec(*command(file), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout
    try:
        async with asyncio.timeout(60):
            url = (await process.stdout.readline()).decode().strip().rstrip("/")
        async with httpx.AsyncClient(
            base_url=url, timeout=30, cookies={COOKIE: secret}, headers={"Origin": url}
        ) as http:
            yield Process(process.pid, http)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()


async def test_hub_that_is_killed_has_every_word_it_said_it_has(broker: Mosquitto, tmp_path: Path) -> None:
    async with serving(config_for(tmp_path, broker.port)) as hub:
        secret = hub.secret
    file = tmp_path / "hub.yaml"
    file.write_text(f"listen: {{port: 0}}\nbroker: {{url: 'mqtt://127.0.0.1:{broker.port}'}}\n")
    async with run(file, secret) as first:
        address = await new_draft(first.http)
        fields, kept = await fields_of(first.http, address), 0
        for count in range(1, 200):  # as a page that saves itself while somebody types
            typing = {**fields, "s1.text": TYPED * count, "do": "save"}
            if count == 12:
                asyncio.get_running_loop().call_later(0.02, os.kill, first.pid, signal.SIGKILL)
            try:
                answer = await first.http.post(address, data=typing, headers={"HX-Request": "true"})
            except httpx.TransportError:
                break
            assert answer.status_code == 200
            kept = count
    assert 11 <= kept < 199
    async with run(file, secret) as second:
        page = (await second.http.get(address)).text
        there = len(fields_in(page)["s1.text"]) // (len(TYPED) - 1)
        assert kept <= there <= kept + 1  # one more where the hub fell between writing and saying so

        other = await asyncio.to_thread(subprocess.run, command(file), capture_output=True, text=True, timeout=60)
        assert other.returncode == 2
        assert f"another hub (process {second.pid}) already uses the data folder" in other.stderr
        assert "Traceback" not in other.stderr and "sqlalche.me" not in other.stderr
        again = await second.http.post(address, data={**fields_in(page), "s1.text": "Xong.", "do": "save"})
        assert again.status_code == 303  # the first one goes on as if nothing had been
        assert fields_in((await second.http.get(address)).text)["s1.text"] == "Xong."
