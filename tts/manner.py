"""How one text is to be said, apart from the settings of the voice."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Manner:
    """What goes with one text.

    `readings` maps written forms to the words that a person chose for them. `strict` refuses a text with open
    questions (None: as the settings say). `plain` leaves out the enhancement for horns, for headphones and previews.
    `voice` is the id of the voice that is tried first (`tts.voices`); where it fails, the others follow as ever.
    """

    readings: Mapping[str, str] = field(default_factory=dict)
    strict: bool | None = None
    plain: bool = False
    voice: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can carry it: `Manner(**manner.as_json()) == manner`."""
        fields = asdict(self) | {"readings": dict(self.readings)}
        if self.voice is None:
            del fields["voice"]  # what was said before there was a choice is found again
        return fields


ORDINARY = Manner()
