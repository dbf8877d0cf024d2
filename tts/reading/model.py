"""What a reading is: `Reading`, with its `Span`s and `Question`s."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A place that is spoken otherwise than written: `start` and `end` are offsets into `Reading.written`.

    `rule` says why, a short stable name: "time.range", "dictionary", "library", "choice".
    """

    start: int
    end: int
    written: str
    spoken: str
    rule: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to speak an unclear place, and when it is right."""

    spoken: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A place that only a person can decide; until then the first candidate is spoken.

    `kind`: "acronym", "symbol", "foreign", "fraction", "number", "roman", "range", "script", "markup", "code".
    """

    start: int
    end: int
    written: str
    kind: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it was written (cleaned), as it will be spoken, what was changed and what is asked.

    Spoken text is lower-case. Putting each span's `spoken` in the place of `written[start:end]` gives `spoken`, but
    for case and spaces. Every question lies on a span.
    """

    written: str
    spoken: str
    spans: tuple[Span, ...] = ()
    questions: tuple[Question, ...] = ()
