"""What people's words and times are in requests: as those of forms."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from edge_agent.contract.base import Instant
from hub.forms import clean


def _cleaned(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


CLEANED = BeforeValidator(_cleaned)
"""NFC, without control characters and white space around."""
PLACE = r"^([a-z0-9-]{1,40}(/{1,2}[a-z0-9-]{1,60})?)?$"
AnyPlace = Annotated[str, Field(max_length=110, pattern=PLACE, examples=["26734", "26734//thon-dong", ""])]
"""A place as rights write it; empty: everywhere."""


def _within_our_years(at: Instant) -> Instant:
    if not 2000 <= at.year <= 2199:
        raise PydanticCustomError("invalid.instant", "an instant is not within 2000..2199")
    return at


Moment = Annotated[Instant, AfterValidator(_within_our_years)]
"""An instant that somebody names. At the ends of the calendar nothing can be reckoned."""
