"""Words that programs have spoken now: how they are read, and in which places they are heard."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from hub.air.prepared import LONGEST
from hub.api.errors import ApiError, refused
from hub.api.parts import Parts
from hub.api.texts import CLEANED
from hub.choices import Choices
from hub.draft import Draft

LANGUAGE: Final = "vi"
"""Of what the reading tells inside a sentence."""
Place = Annotated[str, Field(max_length=110, pattern=r"^[a-z0-9-]{1,40}(/{1,2}[a-z0-9-]{1,60})?$")]
Places = Annotated[
    tuple[Place, ...],
    Field(min_length=1, max_length=100, description="`26734`, `26734//thon-dong`, `26734/tram-bom`"),
]
Text = Annotated[str, CLEANED, Field(max_length=LONGEST)]
Title = Annotated[str, CLEANED, Field(max_length=200)]


def chosen(readings: Mapping[str, str]) -> Choices:
    """As answers under a form; none of them is kept for later texts."""
    return Choices(dict(readings), frozenset(), {}, frozenset())


async def read(hub: Parts, text: str, readings: Mapping[str, str]) -> Draft:
    """How it will be read. Raises FormError where the text itself is at fault."""
    return await hub.more.air.reading.draft(text, chosen(readings), LANGUAGE)


def unclear(draft: Draft) -> ApiError:
    """What nobody knows how to read is asked, never guessed."""
    return refused(422, "api.unclear_now", "body.readings", words=", ".join(draft.guessed)[:500])
