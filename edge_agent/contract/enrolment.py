"""How a node becomes trusted: what it and the hub tell each other over HTTPS, and what stands on its card.

The node makes its key and keeps it. With a one-time token from its card it asks the hub to certify the public half:
`POST {hub}/identity/enrol` with `EnrolmentRequest`, answered by `Grant`. Later `POST {hub}/identity/renew` with
`RenewalRequest`, answered by `Grant` too. A refusal is a `Fault` whose code begins with `enrol.`, by HTTP 4xx or 5xx.
Before either the node fetches `GET {hub}/identity/ca.pem` and goes on only if `pin_of` it is the pin on its card.
"""

import hashlib

from pydantic import Field

from edge_agent.contract.base import Instant, Name, Report, Strict

MAX_PEM = 8_192
"""Characters of a certificate or of a request for one."""
TOKEN_PATTERN = r"^[A-Za-z0-9_-]{16,64}$"  # noqa: S105 - the form of all, not one
PIN_PATTERN = r"^sha256:[0-9a-f]{64}$"

CA_PATH = "/identity/ca.pem"
ENROL_PATH = "/identity/enrol"
RENEW_PATH = "/identity/renew"


def pin_of(certificate: bytes) -> str:
    """How people and cards write which CA is meant, of its certificate in DER."""
    return f"sha256:{hashlib.sha256(certificate).hexdigest()}"


def board_mark(number: str) -> str:
    """What the status tells of the board, by its serial number or its machine id: the same board, the same mark."""
    return hashlib.sha256(f"edge-board:{number}".encode()).hexdigest()[:16]


class Board(Report):
    """The computer that asks."""

    serial: str | None = Field(default=None, max_length=64, description="Of the board, where it has one")
    model: str | None = Field(default=None, max_length=120, description="As the device tree names it")
    machine: str = Field(max_length=32, description="Processor, aarch64 or x86_64")
    mark: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{16}$",
        description="What `status.board` will say: of the serial number, of the machine id where there is none",
    )


class EnrolmentRequest(Report):
    """A node asks to be trusted. `csr` is PKCS #10 in PEM with an EC P-256 key; of its subject nothing is taken."""

    name: Name
    commune: Name
    token: str = Field(pattern=TOKEN_PATTERN, description="From the card; good once")
    csr: str = Field(max_length=MAX_PEM, description="PKCS #10, PEM")
    board: Board
    version: str = Field(max_length=40, description="Of the agent")


class RenewalRequest(Report):
    """A trusted node asks to have a new key certified, and proves by the present key that it is the node."""

    csr: str = Field(max_length=MAX_PEM, description="PKCS #10, PEM, with the new key")
    certificate: str = Field(max_length=MAX_PEM, description="The present certificate, PEM")
    signature: str = Field(
        max_length=200, description="By the present key over the text of csr: ECDSA with SHA-256, DER, base64url"
    )
    board: Board


class GrantedKey(Report):
    """A hub's public key; commands that it signed are carried out. The same as in node.yaml."""

    id: str = Field(min_length=1, max_length=64)
    public: str = Field(description="Ed25519, base64url")


class GrantedHub(Report):
    """Where pictures and sounds are sent."""

    url: str
    token: str


class Grant(Report):
    """What a trusted node gets: its certificate and all that it must know to work with this hub."""

    name: Name
    commune: Name
    certificate: str = Field(description="PEM, for the node's key, its CN is the name")
    ca: str = Field(description="PEM: who certifies nodes, the broker and the hub")
    broker: str = Field(description="mqtts://host:port")
    command_keys: tuple[GrantedKey, ...] = Field(min_length=1, max_length=8)
    keys_number: int = Field(default=0, ge=0, description="Of these keys, as `keys.update` counts; 0: the first")
    hub: GrantedHub | None = None
    not_after: Instant = Field(description="End of the certificate")
    renew_from: Instant = Field(description="From then on the node asks for the next one")
    at: Instant = Field(description="The hub's clock when it granted")


class CardEnrolment(Strict):
    """`enrol.json` on a card: where the node becomes trusted, and with what."""

    hub: str = Field(pattern=r"^https://[^\s/]+$", max_length=200, description="https://host:port")
    pin: str = Field(pattern=PIN_PATTERN, description="Of the hub's CA")
    token: str = Field(pattern=TOKEN_PATTERN)
    expires: Instant = Field(description="Until then the token is good")
