"""The common ground of all messages."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticCustomError

MAX_BODY = 64 * 1024
"""Bytes. No message but media and live pictures is larger; larger ones are refused unread."""

NAME_PATTERN = r"^[a-z0-9-]{1,40}$"


def _to_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise PydanticCustomError("invalid.offset", "a time needs its offset, for example 2026-11-22T05:30:00+07:00")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("invalid.years", "a time outside the years 1 to 9999") from error


def iso(instant: datetime) -> str:
    """ISO 8601 with milliseconds and offset, as every message writes times."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")


Instant = Annotated[
    datetime,
    AfterValidator(_to_utc),
    PlainSerializer(iso, return_type=str, when_used="json"),
]
"""An aware instant, kept in UTC, written as ISO 8601 with offset."""

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""A node, light, speaker, camera ... : small letters, digits and hyphens, at most 40."""


Readings = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=200)],
        Annotated[str, Field(max_length=500)],
    ],
    Field(
        max_length=100,
        description="How a person wants written words to be said: written form -> spoken words, none to leave it out",
    ),
]
"""Answers to what the reading of a text asks: an unknown acronym, an ambiguous 5/6."""


class Strict(BaseModel):
    """A message that people or hubs send to a node: an unknown field is an error, not a guess."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Report(BaseModel):
    """A message that a node sends: readers ignore fields that they do not know yet, so nodes may be newer."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    def body(self) -> bytes:
        """The JSON that goes on the wire (UTF-8); absent values are left out."""
        return self.model_dump_json(exclude_none=True, by_alias=True).encode()


JsonObject = dict[str, Any]
