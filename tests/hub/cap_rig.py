"""Alerts made here, keys made here, and a small web server that gives them out as a feed does."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from hub_rig import FakeNode

from edge_agent.contract.reports import About, BulletinState, Position, SpeakerState

SENDER = "canhbao@kttv.example"
SQUARE = "10.0,106.0 11.0,106.0 11.0,107.0 10.0,107.0 10.0,106.0"
HERE = Position(latitude=10.5, longitude=106.5)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def written(instant: datetime) -> str:
    """An instant as CAP writes it."""
    return instant.isoformat(timespec="seconds")


def element(name: str, text: str | None) -> str:
    return "" if text is None else f"<{name}>{escape(text)}</{name}>"


def area(
    description: str = "Huyện Cái Bè", polygon: str | None = SQUARE, circle: str | None = None, **codes: str
) -> str:
    geocodes = "".join(
        f"<geocode>{element('valueName', name)}{element('value', value)}</geocode>" for name, value in codes.items()
    )
    inner = element("areaDesc", description) + element("polygon", polygon) + element("circle", circle) + geocodes
    return f"<area>{inner}</area>"


@dataclass
class InfoOf:
    """One `info`, with what a storm warning says."""

    language: str | None = "vi-VN"
    category: str = "Met"
    event: str = "Lũ quét"
    response: str | None = None
    urgency: str = "Immediate"
    severity: str = "Extreme"
    certainty: str = "Observed"
    effective: datetime | None = None
    expires: datetime | None = field(default_factory=lambda: now() + timedelta(hours=2))
    headline: str | None = "Lũ quét đang về trên suối Đông"
    description: str | None = "Nước lên nhanh, có thể ngập cầu tràn."
    instruction: str | None = "Bà con rời khỏi bờ suối ngay."
    parameters: Mapping[str, str] = field(default_factory=dict)
    areas: str = field(default_factory=area)

    def xml(self) -> str:
        times = {name: getattr(self, name) for name in ("effective", "expires")}
        at = {name: written(value) if value else None for name, value in times.items()}
        values = "".join(
            f"<parameter>{element('valueName', name)}{element('value', value)}</parameter>"
            for name, value in self.parameters.items()
        )
        parts = [
            *(element("language", self.language), element("category", self.category), element("event", self.event)),
            *(element("responseType", self.response), element("urgency", self.urgency)),
            *(element("severity", self.severity), element("certainty", self.certainty)),
            *(element("effective", at["effective"]), element("expires", at["expires"])),
            *(element("headline", self.headline), element("description", self.description)),
            *(element("instruction", self.instruction), values, self.areas),
        ]
        return f"<info>{''.join(parts)}</info>"


@dataclass
class AlertOf:
    """A whole message."""

    identifier: str = "vn.kttv.2026.1"
    sender: str = SENDER
    sent: datetime = field(default_factory=now)
    status: str = "Actual"
    msg_type: str = "Alert"
    scope: str = "Public"
    restriction: str | None = None
    references: tuple["AlertOf", ...] = ()
    infos: tuple[InfoOf, ...] = field(default_factory=lambda: (InfoOf(),))

    @property
    def reference(self) -> str:
        return f"{self.sender},{self.identifier},{written(self.sent)}"

    def xml(self) -> bytes:
        said = " ".join(other.reference for other in self.references) or None
        parts = [
            *(element("identifier", self.identifier), element("sender", self.sender)),
            *(element("sent", written(self.sent)), element("status", self.status)),
            *(element("msgType", self.msg_type), element("scope", self.scope)),
            *(element("restriction", self.restriction), element("references", said)),
            *(info.xml() for info in self.infos),
        ]
        inner = "".join(parts)
        head = '<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
        return f"{head}{inner}</alert>".encode()

    def after(self, identifier: str, msg_type: str, **more: Any) -> "AlertOf":
        """A later message about this one."""
        later = self.sent + timedelta(seconds=10)
        return AlertOf(identifier, sent=later, msg_type=msg_type, references=(self,), **{"sender": self.sender, **more})


@dataclass
class Signing:
    """A key and its certificate, made for one test."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    path: Path

    def sign(self, xml: bytes) -> bytes:
        """The message with an enveloped signature."""
        from lxml import etree
        from signxml.signer import XMLSigner

        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        signed = XMLSigner().sign(etree.fromstring(xml), key=self.key, cert=pem)
        made: bytes = etree.tostring(signed)
        return made


def signing(folder: Path, name: str = "kttv", days: int = 30) -> Signing:
    """A new key with a certificate that ends in so many days."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=60))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Signing(key, certificate, path)


@dataclass
class Answer:
    """What the server gives at one address."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str = ""


class FeedServer:
    """Real HTTP on loopback. `asked`: every request, in order: path and the tag that was sent."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                tag = self.headers.get("If-None-Match", "")
                outer.asked.append((self.path, tag))
                answer = outer.answers.get(self.path, Answer(status=404))
                fresh = answer.status == 200 and bool(answer.etag) and tag == answer.etag
                body = b"" if fresh else answer.body
                self.send_response(304 if fresh else answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.etag:
                    self.send_header("ETag", answer.etag)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "FeedServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def times(self, path: str) -> int:
        """How often an address was asked for."""
        return sum(1 for asked, _ in self.asked if asked == path)

    def list_atom(self, *names: str, path: str = "/feed.xml") -> None:
        """An Atom list of these files; its tag changes with its words."""
        entries = "".join(
            f"<entry><id>urn:{name}</id><updated>2026-11-23T00:00:00Z</updated><title>{name}</title>"
            f'<link rel="alternate" type="application/cap+xml" href="{name}"/></entry>'
            for name in names
        )
        body = f'<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:f</id><title>f</title>{entries}</feed>'.encode()
        self.answers[path] = Answer(body, etag=f'"{len(body)}-{len(names)}"')


@contextlib.contextmanager
def feed_server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


@dataclass
class PlacedNode(FakeNode):
    """A node that says where it stands, and sounds emergencies until it is told to end."""

    position: Position | None = HERE
    zone: str = "Thôn Đông"

    def about(self) -> About:
        return super().about().model_copy(update={"position": self.position, "zone": self.zone})

    async def _bulletin_plan(self, asked: Any) -> None:
        b = asked.args.bulletin
        await self.ack(asked, "accepted")
        await self.state(BulletinState(id=b.id, at=now(), actual="on_air", title=b.title, **{"class": b.class_}))
        if b.class_ == "emergency":
            await self.state(SpeakerState(id="loa", at=now(), actual="playing", playing=b.id, emergencies=(b.id,)))
        await self.ack(asked, "done", result={"next": b.at.isoformat()})

    async def _bulletin_cancel(self, asked: Any) -> None:
        await self.state(BulletinState(id=asked.args.bulletin, at=now(), actual="cancelled", title="?"))
        await self.state(SpeakerState(id="loa", at=now(), actual="idle"))
        await self.ack(asked, "done")

    def told(self, do: str) -> list[Any]:
        """The arguments of all commands of a kind that it got."""
        return [asked.args for asked in self.commands if asked.do == do]
