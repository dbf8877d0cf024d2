"""How the broker is reached; alone, so that a command that is in a hurry loads nothing else of the configuration."""

import re

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from edge_agent.config.section import Location, Secret, Section

_BROKER_URL = re.compile(r"^(mqtts?)://([^\s/:@]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?/?$")


class Broker(Section):
    """The MQTT broker."""

    url: str = Field(description="mqtt://host:port or mqtts://host:port", examples=["mqtt://10.0.0.2:1883"])
    username: str | None = None
    password: Secret | None = None
    ca: Location | None = Field(default=None, description="Certificate authority for mqtts; absent: the system's")
    certificate: Location | None = Field(default=None, description="This node's certificate, for mutual TLS")
    key: Location | None = Field(default=None, description="Key of that certificate")
    keepalive: int = Field(default=20, ge=5, le=600, description="Seconds; a dead link is noticed after 1.5 times this")

    @field_validator("url")
    @classmethod
    def _broker_url(cls, value: str) -> str:
        if "@" in value:
            raise PydanticCustomError("config.broker_secret", "user and password do not belong into the URL")
        match = _BROKER_URL.match(value)
        if match is None or not 0 < int(match[3] or 1883) < 65536:
            raise PydanticCustomError("config.broker_url", "must look like mqtt://host:1883 or mqtts://host:8883")
        return value

    def parts(self) -> tuple[bool, str, int]:
        """TLS or not, host, port."""
        match = _BROKER_URL.match(self.url)
        assert match is not None  # noqa: S101 - the validator saw to it
        tls = match[1] == "mqtts"
        return tls, match[2].strip("[]"), int(match[3] or (8883 if tls else 1883))
