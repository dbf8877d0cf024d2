"""The example of docs/web-server.md with a real nginx: https, who asks, streams at once, WebSockets, large bodies."""

import asyncio
import contextlib
import hashlib
import json
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hub_rig import TOKEN, WAVE, Mosquitto, Running, config_for, free_port, serving, until
from websockets.asyncio.client import connect

from hub.people import passwords
from hub.people.rights import EVERYWHERE, Grant, Role
from hub.people.sessions import COOKIE

DOCUMENT = Path(__file__).parents[2] / "docs" / "web-server.md"
NAME = "hub.xa-mau.example"
HOUSE = {"Host": NAME, "Origin": f"https://{NAME}"}
PASSWORD = "nhà văn hóa thôn Đông 5"


def program() -> str:
    """nginx, or where scripts/setup put it on a machine that has none."""
    unpacked = Path(sys.prefix) / "nginx" / "usr" / "sbin" / "nginx"
    return shutil.which("nginx", path="/usr/sbin:/usr/bin") or str(unpacked)


def example(folder: Path, port: int, hub_port: int) -> str:
    """The server of the document, its port and its papers put in the place of the real ones."""
    block = DOCUMENT.read_text().split("```nginx\n")[1].split("```")[0]
    changes = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        f"/etc/letsencrypt/live/{NAME}/fullchain.pem": str(folder / "paper.pem"),
        f"/etc/letsencrypt/live/{NAME}/privkey.pem": str(folder / "key.pem"),
        "127.0.0.1:8080": f"127.0.0.1:{hub_port}",
    }
    for written, here in changes.items():
        assert written in block
        block = block.replace(written, here)
    paths = "".join(
        f"  {what}_temp_path {folder}/{what};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/log;\nevents {{}}\n"
        f"http {{\n  access_log off;\n{paths}{block}}}\n"
    )


def make_papers(folder: Path) -> None:
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    out = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "paper.pem")]
    subprocess.run(["openssl", "req", *kind, *subject, *out], check=True, capture_output=True)


@dataclass
class Outside:
    """The hub as people open it."""

    hub: Running
    port: int
    trust: ssl.SSLContext

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """Knows the name by heart, as if a name server had told it."""
        return httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{self.port}", headers=HOUSE | headers, verify=self.trust, timeout=20
        )


@pytest.fixture
async def outside(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Outside]:
    make_papers(tmp_path)
    trust = ssl.create_default_context(cafile=str(tmp_path / "paper.pem"))
    trust.check_hostname = False  # the address is a number here; the paper itself is checked
    port, hub_port = free_port(), free_port()
    listen = {"port": hub_port, "names": [NAME], "proxies": ["127.0.0.1"]}
    async with serving(config_for(tmp_path, broker.port, listen=listen, address=f"https://{NAME}")) as hub:
        settings = tmp_path / "nginx.conf"
        settings.write_text(example(tmp_path, port, hub_port))
        process = await asyncio.create_subprocess_exec(
            program(), "-p", str(tmp_path), "-c", str(settings), stderr=asyncio.subprocess.DEVNULL
        )
        try:
            made = Outside(hub, port, trust)
            async with made.browser() as http:
                await until(lambda: process.returncode is None and _listens(port))
                assert (await http.get("/sign-in")).status_code == 200
            yield made
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait_for(process.wait(), 10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_who_signs_in_through_it_is_who_they_are(outside: Outside) -> None:
    kept = await passwords.Passwords().make(PASSWORD)
    await outside.hub.hub.accounts.add("can-bo", "Cán bộ", [Grant(Role.VIEWER, EVERYWHERE)], password=kept)
    async with outside.browser(**{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}) as http:
        refused = await http.post("/sign-in", data={"login": "can-bo", "password": "sai"})
        entered = await http.post("/sign-in", data={"login": "can-bo", "password": PASSWORD})
        foreign = await http.post("/sign-in", data={}, headers={"Origin": "https://evil.example"})
    assert refused.status_code == 422 and entered.status_code == 303, entered.text
    assert foreign.status_code == 403
    cookie = entered.headers["set-cookie"]
    assert "; Secure" in cookie and "HttpOnly" in cookie
    async with asyncio.timeout(10):
        while not (rows := (await outside.hub.http.get("/audit.json?act=person.sign_in")).json()):
            await asyncio.sleep(0.05)
    assert "127.0.0.1" in json.dumps(rows) and "203.0.113.9" not in json.dumps(rows)


async def test_streams_come_at_once_and_the_microphone_opens(outside: Outside) -> None:
    headers = {"Cookie": f"{COOKIE}={outside.hub.secret}"}
    async with outside.browser(**headers) as http, http.stream("GET", "/api/v1/events?now=true") as stream:
        assert stream.status_code == 200
        async with asyncio.timeout(10):
            assert await anext(stream.aiter_text())
    address = f"wss://{NAME}/air/mic/live"
    places: Any = {"host": "127.0.0.1", "port": outside.port, "ssl": outside.trust, "origin": f"https://{NAME}"}
    async with connect(address, additional_headers=headers, **places) as socket:
        await socket.send(json.dumps({"say": "nothing that it knows"}))
        async with asyncio.timeout(10):
            assert json.loads(await socket.recv())["say"]


async def test_large_file_of_a_node_goes_through_and_a_refusal_can_be_read(outside: Outside) -> None:
    content = WAVE + bytes(20_000_000)
    path = f"/media/{hashlib.sha256(content).hexdigest()}"
    async with outside.browser(Authorization=f"Bearer {TOKEN}") as http:
        assert (await http.put(path, content=content)).status_code == 201
        assert (await http.put(path, content=content)).status_code == 200
        wrong = await http.put(f"/media/{'0' * 64}", content=content)
    assert wrong.status_code == 422 and wrong.json()["code"].startswith("media.")
