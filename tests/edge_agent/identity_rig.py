"""An authority and a small hub that enrols by the contract, and badly where a test wants it so."""

import base64
import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_agent.contract.enrolment import CardEnrolment, EnrolmentRequest, Grant, RenewalRequest, pin_of
from edge_agent.contract.errors import Fault

TOKEN = "token-of-thon-dong-1"
PUBLIC = "XNb6lWfecksXXxA5jqGKH0ebOrmx7ryV2vSa5zUaHAk"


class Authority:
    """Signs what it is given."""

    def __init__(self, name: str = "Hub of the test") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._made(name, self.key.public_key(), x509.BasicConstraints(True, 0), None)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def pin(self) -> str:
        return pin_of(self.certificate.public_bytes(serialization.Encoding.DER))

    def for_node(self, name: str, public: Any, life: timedelta = timedelta(days=90)) -> str:
        made = self._made(name, public, x509.BasicConstraints(False, None), None, life)
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def for_server(self, folder: Path, name: str, begins: datetime | None = None) -> tuple[Path, Path]:
        """Certificate and key of something that listens on 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        made = self._made(name, key.public_key(), x509.BasicConstraints(False, None), names, begins=begins)
        pem, secret = folder / f"{name}.pem", folder / f"{name}.key"
        pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pem, secret

    def _made(
        self,
        name: str,
        public: Any,
        basic: x509.BasicConstraints,
        names: x509.SubjectAlternativeName | None,
        life: timedelta = timedelta(days=90),
        begins: datetime | None = None,
    ) -> x509.Certificate:
        begins = begins or datetime.now(UTC) - timedelta(minutes=5)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if basic.ca else self.certificate.subject
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + life)
            .add_extension(basic, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())


class SmallHub:
    """`answer` may replace what it says: (status, body) by path and what it would have said."""

    def __init__(self, folder: Path, authority: Authority | None = None, begins: datetime | None = None) -> None:
        self.authority = authority or Authority()
        self.asked: list[tuple[str, bytes]] = []
        self.used: dict[str, bytes] = {}
        self.broker = "mqtts://127.0.0.1:8883"
        self.life, self.renew_after = timedelta(days=90), timedelta(days=60)
        self.answer: Callable[[str, int, bytes], tuple[int, bytes]] = lambda _path, status, body: (status, body)
        self.drip_s = 0.0
        self.lose = 0
        """So many answers never arrive, although all was done."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.authority.for_server(folder, f"hub-{id(self)}", begins))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def card(self, **changes: Any) -> CardEnrolment:
        known = {"hub": self.url, "pin": self.authority.pin, "token": TOKEN, "expires": "2099-01-01T00:00:00+00:00"}
        return CardEnrolment.model_validate({**known, **changes})

    def grant(self, name: str, commune: str, csr: str) -> Grant:
        public = x509.load_pem_x509_csr(csr.encode()).public_key()
        now = datetime.now(UTC)
        return Grant.model_validate(
            {
                "name": name,
                "commune": commune,
                "certificate": self.authority.for_node(name, public, self.life),
                "ca": self.authority.pem,
                "broker": self.broker,
                "command_keys": [{"id": "hub", "public": PUBLIC}],
                "hub": {"url": self.url, "token": "upload"},
                "not_after": now + self.life,
                "renew_from": now + self.renew_after,
                "at": now,
            }
        )

    def _say(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/identity/ca.pem":
            return 200, self.authority.pem.encode()
        if path == "/identity/enrol":
            return self._enrol(EnrolmentRequest.model_validate_json(body))
        if path == "/identity/renew":
            return self._renew(RenewalRequest.model_validate_json(body))
        return 404, b"{}"

    def _enrol(self, asked: EnrolmentRequest) -> tuple[int, bytes]:
        public = (
            x509.load_pem_x509_csr(asked.csr.encode())
            .public_key()
            .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        if asked.token != TOKEN:
            return 403, Fault.of("enrol.token_unknown", name=asked.name).body()
        if self.used.setdefault(asked.token, public) != public:
            return 403, Fault.of("enrol.token_used", name=asked.name).body()
        return 200, self.grant(asked.name, asked.commune, asked.csr).body()

    def _renew(self, asked: RenewalRequest) -> tuple[int, bytes]:
        present = x509.load_pem_x509_certificate(asked.certificate.encode())
        present.verify_directly_issued_by(self.authority.certificate)
        signature = base64.urlsafe_b64decode(asked.signature + "==")
        key = present.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, asked.csr.encode(), ec.ECDSA(hashes.SHA256()))
        name = present.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return 200, self.grant(str(name), "26734", asked.csr).body()

    def _handler(hub) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._do(b"")

            def do_POST(self) -> None:
                self._do(self.rfile.read(int(self.headers["Content-Length"])))

            def _do(self, body: bytes) -> None:
                hub.asked.append((self.path, body))
                status, content = hub.answer(self.path, *hub._say(self.path, body))
                if hub.lose and self.path != "/identity/ca.pem":
                    hub.lose -= 1
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    if hub.drip_s:
                        for byte in content:
                            self.wfile.write(bytes([byte]))
                            time.sleep(hub.drip_s)
                    else:
                        self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextlib.contextmanager
def small_hub(folder: Path, **more: Any) -> Iterator[SmallHub]:
    hub = SmallHub(folder, **more)
    try:
        yield hub
    finally:
        hub.close()


def enrol_json(running: SmallHub, **changes: Any) -> str:
    """What the hub writes for a card."""
    return json.dumps(running.card(**changes).model_dump(mode="json"))
