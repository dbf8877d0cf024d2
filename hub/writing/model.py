"""A draft: what somebody writes, before it is a bulletin that can be planned."""

import secrets
from typing import Annotated, Any, Literal

from pydantic import Field

from edge_agent.contract.base import Instant, Name, Readings, Strict
from edge_agent.contract.bulletins import DEFAULT_AUTHORITY, BulletinClass
from edge_agent.contract.segments import LANGUAGE_PATTERN, MOST_AUDIO_BYTES, ChimeName, Sha256

VOICE = r"^[a-z0-9-]{0,40}$"
MOST_PIECES = 20
"""In one language; a form that carries more would be too large for a phone."""
LANGUAGES = ("vi", "en", "tyz", "hmn", "km", "cjm", "jra", "rad", "bdq")
"""Offered for versions: Việt, Anh, Tày, Mông, Khmer, Chăm, Gia Rai, Ê Đê, Ba Na."""
SPOKEN_LANGUAGES = ("vi",)
"""Those that the commune's voice speaks; the others are recorded by somebody who speaks them."""


class Sound(Strict):
    """A sound in the media store."""

    sha256: Sha256
    bytes: int = Field(ge=1, le=MOST_AUDIO_BYTES)
    seconds: float = Field(ge=0)
    name: str = Field(default="", max_length=200)
    notes: tuple[str, ...] = Field(default=(), max_length=8, description="`recording.noisy` and such")


class Words(Strict):
    """Text that a voice says. `answers`: how somebody wants what is written to be said.

    `proposed`: a language model wrote it; it cannot go on before somebody said that they `read` it. `id`: by which a
    form that holds only the text finds the rest again. `voice`: id of the one that says it; empty: the usual one.
    """

    kind: Literal["text"] = "text"
    id: str = Field(default_factory=lambda: secrets.token_hex(4), max_length=20, pattern="^[0-9a-z]*$")
    text: str = Field(default="", max_length=20_000)
    answers: Readings = Field(default_factory=dict)
    bed: Sound | None = None
    voice: str = Field(default="", pattern=VOICE)
    proposed: bool = False
    read: bool = False

    @property
    def waits(self) -> bool:
        """Whether somebody must read it yet."""
        return self.proposed and not self.read


class Ring(Strict):
    """A signal."""

    kind: Literal["chime"] = "chime"
    name: ChimeName = "two-tone"


class Silence(Strict):
    """A pause, in seconds."""

    kind: Literal["pause"] = "pause"
    seconds: float = Field(default=2, gt=0, le=60)


class Played(Strict):
    """A recording, made here or brought. `clean`: a voice; false for music. `by`: who speaks."""

    kind: Literal["audio"] = "audio"
    sound: Sound
    title: str = Field(default="", max_length=200)
    by: str = Field(default="", max_length=200)
    clean: bool = True


Piece = Annotated[Words | Ring | Silence | Played, Field(discriminator="kind")]


class Version(Strict):
    """The pieces in one language. `take`: what was recorded or brought last, until somebody keeps it."""

    language: str = Field(pattern=LANGUAGE_PATTERN)
    pieces: tuple[Piece, ...] = Field(default=(), max_length=MOST_PIECES)
    take: Played | None = None


class Content(Strict):
    """What the form holds."""

    title: str = Field(default="", max_length=200)
    class_: BulletinClass = Field(default="ordinary", alias="class")
    authority: Name = DEFAULT_AUTHORITY
    versions: tuple[Version, ...] = Field(min_length=1, max_length=8)

    def version(self, language: str) -> Version:
        """That in a language; the first where there is none in it."""
        return next((v for v in self.versions if v.language == language), self.versions[0])

    def put(self, version: Version) -> "Content":
        """The same with one version replaced, or added."""
        known = [v.language for v in self.versions]
        if version.language not in known:
            return self.model_copy(update={"versions": (*self.versions, version)})
        changed = tuple(version if v.language == version.language else v for v in self.versions)
        return self.model_copy(update={"versions": changed})

    def sounds(self) -> set[str]:
        """SHA-256 of every sound in it."""
        pieces = [piece for version in self.versions for piece in (*version.pieces, version.take)]
        played = {piece.sound.sha256 for piece in pieces if isinstance(piece, Played)}
        return played | {piece.bed.sha256 for piece in pieces if isinstance(piece, Words) and piece.bed}


def empty() -> Content:
    """How a new bulletin begins: a chime, and a place to write."""
    return Content(versions=(Version(language="vi", pieces=(Ring(), Words())),))


class Draft(Strict):
    """A draft as it is kept. `number` grows with each change; `tab`: the page that changed it last.

    `place`: where its author may write, as grants write it; `source`: the document it was made of, as `Extract` has it.
    `bulletin`: id of what was made of it, once it went on to be planned.
    """

    id: Name
    content: Content
    place: str
    by: str
    name: str
    created: Instant
    changed: Instant
    changed_by: str = ""
    number: int = Field(default=1, ge=1)
    tab: str = ""
    source: dict[str, Any] | None = None
    bulletin: str = ""


class Copy(Strict):
    """Another content of a draft that was kept: what two people wrote at the same time, or what was before."""

    id: str
    at: Instant
    name: str
    content: Content
