"""What a document gives: its paragraphs, and what is left out of the spoken text and why."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class DocumentError(Exception):
    """A file that gives no text. `key` is a sentence in hub/text, `document.…`; `params` fill it."""

    def __init__(self, key: str, **params: object) -> None:
        super().__init__(key)
        self.key = key
        self.params = params


class Role(StrEnum):
    """What a paragraph is in an official notice. All but `body` and `subject` are not spoken."""

    BODY = "body"
    SUBJECT = "subject"
    """The kind of notice and what it is about."""
    HEADER = "header"
    """Name of the State, the motto, who issues it, its number, place and date."""
    GROUNDS = "grounds"
    """Căn cứ …: the laws and papers on which it stands."""
    RECIPIENTS = "recipients"
    SIGNATURE = "signature"
    TABLE = "table"
    """The head of a table: the names of its columns."""
    PAGE = "page"
    """Page numbers, lines of signs."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph as it is written, NFC. `item`: it stands in a list; `row`: its row, where it stands in a table."""

    text: str
    item: bool = False
    row: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A paragraph, and what it is."""

    text: str
    role: Role
    item: bool = False


@dataclass(frozen=True, slots=True)
class Extract:
    """A document that was read. `kind`: docx, pdf or txt; `legacy`: how old letters were coded, if they were."""

    kind: str
    parts: tuple[Part, ...] = ()
    legacy: str = ""
    pages: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can carry it."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Return what `as_json` gave. Raises KeyError, TypeError, ValueError."""
        parts = tuple(Part(str(p["text"]), Role(p["role"]), bool(p["item"])) for p in fields["parts"])
        return cls(str(fields["kind"]), parts, str(fields["legacy"]), int(fields["pages"]))

    @property
    def whole(self) -> str:
        """Everything that was read."""
        return "\n".join(part.text for part in self.parts)
