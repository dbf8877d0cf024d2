"""What people's words are in requests: cleaned as those of forms are."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hub.forms import clean


def _cleaned(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


CLEANED = BeforeValidator(_cleaned)
"""NFC, without control characters and white space around."""
PLACE = r"^([a-z0-9-]{1,40}(/{1,2}[a-z0-9-]{1,60})?)?$"
AnyPlace = Annotated[str, Field(max_length=110, pattern=PLACE, examples=["26734", "26734//thon-dong", ""])]
"""A place as rights write it; empty: everywhere."""
