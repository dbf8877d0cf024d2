"""What a script says: its lines in order, with the day filled in, and how they are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from tts.errors import DICTIONARY, AudioError, SpeechError
from tts.lunar import FIRST_YEAR, LAST_YEAR
from tts.programme import places
from tts.programme.dates import fill
from tts.programme.load import problem
from tts.programme.model import Closing, Dialogue, Greeting, Script, Text
from tts.programme.problems import Problem
from tts.reading import Reader, Reading

MOST_CHARS = 20_000


@dataclass(frozen=True, slots=True)
class Line:
    """Words for one voice: of which segment (from 0), and where in the script they stand."""

    segment: int
    path: places.Path
    kind: str
    title: str
    voice: str
    text: str


def lines(script: Script, day: date) -> Iterator[Line]:
    """Give what the script says on `day`.

    Raises:
        ValueError: the lunar calendar of that year is not known.
    """
    usual = next(iter(script.voices))
    for number, segment in enumerate(script.segments):
        here: places.Path = ("segments", number)
        if isinstance(segment, Text):
            yield Line(number, (*here, "text"), "text", segment.title, segment.voice or usual, fill(segment.text, day))
        elif isinstance(segment, Greeting):
            text = fill(segment.greeting, day)
            yield Line(number, (*here, "greeting"), "greeting", segment.title, segment.voice or usual, text)
        elif isinstance(segment, Closing):
            text = fill(segment.closing, day)
            yield Line(number, (*here, "closing"), "closing", segment.title, segment.voice or usual, text)
        elif isinstance(segment, Dialogue):
            for place, paragraph in enumerate(segment.dialogue):
                voice = segment.voices[place % len(segment.voices)]
                path = (*here, "dialogue", place)
                yield Line(number, path, "dialogue", segment.title, voice, fill(paragraph, day))


def read_all(script: Script, day: date) -> tuple[list[tuple[Line, Reading]], list[Problem]]:
    """Return each line with its reading, and what cannot be read or, in strict reading, must be asked first."""
    reader = Reader(script.reading, MOST_CHARS)
    done: list[tuple[Line, Reading]] = []
    problems: list[Problem] = []
    try:
        said = list(lines(script, day))
    except ValueError as error:
        params = {"first": FIRST_YEAR, "last": LAST_YEAR}
        context = {"detail": str(error), "why": "programme.lunar", "params": params}
        return [], [problem(script.document, ("date",), "programme.date", str(error), context)]
    for line in said:
        try:
            reading = reader.read(line.text, script.choices, strict=False)
        except SpeechError as error:
            problems.append(voice_problem(script, line.path, error))
            if error.code == DICTIONARY and error.why != "dictionary.choice":
                break  # the same for every line
            continue
        done.append((line, reading))
        if script.reading.strict:
            problems += _questions(script, line, reading)
    return done, problems


def voice_problem(script: Script, path: places.Path, error: SpeechError | AudioError) -> Problem:
    """Return an error of the voice or of a sound file as a problem of the script; a dictionary's stands there."""
    if error.code == DICTIONARY:
        path = ("choices",) if error.why == "dictionary.choice" else ("reading", "dictionaries")
    context = {"detail": error.detail, "why": error.why, "params": error.params}
    return problem(script.document, path, error.code, error.detail, context)


def _questions(script: Script, line: Line, reading: Reading) -> Iterator[Problem]:
    for question in reading.questions:
        ways = " | ".join(candidate.spoken for candidate in question.candidates) or "?"
        context = {"written": question.written, "ways": ways, "kind": question.kind}
        detail = f"how is {question.written!r} read? {ways}"
        yield problem(script.document, line.path, "programme.unclear", detail, context)
