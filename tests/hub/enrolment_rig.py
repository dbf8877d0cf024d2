"""A hub that trusts nodes, the shipped broker configuration with what this hub wrote for it, and nodes' keys."""

import asyncio
import contextlib
import signal
import socket
import ssl
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hub_rig import Running, config_for, free_port, serving, until

from edge_agent.contract.enrolment import CardEnrolment, Grant
from edge_agent.demo.layout import owner
from hub.config import HubConfig
from hub.enrolment.broker_files import write_for_broker
from hub.enrolment.part import EnrolmentPart, opened
from hub.enrolment.revoking import write_list

CONFIGS = Path(__file__).parents[2] / "configs" / "mosquitto"
COMMUNE, NAME = "29401", "tram-bom"
BOARD = {"machine": "aarch64", "serial": "10000000abcdef", "mark": "0123456789abcdef"}


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())


def csr(key: Any, name: str = NAME) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Box:
    """A node as the hub sees it: a key, and what it was granted."""

    http: httpx.AsyncClient
    name: str = NAME
    board: dict[str, str] = field(default_factory=lambda: dict(BOARD))
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    grant: Grant | None = None

    async def ask(self, token: str, **more: Any) -> httpx.Response:
        body = {"name": self.name, "commune": COMMUNE, "token": token, "csr": csr(self.key, "of no account")}
        answer = await self.http.post("/identity/enrol", json={**body, "board": self.board, "version": "1", **more})
        if answer.status_code == 200:
            self.grant = Grant.model_validate_json(answer.content)
        return answer

    async def renew(self, key: ec.EllipticCurvePrivateKey, **more: Any) -> httpx.Response:
        assert self.grant is not None
        text = csr(key)
        signature = self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
        body = {"csr": text, "certificate": self.grant.certificate, "board": self.board}
        body["signature"] = urlsafe_b64encode(signature).rstrip(b"=").decode()
        return await self.http.post("/identity/renew", json=body | more)

    def certificate(self) -> x509.Certificate:
        assert self.grant is not None
        return x509.load_pem_x509_certificate(self.grant.certificate.encode())

    def tls(self, folder: Path) -> ssl.SSLContext:
        assert self.grant is not None
        file = folder / f"{self.certificate().serial_number:x}.pem"
        file.write_bytes(self.grant.certificate.encode() + pem(self.key))
        context = ssl.create_default_context(cadata=self.grant.ca)
        context.load_cert_chain(file)
        return context


class TlsBroker:
    """mosquitto as it is shipped; a changed list of revoked nodes is read anew, as the shipped units have it."""

    def __init__(self, folder: Path, config: HubConfig) -> None:
        settings = config.enrolment
        assert settings is not None and settings.broker_files is not None
        authority = opened(config)
        write_for_broker(authority, settings)
        write_list(authority, [], settings.broker_files)
        self._list = settings.broker_files / "crl.pem"
        self.port, self.tls_port = config.broker.port, int(settings.broker.rpartition(":")[2])
        text = (CONFIGS / "mosquitto.conf").read_text()
        for shipped, ours in {
            "\nlistener 1883 127.0.0.1\n": f"\nlistener {self.port} 127.0.0.1\n",
            "\nlistener 8883\n": f"\nlistener {self.tls_port} 127.0.0.1\n",
            "/var/lib/edge-hub-broker/": f"{settings.broker_files}/",
            "/etc/mosquitto/": f"{folder}/",
            "/var/lib/mosquitto/": f"{folder}/",
            "log_dest syslog": "log_dest stderr",
        }.items():
            assert shipped in text
            text = text.replace(shipped, ours)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"{text}\nuser {owner()}\n")
        for name in ("acl", "acl-nodes"):
            (folder / name).write_text((CONFIGS / name).read_text())
            (folder / name).chmod(0o600)
        passwords = folder / "passwords"
        passwords.write_text("hub:secret-hub\nioc:secret-ioc\n")
        passwords.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self._config.with_name("log").open("ab")
        self._process = subprocess.Popen(["mosquitto", "-c", str(self._config)], stdout=log, stderr=log)
        log.close()
        for port in (self.port, self.tls_port):
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.02)

    async def follow(self) -> None:
        """What edge-hub-broker.path and .service do."""
        seen = self._list.read_bytes()
        while True:
            await asyncio.sleep(0.05)
            if (now := self._list.read_bytes()) != seen and self._process:
                seen = now
                self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(5)


@contextlib.contextmanager
def tls_broker(folder: Path, config: HubConfig) -> Iterator[TlsBroker]:
    broker = TlsBroker(folder, config)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def trusting(folder: Path, broker_port: int, **more: Any) -> HubConfig:
    """A configuration with enrolment."""
    port = free_port()
    (folder / "mqtt").write_text("secret-hub")
    enrolment = {
        "listen": {"host": "127.0.0.1", "port": port},
        "address": f"https://127.0.0.1:{port}",
        "broker": f"mqtts://localhost:{free_port()}",
        "broker_files": "broker-files",
    }
    account = {"url": f"mqtt://127.0.0.1:{broker_port}", "username": "hub", "password": {"file": "mqtt"}}
    return config_for(folder, broker_port, enrolment=enrolment, **{"broker": account, **more})


@dataclass
class Trust:
    """A hub with its listener for nodes. `http` asks there as a node does that knows the CA."""

    hub: Running
    part: EnrolmentPart
    http: httpx.AsyncClient

    async def card(self, name: str = NAME) -> CardEnrolment:
        return (await self.part.desk.make_token(COMMUNE, name, "Thôn Đông"))[1]

    async def enrolled(self, name: str = NAME, **more: Any) -> Box:
        box = Box(self.http, name, **more)
        answer = await box.ask((await self.card(name)).token)
        assert answer.status_code == 200, answer.text
        return box


@contextlib.asynccontextmanager
async def trusted(config: HubConfig, connected: bool = False) -> AsyncIterator[Trust]:
    """The hub, and its listener up."""
    async with serving(config, connected) as hub:
        part = hub.hub.enrolment
        assert part is not None
        await until(lambda: part.listener.port)
        context = ssl.create_default_context(cadata=part.desk.authority.pem.decode())
        async with httpx.AsyncClient(base_url=part.desk.settings.address, verify=context, timeout=15) as http:
            yield Trust(hub, part, http)


def comes_in(broker: TlsBroker, box: Box, folder: Path, **more: Any) -> aiomqtt.Client:
    """The box at the broker; refused or not is seen when it is entered."""
    return aiomqtt.Client("localhost", broker.tls_port, tls_context=box.tls(folder), timeout=5, **more)
