"""The part `notify` of the configuration: when something is worth a message. Channels are kept on the page."""

from datetime import time

from pydantic import Field

from edge_agent.contract.base import Strict


class Night(Strict):
    """The hours in which motion before a camera is told; over midnight where `until` is earlier than `from`."""

    from_: time = Field(default=time(22), alias="from")
    until: time = time(5)


class Notify(Strict):
    """Messages to people."""

    away_minutes: int = Field(default=10, ge=1, le=1440, description="So long a node must be away")
    settle_s: int = Field(default=60, ge=0, le=3600, description="So long anything else must last, or be well again")
    gather_s: int = Field(default=60, ge=0, le=3600, description="So long a message waits for more of the kind")
    unready_minutes: int = Field(default=15, ge=1, le=240, description="Before its time a bulletin must be ready")
    per_hour: int = Field(
        default=12, ge=1, le=600, description="Messages of a channel; three times that for urgent ones"
    )
    night: Night = Field(default=Night(), description="When motion is told")
    timeout_s: float = Field(default=30, ge=2, le=300, description="For one message")
    give_up_hours: int = Field(default=48, ge=1, le=720, description="So long a message is tried again")
    keep_days: int = Field(default=90, ge=1, le=3650, description="Of the log of messages")
    local_services: bool = Field(
        default=False, description="Whether channels may lead to this machine itself, or to addresses of its own link"
    )
