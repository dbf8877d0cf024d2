"""The section `enrolment:` of the hub's file."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from edge_agent.contract.base import Strict

MQTTS = 8883
HTTPS = 443


class NodeListen(Strict):
    """Where nodes ask, by TLS with a certificate of the hub's own. Nothing of the console is served there."""

    host: str = Field(default="0.0.0.0", description="An address of this machine; 0.0.0.0: all of them")  # noqa: S104
    port: int = Field(default=8443, ge=0, le=65535, description="0: any free port")


class Enrolment(Strict):
    """How nodes become trusted. Absent: the hub makes no certificates, and nodes get accounts by hand."""

    listen: NodeListen = NodeListen()
    address: str = Field(max_length=200, description="https://host:port of `listen` as nodes reach it")
    broker: str = Field(max_length=200, description="mqtts://host:port of the broker as nodes reach it")
    names: tuple[str, ...] = Field(
        default=(), max_length=20, description="More names and addresses by which nodes reach this machine"
    )
    token_hours: int = Field(default=72, ge=1, le=720, description="So long a token on a card is good")
    certificate_days: int = Field(
        default=365, ge=1, le=3650, description="So long a node's certificate is good; it is renewed from half of it on"
    )
    broker_files: Path | None = Field(
        default=None, description="Folder where ca.pem, broker.pem, broker.key and crl.pem are written for mosquitto"
    )

    @field_validator("address")
    @classmethod
    def _is_https(cls, value: str) -> str:
        return _address(value, "https", "an address is written https://host:port")

    @field_validator("broker")
    @classmethod
    def _is_mqtts(cls, value: str) -> str:
        return _address(value, "mqtts", "a broker is written mqtts://host:port")

    @property
    def listener_names(self) -> tuple[str, ...]:
        """What stands in the certificate of `listen`."""
        return tuple(dict.fromkeys((urlsplit(self.address).hostname or "", *self.names)))

    @property
    def broker_names(self) -> tuple[str, ...]:
        """What stands in the broker's certificate."""
        return tuple(dict.fromkeys((urlsplit(self.broker).hostname or "", *self.names, "localhost", "127.0.0.1")))


def _address(value: str, scheme: str, wrong: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != scheme or not parts.hostname or parts.path not in ("", "/") or parts.username or parts.query:
        raise ValueError(wrong)
    if parts.port == 0:  # reading .port also raises ValueError when it is no number up to 65535
        raise ValueError("port 0 is no port")
    return value.rstrip("/")
